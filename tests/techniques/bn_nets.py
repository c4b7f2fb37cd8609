"""Networks with batch norms, and flaws of arrays as plain modules, for the tests of this room."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from axbar.data import Dataset
from axbar.nn import TdBatchNorm2d
from axbar.spec import load_hardware
from axbar.spec.imc import ImcSpec


def blobs(count: int = 400, seed: int = 0) -> Dataset:
    """8x8 images with noise, bright in one of four quarters: the class."""
    rng = np.random.default_rng(seed)

    def part(n: int) -> tuple[np.ndarray, np.ndarray]:
        y = np.sort(np.arange(n, dtype=np.int64) % 4)  # sorted, as data sets may come
        x = rng.uniform(0, 0.9, (n, 1, 8, 8)).astype(np.float32)
        for image, label in zip(x, y, strict=True):
            row, col = 4 * (label // 2), 4 * (label % 2)
            image[0, row : row + 4, col : col + 4] += 0.18
        return np.clip(x, 0, 1), y

    return Dataset.from_arrays("blobs", part(count), part(200), ("a", "b", "c", "d"), calibration=16)


class Flaw(nn.Module):
    """``gain z + offset`` per channel: what the arrays of the layer before do to it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("gain", torch.ones(channels))
        self.register_buffer("offset", torch.zeros(channels))

    def forward(self, z: Tensor) -> Tensor:
        shape = (-1, *[1] * (z.dim() - 2))
        return z * self.gain.view(shape) + self.offset.view(shape)


def network(eps: float = 1e-5, seed: int = 0, td: bool = False) -> nn.Sequential:
    """Two convolutions and a linear layer with norms, then a classifier."""
    torch.manual_seed(seed)
    norm = (
        (lambda c: TdBatchNorm2d(c, threshold=0.5, eps=eps)) if td else (lambda c: nn.BatchNorm2d(c, eps=eps))
    )
    model = nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1, bias=False), Flaw(6), norm(6), nn.ReLU(),
        nn.Conv2d(6, 8, 3, padding=1, stride=2), Flaw(8), norm(8), nn.ReLU(),
        nn.Flatten(), nn.Linear(128, 12), Flaw(12), nn.BatchNorm1d(12, eps=eps), nn.ReLU(),
        nn.Linear(12, 4),
    )  # fmt: skip
    with torch.no_grad():
        for module in model:
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.weight.uniform_(0.5, 1.5)
                module.bias.uniform_(-0.5, 0.5)
    return model.eval()


def trained(steps: int = 80) -> nn.Sequential:
    """The network above, trained on ``blobs``."""
    model, data = network().train(), blobs().train
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        index = torch.randint(0, len(data.y), (64,), generator=generator).numpy()
        loss = nn.functional.cross_entropy(
            model(torch.from_numpy(data.images(index))), torch.from_numpy(data.labels(index))
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


def plain_network(seed: int = 0) -> nn.Sequential:
    """The untrained network without the modules for flaws, as it goes to a chip."""
    return nn.Sequential(*(module for module in network(seed=seed) if not isinstance(module, Flaw))).eval()


def plain_trained() -> nn.Sequential:
    """The trained network without the modules for flaws."""
    return nn.Sequential(*(module for module in trained() if not isinstance(module, Flaw))).eval()


def chip(**changes: object) -> ImcSpec:
    """A small chip of exact cells, without wires, whose converters lose nothing; with changes."""
    base = {
        "device": "ideal", "crossbar.rows": 32, "crossbar.cols": 32, "crossbar.weight_bits": 8,
        "crossbar.cell_bits": 4, "input.bits": 8, "adc.bits": 12,
        "wires.r_row_ohm": 0.0, "wires.r_col_ohm": 0.0,
    }  # fmt: skip
    spec = load_hardware("imc-rram-65nm").replace(
        {**base, **{k.replace("__", "."): v for k, v in changes.items()}}
    )
    assert isinstance(spec, ImcSpec)
    return spec


def changed(before: nn.Module, after: nn.Module) -> set[str]:
    """Names of parameters and buffers that differ in any bit."""
    old, new = before.state_dict(), after.state_dict()
    assert old.keys() == new.keys()
    return {name for name in old if not torch.equal(old[name], new[name])}
