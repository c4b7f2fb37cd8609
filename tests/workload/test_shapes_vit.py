"""Vision transformers by shape: exact counts, the layers of a trace, products written by hand or in a table, errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from axbar.cost import estimate
from axbar.errors import DataError, UsageError
from axbar.nn import build_model
from axbar.workload import LayerTrace, Workload, macs, phases, read_workload, shapes, trace

SMALL: dict[str, Any] = {"width": 16, "depth": 2, "heads": 2, "input_shape": (3, 8, 12)}


def ending(workload: Workload, *names: str) -> int:
    return sum(macs(layer) for layer in workload.matmuls if layer.name.endswith(names))


def test_deit_s_multiplies_what_it_is_known_to() -> None:
    deit = shapes.deit_s()
    assert macs(deit.layer("patch_embed.proj")) == 196 * 3 * 16 * 16 * 384
    assert ending(deit, ".qkv") == 12 * 197 * 384 * 1152 == 1_045_757_952
    assert ending(deit, ".scores") == ending(deit, ".mix") == 12 * 6 * 197 * 64 * 197 == 178_831_872
    assert ending(deit, "attn.proj") == 12 * 197 * 384 * 384 == 348_585_984
    assert ending(deit, ".fc1") == ending(deit, ".fc2") == 12 * 197 * 384 * 1536 == 1_394_343_936
    assert macs(deit.layer("head")) == 384 * 1000
    total = sum(macs(layer) for layer in deit.layers)
    assert total == 4_598_882_304 and round(total / 1e9, 1) == 4.6
    right = [layer.operands[1] for layer in deit.matmuls if layer.at_run_time]
    assert [o.shape for o in right[:2]] == [(6, 64, 197), (6, 197, 64)]
    assert sum(o.shape[0] * o.shape[1] * o.shape[2] for o in right) == 12 * 2 * 197 * 384 == 1_815_552


def test_vit_b16_and_names() -> None:
    base = shapes.vit_b16()
    assert ending(base, ".qkv") == 12 * 197 * 768 * 2304
    assert round(sum(macs(layer) for layer in base.layers) / 1e9, 1) == 17.6
    assert read_workload("deit-s", {"depth": 1}).layer("blocks.0.attn.scores").geometry.groups == 6
    assert {"deit-s", "vit-b16", "vit-tiny"} <= set(shapes.TABLE)


def known(layer: LayerTrace) -> tuple[Any, ...]:
    operands = [(o.shape, o.coding, o.bits, o.steps, o.per_step, phases(o)) for o in layer.operands]
    return layer.name, layer.op, layer.kind, layer.inputs, layer.geometry, layer.steps, operands, macs(layer)


@pytest.mark.parametrize("name", ["deit-s", "vit-b16", "vit-tiny"])
@pytest.mark.parametrize("heads", [2, None])
def test_shapes_are_those_of_a_trace(name: str, heads: int | None) -> None:
    sizes = {**SMALL, "width": 128, "depth": 1, "patch": 4, "classes": 7, "heads": heads}
    traced = trace(build_model(name, **sizes), torch.rand(2, 3, 8, 12))
    assert [known(layer) for layer in shapes.TABLE[name](**sizes).layers] == [
        known(at) for at in traced.layers
    ]


def test_two_blocks_follow_each_other_as_in_a_trace() -> None:
    traced = trace(build_model("vit-tiny", **SMALL), torch.rand(2, 3, 8, 12))
    assert [known(layer) for layer in shapes.vit_tiny(**SMALL).layers] == [
        known(layer) for layer in traced.layers
    ]


def test_a_shape_has_rates_and_comes_back_from_a_file(tmp_path: Path) -> None:
    built = shapes.vit_tiny(**SMALL)
    assert (built.samples, built.spikes_of) == (0, "assumed")
    assert all(o.rate == 0.5 and o.words is None for layer in built.matmuls for o in layer.operands)
    built.save(tmp_path / "w.npz")
    again = Workload.load(tmp_path / "w.npz")
    assert again.hash() == built.hash()
    assert [phases(o) for layer in again.matmuls for o in layer.operands] == [
        phases(o) for layer in built.matmuls for o in layer.operands
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"heads": 3}, "3 heads do not divide the width 16"),
        ({"patch": 5}, "patches of 5x5 pixels do not tile images of 8x12"),
        ({"depth": 0}, "depth is 0"),
        ({"width": 2.5}, "width is 2.5"),
        ({"input_shape": (3, 8)}, r"takes images \(channels, rows, columns\)"),
        ({"mlp_ratio": 0.01}, "mlp_ratio is 0.01"),
    ],
)
def test_wrong_sizes_are_told(change: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=f"shape 'vit-tiny'.*{words}"):
        shapes.vit_tiny(**{**SMALL, **change})


ATTEND = {"op": "matmul", "in_channels": 12, "out_channels": 20, "groups": 4, "in_size": 5, "neuron": False}
BEFORE = [
    {"name": "q", "op": "linear", "in_channels": 12, "out_channels": 12, "in_size": 5, "neuron": False},
    {"name": "k", "op": "linear", "in_channels": 12, "out_channels": 12, "in_size": 5, "inputs": ("input",)},
]


def test_a_product_is_written_down_like_a_layer() -> None:
    numbers = {**ATTEND, "name": "scores", "inputs": ("q", "k"), "bits": 8, "rate": 0.4, "signed": True}
    layer = Workload.from_layers([*BEFORE, numbers], steps=3).layer("scores")
    assert layer.at_run_time and layer.inputs == ("q", "k.neuron") and layer.weight is None
    shape = layer.geometry
    assert (shape.positions, shape.fan_in, shape.fan_out, shape.groups) == (5, 3, 5, 4)
    assert macs(layer) == 3 * 4 * 5 * 3 * 5
    assert [o.shape for o in layer.operands] == [(5, 12), (4, 3, 5)]
    assert [(o.coding, o.bits, o.steps, o.rate, phases(o)) for o in layer.operands] == [
        ("real", 8, 3, 0.4, 2)
    ] * 2
    spikes = Workload.from_layers([*BEFORE, {**numbers, "bits": 1, "signed": False}], steps=3).layer("scores")
    assert [(o.coding, phases(o)) for o in spikes.operands] == [("spikes", 1)] * 2


def test_a_product_in_a_table(tmp_path: Path) -> None:
    path = tmp_path / "attention.csv"
    path.write_text(
        "name,op,in_channels,out_channels,groups,in_size,bits,signed,neuron,inputs\n"
        "q,linear,12,12,1,5,8,yes,no,\nk,linear,12,12,1,5,8,yes,no,input\nscores,matmul,12,20,4,5,8,yes,no,q+k\n"
    )
    workload = Workload.from_csv(path)
    assert workload.layer("scores").inputs == ("q", "k")
    assert phases(workload.layer("q").operands[0]) == 2
    assert estimate(workload, "sata").total("energy_J")[0] > 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "inputs of a matmul name the layers of its left and its right operand, got 0"),
        ({"inputs": ("q",)}, "got 1; give two names"),
        ({"inputs": ("q", "v")}, "unknown input 'v'"),
        ({"inputs": ("q", "k"), "groups": 5}, "groups is 5, which does not divide in_channels 12"),
        ({"inputs": ("q", "k"), "signed": True}, "signed is set for inputs of 1 bit"),
        ({"inputs": ("q", "k"), "op": "matmull"}, "unknown op 'matmull'; did you mean 'matmul'"),
    ],
)
def test_wrong_products_are_told(change: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=f"layer 3: .*{words}"):
        Workload.from_layers([*BEFORE, {**ATTEND, **change}])
