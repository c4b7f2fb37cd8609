"""The ramp converter: by hand, as laws, against simulated converters."""

from __future__ import annotations

import numpy as np
import pytest
from cost_cases import chip, small_network
from hypothesis import given, settings
from hypothesis import strategies as st

from axbar.cost import estimate
from axbar.cost._types import QUANTITIES
from axbar.cost.components.adc.flash import COMPARATOR_J
from axbar.cost.components.adc.ramp import RAMP_A, ramp_energy_J, ramp_time_s
from axbar.cost.constants import DFF_F

LAW = settings(max_examples=15, deadline=None)


def adc(quantity: str, **changes: object) -> np.ndarray:
    """Figures of the converters of the small network, by layer."""
    done = estimate(small_network(), chip(adc__kind="ramp", **changes))
    return getattr(done, quantity)[0, :, done.components.index("adc")]


def test_energy_and_time_by_hand() -> None:
    done = estimate(small_network(), chip(adc__kind="ramp", adc__bits=5, adc__sample_rate_Hz=1e9))
    conversions, used = (done.plan.at(0).n(event)[:, 0] for event in ("conversions", "used_columns"))
    vdd_V, clock_Hz, bits = 1.1, 250e6, 5
    sharers = np.maximum(1.0, used / 8)  # 8 columns to a converter
    ramp_J = RAMP_A.value * vdd_V * 2**bits / clock_Hz / sharers
    count_J = 2**bits / 2 * 2 * float(DFF_F.at(65e-9, vdd_V)) * vdd_V**2
    each_J = ramp_J + count_J + float(COMPARATOR_J.at(65e-9, vdd_V))
    at = done.components.index("adc")
    np.testing.assert_allclose(done.energy_J[0, :, at], conversions * each_J, rtol=1e-12)
    x = done.plan.at(0)
    turns = x.n("reads")[:, 0] * np.minimum(x.n("used_columns")[:, 0], 8)
    np.testing.assert_allclose(done.latency_s[0, :, at], turns * 2**bits / clock_Hz, rtol=1e-12)


def test_it_lies_between_a_time_to_digital_converter_and_a_hybrid() -> None:
    """8 bits at 65 nm: TIMELY's TDC 0.145 pJ (ISCA 2020), Fan et al. 2.386 pJ (ISCAS 2022), both simulated."""
    vdd_V = np.array(1.1)
    count_J = 2.0 * DFF_F.at(65e-9, vdd_V) * vdd_V**2
    alone = ramp_energy_J(np.array(8.0), np.array(1.0), np.zeros(1), count_J, COMPARATOR_J.at(65e-9, vdd_V))
    assert 0.145e-12 < float(alone[0]) < 2.386e-12
    assert float(alone[0]) == pytest.approx(1.55e-12, rel=0.01)


def test_a_ramp_is_shared_by_the_converters_of_an_array() -> None:
    # with one converter per array the whole ramp is its own, with eight an eighth
    alone, shared = adc("energy_J", adc__cols_per_adc=64), adc("energy_J", adc__cols_per_adc=8)
    assert (alone > shared).all()


def test_the_counter_runs_at_the_clock_and_never_faster_than_asked() -> None:
    slow, fast = adc("latency_s", clock_Hz=1e8), adc("latency_s", clock_Hz=2e8)
    np.testing.assert_allclose(slow, 2 * fast, rtol=1e-12)
    held = adc("latency_s", clock_Hz=1e10, adc__sample_rate_Hz=1e6)
    np.testing.assert_allclose(held, adc("latency_s", clock_Hz=5e9, adc__sample_rate_Hz=1e6), rtol=1e-12)
    assert float(ramp_time_s(np.array(8.0), np.array(1e9))) == pytest.approx(256e-9)


@LAW
@given(
    st.sampled_from([1e7, 2.5e8, 3e9]),
    st.sampled_from([1, 8, 64]),
    st.floats(7e-9, 180e-9),
    st.floats(0.5, 1.5),
)
def test_everything_grows_with_bits(clock_Hz: float, sharing: int, node_m: float, vdd_V: float) -> None:
    spec = chip(adc__kind="ramp", clock_Hz=clock_Hz, adc__cols_per_adc=sharing, technology__node_m=node_m,
                technology__vdd_V=vdd_V)  # fmt: skip
    done = estimate(small_network(), spec, {"adc.bits": np.arange(1, 13)})
    at = done.components.index("adc")
    for quantity in QUANTITIES:
        assert (np.diff(done.by_component(quantity)[:, at]) >= 0).all(), quantity
    for quantity in ("energy_J", "area_m2", "leakage_W"):
        assert (np.diff(done.by_component(quantity)[:, at]) > 0).all(), quantity


def test_every_word_and_number_of_it_is_told() -> None:
    text = estimate(small_network(), chip(adc__kind="ramp")).explain("adc.energy").text()
    assert "I_ramp" in text and "adc.ramp.bias" in text and "assumed" in text
