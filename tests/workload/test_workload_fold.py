"""Folding norms: the same outputs, the same other keys, and only where the graph allows it."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from workload_nets import Folded, Loop, with_statistics

from axbar.errors import ModelError
from axbar.workload import fold_norms, trace


class Scaled(nn.BatchNorm2d):
    """A norm in the style of tdBN: its scale is multiplied by a constant."""

    fold_scale = 0.7

    def forward(self, x):
        weight = self.weight * self.fold_scale
        return nn.functional.batch_norm(
            x, self.running_mean, self.running_var, weight, self.bias, False, 0.1, self.eps
        )


def outputs(model: nn.Module, batch: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(batch)


def norms_in(model: nn.Module) -> list[str]:
    return [name for name, m in model.named_modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]


def plain(*layers: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    return with_statistics(nn.Sequential(*layers))


NETS = {
    "conv": lambda: plain(nn.Conv2d(2, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU()),
    "with bias": lambda: plain(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4)),
    "depthwise": lambda: plain(nn.Conv2d(2, 4, 3, groups=2), nn.BatchNorm2d(4)),
    "scaled": lambda: plain(nn.Conv2d(2, 4, 3), Scaled(4), nn.ReLU()),
    "two norms": lambda: plain(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.BatchNorm2d(4)),
    "linear": lambda: plain(
        nn.Flatten(), nn.Linear(72, 6, bias=False), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 2)
    ),
}


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-5), (torch.float64, 1e-10)])
def test_outputs_stay(name, dtype, tolerance):
    net = NETS[name]().to(dtype)
    batch = torch.rand(3, 2, 6, 6, dtype=dtype)
    folded = fold_norms(net, batch)
    assert len(norms_in(folded)) < len(norms_in(net))
    expected = outputs(net, batch)
    assert (outputs(folded, batch) - expected).abs().max() <= tolerance * (1 + expected.abs().max())
    assert next(folded.parameters()).dtype == dtype


@pytest.mark.parametrize("make", [Folded, Loop])
def test_spiking_networks_keep_their_outputs(make):
    torch.manual_seed(0)
    net = with_statistics(make()).double()
    batch = torch.rand(3, 1, 8, 8, dtype=torch.float64)
    folded = fold_norms(net, batch)
    assert norms_in(folded) == []
    torch.testing.assert_close(outputs(folded, batch), outputs(net, batch), rtol=0, atol=1e-10)
    assert (outputs(net, batch) != 0).any()


def test_the_original_and_all_other_keys_stay():
    net = with_statistics(Folded())
    before = copy.deepcopy(net.state_dict())
    folded = fold_norms(net.train(), torch.rand(2, 1, 8, 8))
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    assert isinstance(folded.norm, nn.Identity) and folded.training and folded.stem.training
    gone = {key for key in before if key.startswith(("norm.", "norm2."))}
    assert set(folded.state_dict()) == set(before) - gone | {"stem.bias"}
    for key in ("fc.weight", "down.weight", "around.bias"):
        assert torch.equal(folded.state_dict()[key], before[key])
    assert folded.steps == 4


def test_what_trace_reports_is_what_fold_makes():
    net = with_statistics(Folded())
    batch = torch.rand(2, 1, 8, 8)
    workload, folded = trace(net, batch), fold_norms(net, batch)
    for layer in workload.matmuls:
        module = folded.get_submodule(layer.name)
        torch.testing.assert_close(torch.tensor(layer.weight), module.weight.detach(), rtol=1e-6, atol=1e-7)
        torch.testing.assert_close(torch.tensor(layer.bias), module.bias.detach(), rtol=1e-6, atol=1e-7)


class Branches(nn.Module):
    """One conv and norm, wired by ``way``."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.conv, self.norm, self.way = nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), way
        self.flat, self.tokens = nn.BatchNorm1d(4 * 36), nn.BatchNorm1d(4)
        self.fc, self.pair = nn.Linear(36, 4), nn.Linear(6, 6)

    def forward(self, x):
        y = self.conv(x)
        if self.way == "also read elsewhere":
            return self.norm(y) + y
        if self.way == "also an output":
            return self.norm(y), y
        if self.way == "behind an activation":
            return self.norm(y.relu())
        if self.way == "of two sums":
            return self.norm(y + self.conv(x + 1))
        if self.way == "in front":
            return self.conv(self.norm(torch.cat([x, x], 1))[:, :2])
        if self.way == "on flattened maps":
            return self.flat(y.flatten(1))
        if self.way == "on tokens":  # axis 1 of [B, 4 tokens, 4 features] is not that of the layer's outputs
            return self.tokens(self.fc(y.flatten(2)))
        if self.way == "across a transposed map":
            return self.norm(y.permute(0, 2, 3, 1)[:, :4].contiguous())
        if self.way == "also between other layers":
            return self.norm(y) + self.norm(self.pair(y))
        raise AssertionError(self.way)


