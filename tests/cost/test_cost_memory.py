"""Maps, windows and membranes that do not fit, the global buffer, and the time of held sums."""

from __future__ import annotations

import numpy as np
import pytest
from cost_cases import chip, geometry, neuron, product, small_network, spiking
from hypothesis import given, settings
from hypothesis import strategies as st

from axbar.cost import Estimate, estimate
from axbar.cost._types import QUANTITIES
from axbar.cost.components import sram
from axbar.workload import Workload, shapes

LAW = settings(max_examples=15, deadline=None)


def _of(done: Estimate, quantity: str, name: str) -> np.ndarray:
    return done.by_component(quantity)[:, done.components.index(name)]


def _counts(workload: Workload, **changes: object) -> dict[str, np.ndarray]:
    return dict(estimate(workload, chip(**changes)).plan.events[0].counts)


def test_what_must_be_held_depends_on_the_order() -> None:
    steps = _counts(small_network(steps=4))
    layers = _counts(small_network(steps=4), mapping__order="layer")
    # conv1 reads an image once, conv2 8 x 36 and fc 432 spikes per step
    assert steps["held_bits"].tolist() == [3 * 36 * 8, 8 * 36, 432]
    assert layers["held_bits"].tolist() == [3 * 36 * 8, 8 * 36 * 4, 432 * 4]
    assert steps["map_traffic"].tolist() == layers["map_traffic"].tolist() == [864, 1152, 1728]
    assert steps["from_outside"].tolist() == [1, 0, 0]
    assert steps["again_bits"].tolist() == [864 * 2, 1152 * 2, 0]


def test_tiles_wake_for_every_step_or_for_every_layer() -> None:
    steps = _counts(small_network(steps=4))
    layers = _counts(small_network(steps=4), mapping__order="layer")
    assert steps["wakes"].tolist() == [4, 4, 4]
    assert layers["wakes"].tolist() == [1, 1, 1]
    assert steps["outliving"].tolist() == [1, 1, 1]
    assert not layers["outliving"].any()
    assert not _counts(small_network(steps=1))["outliving"].any()


def test_spikes_of_the_last_neurons_leave_the_chip() -> None:
    rng = np.random.default_rng(0)
    where = geometry(4, 8, 6)
    conv = product("conv", where, spiking(rng, where.in_shape), rng)
    plain = Workload("w", (conv,), 4, samples=2)
    spikes = Workload("w", (conv, neuron("lif", "conv", where.out_shape)), 4, samples=2)
    assert _counts(plain)["exit_bits"].tolist() == [0]
    assert _counts(plain)["final_values"].tolist() == [8 * 36 * 4]
    assert _counts(spikes)["exit_bits"].tolist() == [8 * 36 * 4]


def _wide(size: int = 16, steps: int = 3) -> Workload:
    """Two convolutions with neurons: the second reads 16 x 16 x 16 spikes per step."""
    rng = np.random.default_rng(1)
    first, second = geometry(2, 16, size), geometry(16, 4, size)
    layers = (
        product("a", first, spiking(rng, first.in_shape, steps), rng),
        neuron("an", "a", first.out_shape, steps),
        product("b", second, spiking(rng, second.in_shape, steps), rng, "an"),
        neuron("bn", "b", second.out_shape, steps),
    )
    return Workload("wide", layers, steps, samples=2)


def test_traffic_of_the_global_buffer_by_hand() -> None:
    # layer b holds 4096 bits per step; 256 B of buffer hold half of them and more than its window (3 x 256)
    spec = chip(buffer__input_B=256, buffer__global_B=2**20, crossbar__rows=256, technology__sram="LOP")
    done = estimate(_wide(), spec)
    at = done.components.index("global_buffer")
    macro = (np.array([2.0**20]), np.array([65e-9]), np.array([64.0]))
    read, write = sram.read_J_per_bit("LOP", *macro), sram.write_J_per_bit("LOP", *macro)
    image, waiting, out = 2 * 256 * 3, 4096 * 3 * 0.5, 4 * 256 * 3
    expected = np.array([image, waiting + out]) * (read + write)
    np.testing.assert_allclose(done.energy_J[0, :, at], expected, rtol=1e-12)
    # words of 64 bits, each as long as the macro takes
    one = sram.access_time_s("LOP", *macro, np.array([250e6]))
    words = np.ceil(2 * np.array([image, waiting + out]) / 64)
    np.testing.assert_allclose(done.latency_s[0, :, at], words * one, rtol=1e-12)


