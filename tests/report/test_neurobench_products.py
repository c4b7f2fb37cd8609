"""Attention in NeuroBench's metrics, in notes of comparisons, and in networks that are put on a chip."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from axbar._compare_notes import notes_on
from axbar._on_chip import _check_same_layers  # pyright: ignore[reportPrivateUsage]
from axbar.errors import ModelError
from axbar.nn.models.vit import vit_tiny
from axbar.report._export.neurobench import _connections, _operations  # pyright: ignore[reportPrivateUsage]
from axbar.workload import LayerTrace, Workload, macs, trace
from axbar.workload.interchange import save_nir


@pytest.fixture(scope="module")
def traced() -> Workload:
    return trace(vit_tiny(width=16, depth=1, heads=2, input_shape=(3, 8, 8)), torch.rand(2, 3, 8, 8))


def pairs(layer: LayerTrace) -> float:
    left, right = (o.words for o in layer.operands)
    assert left is not None and right is not None
    heads = np.moveaxis(left.reshape(2, layer.geometry.positions, layer.geometry.groups, -1), 2, 1) != 0
    return float((heads[..., None] * (right != 0)[:, :, None]).sum()) / 2


def test_effective_operations_meet_zeros_of_both_operands(traced: Workload) -> None:
    right = traced.layer("blocks.0.attn.mix").operands[1]
    assert right.words is not None
    few = replace(right, words=np.where(right.words > 60, right.words, 0).astype(np.uint8))
    changed = replace(
        traced,
        layers=tuple(
            replace(at, operands=(at.operands[0], few)) if at.name == "blocks.0.attn.mix" else at
            for at in traced.layers
        ),
    )
    before, after = (_operations(workload).value for workload in (traced, changed))
    old, new = (workload.layer("blocks.0.attn.mix") for workload in (traced, changed))
    assert before["Effective_MACs"] - after["Effective_MACs"] == pytest.approx(pairs(old) - pairs(new))
    assert pairs(new) < pairs(old)
    assert before["Effective_ACs"] == 0
    assert before["Dense"] == sum(macs(layer) for layer in traced.matmuls)


def test_products_have_no_connections(traced: Workload) -> None:
    assert _connections(traced).value == 0.0
    unknown = replace(
        traced, layers=tuple(replace(at, operands=()) if at.at_run_time else at for at in traced.layers)
    )
    assert _connections(unknown).value == 0.0


def test_a_network_of_zero_weights_is_told_with_attention(traced: Workload) -> None:
    silent = tuple(
        at if at.weight is None else replace(at, weight=np.zeros_like(at.weight)) for at in traced.layers
    )
    assert any(
        "all weights of this network are zero" in n for n in notes_on((), (), replace(traced, layers=silent))
    )
    assert not notes_on((), (), traced)


class Functional(nn.Module):
    """Attention by a function, which no chip can take the place of."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(4, 12)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        return F.scaled_dot_product_attention(q, k, v)


def converted(workload: Workload, without: tuple[str, ...] = ()) -> Any:
    layers = [at.name for at in workload.matmuls if not at.at_run_time and at.name not in without]
    products = [at.name for at in workload.matmuls if at.at_run_time and at.name not in without]
    return SimpleNamespace(chip_layers=dict.fromkeys(layers), chip_products=dict.fromkeys(products))


def test_products_that_are_no_modules_can_not_be_computed_as_the_chip_does(traced: Workload) -> None:
    _check_same_layers(converted(traced), traced)
    functional = trace(Functional(), torch.rand(2, 3, 4))
    names = tuple(at.name for at in functional.matmuls if at.at_run_time)
    with pytest.raises(
        ModelError, match=f"'{names[0]}' multiplies two .*write it as axbar.nn.attention.MatMul"
    ):
        _check_same_layers(converted(functional, names), functional)
    with pytest.raises(ModelError, match="'head' multiplies by a parameter that is no Conv2d"):
        _check_same_layers(converted(traced, ("head",)), traced)


def test_nir_has_no_node_for_attention(tmp_path: Any) -> None:
    pytest.importorskip("h5py")
    with pytest.raises(ModelError, match=r"'blocks.0.attn.scores' multiplies two operands.*no NIR node"):
        save_nir(vit_tiny(width=16, depth=1, heads=2, input_shape=(3, 8, 8)), tmp_path / "net.nir")