WAYS = [
    "also read elsewhere", "also an output", "behind an activation", "of two sums", "in front", "on "
    "flattened maps",
    "on tokens", "across a transposed map", "also between other layers",
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_norms_that_can_not_fold_stay(way):
    torch.manual_seed(0)
    net = with_statistics(Branches(way))
    batch = torch.rand(2, 2, 6, 6)
    folded = fold_norms(net, batch)
    assert norms_in(folded) == norms_in(net)
    found, expected = outputs(folded, batch), outputs(net, batch)
    torch.testing.assert_close(found, expected)
    if way != "also an output":
        assert [layer.op for layer in trace(net, batch, steps=1).layers].count("norm") >= 1


def test_norms_behind_moved_channels_fold():
    class Moved(nn.Module):
        """[B, T, C, H, W] maps through a norm over [B, C, T, H, W], as some temporal norms do."""

        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(1, 3, 3), nn.BatchNorm3d(3)

        def forward(self, x):
            y = self.conv(x.flatten(0, 1)).unflatten(0, x.shape[:2])
            return self.norm(y.transpose(1, 2)).transpose(1, 2)

    class Unfolded(nn.BatchNorm2d):
        """[T, B, C, H, W] through a norm over [T * B, C, H, W]."""

        def forward(self, x):
            return super().forward(x.flatten(0, 1)).unflatten(0, x.shape[:2])

    class Kept(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(1, 3, 3), Unfolded(3)

        def forward(self, x):
            return self.norm(self.conv(x.flatten(0, 1)).unflatten(0, x.shape[:2]))

    kept = with_statistics(Kept())
    batch = torch.rand(2, 3, 1, 5, 5)
    torch.testing.assert_close(
        outputs(fold_norms(kept, batch), batch), outputs(kept, batch), rtol=1e-5, atol=1e-5
    )
    assert norms_in(fold_norms(kept, batch)) == []
    net = with_statistics(Moved())
    batch = torch.rand(2, 3, 1, 5, 5)
    folded = fold_norms(net, batch)
    assert norms_in(folded) == []
    torch.testing.assert_close(outputs(folded, batch), outputs(net, batch), rtol=1e-5, atol=1e-5)


def test_norms_that_compute_something_else_stay():
    class Odd(nn.BatchNorm2d):
        def forward(self, x):
            return super().forward(x) * 2

    net = plain(nn.Conv2d(2, 4, 3), Odd(4))
    assert norms_in(fold_norms(net, torch.rand(2, 2, 6, 6))) == ["1"]


def test_norms_without_statistics_stay():
    net = plain(nn.Conv2d(2, 4, 3), nn.ReLU())
    net[1] = nn.BatchNorm2d(4, track_running_stats=False)
    assert norms_in(fold_norms(net, torch.rand(2, 2, 6, 6))) == ["1"]


def test_tied_weights_are_untied():
    net = plain(
        nn.Conv2d(2, 2, 3, padding=1, bias=False),
        nn.BatchNorm2d(2),
        nn.Conv2d(2, 2, 3, padding=1, bias=False),
    )
    net[2].weight = net[0].weight
    batch = torch.rand(2, 2, 6, 6)
    torch.testing.assert_close(
        outputs(fold_norms(net, batch), batch), outputs(net, batch), rtol=1e-5, atol=1e-5
    )


def test_weights_that_are_not_finite():
    net = plain(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4))
    net[1].running_var.fill_(float("inf"))
    with pytest.raises(ModelError, match=r"1.running_var"):
        fold_norms(net, torch.rand(2, 2, 6, 6))
