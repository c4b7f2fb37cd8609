"""Attention on the systolic kind: operations, cycles, traffic without weights, the ways back, spikes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from product_cases import COLUMNS, FEATURES, HEADS, SAMPLES, TOKENS, attention, network, numbers, spikes

from axbar.cost import estimate
from axbar.cost._countable import check_countable
from axbar.cost.systolic.cycles import os_cycles, ws_cycles
from axbar.cost.training import backward_pairs, inside_pairs
from axbar.errors import UsageError
from axbar.spec import HardwareSpec, load_hardware
from axbar.workload import GradTrace, LayerTrace, Operand, Workload, backward_synops, pack, synops, unpack

GRID = (16, 8)


def sata(**changes: Any) -> HardwareSpec:
    return load_hardware("sata", {key.replace("__", "."): value for key, value in changes.items()})


def counted(workload: Workload, spec: HardwareSpec, name: str = "scores") -> dict[str, float]:
    """The events of one layer."""
    found = estimate(workload, spec).plan.events[0]
    at = found.layers.index(name)
    return {event: float(values[at]) for event, values in found.counts.items()}


def as_weights(workload: Workload) -> Workload:
    """The same product with one head's right operand as stored weights, of one group."""
    layer = workload.layer("scores")
    assert layer.operands[1].words is not None
    weight = layer.operands[1].words[0, 0].T.astype(np.float32)
    shape = replace(layer.geometry, in_shape=(TOKENS, FEATURES), out_shape=(TOKENS, COLUMNS), groups=1)
    assert layer.operands[0].words is not None and layer.operands[0].negative is not None
    left = replace(
        layer.operands[0], shape=shape.in_shape, words=layer.operands[0].words[..., :FEATURES],
        negative=layer.operands[0].negative[..., :FEATURES],
    )  # fmt: skip
    stored = LayerTrace("scores", "linear", ("q",), shape, (0,), (left,), weight=weight)
    return replace(workload, layers=(*workload.layers[:-1], stored))


@pytest.mark.parametrize(("dataflow", "form"), [("os", os_cycles), ("ws", ws_cycles)])
def test_heads_are_multiplied_one_after_the_other(dataflow: str, form: Any) -> None:
    work = numbers()
    found = counted(work, sata(dataflow=dataflow))
    assert found["fwd_cycles"] == HEADS * float(form(TOKENS, FEATURES, COLUMNS, *GRID))
    assert found["real_ops"] == synops(work.layer("scores")) and found["spike_ops"] == 0
    dense = counted(work, sata(gating="none"))
    assert dense["real_ops"] == HEADS * TOKENS * FEATURES * COLUMNS > found["real_ops"]


def test_the_right_operand_is_a_map_and_no_weight() -> None:
    work, bits = numbers(), 8
    found = counted(work, sata())
    right, left = HEADS * FEATURES * COLUMNS * bits, TOKENS * HEADS * FEATURES * (8 + 1)
    assert found["dram_fwd_bits"] == 0 and found["glb_fwd_weight_bits"] == 0 and found["fold_fwd_bits"] == 0
    assert found["map_bits"] == left + right
    # the left one is written, and read once; the right one as well, as the tokens fit the rows
    assert found["glb_fwd_map_bits"] >= 2 * right + 2 * left
    table = counted(work, sata(memory__reads="table"))
    sums = HEADS * TOKENS * COLUMNS * 16
    assert table["glb_fwd_map_bits"] == 2 * right + 2 * left + 2 * sums
    assert found["spad_fwd_bits"] == 2 * (right + left)


def test_a_stored_layer_of_the_same_shape_moves_its_weights_from_dram_instead() -> None:
    work = numbers()
    product, stored = counted(work, sata()), counted(as_weights(work), sata())
    weights = FEATURES * COLUMNS * 8
    assert stored["dram_fwd_bits"] == weights and stored["glb_fwd_weight_bits"] == 2 * weights
    assert product["glb_fwd_map_bits"] == HEADS * (stored["glb_fwd_map_bits"] + stored["glb_fwd_weight_bits"])
    for name in ("fwd_cycles", "fwd_register_bits", "spad_fwd_bits"):
        assert product[name] == HEADS * stored[name]


def test_more_tokens_than_rows_read_the_right_operand_again() -> None:
    work = numbers()
    few, many = (counted(work, sata(array__rows=rows))["glb_fwd_map_bits"] for rows in (8, 2))
    assert many - few == 2 * HEADS * FEATURES * COLUMNS * 8  # 3 row folds in place of one


