"""Changed copies, differences, hashes, and the ideal chip."""

from __future__ import annotations

import pytest

from axbar.errors import InfeasibleError, UsageError
from axbar.spec import HardwareSpec, ImcSpec, apply_overrides, ideal, load_hardware, lossless_bits


@pytest.fixture
def chip() -> ImcSpec:
    loaded = load_hardware("imc-rram-65nm")
    assert isinstance(loaded, ImcSpec)
    return loaded


def test_replace_returns_a_checked_copy(chip: ImcSpec) -> None:
    changed = chip.replace({"adc.bits": 6, "clock_Hz": "1 GHz"})
    assert chip.diff(changed) == {"adc.bits": (5, 6), "clock_Hz": (250e6, 1e9)}
    assert chip.adc.bits == 5
    assert changed.sources["adc.bits"].confidence == "user"
    assert changed.sources["adc.kind"] == chip.sources["adc.kind"]
    assert changed.hash() != chip.hash() == chip.replace({"name": "other"}).hash()
    assert chip.replace({}) == chip


def test_replace_refuses_what_a_file_may_not_hold(chip: ImcSpec) -> None:
    with pytest.raises(UsageError, match=r"did you mean 'adc\.bits'"):
        chip.replace({"adc.bit": 6})
    with pytest.raises(UsageError, match=r"adc\.bits = 13 is out of range: allowed 1\.\.12"):
        chip.replace({"adc.bits": 13})
    with pytest.raises(UsageError, match="must be larger than"):
        chip.replace({"device.g_on_S": 1e-9})


def test_apply_overrides_takes_both_forms(chip: ImcSpec) -> None:
    assert (
        apply_overrides(chip, ["adc.bits=6"])
        == apply_overrides(chip, {"adc.bits": 6})
        == chip.replace({"adc.bits": 6})
    )


def test_ideal_has_no_noise_no_offset_and_lossless_converters(chip: ImcSpec) -> None:
    perfect = ideal(chip)
    assert (perfect.device.name, perfect.device.g_off_S, perfect.device.program_noise) == ("ideal", 0.0, 0.0)
    # 64 rows of 3-bit cells sum to 0..448: 449 values.
    assert perfect.adc.bits == 9
    assert perfect.adc.calibration == "max"
    touched = {path.split(".")[0] for path in chip.diff(perfect)}
    assert touched == {"device", "adc", "wires"}
    assert set(perfect.wires.model_dump().values()) == {0.0} and perfect.adc.inl_lsb == 0
    assert "user" not in {found.confidence for found in perfect.sources.values()}


@pytest.mark.parametrize(
    ("rows", "cell_bits", "bits"), [(4, 1, 3), (7, 1, 3), (8, 1, 4), (64, 2, 8), (256, 3, 11), (4095, 1, 12)]
)
def test_lossless_bits_are_just_enough(chip: ImcSpec, rows: int, cell_bits: int, bits: int) -> None:
    crossbar = chip.crossbar.model_copy(update={"rows": rows, "cell_bits": cell_bits})
    assert lossless_bits(crossbar) == bits
    values = rows * (2**cell_bits - 1) + 1
    assert 2**bits >= values > 2 ** (bits - 1)


def test_pulses_of_more_bits_take_wider_converters(chip: ImcSpec) -> None:
    # 64 rows of 3-bit cells under 2-bit pulses sum to 0..1344.
    assert (
        lossless_bits(chip.crossbar, dac_bits=2) == ideal(chip.replace({"input.dac_bits": 2})).adc.bits == 11
    )


def test_ideal_says_when_no_converter_is_lossless(chip: ImcSpec) -> None:
    huge = chip.replace({"crossbar.rows": 4096, "crossbar.cell_bits": 7})
    with pytest.raises(InfeasibleError) as caught:
        ideal(huge)
    assert str(caught.value) == (
        "a lossless converter for crossbar.rows = 4096 of crossbar.cell_bits = 7 and input.dac_bits = 1 needs 19 "
        "bits, adc.bits allows 1..12. Lower crossbar.rows, crossbar.cell_bits or input.dac_bits."
    )


def test_ideal_is_for_analog_chips() -> None:
    with pytest.raises(UsageError, match="of the kind digital"):
        ideal(HardwareSpec(name="d", kind="digital"))


def test_the_ideal_converter_tells_the_cells_of_run_time_operands_apart_too() -> None:
    wide = {"run_time.unit": "nvm", "run_time.cell_bits": 3, "crossbar.cell_bits": 1}
    written = ideal(load_hardware("imc-rram-65nm", wide))
    assert isinstance(written, ImcSpec) and written.adc.bits == (64 * 7).bit_length()
    beside = ideal(load_hardware("imc-rram-65nm", wide | {"run_time.unit": "digital"}))
    assert isinstance(beside, ImcSpec) and beside.adc.bits == (64).bit_length()
