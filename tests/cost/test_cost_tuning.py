"""What adapting, fine-tuning and retraining take: by hand on a small network, and as laws."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
from cost_cases import chip, geometry, neuron, product, real, small_network, spiking
from hypothesis import given, settings
from hypothesis import strategies as st

from axbar.cost import TuningCost, estimate, tuning_cost
from axbar.cost._tuning_counts import demand_of
from axbar.cost._tuning_prices import write_price
from axbar.errors import UsageError
from axbar.spec import load_hardware
from axbar.workload import LayerTrace, Workload, shapes
from axbar.workload._types import Geometry

PRESETS = ("imc-rram-65nm", "imc-rram-32nm", "imc-pcm-14nm", "imc-sram-28nm")
LAW = settings(max_examples=15, deadline=None)

# the small network: conv1 27 x 8 once on 36 positions, conv2 2 groups of 36 x 6 and fc 432 x 5 on 4 steps
MACS = (36 * 27 * 8, 4 * 36 * 2 * 36 * 6, 4 * 432 * 5)
WEIGHTS = (27 * 8, 2 * 36 * 6, 432 * 5)
NORM_VALUES = 8 * 36 + 12 * 36 * 4
NEURONS = 8 * 36 * 4 + 12 * 36 * 4
SAVED_BITS = 32 * (NORM_VALUES + NEURONS)
INPUT_BITS = 3 * 36 * 8 + 8 * 36 * 4 + 432 * 4


def part(row: TuningCost, name: str) -> float:
    return next(p.value for p in (*row.energy_parts, *row.memory_parts) if p.name == name)


def test_counts_by_hand() -> None:
    d = demand_of(small_network(), 8, None)
    assert (d.macs, d.macs_to_norms, d.macs_to_weights) == (sum(MACS), sum(MACS[1:]), sum(MACS[1:]))
    assert (d.channels, d.norm_values) == (20, NORM_VALUES)
    assert (d.neurons_to_norms, d.neurons_to_weights) == (NEURONS, NEURONS)
    assert d.layer_weights == WEIGHTS and d.weights_to_norms == sum(WEIGHTS[1:])
    assert d.saved_bits_to_norms == SAVED_BITS
    assert d.saved_bits_to_weights == SAVED_BITS + INPUT_BITS


def test_gradients_stop_at_the_first_norm() -> None:
    d = demand_of(small_network(), 8, ["conv2"])
    assert d.macs_to_norms == MACS[2] and d.macs_to_weights == sum(MACS[1:])
    assert d.channels == 12 and d.neurons_to_norms == 12 * 36 * 4


def test_memory_and_operations_by_hand() -> None:
    adapt, tune, retrain = tuning_cost(small_network(), chip(), images=3, epochs=2, batch=2)
    assert (adapt.memory_B, adapt.macs_forward, adapt.macs_backward) == (2 * 20 * 4, 3 * sum(MACS), 0)
    assert tune.memory_B == 2 * SAVED_BITS // 8 + 320 + sum(WEIGHTS[1:]) // 2 + 160 + 160
    assert (tune.macs_forward, tune.macs_backward) == (6 * sum(MACS), 6 * sum(MACS[1:]))
    trained = sum(WEIGHTS) + 40
    assert retrain.memory_B == 2 * (SAVED_BITS + INPUT_BITS) // 8 + (trained + 40) * 4 + 2 * trained * 4
    assert retrain.macs_backward == 6 * (sum(MACS[1:]) + sum(MACS))
    # two updates an epoch; a pair of 3-bit cells holds a 4-bit weight
    assert retrain.weight_updates == 4 * sum(WEIGHTS) and retrain.writes == 2 * sum(WEIGHTS)
    assert (adapt.weight_updates, tune.weight_updates, adapt.writes, tune.writes) == (0, 0, 0, 0)


def test_energy_and_time_by_hand() -> None:
    spec = chip(technology__node_m=45e-9, technology__vdd_V=0.9)  # where the prices hold
    once = estimate(small_network(), spec)
    energy_J, time_s = once.total("energy_J")[0], once.total("latency_s")[0]
    adapt, tune, _ = tuning_cost(small_network(), spec, images=3, epochs=2, batch=2, macs_per_clock=10)
    mac_J, add_J, bit_J, rate = 4.6e-12, 0.9e-12, 8e-12, 10 * spec.clock_Hz
    norms_J = 3 * NORM_VALUES * (2 * mac_J + add_J)
    assert adapt.energy_J == pytest.approx(3 * energy_J + norms_J, rel=1e-9)
    assert adapt.latency_s == pytest.approx(3 * time_s + 3 * 3 * NORM_VALUES / rate, rel=1e-9)
    macs = 6 * (sum(MACS[1:]) + 3 * NORM_VALUES + 2 * NEURONS) + 4 * 40 * 2
    bits = 6 * 2 * SAVED_BITS + 4 * (4 * sum(WEIGHTS[1:]) + 40 * 6 * 32)
    tuned_J = 6 * energy_J + macs * mac_J + 6 * NORM_VALUES * add_J + bits * bit_J
    assert tune.energy_J == pytest.approx(tuned_J, rel=1e-9)
    assert tune.latency_s == pytest.approx(6 * time_s + (macs + 6 * NORM_VALUES) / rate, rel=1e-9)


def test_both_ways_to_write_the_cells_by_hand() -> None:
    spec, cells = chip(device="rram-neurram"), 2 * sum(WEIGHTS)
    end, each = (
        tuning_cost(small_network(), spec, images=3, epochs=2, batch=2, reprogram=when)[2]
        for when in ("end", "update")
    )
    assert (end.writes, each.writes) == (cells, 4 * cells)
    assert part(end, "writes") == pytest.approx(cells * 1.491e-9)
    assert part(each, "writes") == pytest.approx(4 * cells * 1.491e-9)
    assert any(f"reprogram='update' takes {4 * cells} writes" in note for note in end.notes)
    # at every update the chip runs forward, else a digital engine does
    assert part(each, "chip") == pytest.approx(6 * estimate(small_network(), spec).total("energy_J")[0])
    mac_J = part(end, "backward") / end.macs_backward
    assert part(end, "forward") == pytest.approx(end.macs_forward * mac_J)
    # 432 x 5 weights lie on 7 arrays; the cells of an array are written in turn, 56 us each
    arrays = estimate(small_network(), spec).mapping["arrays"]
    slowest = max(2 * w / n for w, n in zip(WEIGHTS, arrays, strict=True)) * 56e-6
    assert end.latency_s > slowest and each.latency_s > 4 * slowest


def test_writes_of_unknown_devices_are_counted_and_not_priced() -> None:
    retrain = tuning_cost(small_network(), chip(device="ideal"), images=3)[2]
    assert retrain.writes == 2 * sum(WEIGHTS)
    assert "writes" not in [p.name for p in retrain.energy_parts]
    assert any("not priced: writing cells of 'ideal'" in note for note in retrain.notes)
    assert write_price("ideal") is None and write_price("sram") is not None


@LAW
@given(
    st.sampled_from(PRESETS),
    st.sampled_from([shapes.cnn, shapes.vgg9, shapes.resnet19]),
    st.integers(1, 5000),
    st.integers(1, 20),
    st.integers(1, 256),
    st.sampled_from(["end", "update"]),
)
def test_each_method_takes_more_than_the_one_before(
    preset: str, network, images: int, epochs: int, batch: int, reprogram
) -> None:
    rows = tuning_cost(
        network(width=8), preset, images=images, epochs=epochs, batch=batch, reprogram=reprogram
    )
    assert [row.method for row in rows] == ["adaptation", "fine-tune", "retrain"]
    for less, more in itertools.pairwise(rows):
        assert less.memory_B < more.memory_B
        assert less.macs_forward <= more.macs_forward and less.macs_backward < more.macs_backward
        if more.method == "retrain" and reprogram == "end":
            # its forward passes do not run on the chip, where they may cost more or less: all else costs more
            rest = [
                sum(p.value for p in row.energy_parts if p.name not in ("chip", "forward"))
                for row in (less, more)
            ]
            assert rest[0] < rest[1]
        else:
            assert less.energy_J < more.energy_J
    assert rows[0].latency_s < rows[1].latency_s


@LAW
@given(st.integers(1, 50), st.integers(2, 9), st.integers(1, 6))
def test_work_is_linear_in_images_and_epochs(batches: int, factor: int, epochs: int) -> None:
    spec = chip()
    one, many, long = (
        tuning_cost(small_network(), spec, images=4 * n, epochs=e, batch=4, reprogram="update")
        for n, e in ((batches, epochs), (factor * batches, epochs), (batches, factor * epochs))
    )
    for i, row in enumerate(one):
        for other in (many[i], long[i]) if i else (many[i],):
            assert other.macs_forward == factor * row.macs_forward
            assert other.macs_backward == factor * row.macs_backward
            assert other.writes == factor * row.writes
            assert other.energy_J == pytest.approx(factor * row.energy_J, rel=1e-12)
            assert other.latency_s == pytest.approx(factor * row.latency_s, rel=1e-12)
            assert other.memory_B == row.memory_B
    assert long[0].energy_J == one[0].energy_J  # adaptation sees the images once


def test_no_images_take_nothing() -> None:
    for row in tuning_cost(small_network(), chip(), images=0):
        figures = dataclasses.astuple(row)[1:8]
        assert figures == (0,) * 7 and row.notes


def test_parts_add_up_and_explain_names_them() -> None:
    for row in tuning_cost(small_network(), chip(), images=9):
        assert sum(p.value for p in row.memory_parts) == row.memory_B
        assert math.fsum(p.value for p in row.energy_parts) == row.energy_J
        text = row.explain()
        assert text.startswith(f"{row.method}: ") and all(p.formula in text for p in row.energy_parts)
        assert "tuning.mac = 4.6e-12 J/MAC" in text and "(assumed)" in text


def test_what_is_kept_depends_on_the_operation() -> None:
    """ReLU keeps a sign, max-pooling which input won, an addition nothing; a shared input is kept once."""
    rng = np.random.default_rng(0)
    where, same, half = (
        geometry(3, 4, 6),
        Geometry((4, 6, 6), (4, 6, 6)),
        Geometry((4, 6, 6), (4, 3, 3), (2, 2)),
    )
    second, last = geometry(4, 4, 3), Geometry((36,), (5,))
    relu, gelu = (LayerTrace(n, "activation", ("a",), same, (0,), kind=n) for n in ("relu", "gelu"))
    layers = (
        product("a", where, real(rng, where.in_shape), rng),
        relu,
        LayerTrace("pool", "pool", ("relu",), half, (0,), kind="max"),
        product("b", second, real(rng, second.in_shape), rng, "pool"),
        product("c", second, real(rng, second.in_shape), rng, "pool"),
        LayerTrace("add", "add", ("b", "c"), Geometry((4, 3, 3), (4, 3, 3)), (0,)),
        product("fc", last, real(rng, (36,)), rng, "add"),
    )
    d = demand_of(Workload("net", layers, 1), 8, None)
    kept = 32 * (144 + 36 + 36) + 144 + 2 * 36
    assert d.saved_bits_to_norms == kept
    assert d.saved_bits_to_weights == kept + 8 * (108 + 36 + 36)  # b and c share their input
    smooth = tuple(dataclasses.replace(gelu, name="relu") if x is relu else x for x in layers)
    assert demand_of(Workload("net", smooth, 1), 8, None).saved_bits_to_norms == kept + 31 * 144


def test_norms_that_were_traced_count_with_their_channels() -> None:
    rng = np.random.default_rng(0)
    where, same = geometry(3, 4, 6), Geometry((4, 6, 6), (4, 6, 6))
    norm = LayerTrace("bn", "norm", ("n",), same, tuple(range(4)), kind="batch_norm")
    last = product("fc", Geometry((144,), (5,)), spiking(rng, (144,)), rng, "bn")
    head = (product("a", where, spiking(rng, where.in_shape), rng), neuron("n", "a", where.out_shape))
    d = demand_of(Workload("net", (*head, norm, last), 4), 8, None)
    assert (d.channels, d.norm_values) == (4 + 4, 2 * 144 * 4)
    behind = dataclasses.replace(norm, inputs=("a",))  # the norm of a product is counted once
    assert demand_of(Workload("net", (*head, behind, last), 4), 8, None).channels == 4


def test_recurrent_layers_are_reached_around_the_loop() -> None:
    rng = np.random.default_rng(0)
    where = Geometry((5,), (5,))
    back = product("back", where, spiking(rng, (5,)), rng, "n")
    looped = dataclasses.replace(back, inputs=("input", "n"))
    net = Workload("loop", (looped, neuron("n", "back", (5,))), 4)
    assert demand_of(net, 8, ["back"]).macs_to_norms == 4 * 25


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"images": -1}, "images is -1; give a whole number of at least 0"),
        ({"images": 2.5}, "images is 2.5"),
        ({"epochs": 0}, "epochs is 0"),
        ({"batch": True}, "batch is True"),
        ({"norms": ["conv3"]}, "unknown layer in norms 'conv3'"),
        ({"norms": []}, "name such layers in norms"),
        ({"reprogram": "never"}, "unknown value of reprogram 'never'"),
    ],
)
def test_errors_name_value_and_fix(wrong: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        tuning_cost(small_network(), chip(), **{"images": 5, **wrong})


@pytest.mark.parametrize("unit", ["nvm", "sram", "digital"])
def test_operands_written_at_run_time_are_no_weights_to_train(unit: str) -> None:
    spec = load_hardware("imc-rram-clipformer", {"run_time.unit": unit})
    network = shapes.vit_tiny(width=32, depth=1)
    retrain = tuning_cost(network, spec, images=10)[2]
    stored = [layer for layer in network.matmuls if not layer.at_run_time]
    weights = sum(at.geometry.groups * at.geometry.fan_in * at.geometry.fan_out for at in stored)
    assert retrain.writes == weights * 2 * 3  # a pair of columns, three slices
    assert retrain.energy_J > 0 and retrain.latency_s > 0
