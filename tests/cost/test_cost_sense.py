"""Sense amplifiers: one bit, nothing else; in a sweep a reason, on a chip a sentence."""

from __future__ import annotations

import numpy as np
import pytest
from cost_cases import chip, small_network

from axbar.cost import estimate
from axbar.cost.components.adc.flash import COMPARATOR_AREA_M2, COMPARATOR_J
from axbar.cost.components.adc.sense import sense_energy_J
from axbar.cost.constants import DFF_AREA_M2, DFF_F
from axbar.errors import AxbarError
from axbar.spec import ideal, load_hardware


def test_energy_area_and_time_by_hand() -> None:
    done = estimate(small_network(), chip(adc__kind="sense", adc__bits=1))
    x, at = done.plan.at(0), done.components.index("adc")
    each_J = float(COMPARATOR_J.at(65e-9, 1.1)) + float(DFF_F.at(65e-9, 1.1)) * 1.1**2
    np.testing.assert_allclose(done.energy_J[0, :, at], x.n("conversions")[:, 0] * each_J, rtol=1e-12)
    each_m2 = float(COMPARATOR_AREA_M2.at(65e-9, 1.1)) + float(DFF_AREA_M2.at(65e-9, 1.1))
    np.testing.assert_allclose(done.area_m2[0, :, at], x.n("arrays_built")[:, 0] * 8 * each_m2, rtol=1e-12)
    turns = x.n("reads")[:, 0] * np.minimum(x.n("used_columns")[:, 0], 8)
    np.testing.assert_allclose(done.latency_s[0, :, at], turns / 50e6, rtol=1e-12)


def test_it_lies_among_the_other_figures_of_one_decision() -> None:
    # MNSIM-2.0: 1.629 fJ at 28 nm, 0.8 V, bit-line swing excluded; a dynamic latch 10 to 200 fJ at 65 nm
    at_28 = sense_energy_J(COMPARATOR_J.at(28e-9, 0.8), DFF_F.at(28e-9, 0.8), np.array(0.8))
    at_65 = sense_energy_J(COMPARATOR_J.at(65e-9, 1.1), DFF_F.at(65e-9, 1.1), np.array(1.1))
    assert 1.629e-15 < float(at_28) < 10 * 1.629e-15
    assert 10e-15 < float(at_65) < 200e-15


def test_it_costs_less_than_any_converter_of_one_bit_but_a_comparator() -> None:
    done = estimate(small_network(), chip(adc__bits=1), {"adc.kind": ["sense", "sar", "survey", "ramp"]})
    energy = done.by_component("energy_J")[:, done.components.index("adc")]
    assert (energy[0] < energy[1:3]).all()


@pytest.mark.parametrize("bits", [2, 5])
def test_more_bits_are_refused_with_a_sentence(bits: int) -> None:
    with pytest.raises(AxbarError, match=rf"adc\.kind = sense .* adc\.bits = {bits}\. Set adc\.bits to 1"):
        chip(adc__kind="sense", adc__bits=bits)
    with pytest.raises(AxbarError, match="decides one bit"):
        load_hardware("imc-rram-65nm", ["adc.kind=sense"])


def test_in_a_sweep_they_are_infeasible_with_a_reason() -> None:
    sweep = {"adc.kind": ["sense", "sense", "sar"], "adc.bits": [1, 5, 5]}
    done = estimate(small_network(), chip(), sweep)
    assert done.feasible.tolist() == [True, False, True]
    assert "decides one bit, but adc.bits is 5; set adc.bits to 1" in done.reasons[1]
    assert np.isfinite(done.energy_J).all()
    alone = estimate(small_network(), chip(adc__kind="sense", adc__bits=1))
    assert done.total("energy_J")[0] == alone.total("energy_J")[0]


def test_its_ideal_chip_has_converters() -> None:
    exact = ideal(chip(adc__kind="sense", adc__bits=1))
    assert exact.adc.kind == "sar" and exact.adc.bits > 1
