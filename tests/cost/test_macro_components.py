"""The parts of measured macros that chips of this project do not have: golden numbers and laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from axbar.cost.components import adder_tree, charge_cells, drive_ladder, drive_pwm
from axbar.cost.components.adc import cco, charge_decrement


def a(value: float) -> np.ndarray:
    return np.array([value])


def test_a_full_adder_is_that_of_the_source() -> None:
    energy = adder_tree.FULL_ADDER_F.value * 0.9**2  # zigzag-imc, 28 nm, 0.9 V, all inputs toggling
    assert energy == pytest.approx(3.402e-15, rel=1e-9)


@pytest.mark.parametrize(("inputs", "bits"), [(2, 1), (32, 8), (128, 8), (256, 4)])
def test_the_levels_of_a_tree_add_up_to_its_adders(inputs: int, bits: int) -> None:
    by_level = sum(inputs / 2**level * (bits + level - 1) for level in range(1, int(np.log2(inputs)) + 1))
    assert adder_tree.tree_adders(a(inputs), a(bits))[0] == pytest.approx(by_level)


@pytest.mark.parametrize("p", [0.02, 0.25, 0.5])
def test_an_odd_number_of_toggles_by_counting(p: float) -> None:
    rng = np.random.default_rng(0)
    toggled = (rng.random((200_000, 7)) < p).sum(axis=1) % 2
    assert adder_tree.odd_toggles(a(p), a(7))[0] == pytest.approx(toggled.mean(), abs=5e-3)


@given(p=st.floats(0, 1), q=st.floats(0, 1), log_n=st.integers(1, 12), bits=st.integers(1, 16))
def test_adders_toggle_more_with_activity_and_not_at_all_without(
    p: float, q: float, log_n: int, bits: int
) -> None:
    n = a(2.0**log_n)
    for toggles, adders in (
        (adder_tree.tree_toggles, adder_tree.tree_adders),
        (adder_tree.chain_toggles, adder_tree.chain_adders),
    ):
        low, high = (toggles(n, a(bits), a(x))[0] for x in sorted((p, q)))
        assert 0.0 <= low <= high * (1 + 1e-9) + 1e-9
        assert high <= 0.5 * adders(n, a(bits))[0] + 1e-9
        assert toggles(n, a(bits), a(0.0))[0] == 0.0


def test_jia_column_of_cells() -> None:
    """2304 cells of 1.2 fF, half of them swinging, at 0.85 V: 1.0 pJ."""
    energy = charge_cells.charge_energy_J(a(2304), a(0.5), a(charge_cells.CELL_F.value), a(0.85))
    assert energy[0] == pytest.approx(0.9988e-12, rel=1e-3)


def test_neurram_neuron() -> None:
    """3.6 + 1.75 + 1.8 + 0.1 pJ at 4 input and 6 output bits; measured with control: 7.45 pJ."""
    law = [
        a(c.value)
        for c in (
            charge_decrement.SAMPLE_J, charge_decrement.INTEGRATE_J, charge_decrement.STEP_J,
            charge_decrement.SHIFT_J,
        )
    ]  # fmt: skip
    energy = charge_decrement.charge_decrement_energy_J(a(3), a(6), *law)[0]
    assert energy == pytest.approx(7.25e-12)
    assert energy == pytest.approx(58.2e-15 * 128, rel=0.05)


def test_wang_ladders() -> None:
    """Two ladders of 5 kohm at 1 V for 4.6 ns: 0.46 pJ; measured 22 % of 125 pJ over 64 rows."""
    unit = a(drive_ladder.LADDER_OHM.value)
    energy = drive_ladder.ladder_energy_J(a(2), a(0.5), a(4.6e-9), unit, a(1.0))[0]
    assert energy == pytest.approx(0.46e-12)
    assert 64 * energy == pytest.approx(0.22 * 2e-12 * 1024 / 16.38, rel=0.1)


def test_oscillators_count_and_converters_double_per_bit() -> None:
    one = cco.cco_energy_J(a(1e-12), a(0.5), a(8), a(1e-15), a(2e-15), a(0.8))[0]
    assert one == pytest.approx(0.8e-12 + 128 * (5e-15 + 4e-15) * 0.64)
    assert cco.cco_energy_J(a(0), a(0), a(8), a(1e-15), a(2e-15), a(0.8))[0] == 0.0
    assert drive_pwm.by_levels(a(7), a(2.0))[0] == 1.0
