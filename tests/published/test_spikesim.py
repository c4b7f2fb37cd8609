"""SpikeSim's model: its quirks one by one as laws, and what it refuses."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from axbar.cost import Constant
from axbar.errors import UsageError
from axbar.published import spikesim, spikesim_ela
from axbar.published.spikesim_design import CASES, SpikeSimDesign

VGG9 = CASES["vgg9_default"]


@st.composite
def designs(draw: st.DrawFn) -> SpikeSimDesign:
    """Layers whose channels never shrink, so that the list of PEs never decreases."""
    layers = draw(st.integers(1, 12))
    wide = sorted(draw(st.lists(st.integers(1, 600), min_size=layers + 1, max_size=layers + 1)))
    sizes = st.lists(st.integers(1, 64), min_size=layers, max_size=layers)
    return SpikeSimDesign(
        tuple(wide[:-1]), tuple(wide[1:]), tuple(draw(sizes)), tuple(draw(sizes)),
        kernel=draw(st.integers(1, 7)), crossbar=draw(st.integers(1, 512)), pes_per_tile=draw(st.integers(1, 64)),
        timesteps=draw(st.integers(1, 64)), clock_Hz=draw(st.floats(1e3, 1e10)),
        device=draw(st.sampled_from(["rram", "sram"])),
    )  # fmt: skip


@given(designs())
def test_parts_sum_to_totals(design: SpikeSimDesign) -> None:
    found = spikesim.evaluate(design)
    assert sum(found.energy_breakdown.values()) == found.energy_J > 0
    assert sum(found.area_breakdown.values()) == found.area_m2 > 0
    assert sum(found.layer_energy_J) == pytest.approx(found.energy_J)
    assert sum(found.layer_latency_s) == found.latency_s > 0
    assert sum(found.layer_pes) == found.pes <= found.tiles * design.pes_per_tile


@given(designs())
def test_q4_latency_knows_only_neurons_steps_and_clock(design: SpikeSimDesign) -> None:
    other = replace(design, crossbar=64, pes_per_tile=8, device="rram", kernel=3)
    assert spikesim.evaluate(design).layer_latency_s == spikesim.evaluate(other).layer_latency_s


@given(designs())
def test_q7_all_in_proportion_to_time_steps_and_the_area_of_none(design: SpikeSimDesign) -> None:
    one, found = spikesim.evaluate(replace(design, timesteps=1)), spikesim.evaluate(design)
    assert found.energy_J == pytest.approx(design.timesteps * one.energy_J)
    assert found.latency_s == pytest.approx(design.timesteps * one.latency_s)
    assert found.edp_Js == pytest.approx(design.timesteps**2 * one.edp_Js)
    assert found.area_m2 == one.area_m2


def test_q1_output_sizes_are_taken_as_given() -> None:
    mended = spikesim.evaluate(CASES["vgg9_convdims"])
    assert mended.energy_J == pytest.approx(25.451094e-6, rel=1e-7)
    assert mended.latency_s == pytest.approx(97.97632e-3, rel=1e-9)
    share = [a / b for a, b in zip(spikesim.evaluate(VGG9).pe_cycles, mended.pe_cycles, strict=True)]
    assert share == [1, 0.25, 1, 0.25, 1, 1, 0.25]


@pytest.mark.parametrize("x", [32, 64, 128, 256])
def test_q2_and_q3_how_a_pe_cycle_grows_with_the_array(x: int) -> None:
    small, large = (spikesim.evaluate(replace(VGG9, crossbar=n)) for n in (x, 2 * x))
    cycles = sum(large.pe_cycles) / sum(small.pe_cycles)
    for name in ("adc", "mux"):  # Q2: x^2, although a converter serves 8 columns
        assert large.energy_breakdown[name] / small.energy_breakdown[name] == pytest.approx(4 * cycles)
    # Q3: converters in proportion to x, not cells in proportion to x^2
    assert large.energy_breakdown["xbar"] / small.energy_breakdown["xbar"] == pytest.approx(2 * cycles)
    tiles = large.tiles / small.tiles
    assert large.area_breakdown["xbar"] / small.area_breakdown["xbar"] == pytest.approx(tiles)


def test_q5_only_five_layers_have_membranes() -> None:
    wider = replace(VGG9, out_channels=(*VGG9.out_channels[:5], 512, 512), in_channels=VGG9.in_channels)
    one, two = spikesim.evaluate(VGG9), spikesim.evaluate(wider)
    assert one.area_breakdown["neuron_mem"] == two.area_breakdown["neuron_mem"]


def test_q8_sram_reads_cost_the_digits_of_an_area() -> None:
    assert spikesim.XBAR_J["sram"].value * 1e12 == pytest.approx(spikesim.XBAR_M2["sram"].value * 1e12)
    found = spikesim.evaluate(replace(VGG9, device="sram"))
    assert found.energy_J > 50 * spikesim.evaluate(VGG9).energy_J


def test_q9_neurons_have_an_energy_and_no_logic() -> None:
    found = spikesim.evaluate(VGG9)
    assert "neuron" in found.energy_breakdown
    assert not {"neuron", "lif"} & set(found.area_breakdown)


def test_shares_of_the_default_design() -> None:
    found = spikesim.evaluate(VGG9)
    shares = {name: round(100 * value / found.energy_J, 1) for name, value in found.energy_breakdown.items()}
    assert shares == {
        "htree": 19.0, "mem_fetch": 0.6, "neuron": 0.6, "xbar": 15.3, "adc": 15.7, "mux": 0.7, "sub": 0.0,
        "temp_buf": 0.2, "tile_buf": 47.9,
    }  # fmt: skip
    assert round(100 * found.neuronal_share, 1) == 26.9
    micro = [round(1e6 * value, 3) for value in found.layer_energy_J]
    assert micro == [4.242, 1.060, 2.121, 1.060, 2.121, 4.242, 1.060]


def test_the_printed_split_counts_pes_twice_and_the_htree_never() -> None:
    found = spikesim.evaluate(VGG9)
    pe = sum(found.area_breakdown[name] for name in ("xbar", "adc", "mux"))
    missed = found.area_m2 - sum(found.printed_areas_m2.values())
    assert missed == pytest.approx(found.area_breakdown["htree"] - pe)


def test_every_constant_has_a_source() -> None:
    values = [*vars(spikesim).values(), *spikesim.XBAR_J.values(), *spikesim.XBAR_M2.values()]
    constants = [value for value in values if isinstance(value, Constant)]
    assert len({constant.name for constant in constants}) == len(constants) == 19
    assert all("c2627bc" in c.source and c.confidence == "code" for c in constants)


def test_the_result_is_frozen_and_numpy_comes_out_plain() -> None:
    found = spikesim_ela(np.array([3, 64]), np.array([64, 64]), [32, 32], [32, 16], timesteps=np.int64(2))  # type: ignore[arg-type]
    with pytest.raises(FrozenInstanceError):
        found.tiles = 1  # type: ignore[misc]
    assert type(found.area_m2) is float and type(found.pe_cycles[0]) is int


GOOD: dict[str, Any] = {
    "in_channels": [3, 64],
    "out_channels": [64, 64],
    "in_sizes": [32] * 2,
    "out_sizes": [32] * 2,
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"in_channels": [128, 64], "out_channels": [128, 64]}, "the layers take [4, 1] PEs"),
        ({"device": "rrram"}, "did you mean 'rram'"),
        ({"device": "pcm"}, "Known: rram, sram"),
        ({"in_sizes": [32]}, "in_sizes has 1"),
        ({key: [] for key in GOOD}, "0 layers"),
        ({key: [8] * 13 for key in GOOD}, "13 layers; SpikeSim runs on 1 to 12"),
        ({"out_sizes": [32, 0]}, "out_sizes of layer 2 is 0"),
        ({"in_channels": [3, 6.5]}, "in_channels of layer 2 is 6.5"),
        ({"crossbar": -64}, "crossbar is -64"),
        ({"timesteps": True}, "timesteps is True"),
        ({"pes_per_tile": 0}, "pes_per_tile is 0"),
        ({"clock_Hz": float("nan")}, "clock_Hz is nan"),
        ({"clock_Hz": 0}, "clock_Hz is 0"),
    ],
)
def test_bad_input_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        spikesim_ela(**{**GOOD, **change})


def test_nothing_else_is_exported() -> None:
    import axbar.published

    assert "spikesim_ela" in dir(axbar.published)
    with pytest.raises(AttributeError, match="no attribute 'spikesim_elb'"):
        _ = axbar.published.spikesim_elb
