"""Training of products that read numbers and have no neurons behind them, such as cores of a tensor train."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from cost_cases import between, geometry, neuron, product, real, spiking
from tt_nets import factored

from axbar.cost import estimate
from axbar.cost.training import TRAFFIC, UNFIRED
from axbar.cost.training.kernels import KERNELS
from axbar.spec import HardwareSpec, load_hardware
from axbar.workload import Workload, unpack

#: of the traced train: rank, positions, steps, inputs and outputs
R, M, T, IN, OUT = 3, 36, 2, 4, 6
NUMBER = 9  # bits: 8 and a sign


def sata(**changes: Any) -> HardwareSpec:
    """One array that trains."""
    own = {key.replace("__", "."): value for key, value in changes.items()}
    return load_hardware("sata", {"task": "training", **own})


@cache
def train(parallel: bool = True) -> Workload:
    return factored(R, parallel)


def counts(workload: Workload, **changes: Any) -> dict[str, dict[str, float]]:
    events = estimate(workload, sata(**changes)).plan.events[0]
    return {
        name: dict(zip(events.layers, column.tolist(), strict=True)) for name, column in events.counts.items()
    }


CORES = ("middle.0", "middle.1", "last")


def test_numbers_are_multiplied_forward_and_for_the_update() -> None:
    found = counts(train())
    for name in CORES:
        given = train().layer(name).operands[0]
        assert given.coding == "real" and given.words is not None
        assert found["spike_ops"][name] == found["wup_spike_ops"][name] == 0.0
        assert found["real_ops"][name] == found["wup_real_ops"][name] > 0.0
    dense = counts(train(), gating="none")["real_ops"]
    assert dense["last"] == M * T * R * OUT
    zeros = np.count_nonzero(train().layer("last").operands[0].words == 0) / 2
    assert found["real_ops"]["last"] == dense["last"] - zeros * OUT
    assert found["real_ops"]["first"] == 0.0 and found["spike_ops"]["first"] > 0.0


def test_an_update_multiplies_a_gradient_with_a_number() -> None:
    one = estimate(train(), sata(gating="none"))
    at = one.components.index("mac_wup")
    layer = one.plan.events[0].layers.index("last")
    operations = M * T * R * OUT
    each = KERNELS["mul"].value * (np.sqrt(16 * 8) / 16) ** 2.6 + KERNELS["acc"].value * (16 + 8) / 16
    assert one.energy_J[0, layer, at] == pytest.approx(operations * each)


def test_a_gradient_wants_every_number_in_front_of_a_core() -> None:
    """No surrogate derivative stands behind a core's input: every input of the window counts."""
    found = counts(train())
    grad = train().grad
    assert grad is not None
    back = unpack(grad["last"].du, T).sum() / 2
    assert found["bwd_ops"]["last"] == back * R
    blind = replace(train(), grad=None)
    guessed = counts(blind, training__du_sparsity=0.5, training__df_sparsity=0.9)["bwd_ops"]
    assert guessed["last"] == pytest.approx(0.5 * M * T * R * OUT)  # df masks spikes alone
    assert guessed["first"] == pytest.approx(0.5 * 0.1 * M * T * IN * R)


def test_cores_have_neither_neurons_nor_membranes() -> None:
    found = counts(train())
    for name in ("first", "middle.0", "middle.1"):
        for event in ("lif_updates", "pgu_updates", "neurons", "neuron_steps", "state_bits"):
            assert found[event][name] == 0.0, (event, name)
    assert found["lif_updates"]["last"] == OUT * M * T


def test_what_cores_hand_on_is_kept_once_in_the_bits_of_a_number() -> None:
    found = counts(train())["dram_fwd_bits"]
    spikes, numbers = IN * M * T, R * M * T * NUMBER
    assert found["first"] == IN * R * 8 + spikes  # its outputs are counted where they are read
    assert found["middle.0"] == 3 * R * R * 8 + numbers
    assert found["middle.1"] == 3 * R * R * 8  # reads what middle.0 was charged with
    assert found["last"] == R * OUT * 8 + numbers + OUT * M * T * 16  # and the membranes behind it
    after = counts(train(False))["dram_fwd_bits"]
    assert after["middle.1"] == 3 * R * R * 8 + numbers


def test_on_the_way_back_every_core_reads_its_inputs_and_no_membrane() -> None:
    found = counts(train(), memory__reads="table")
    for name in ("middle.0", "middle.1"):
        assert found["dram_bwd_bits"][name] == R * M * T * NUMBER
        assert found["glb_bwd_map_bits"][name] == 2 * R * M * T * 16 + 2 * R * M * T * NUMBER
    assert found["dram_bwd_bits"]["last"] == OUT * M * T * 16 + R * M * T * NUMBER
    assert found["glb_bwd_map_bits"]["last"] == 7 * OUT * M * T * 16 + 2 * R * M * T * NUMBER


