"""Products of run-time operands in traces: attention in all its spellings, steps, files, gradients, errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from axbar.errors import TraceError
from axbar.nn.attention import Attention, MatMul
from axbar.nn.neurons import LIF
from axbar.workload import LayerTrace, Workload, active_rows, macs, synops, trace

WIDTH, HEADS, TOKENS = 12, 3, 5


def functional(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(q, k, v)


def written_out(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return ((q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)).softmax(-1) @ v


def folded(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    left, right, values = (t.reshape(-1, TOKENS, q.shape[-1]) for t in (q, k, v))
    scores = torch.bmm(left * left.shape[-1] ** -0.5, right.transpose(1, 2)).softmax(-1)
    return torch.bmm(scores, values).reshape(q.shape)


class Net(nn.Module):
    def __init__(self, how: Callable[..., Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.qkv, self.head, self.how = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, 4), how

    def forward(self, x: Tensor) -> Tensor:
        split = self.qkv(x).view(len(x), TOKENS, 3, HEADS, WIDTH // HEADS)
        y = self.how(*split.permute(2, 0, 3, 1, 4).unbind(0))
        return self.head(y.transpose(1, 2).reshape(len(x), TOKENS, WIDTH).mean(1))


def products(workload: Workload) -> list[LayerTrace]:
    return [layer for layer in workload.matmuls if layer.at_run_time]


def values(layer: LayerTrace, which: int) -> Any:
    operand = layer.operands[which]
    assert operand.words is not None
    sign = 1.0 if operand.negative is None else np.where(operand.negative, -1.0, 1.0)
    return operand.words * sign * operand.scale


@pytest.mark.parametrize("how", [functional, written_out, folded])
def test_all_spellings_of_attention_give_the_same_products(how: Callable[..., Tensor]) -> None:
    batch = torch.rand(3, TOKENS, WIDTH)
    scores, mix = products(trace(Net(how), batch))
    assert (scores.geometry.in_shape, scores.geometry.out_shape) == (
        (TOKENS, WIDTH),
        (TOKENS, HEADS * TOKENS),
    )
    assert (mix.geometry.in_shape, mix.geometry.out_shape) == ((TOKENS, HEADS * TOKENS), (TOKENS, WIDTH))
    assert scores.geometry.groups == mix.geometry.groups == HEADS
    assert scores.geometry.fan_in == WIDTH // HEADS and scores.geometry.fan_out == TOKENS
    assert macs(scores) == macs(mix) == TOKENS * TOKENS * WIDTH
    assert [o.shape for o in scores.operands] == [(TOKENS, WIDTH), (HEADS, WIDTH // HEADS, TOKENS)]
    assert [o.shape for o in mix.operands] == [(TOKENS, HEADS * TOKENS), (HEADS, TOKENS, WIDTH // HEADS)]
    assert (
        set(scores.inputs) >= {"qkv"}
        and "qkv" in mix.inputs
        and any("softmax" in name for name in mix.inputs)
    )
    assert all(layer.weight is None and layer.operands[0].words is not None for layer in (scores, mix))
    assert synops(mix) == macs(mix)  # no share of a softmax is zero in 8 bits here


@pytest.mark.parametrize("how", [functional, written_out, folded])
def test_operands_hold_what_was_multiplied(how: Callable[..., Tensor]) -> None:
    batch, net = torch.rand(3, TOKENS, WIDTH), Net(how)
    scores, mix = products(trace(net, batch))
    query, key, value = net.qkv(batch).detach().view(3, TOKENS, 3, HEADS, -1).permute(2, 0, 3, 1, 4).numpy()
    at = np.moveaxis(query, 1, 2).reshape(3, TOKENS, WIDTH) * (WIDTH // HEADS) ** -0.5
    assert np.abs(values(scores, 0) - at).max() <= scores.operands[0].scale * 0.501
    assert np.abs(values(scores, 1) - key.swapaxes(-1, -2)).max() <= scores.operands[1].scale * 0.501
    assert np.abs(values(mix, 1) - value).max() <= mix.operands[1].scale * 0.501
    shares = values(mix, 0).reshape(3, TOKENS, HEADS, TOKENS).sum(-1)
    assert shares == pytest.approx(1.0, abs=TOKENS * mix.operands[0].scale)
    assert active_rows(mix).shape == (HEADS * TOKENS,)


@pytest.mark.parametrize(
    "options",
    [{}, {"is_causal": True}, {"scale": 0.3}, {"mask": "float"}, {"mask": "bool"}, {"enable_gqa": True}],
)
def test_functional_attention_is_followed_with_all_its_options(options: dict[str, Any]) -> None:
    given = dict(options)
    mask = given.pop("mask", None)
    if mask == "float":
        given["attn_mask"] = torch.randn(TOKENS, TOKENS)
    elif mask == "bool":
        given["attn_mask"] = torch.rand(TOKENS, TOKENS).round().bool() | torch.eye(TOKENS, dtype=torch.bool)

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        if "enable_gqa" in given:
            k, v = k[:, :1], v[:, :1]
        return F.scaled_dot_product_attention(q, k, v, **given)

    net, batch = Net(attend).eval(), torch.rand(2, TOKENS, WIDTH)
    expected = net(batch).detach()
    workload = trace(net, batch)
    assert len(products(workload)) == 2
    head = workload.layer("head")
    pooled = torch.from_numpy(values(head, 0)).float()
    assert torch.allclose(pooled @ net.head.weight.detach().T + net.head.bias.detach(), expected, atol=0.02)


def test_attention_of_axbar_names_its_products() -> None:
    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attn, self.head = Attention(WIDTH, HEADS), nn.Linear(WIDTH, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.attn(x).mean(1))

    workload = trace(Whole(), torch.rand(2, TOKENS, WIDTH))
    assert [layer.name for layer in workload.matmuls] == [
        "attn.qkv", "attn.scores", "attn.mix", "attn.proj", "head",
    ]  # fmt: skip
    assert {row["name"]: row["params"] for row in workload.summary()}["attn.mix"] == 0
    assert workload.layer("attn.softmax").geometry.out_shape == (HEADS, TOKENS, TOKENS)


class Spiking(nn.Module):
    """Attention of spikes over T steps, all in one call or step by step."""

    def __init__(self, loop: bool) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.steps, self.loop = 3, loop
        self.first, self.fire = nn.Linear(4, 4), LIF()
        self.scores, self.head = MatMul(), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        spikes = self.fire(torch.stack([self.first(x) * (t + 1.0) for t in range(self.steps)]))
        if self.loop:
            mixed = torch.stack([self.scores(s, s.transpose(-2, -1)) for s in spikes])
        else:
            mixed = self.scores(spikes, spikes.transpose(-2, -1))
        return self.head(mixed[..., :4].mean(-2))


def test_spikes_are_told_apart_by_step() -> None:
    batch = 2 * torch.rand(2, 4, 4)
    found = [products(trace(Spiking(loop), batch))[0] for loop in (False, True)]
    for layer in found:
        assert layer.steps == (0, 1, 2)
        assert [(o.coding, o.steps) for o in layer.operands] == [("spikes", 3), ("spikes", 3)]
        left, right = (o.words for o in layer.operands)
        assert left is not None and right is not None and left.any()
        assert np.array_equal(left[:, None], right.swapaxes(-1, -2))  # one head
    assert np.array_equal(found[0].operands[0].words, found[1].operands[0].words)  # pyright: ignore[reportArgumentType]


def test_a_workload_with_products_comes_back_from_a_file(tmp_path: Path) -> None:
    workload = trace(Net(functional), torch.rand(2, TOKENS, WIDTH))
    workload.save(tmp_path / "w.npz")
    again = Workload.load(tmp_path / "w.npz")
    assert again.hash() == workload.hash()
    for one, other in zip(products(workload), products(again), strict=True):
        assert np.array_equal(one.operands[1].words, other.operands[1].words)  # pyright: ignore[reportArgumentType]


def test_gradients_of_products_are_masked_by_token() -> None:
    from axbar.workload import backward_synops, update_synops

    workload = trace(Net(written_out), torch.rand(2, TOKENS, WIDTH), labels=torch.tensor([1, 3]))
    assert workload.grad is not None
    for layer in products(workload):
        grad = workload.grad[layer.name]
        assert grad.du.shape == (2, *layer.geometry.out_shape)
        assert backward_synops(layer, grad).tolist() == [float(macs(layer))]
        assert update_synops(layer, grad)[0] == pytest.approx(synops(layer))


def test_the_batch_must_stand_in_front_of_both_operands() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            y = self.fc(x)
            return y @ y.mean(0).transpose(-2, -1)

    with pytest.raises(TraceError, match=r"product of \[\d, 5, 4\] and \[4, 5\].*batch in front"):
        trace(Shared(), torch.rand(2, 5, 4))


def test_a_batch_of_stored_matrices_is_refused() -> None:
    class Grouped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.rand(2, 4, 4))

        def forward(self, x: Tensor) -> Tensor:
            return torch.bmm(x, self.w)

    with pytest.raises(TraceError, match=r"'bmm'.*w with two axes"):
        trace(Grouped(), torch.rand(2, 5, 4))