def test_a_window_that_does_not_fit_is_fetched_again() -> None:
    # window of layer b: 3 rows of 16 x 16 spikes = 768 bits; 64 B hold two thirds of it
    spec = chip(buffer__input_B=64, buffer__global_B=2**20, crossbar__rows=256)
    done, roomy = estimate(_wide(), spec), estimate(_wide(), spec.replace({"buffer.input_B": 128}))
    again = 4096 * 3 * 2 / 3  # twice more, one third of it
    x, y = done.plan.at(0), roomy.plan.at(0)
    event = done.plan.components[done.components.index("input_buffer")].event
    assert event.value(x)[1, 0] - event.value(y)[1, 0] == pytest.approx(again)
    link = done.plan.components[done.components.index("interconnect")].event
    assert link.value(x)[1, 0] - link.value(y)[1, 0] == pytest.approx(again)


@LAW
@given(st.integers(0, 9), st.sampled_from(["step", "layer"]))
def test_larger_input_buffers_send_less_away(exponent: int, order: str) -> None:
    sizes = [64 * 2**i for i in range(exponent + 2)]
    done = estimate(shapes.vgg9(width=16), chip(mapping__order=order), {"buffer.input_B": sizes})
    for quantity in ("energy_J", "latency_s"):
        assert (np.diff(_of(done, quantity, "global_buffer")) <= 0).all()


def test_a_map_that_fits_leaves_input_and_output_alone() -> None:
    done = estimate(_wide(), chip(buffer__input_B=4096))
    at = done.components.index("global_buffer")
    counted = done.plan.components[at].event.value(done.plan.at(0))[:, 0]
    assert counted.tolist() == [2 * 2 * 256 * 3, 2 * 4 * 256 * 3]


def test_without_a_global_buffer_it_costs_nothing() -> None:
    done = estimate(_wide(), chip(buffer__global_B=0))
    for quantity in QUANTITIES:
        assert _of(done, quantity, "global_buffer")[0] == 0


def test_a_larger_global_buffer_takes_more_area_and_leaks_more() -> None:
    done = estimate(_wide(), chip(), {"buffer.global_B": [0, 1024, 4096, 2**16, 2**20]})
    for quantity in ("area_m2", "leakage_W"):
        assert (np.diff(_of(done, quantity, "global_buffer")) > 0).all()
    per_bit = sram.area_m2_per_bit(np.array([2.0**20]), np.array([65e-9]))[0]
    assert _of(done, "area_m2", "global_buffer")[-1] == pytest.approx(8 * 2**20 * per_bit)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"buffer__input_B": 64, "buffer__global_B": 0}, "an input window of 96 B"),
        ({"buffer__input_B": 256, "buffer__global_B": 0}, "an input map of 512 B"),
        ({"buffer__input_B": 64, "buffer__global_B": 256}, "buffer.global_B = 256 B"),
        ({"neuron__membrane_B": 64, "buffer__input_B": 4096, "buffer__global_B": 0}, "membranes of a tile"),
    ],
)
def test_what_fits_nowhere_is_noted(changes: dict[str, object], words: str) -> None:
    done = estimate(_wide(), chip(**changes))
    assert done.feasible[0]
    assert any(words in note and "is not priced" in note for note in done.notes), done.notes
    roomy = estimate(_wide(), chip(**{**changes, "buffer__global_B": 2**20}))
    assert not any("is not priced" in note for note in roomy.notes)