def test_rows_without_neurons_never_ask_for_more() -> None:
    for name, row in UNFIRED.items():
        whole = TRAFFIC[name]
        assert (row.weights, row.weights_per_step, row.inputs) == (
            whole.weights, whole.weights_per_step, whole.inputs,
        )  # fmt: skip
        assert row.states < whole.states


def block(shortcut: bool) -> Workload:
    """A convolution of spikes, with a shortcut of one beside it, or not."""
    rng = np.random.default_rng(0)
    first, deep = geometry(3, 4, 6), geometry(4, 6, 6)
    given, map_ = spiking(rng, deep.in_shape), deep.out_shape
    layers = [
        product("stem", first, real(rng, first.in_shape), rng),
        neuron("lif0", "stem", first.out_shape),
        product("deep", deep, given, rng, "lif0"),
        neuron("lif1", "deep", map_),
    ]
    if shortcut:
        layers[3:] = [
            product("around", geometry(4, 6, 6, kernel=1), given, rng, "lif0"),
            between("join", "add", "add", ("deep", "around"), map_, map_, 4),
            neuron("lif1", "join", map_),
        ]
    return Workload("block", tuple(layers), 4, samples=2)


def test_a_map_that_two_read_is_written_once() -> None:
    alone, both = counts(block(False))["dram_fwd_bits"], counts(block(True))["dram_fwd_bits"]
    spikes, membranes = 4 * 4 * 36.0, 4 * 6 * 36 * 16.0
    assert alone["deep"] == 4 * 6 * 9 * 8 + spikes + membranes
    assert (
        both["deep"] == 4 * 6 * 9 * 8 + spikes
    )  # its sums go to the last of the two, which hosts the neurons
    assert both["around"] == 4 * 6 * 8 + membranes
    assert both["stem"] == alone["stem"]


def test_the_image_is_read_by_each() -> None:
    rng = np.random.default_rng(0)
    shape = geometry(3, 4, 6)
    layers = (
        product("one", shape, real(rng, shape.in_shape), rng),
        product("two", shape, real(rng, shape.in_shape), rng),
        between("join", "add", "add", ("one", "two"), shape.out_shape, shape.out_shape, 1),
        neuron("lif", "join", shape.out_shape),
    )
    found = counts(Workload("image", layers, 4, samples=2))["dram_fwd_bits"]
    image = 3 * 36 * 8.0
    assert found["one"] == 3 * 4 * 9 * 8 + image
    assert found["two"] == 3 * 4 * 9 * 8 + image + 4 * 4 * 36 * 16.0


def test_the_last_product_and_untraced_neurons_keep_the_table() -> None:
    found = counts(train(), memory__reads="table")
    assert found["dram_fwd_bits"]["fc"] == OUT * 3 * 8 + 3 * T * 16 + OUT * T * 8
    shapes = [{"in_channels": 4, "out_channels": 8, "in_size": 6, "neuron": False},
              {"in_channels": 8, "out_channels": 8, "in_size": 6, "neuron": False}]  # fmt: skip
    plain = counts(Workload.from_layers(shapes, steps=T))["dram_fwd_bits"]
    assert plain["layer1"] == 4 * 8 * 9 * 8 + 8 * 36 * T * 16 + 4 * 36 * T
    numbers = counts(Workload.from_layers([shapes[0], {**shapes[1], "bits": 8}], steps=T))["dram_fwd_bits"]
    assert numbers["layer1"] == 4 * 8 * 9 * 8 + 4 * 36 * T


def test_a_train_trades_weights_for_maps() -> None:
    """Fewer weights and operations than the convolution that it stands for, and more bits of maps on the way back."""
    rng = np.random.default_rng(0)
    first, dense = geometry(2, IN, 6, kernel=1), geometry(IN, OUT, 6)
    layers = (
        product("stem", first, real(rng, first.in_shape), rng),
        neuron("fire", "stem", first.out_shape, T),
        product("conv", dense, spiking(rng, dense.in_shape, T), rng, "fire"),
        neuron("fire2", "conv", dense.out_shape, T),
    )
    whole, parts = counts(Workload("dense", layers, T, samples=2)), counts(train())
    cores = ("first", *CORES)
    assert sum(parts["dram_wup_bits"][name] for name in cores) < whole["dram_wup_bits"]["conv"]
    for event in ("dram_bwd_bits", "glb_bwd_map_bits"):
        assert sum(parts[event][name] for name in cores) > whole[event]["conv"], event