def test_operands_that_do_not_fit_pass_dram() -> None:
    from axbar.workload import shapes

    work = shapes.vit_tiny(depth=1)
    large, small = (estimate(work, sata(memory__glb_map_B=size)) for size in (65536, 4096))
    names = large.layers
    at = [names.index(f"blocks.0.attn.{name}") for name in ("scores", "mix")]
    moved = [e.by_layer("energy_J")[0, at] for e in (large, small)]
    assert (moved[1] > moved[0]).all()
    held = counted(work, sata(), "blocks.0.attn.scores")
    # left: once per column fold, and written; right: once per row fold, and written
    bits = (65 * 128 * 9, 65 * 128 * 8)
    passes = (1 + np.ceil(65 / 8), 1 + np.ceil(65 / 16))
    assert held["map_fwd_passes"] == pytest.approx(np.dot(bits, passes) / sum(bits))


def test_a_training_step_has_two_products_on_the_way_back_and_no_update() -> None:
    work = numbers()
    inference, found = counted(work, sata()), counted(work, sata(task="training"))
    m, k, n = TOKENS, FEATURES, COLUMNS
    assert found["bwd_cycles"] == HEADS * float(os_cycles(m, n, k, *GRID) + os_cycles(k, m, n, *GRID))
    assert found["bwd_real_ops"] == found["real_ops"] == inference["real_ops"]
    assert found["bwd_ops"] == pytest.approx(0.3 * HEADS * m * k * n)  # du_sparsity 0.7
    assert not any(value for name, value in found.items() if "wup" in name)
    right, left = HEADS * k * n * 8, m * HEADS * k * 9
    assert found["dram_fwd_bits"] == right + left + HEADS * m * n * 16  # the last product's sums leave
    assert found["dram_bwd_bits"] == right + left + HEADS * m * n * 16
    stored = counted(work, sata(task="training"), "k")
    assert stored["wup_cycles"] > 0 and stored["dram_wup_bits"] > 0 and stored["bwd_real_ops"] == 0


def test_nothing_is_propagated_to_the_image() -> None:
    work = numbers()
    alone = replace(work, layers=(replace(work.layers[-1], inputs=("input",)),))
    found = counted(alone, sata(task="training"))
    assert found["real_ops"] > 0
    ways = ("bwd_cycles", "bwd_ops", "bwd_real_ops", "bwd_register_bits", "wup_cycles")
    assert [found[name] for name in ways] == [0] * 5


def test_all_of_a_training_step_is_priced() -> None:
    found = estimate(numbers(), sata(task="training"))
    parts = dict(zip(found.components, found.by_component("energy_J")[0].tolist(), strict=True))
    assert sum(parts.values()) == pytest.approx(found.total("energy_J")[0])
    assert found.by_layer("energy_J")[0, -1] > 0
    assert any("takes the place of weights" in note for note in found.plan.events[0].notes)


def test_spikes_are_added_and_take_a_bit() -> None:
    work = spikes()
    found = counted(work, sata(task="training"))
    assert found["spike_ops"] == synops(work.layer("scores")) == found["bwd_spike_ops"]
    assert found["real_ops"] == found["bwd_real_ops"] == 0
    assert found["map_bits"] == 3 * (TOKENS * HEADS * FEATURES + HEADS * FEATURES * COLUMNS)
    assert found["least_sum_bits"] == 3  # up to 3 spikes meet, and a sign
    left, right = work.layer("scores").operands
    mixed = attention(Operand(left.shape, "real", 8, 3, rate=0.5), right)
    assert (
        counted(network(mixed, 3), sata())["real_ops"] == 0
    )  # a number where there is a spike: no multiplication


def test_gradients_meet_the_inputs_of_their_own_head() -> None:
    layer = numbers().layer("scores")
    rng = np.random.default_rng(2)
    du = pack(rng.random((1, SAMPLES, *layer.geometry.out_shape)) < 0.4)
    df = pack(rng.random((1, SAMPLES, *layer.geometry.in_shape)) < 0.4)
    gradients = unpack(du, 1)[0].reshape(SAMPLES, TOKENS, HEADS, COLUMNS).sum(-1)
    wanted = unpack(df, 1)[0].reshape(SAMPLES, TOKENS, HEADS, FEATURES).sum(-1)
    assert backward_pairs(layer.geometry, du, df, 1) == (gradients * wanted).sum() / SAMPLES
    all_of_them = backward_pairs(layer.geometry, du, None, 1)
    assert all_of_them == backward_synops(layer, GradTrace(du, steps=1)).sum()
    assert inside_pairs(layer.geometry) == HEADS * TOKENS * FEATURES * COLUMNS


def test_kinds_that_compute_no_products_refuse_them() -> None:
    work = numbers()
    with pytest.raises(
        UsageError, match=r"layer 'scores' multiplies two operands.*this kind of chip does not"
    ):
        check_countable(work, 8, "weight_bits")
    check_countable(work, 8, "weight_bits", run_time=True)


def test_both_operands_must_be_known() -> None:
    left, right = numbers().layer("scores").operands
    unknown = attention(left, replace(right, words=None, negative=None))
    with pytest.raises(UsageError, match="'scores' has neither recorded spikes nor a rate"):
        estimate(network(unknown), "sata")
