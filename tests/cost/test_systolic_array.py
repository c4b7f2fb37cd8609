"""The systolic kind: registers and control of the array, and membranes between steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cost_cases import geometry, neuron, product, silent, small_network, spiking

from axbar.cost import Estimate, estimate
from axbar.cost.sparse import prices as price
from axbar.cost.training.kernels import KERNEL_BITS, KERNELS
from axbar.spec import HardwareSpec, load_hardware
from axbar.workload import Geometry, Workload, shapes

#: J per bit of LPDDR4, of a register, and what a working element of 8-bit weights takes per cycle
DRAM_J = 8e-12
REGISTER_J = 0.0301e-3 * 2.5e-9 / 16
ELEMENT_J = (0.000794e-3 + 0.0389e-3) * 2.5e-9 * 8 / 16 + 9 * REGISTER_J


def sata(**changes: Any) -> HardwareSpec:
    """The preset; ``array__rows=8`` sets ``array.rows``."""
    return load_hardware("sata", {key.replace("__", "."): value for key, value in changes.items()})


def events(workload: Workload, spec: HardwareSpec) -> dict[str, np.ndarray]:
    return dict(estimate(workload, spec).plan.events[0].counts)


def energy_J(found: Estimate, component: str) -> float:
    return found.by_component("energy_J")[0, found.components.index(component)].item()


def one_layer(positions: int, inputs: int, outputs: int, steps: int = 3) -> Workload:
    """A linear layer of spikes on rows of tokens."""
    rng = np.random.default_rng(positions)
    where = Geometry((positions, inputs), (positions, outputs))
    layers = (
        product("fc", where, spiking(rng, where.in_shape, steps), rng),
        neuron("lif", "fc", where.out_shape, steps),
    )
    return Workload("one", layers, steps, samples=2)


def marched(m: int, k: int, n: int, rows: int, cols: int, stays: bool) -> tuple[int, int, int]:
    """Registers that take up an input, a weight or a sum, element by element and fold by fold."""
    inputs = weights = sums = 0
    down = m if stays else k
    for top in range(0, down, rows):
        for left in range(0, n, cols):
            for row in range(min(rows, down - top)):
                for _ in range(min(cols, n - left)):
                    if stays:
                        inputs, weights, sums = inputs + k, weights + k, sums + row
                    else:
                        inputs, weights, sums = inputs + m, weights + row + 1, sums + m
    return inputs, weights, sums


@pytest.mark.parametrize("dataflow", ["os", "ws"])
@pytest.mark.parametrize("size", [(1, 7, 5), (9, 4, 3), (8, 12, 6), (13, 10, 11)])
def test_registers_take_up_what_marches_past_each_element(dataflow: str, size: tuple[int, int, int]) -> None:
    m, k, n = size
    counted = events(one_layer(m, k, n), sata(dataflow=dataflow, array__rows=4, array__cols=3))
    inputs, weights, sums = marched(m, k, n, 4, 3, dataflow == "os")
    assert counted["fwd_register_bits"].tolist() == [3 * (inputs + 8.0 * weights + 16.0 * sums)]


def test_registers_of_a_training_step() -> None:
    network, spec = small_network(), sata(task="training", array__rows=4, array__cols=3)
    counted, stays = events(network, spec), True
    # conv2: 2 groups of 36 inputs and 6 filters on 36 positions, 4 steps; 1-bit spikes, 16-bit gradients
    back, update = marched(36, 6, 36, 4, 3, stays), marched(36, 36, 6, 4, 3, stays)
    assert counted["bwd_register_bits"][0] == 0.0  # nobody needs the gradient of the image
    assert counted["bwd_register_bits"][1] == 4 * 2 * 16.0 * sum(back)
    assert counted["wup_register_bits"][1] == 4 * 2 * (update[0] + 16.0 * (update[1] + update[2]))
    inferred = events(network, sata())
    assert inferred["bwd_register_bits"].sum() == inferred["wup_register_bits"].sum() == 0.0


def test_a_full_array_moves_a_pair_of_operands_per_element_and_cycle() -> None:
    counted = events(one_layer(16, 4000, 8, steps=1), sata())
    per_cycle = counted["fwd_register_bits"] / (counted["fwd_cycles"] * 16 * 8)
    assert per_cycle.item() == pytest.approx(1 + 8, rel=0.02)


def test_registers_and_control_cost_what_they_do_in_the_dual_sparse_kind() -> None:
    assert price.REGISTER_J.value == pytest.approx(KERNELS["reg"].value / KERNEL_BITS, rel=1e-12)
    network = small_network()
    found, counted = estimate(network, sata()), events(network, sata())
    assert energy_J(found, "registers") == pytest.approx(counted["fwd_register_bits"].sum() * REGISTER_J)
    worked = counted["fwd_cycles"].sum() * 128 * ELEMENT_J
    assert energy_J(found, "control") == pytest.approx(price.CONTROL.value * worked)
    assert price.CONTROL.value == pytest.approx(0.52, abs=0.005)


def test_the_clock_lies_near_the_published_idle_power_of_an_element() -> None:
    """SATA_Sim: an element that makes nothing takes 0.01924 mW in each cycle of 2.5 ns."""
    registers, idle = 9 * REGISTER_J, 0.01924e-3 * 2.5e-9
    assert 0.8 < registers / idle < 1.0
    assert registers + price.CONTROL.value * ELEMENT_J < 2.0 * idle


@pytest.mark.parametrize("component", ["registers", "control"])
def test_neither_spikes_nor_gates_change_what_the_clock_drives(component: str) -> None:
    network = small_network()
    base = energy_J(estimate(network, sata()), component)
    assert base > 0.0
    for other, spec in ((silent(network), sata()), (network, sata(gating="none"))):
        assert energy_J(estimate(other, spec), component) == base


def test_registers_take_area_of_their_widths() -> None:
    def area_m2(**changes: Any) -> float:
        found = estimate(small_network(), sata(**changes))
        return found.by_component("area_m2")[0, found.components.index("registers")].item()

    one_bit = 128 * 0.000176e-6 / 16
    assert area_m2() == pytest.approx(one_bit * (8 + 8))
    assert area_m2(input__bits=1, spike_bits=2) == pytest.approx(one_bit * (8 + 2))
    assert area_m2(task="training") == pytest.approx(one_bit * (16 + 16))


def spiking_network(steps: int, size: int = 6) -> Workload:
    """Two convolutions of spikes; 12 filters in the second."""
    rng = np.random.default_rng(steps)
    first, second = geometry(4, 8, size), geometry(8, 12, size)
    layers = (
        product("conv1", first, spiking(rng, first.in_shape, steps), rng),
        neuron("lif1", "conv1", first.out_shape, steps),
        product("conv2", second, spiking(rng, second.in_shape, steps), rng, "lif1"),
        neuron("lif2", "conv2", second.out_shape, steps),
    )
    return Workload("two", layers, steps, samples=2)


def spilt_bits(network: Workload, **changes: Any) -> float:
    """Bits beyond those of a chip whose buffer holds everything."""
    small, large = (
        estimate(network, sata(**(changes | {"memory__glb_map_B": size}))) for size in (256, 2**24)
    )
    return (energy_J(small, "dram_fwd") - energy_J(large, "dram_fwd")) / DRAM_J


def test_membranes_beyond_the_buffer_pass_dram_between_steps() -> None:
    steps, room = 4, 8 * 256.0
    # one column fold: 36 positions, 8 filters, 16 bits
    fold = 36 * 8 * 16.0
    states = 2 * (steps - 1) * 36 * (8 + 12) * 16.0 * (1 - room / fold)
    # maps find no room: the image is read once in any case, conv2's map is written once and read for two folds
    maps = 3 * steps * 8 * 36.0
    assert spilt_bits(spiking_network(steps)) == pytest.approx(states + maps)
    trained = spilt_bits(spiking_network(steps), task="training")  # membranes and maps are written anyway
    assert trained == pytest.approx(states / 2 + 2 * steps * 8 * 36.0)


def test_maps_get_the_room_that_membranes_leave() -> None:
    network = spiking_network(4)
    fold, needed = 36 * 8 * 16.0, 36 * 8 * 16.0 + 4 * 8 * 36.0
    at = [
        energy_J(estimate(network, sata(memory__glb_map_B=bits / 8)), "dram_fwd") for bits in (needed, 2**20)
    ]
    assert at[0] == at[1]
    less = energy_J(estimate(network, sata(memory__glb_map_B=fold / 8)), "dram_fwd")
    assert less - at[0] == pytest.approx(3 * 4 * 8 * 36.0 * DRAM_J)


def test_no_membrane_waits_for_a_second_step_that_never_comes() -> None:
    counted = events(spiking_network(1), sata())
    assert counted["state_bits"].tolist() == counted["again_state_bits"].tolist() == [0.0, 0.0]
    # the image is presented once: its neurons take their steps in a row
    assert events(small_network(), sata())["state_bits"].tolist() == [0.0, 36 * 6 * 16.0, 0.0]
    table = events(spiking_network(4), sata(memory__reads="table"))
    assert table["state_bits"].sum() == table["again_state_bits"].sum() == 0.0


def test_membranes_of_a_sample_that_leaves_early_pass_less_often() -> None:
    network = spiking_network(4)
    early = replace(network, exit_step=np.array([1, 4]))
    whole, part = (events(x, sata())["again_state_bits"] for x in (network, early))
    assert part.tolist() == (whole * (1.5 / 3)).tolist()


def test_more_bits_and_more_steps_never_spill_less() -> None:
    by_bits = [spilt_bits(spiking_network(3), neuron__membrane_bits=bits) for bits in (4, 8, 16, 24, 32)]
    assert (np.diff(by_bits) >= 0).all() and by_bits[-1] > by_bits[0]
    by_steps = [spilt_bits(spiking_network(steps)) for steps in (1, 2, 3, 4, 6, 8)]
    assert (np.diff(by_steps) > 0).all()
    by_size = [energy_J(estimate(spiking_network(4), sata(memory__glb_map_B=b)), "dram_fwd")
               for b in (64, 128, 512, 600, 800, 4096)]  # fmt: skip
    assert (np.diff(by_size) <= 0).all() and by_size[0] > by_size[-1]


def test_a_fold_of_vgg9_fits_where_its_layers_do_not() -> None:
    """128 KB of membranes in conv2, 16 KB in each of its column folds, beside a buffer of 64 KB."""
    network = shapes.vgg9(steps=4)
    counted = events(network, sata())
    assert counted["lif_updates"][1] / 4 * 16 == 128 * 1024 * 8
    assert counted["state_bits"].max() == 16 * 1024 * 8
    small, large = (estimate(network, sata(memory__glb_map_B=kB * 1024)) for kB in (64, 1024))
    assert energy_J(small, "dram_fwd") == energy_J(large, "dram_fwd")
