"""Every shipped device: sourced, inside its law, refused outside it."""

from __future__ import annotations

import numpy as np
import pytest
from device_cases import NAMES, N, own_device, preset, seeded, with_changes

from axbar import devices, registry
from axbar.errors import SpecError, UsageError
from axbar.spec import load_hardware
from axbar.spec.imc import CustomLaws, Device

REQUIRED = {
    "g_on_S",
    "g_off_S",
    "cell_area_F2",
    "program_noise",
    "write_energy_J",
    "write_time_s",
    "endurance",
}


@pytest.mark.parametrize("name", NAMES)
def test_preset_is_named_and_sourced(name: str) -> None:
    found = preset(name)
    assert found.name == found.spec.name == name
    laws = {
        "drift": found.drift or found.retention,
        "flicker_noise": found.flicker,
        "read_noise": found.read_law,
        "nonlinearity": found.curve,
        "age_s": found.t0_s,
    }
    needed = REQUIRED | {field for field, law in laws.items() if law}
    assert needed <= set(found.sources) <= set(Device.model_fields) - {"name"}
    assert found.validity.g_max_S >= found.spec.g_on_S * (1 - 1e-12)
    assert found.validity.t_min_s == found.spec.age_s == found.t0_s


@pytest.mark.parametrize("name", NAMES)
def test_presets_pass_their_own_check_and_say_what_is_from_literature(name: str) -> None:
    devices.check(preset(name).spec, v_read_V=0.1)
    said = " ".join(devices.notes(preset(name).spec))
    assert ("from literature" in said) == (not preset(name).measured)


def test_literature_devices_are_marked() -> None:
    for name in ("fefet-2bit", "stt-mram"):
        assert not preset(name).measured and "not measured by us" in preset(name).summary
        row = next(entry for entry in registry.entries("devices") if entry.name == name)
        assert "literature, not measured by us" in row.summary


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("PCMLike", "pcm-mushroom"), ("HermesNoiseModel", "pcm-hermes"), ("ReRamWan2022", "rram-neurram"),
     ("PCMJoshi", "pcm-joshi"), ("RRAMMilo", "rram-hfo2"), ("SONOS", "sonos")],
)  # fmt: skip
def test_other_simulators_names_lead_to_our_devices(theirs: str, ours: str) -> None:
    assert registry.get("devices", theirs) is preset(ours)
    chip = load_hardware("imc-rram-65nm", {"device": theirs})
    assert chip.values()["device.name"] == ours
    assert theirs not in NAMES


@pytest.mark.parametrize(
    ("name", "bits"), [("sram", 1), ("stt-mram", 1), ("fefet-2bit", 2), ("rram-clipformer", 2)]
)
def test_cells_hold_only_so_many_bits(name: str, bits: int) -> None:
    preset(name).check_cell_bits(bits)
    with pytest.raises(SpecError, match=rf"cell_bits = {bits + 1}, but a '{name}' cell holds {bits} bit"):
        preset(name).check_cell_bits(bits + 1)


def test_misspelt_device() -> None:
    with pytest.raises(UsageError, match="did you mean 'pcm-mushroom'"):
        devices.preset_of(preset("ideal").spec.model_copy(update={"name": "pcm-mushrom"}))


@pytest.mark.parametrize("t_s", [-1.0, float("nan"), float("inf")])
def test_a_time_that_can_not_be_is_refused(t_s: float) -> None:
    with pytest.raises(SpecError, match="finite number of seconds"):
        devices.age(np.zeros(1), t_s, preset("ideal").spec, seeded(1))


@pytest.mark.parametrize(
    ("name", "t0_s"),
    [("pcm-mushroom", 20), ("pcm-hermes", 200), ("pcm-hermes-msf", 300), ("rram-neurram", 1)],
)
def test_a_time_before_the_first_read_is_refused(name: str, t0_s: float) -> None:
    spec = preset(name).spec
    assert devices.first_read_s(spec) == t0_s
    sentence = rf"is {t0_s / 2:g} s, before the first read of '{name}' at {t0_s:g} s; its laws hold from {t0_s:g} s on"
    with pytest.raises(SpecError, match=sentence):
        devices.age(np.zeros(1), t0_s / 2, spec, seeded(1))
    with pytest.raises(SpecError, match=sentence):
        devices.check(with_changes(name, age_s=t0_s / 2))


