"""DRAM: published energies per bit, what passes it, and how long that takes."""

from __future__ import annotations

import numpy as np
import pytest
from cost_cases import chip, small_network
from hypothesis import given, settings
from hypothesis import strategies as st

from axbar.cost import Estimate, estimate
from axbar.cost._types import QUANTITIES
from axbar.workload import shapes

KINDS = ("hbm2", "hbm3", "lpddr4", "gddr5", "ddr3")


def _of(done: Estimate, quantity: str) -> np.ndarray:
    return done.by_component(quantity)[:, done.components.index("dram")]


def _moved(done: Estimate) -> np.ndarray:
    return done.plan.components[done.components.index("dram")].event.value(done.plan.at(0))[:, 0]


# pJ/bit as published, interface included
@pytest.mark.parametrize(
    ("kind", "pJ"), [("hbm2", 3.92), ("hbm3", 4.05), ("lpddr4", 8), ("gddr5", 14), ("ddr3", 70)]
)
def test_energy_per_bit(kind: str, pJ: float) -> None:
    done = estimate(small_network(), chip(dram__kind=kind))
    x = done.plan.at(0)
    width = float(x.p("adc.bits")[0] + x.n("carry_bits")[2, 0])
    image, out = 3 * 36 * 8, 5 * 4 * width  # 5 sums per step leave the read-out
    assert _moved(done).tolist() == [image, 0, out]
    assert _of(done, "energy_J")[0] == pytest.approx((image + out) * pJ * 1e-12, rel=1e-12)


def test_no_dram_costs_nothing() -> None:
    done = estimate(small_network(), chip(dram__kind="none"))
    for quantity in QUANTITIES:
        assert _of(done, quantity)[0] == 0


def test_it_takes_bits_over_width_times_rate_and_no_area() -> None:
    done = estimate(small_network(), chip(dram__kind="hbm2", dram__width_bits=128, dram__transfer_Hz=2e9))
    np.testing.assert_allclose(done.latency_s[0, :, done.components.index("dram")], _moved(done) / 256e9)
    assert _of(done, "area_m2")[0] == _of(done, "leakage_W")[0] == 0


def test_a_wider_or_faster_interface_takes_less_time_and_the_same_energy() -> None:
    sweep = {"dram.width_bits": [16, 32, 32], "dram.transfer_Hz": [1e9, 1e9, 2e9]}
    done = estimate(small_network(), chip(dram__kind="lpddr4"), sweep)
    np.testing.assert_allclose(_of(done, "latency_s") / _of(done, "latency_s")[0], [1, 0.5, 0.25])
    assert (np.diff(_of(done, "energy_J")) == 0).all()


def test_all_that_waits_passes_it_without_a_global_buffer() -> None:
    spec = chip(dram__kind="lpddr4", buffer__global_B=0, buffer__input_B=64)
    roomy = estimate(shapes.vgg9(width=16), spec.replace({"buffer.input_B": 2**20}))
    tight = estimate(shapes.vgg9(width=16), spec)
    counts = tight.plan.events[0].counts
    waiting = (
        counts["map_traffic"] * np.maximum(0, 1 - 512 / counts["map_bits"]) * (1 - counts["from_outside"])
    )
    again = counts["again_bits"] * np.maximum(0, 1 - 512 / counts["window_bits"])
    np.testing.assert_allclose(_moved(tight) - _moved(roomy), 2 * waiting + again, rtol=1e-12)
    assert not any("is not priced" in note for note in tight.notes)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(KINDS), st.sampled_from([64, 256, 1024]), st.sampled_from(["step", "layer"]))
def test_larger_global_buffers_leave_less_to_it(kind: str, size: int, order: str) -> None:
    spec = chip(dram__kind=kind, buffer__input_B=size, mapping__order=order)
    done = estimate(shapes.vgg9(width=16), spec, {"buffer.global_B": [0, 256, 2048, 2**14, 2**17, 2**20]})
    energy = _of(done, "energy_J")
    assert (np.diff(energy) <= 0).all()
    # at last the network's input and output are left
    rest = estimate(shapes.vgg9(width=16), spec.replace({"buffer.input_B": 2**22}))
    assert energy[-1] == pytest.approx(_of(rest, "energy_J")[0], rel=1e-12)


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 6))
def test_it_grows_with_steps_and_never_with_a_smaller_node(steps: int) -> None:
    short, long = (
        estimate(shapes.vgg9(width=8, steps=t), chip(dram__kind="hbm3", buffer__global_B=0))
        for t in (steps, steps + 1)
    )
    assert _of(short, "energy_J")[0] < _of(long, "energy_J")[0]
    assert _of(short, "latency_s")[0] < _of(long, "latency_s")[0]
    nodes = estimate(small_network(), chip(dram__kind="hbm3"), {"technology.node_m": [28e-9, 65e-9]})
    assert _of(nodes, "energy_J")[0] == _of(nodes, "energy_J")[1]


def test_kinds_change_energy_alone() -> None:
    done = estimate(small_network(), chip(), {"dram.kind": [*KINDS]})
    assert len(set(_of(done, "energy_J").tolist())) == len(KINDS)
    assert len(set(_of(done, "latency_s").tolist())) == 1