def test_limited_membrane_memory_by_hand() -> None:
    # layer a has 4096 neurons of 22 bits on one tile: 11264 B; 5632 B hold half of them
    done = estimate(_wide(), chip(buffer__input_B=4096), {"neuron.membrane_B": [0, 5632, 11264, 22528]})
    whole, half, fits, twice = (done.energy_J[i, 0, done.components.index("membrane")] for i in range(4))
    assert fits == whole
    assert half < 0.5 * whole < twice * 0.7  # a smaller memory also costs less per bit
    moved = done.plan.components[done.components.index("global_buffer")].event
    found = moved.value(done.plan.evaluate(np.arange(4)))[0]
    assert found[1] - found[0] == pytest.approx(2 * 4096 * 3 * 22 / 2)
    assert found[2] == found[3] == found[0]
    areas = done.area_m2[:, 0, done.components.index("membrane")]
    assert areas[1] < areas[2] == pytest.approx(areas[0]) and areas[3] == pytest.approx(2 * areas[2], rel=0.2)


@LAW
@given(st.integers(2, 31), st.sampled_from([0, 512, 4096]))
def test_neurons_cost_more_the_more_bits_they_have(bits: int, limit: int) -> None:
    done = estimate(_wide(), chip(neuron__membrane_B=limit), {"neuron.membrane_bits": [bits, bits + 1]})
    for name in ("lif", "membrane", "global_buffer"):
        energy = _of(done, "energy_J", name)
        assert energy[1] >= energy[0] * (1 - 1e-12), name
    total = done.total("energy_J")
    assert total[1] > total[0]
    assert _of(done, "area_m2", "lif")[1] > _of(done, "area_m2", "lif")[0]


def test_membrane_traffic_is_a_read_and_a_write_of_every_bit() -> None:
    # 16 bits in 16 KB of LOP at 32 nm, 32-bit word: 16 (73 + 46) fJ = 1.9 pJ
    rng = np.random.default_rng(0)
    where = geometry(1, 8, 32)
    layers = (
        product("c", where, spiking(rng, where.in_shape, 1), rng),
        neuron("n", "c", where.out_shape, 1),
    )
    spec = chip(
        neuron__membrane_bits=16,
        neuron__units_per_tile=1,
        technology__node_m=32e-9,
        technology__sram="LOP",
    )
    done = estimate(Workload("w", layers, 1, samples=2), spec)
    assert done.mapping["tiles"][0] == 1
    assert _of(done, "energy_J", "membrane")[0] / 8192 == pytest.approx(1.9e-12, rel=0.03)


def test_held_sums_take_time_to_read_back() -> None:
    # an image: sums are computed once, written once and read on each of 4 steps
    done = estimate(small_network(steps=4), chip())
    x = done.plan.at(0)
    width = float(x.p("adc.bits")[0] + x.n("carry_bits")[0, 0])
    words = np.ceil((8 * 36 * 4 + 8 * 36 * (1 + 4) * width) / (x.n("tiles")[0, 0] * 64))
    turn = done.plan.components[done.components.index("output_buffer")].turn
    assert turn.value(x)[0, 0] == words


@LAW
@given(
    st.sampled_from([64, 256, 1024]), st.sampled_from([0, 512, 2**18]), st.sampled_from(["HP", "LOP", "LSTP"])
)
def test_a_smaller_node_never_raises_the_energy_of_memories(size: int, chip_B: int, kind: str) -> None:
    nodes = [7e-9, 14e-9, 22e-9, 28e-9, 45e-9, 65e-9, 90e-9, 180e-9]
    spec = chip(buffer__input_B=size, buffer__global_B=chip_B, technology__sram=kind, neuron__membrane_B=512)
    done = estimate(_wide(), spec, {"technology.node_m": nodes})
    for name in ("global_buffer", "input_buffer", "output_buffer", "membrane", "dram"):
        assert (np.diff(_of(done, "energy_J", name)) >= 0).all(), name


@LAW
@given(st.integers(1, 6))
def test_area_is_the_same_for_any_number_of_steps(steps: int) -> None:
    short, long = (estimate(_wide(steps=t), chip(neuron__membrane_B=512)) for t in (steps, steps + 1))
    assert (short.area_m2 == long.area_m2).all()
    assert _of(short, "energy_J", "global_buffer") < _of(long, "energy_J", "global_buffer")