def test_a_range_beyond_the_fit_is_refused() -> None:
    devices.check(with_changes("pcm-mushroom", g_on_S=25e-6 * (1 + 1e-12)))
    with pytest.raises(
        SpecError, match=r"g_on_S = 30\.0 µS is beyond .* 'pcm-mushroom' hold from 0 S to 25\.0 µS"
    ):
        devices.check(with_changes("pcm-mushroom", g_on_S=30e-6))
    with pytest.raises(
        SpecError, match=r"g_off_S = 10\.0 µS is beyond .* 'rram-hfo2' hold from 50\.0 µS to 225 µS"
    ):
        devices.check(with_changes("rram-hfo2", g_off_S=10e-6))
    devices.check(with_changes("rram-neurram", g_off_S=0.0))
    assert "0 S extrapolates" in devices.notes(with_changes("rram-neurram", g_off_S=0.0))[0]


def test_a_read_beyond_the_curve_is_refused() -> None:
    devices.check(preset("rram-hfo2").spec, v_read_V=0.5)
    with pytest.raises(
        SpecError, match=r"v_read_V = 600 mV is beyond the I-V curve of 'rram-hfo2', measured to 500"
    ):
        devices.check(preset("rram-hfo2").spec, v_read_V=0.6)
    devices.check(with_changes("rram-hfo2", nonlinearity=0.0), v_read_V=0.6)
    devices.check(preset("rram-neurram").spec, v_read_V=1.0)


def test_more_stuck_cells_than_cells_are_refused() -> None:
    spec = with_changes("rram-neurram", stuck_on=0.7, stuck_off=0.4)
    for call in (lambda: devices.check(spec), lambda: devices.faults(np.zeros(3), spec, seeded(3))):
        with pytest.raises(
            SpecError, match=r"stuck_on = 0\.7 and device\.stuck_off = 0\.4 add up to more than 1"
        ):
            call()


def test_laws_that_the_device_does_not_read_are_refused() -> None:
    stray = with_changes("rram-neurram", custom=CustomLaws(program_c0=0.1))
    with pytest.raises(SpecError, match=r"device\.custom\.\* holds laws, but the device is 'rram-neurram'"):
        devices.check(stray)


def test_later_than_measured_is_allowed_and_said() -> None:
    spec = preset("rram-neurram").spec
    assert devices.notes(spec, 2 * 86_400.0) == ()
    assert "measured to 172800 s after programming; 1e+06 s extrapolates" in devices.notes(spec, 1e6)[0]
    assert np.all(np.isfinite(devices.age(np.full(N, 20e-6), 1e12, spec, seeded())))


def test_what_a_device_suffers_from() -> None:
    told = {
        name: (
            devices.is_noisy(spec),
            devices.has_time_law(spec),
            devices.has_read_noise(spec),
            devices.is_linear(spec),
        )
        for name in NAMES
        for spec in [preset(name).spec]
    }
    assert told["ideal"] == told["sram"] == told["custom"] == told["stt-mram"] == (False, False, False, True)
    assert told["pcm-mushroom"] == told["pcm-hermes"] == told["rram-cmo"] == (True, True, False, True)
    assert told["rram-neurram"] == told["sonos"] == (True, True, True, True)
    assert told["rram-hfo2"] == (True, False, False, False)
    assert told["rram-bn"] == told["pcm-bn-i"] == told["pcm-bn-ii"] == (False, True, True, True)
    assert told["fefet-2bit"] == (True, False, True, True)
    assert devices.has_time_law(own_device(drift_nu0=0.1)) and devices.has_time_law(
        own_device(retention_c0=0.1)
    )
    assert devices.is_noisy(own_device(bias_c0=0.1)) and devices.has_read_noise(own_device(read_c0=0.1))
