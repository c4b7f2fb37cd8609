"""The macro model: laws of every kind, sweeps, the fit, the array-level view of chips."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from axbar import load_hardware
from axbar.cost.macro import NUMBERS, Macro, Observation, calibration, estimate_macro, fit_factors, kinds
from axbar.errors import UsageError
from axbar.spec import preset_names

COMMON: dict[str, Any] = {"node_m": 28e-9, "vdd_V": 0.9, "rows": 64, "cols": 64, "weight_bits": 4}
CASES: dict[str, dict[str, Any]] = {
    "charge": {"array": "charge", "input": "serial", "input_bits": 4, "adc": "sar", "adc_bits": 8},
    "c2c": {"array": "charge", "input": "dac", "input_bits": 8, "ladders_per_row": 2, "adc": "survey", "adc_bits": 8},
    "discharge": {"array": "discharge", "input": "pulses", "input_bits": 4, "adc": "flash", "adc_bits": 4},
    "voltage": {
        "array": "resistive-voltage", "volatile": False, "input": "serial", "input_bits": 4, "g_on_S": 4e-6,
        "g_off_S": 1e-6, "adc": "charge-decrement", "adc_bits": 6, "signed_pulses": True,
    },
    "current": {
        "array": "resistive-current", "volatile": False, "input": "pwm", "input_bits": 8, "g_on_S": 25e-6,
        "adc": "cco", "adc_bits": 8,
    },
    "ramp": {
        "array": "charge", "input": "serial", "input_bits": 4, "adc": "ramp", "adc_bits": 5,
        "conversions_per_adc": 4,
    },
    "sense": {"array": "discharge", "input": "serial", "adc": "sense"},
    "tree": {"array": "digital-tree", "input": "serial", "input_bits": 8, "bits_per_pass": 2, "adc": "none"},
    "chain": {"array": "digital-chain", "input": "serial", "input_bits": 8, "adc": "none"},
}  # fmt: skip
MACROS = {name: Macro(**COMMON, **case) for name, case in CASES.items()}


@pytest.mark.parametrize("name", MACROS)
def test_kinds_add_up(name: str) -> None:
    found = estimate_macro(MACROS[name])
    assert set(found.energy_J) == set(kinds(MACROS[name]))
    assert found.total_J[0] == pytest.approx(sum(v[0] for v in found.energy_J.values()), rel=1e-12)
    assert all(v[0] >= 0 for v in (*found.energy_J.values(), *found.area_m2.values()))
    assert found.tops_per_W[0] == pytest.approx(2e-12 * found.macs[0] / found.total_J[0])
    assert found.tops_per_mm2[0] == pytest.approx(found.tops[0] / (1e6 * found.total_area_m2[0]))


@pytest.mark.parametrize("name", MACROS)
def test_nothing_moves_without_input(name: str) -> None:
    found = estimate_macro(MACROS[name], {"input_activity": 0.0}).energy_J
    for kind in ("array", "drivers"):
        assert kind not in found or found[kind][0] == 0.0
    if MACROS[name].array.startswith("digital"):
        assert found["digital"][0] == 0.0


@pytest.mark.parametrize("name", MACROS)
@pytest.mark.parametrize("field", ["input_activity", "weight_activity", "vdd_V", "rows", "input_bits"])
def test_energy_rises_with(name: str, field: str) -> None:
    low, high = {"vdd_V": (0.7, 1.1), "rows": (32, 128), "input_bits": (2, 8)}.get(field, (0.1, 0.9))
    energy = estimate_macro(MACROS[name], {field: np.linspace(low, high, 9)})
    for kind, value in energy.energy_J.items():
        assert (np.diff(value) >= -1e-12 * value[1:]).all(), kind


@pytest.mark.parametrize("name", MACROS)
def test_a_finer_node_never_costs_more(name: str) -> None:
    macro = MACROS[name]
    if macro.adc == "survey":  # its own fit of the node
        macro = macro.model_copy(update={"adc": "sar"})
    energy = estimate_macro(macro, {"node_m": [7e-9, 14e-9, 28e-9, 56e-9, 112e-9]}).energy_J
    for kind in set(energy) - {"leakage"}:
        assert (np.diff(energy[kind]) >= -1e-25).all(), kind


@given(vdd=st.lists(st.floats(0.5, 1.2), min_size=1, max_size=5), name=st.sampled_from(sorted(MACROS)))
@settings(max_examples=40)
def test_a_sweep_is_each_point_bit_for_bit(vdd: list[float], name: str) -> None:
    columns = {"vdd_V": np.array(vdd), "rows": np.arange(len(vdd)) * 16.0 + 32.0}
    swept = estimate_macro(MACROS[name], columns)
    for i in range(len(vdd)):
        one = estimate_macro(MACROS[name], {k: v[i] for k, v in columns.items()})
        assert {k: v[i] for k, v in swept.energy_J.items()} == {k: v[0] for k, v in one.energy_J.items()}
        assert swept.total_area_m2[i] == one.total_area_m2[0]


def test_no_number_of_a_macro_is_dead() -> None:
    # what only matters where another number is set
    extra: dict[str, dict[str, Any]] = {
        "bits_per_pass": {"input_bits": 8}, "clock_Hz": {"op_time_s": None}, "cols_per_conversion": {"cols": 64},
    }  # fmt: skip
    tried: dict[str, float] = {
        "node_m": 45e-9, "vdd_V": 0.8, "input_bits": 6, "adc_bits": 5, "cell_F": 3e-15, "g_on_S": 50e-6,
        "g_off_S": 2e-6, "v_read_V": 0.3, "t_read_s": 33e-9, "clock_Hz": 5e7, "op_time_s": 1e-6, "wordline_V": 2.5,
        "wordline_activity": 0.9, "input_activity": 0.3, "weight_activity": 0.3, "ladders_per_row": 1,
    }  # fmt: skip
    for field in NUMBERS:
        changed = False
        for macro in MACROS.values():
            base = macro.model_copy(update=extra.get(field, {}))
            value = tried.get(field, 2.0 * (getattr(base, field) or 1.0))
            before, after = estimate_macro(base), estimate_macro(base, {field: value})
            changed |= not np.isclose(before.total_J[0], after.total_J[0], rtol=1e-9, atol=0)
            changed |= not np.isclose(before.tops_per_mm2[0], after.tops_per_mm2[0], rtol=1e-9, atol=0)
            changed |= not np.isclose(before.tops[0], after.tops[0], rtol=1e-9, atol=0)
            changed |= not np.isclose(before.macs[0], after.macs[0], rtol=1e-9, atol=0)
        assert changed, field


def test_current_mode_draws_from_the_supply() -> None:
    macro = MACROS["current"]
    voltage = macro.model_copy(update={"array": "resistive-voltage"})
    ratio = estimate_macro(macro).energy_J["array"] / estimate_macro(voltage).energy_J["array"]
    assert ratio[0] == pytest.approx(macro.vdd_V / macro.v_read_V)


def test_contradictions_are_named() -> None:
    with pytest.raises(ValueError, match="digital arrays have no converter"):
        Macro(**COMMON, array="digital-tree", input="serial", adc="sar")
    with pytest.raises(ValueError, match="g_on_S above g_off_S"):
        Macro(**COMMON, array="resistive-voltage", input="serial", adc="sar")
    with pytest.raises(UsageError, match="did you mean 'vdd_V'"):
        estimate_macro(MACROS["charge"], {"vdd": 1.0})
    with pytest.raises(UsageError, match="outside"):
        estimate_macro(MACROS["charge"], {"vdd_V": 900.0})


def test_the_fit_finds_known_factors_and_shrinks_what_is_rare() -> None:
    true = {"array": 3.0, "adc.sar": 0.5}
    seen = [
        Observation(f"chip {i}", sum(true[k] * m for k, m in parts.items()), parts)
        for i, parts in enumerate(({"array": 1.0, "adc.sar": 0.2}, {"array": 0.1, "adc.sar": 2.0}) * 5)
    ]
    assert fit_factors(seen, 1e-9) == pytest.approx(true, rel=1e-5)
    once = fit_factors([Observation("a", 4.0, {"array": 1.0})])
    assert once["array"] == pytest.approx(2.0)  # half of the way, in logarithms
    both = [Observation("a", 4.0, {"array": 1.0}, "p"), Observation("a", 9.0, {"adc.sar": 1.0}, "p")]
    assert fit_factors(both) == pytest.approx({"array": 2.0, "adc.sar": 3.0})
    many = [Observation("a", 4.0, {"array": 1.0}, str(i)) for i in range(50)]
    assert fit_factors(many)["array"] == pytest.approx(2.0)  # points of one chip are one chip


def test_estimates_are_uncalibrated_unless_asked() -> None:
    plain = estimate_macro(MACROS["charge"])
    asked = estimate_macro(MACROS["charge"], factors=calibration())
    assert asked.energy_J["adc.sar"][0] == pytest.approx(
        calibration()["adc.sar"] * plain.energy_J["adc.sar"][0]
    )
    assert plain.energy_J["adc.sar"][0] != asked.energy_J["adc.sar"][0]


@pytest.mark.parametrize("preset", [name for name in preset_names() if load_hardware(name).kind == "imc"])
def test_every_crossbar_preset_has_an_array_level_view(preset: str) -> None:
    spec = load_hardware(preset)
    macro = Macro.of(spec)  # pyright: ignore[reportArgumentType]
    found = estimate_macro(macro)
    pairs = -(-(spec.crossbar.weight_bits - 1) // spec.crossbar.cell_bits)  # type: ignore[attr-defined]
    assert found.macs[0] == spec.crossbar.rows * (spec.crossbar.cols // (2 * pairs))  # type: ignore[attr-defined]
    assert found.total_J[0] > 0 and found.total_area_m2[0] > 0
