"""Networks with norms and average pools, what they fire, and data to train them on."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from axbar.data import Dataset, load_data
from axbar.nn import IF, LIF, SpikingNetwork, TdBatchNorm2d, TrainConfig, build_model, train
from axbar.techniques import TechniqueResult, parse_technique


@cache
def data() -> Dataset:
    return load_data("fashion-mnist-small").subset(train=1000, calibration=100, test=100)


def images(count: int = 40) -> Tensor:
    return torch.from_numpy(data().test.images(slice(0, count)))


class PoolNet(SpikingNetwork):
    """conv-LIF-pool-conv-IF-pool-flatten-linear; average pools of 3 that overlap, and of 2 that leave pixels out."""

    def __init__(self, width: int = 6) -> None:
        super().__init__(4, (1, 28, 28), 10)
        self.conv1 = nn.Conv2d(1, width, 3, padding=1, bias=False)
        self.norm1, self.neuron1 = TdBatchNorm2d(width), LIF(beta=0.7)
        self.pool1 = nn.AvgPool2d(3, 2)
        self.conv2 = nn.Conv2d(width, 2 * width, 3, groups=2, bias=False)
        self.norm2, self.neuron2 = TdBatchNorm2d(2 * width), IF()
        self.pool2, self.flatten = nn.AvgPool2d(2), nn.Flatten()
        self.fc = nn.Linear(2 * width * 25, 10)

    def body(self, x: Tensor, batch: int) -> Tensor:
        x = self.pool1(self.fire(self.neuron1, self.norm1(self.conv1(x)), batch))
        x = self.pool2(self.fire(self.neuron2, self.norm2(self.conv2(x)), batch))
        return self.fc(self.flatten(x))


def trained(model: nn.Module, epochs: int = 1) -> nn.Module:
    train(model, data(), TrainConfig(epochs=epochs, batch_size=50, lr=4e-3))
    return model.eval()


@cache
def pool_net() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return trained(PoolNet(), 2)


@cache
def cnn_of(norm: str, reset: str = "subtract", beta: float = 0.7) -> nn.Module:
    return trained(build_model("spiking-cnn", width=4, steps=4, norm=norm, reset=reset, beta=beta))


def applied(text: str, model: nn.Module) -> TechniqueResult:
    technique, config = parse_technique(text)
    return technique.apply(model, None, data().tuning(), config)


def spikes_of(model: nn.Module, x: Tensor) -> tuple[list[Tensor], Tensor]:
    """Spikes of every neuron layer and the logits."""
    found: list[Tensor] = []
    neurons = [m for m in model.modules() if getattr(m, "is_neuron", False)]
    handles = [n.register_forward_hook(lambda _m, _x, made: found.append(made.detach())) for n in neurons]
    with torch.no_grad():
        logits = model(x)
    for handle in handles:
        handle.remove()
    return found, logits


def wide(model: nn.Module) -> Any:
    """A copy in double precision."""
    return copy.deepcopy(model).double().eval()


def mismatches(before: nn.Module, after: nn.Module, x: Tensor) -> tuple[int, int, float]:
    """Slots (neuron, step, image) of different spikes, spikes in all, and largest difference of logits."""
    (a, y), (b, z) = spikes_of(before, x), spikes_of(after, x)
    assert len(a) == len(b) > 0
    different = sum(int((p != q).sum()) for p, q in zip(a, b, strict=True))
    return different, int(sum(float(p.sum()) for p in a)), float((y - z).abs().max())
