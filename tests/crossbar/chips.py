"""Chips and networks for the tests of this room."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from axbar.crossbar import AnalogLayer
from axbar.spec import load_hardware
from axbar.spec.imc import ImcSpec

#: what these tests rest on, whatever the default preset says
BASE = {
    "device": "rram-neurram",
    "device.read_noise": 0.0,
    "crossbar.rows": 64,
    "crossbar.cols": 64,
    "crossbar.weight_bits": 4,
    "crossbar.cell_bits": 2,
    "input.bits": 8,
    "adc.bits": 5,
    "adc.calibration": "mse",
}
NO_WIRES = {"wires.r_row_ohm": 0.0, "wires.r_col_ohm": 0.0}
IDEAL = {"device": "ideal", "adc.bits": 12, **NO_WIRES}


def chip(changes: dict[str, Any] | None = None) -> ImcSpec:
    """The base chip with changes."""
    spec = load_hardware("imc-rram-65nm").replace({**BASE, **(changes or {})})
    assert isinstance(spec, ImcSpec)
    return spec


class full_path:
    """Inside, no layer takes the short cut of one effective matrix."""

    def __enter__(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(AnalogLayer, "collapsed", property(lambda layer: False))

    def __exit__(self, *_: object) -> None:
        self.patch.undo()


class Fire(nn.Module):
    """Leaky neuron with soft reset on ``[T, ...]``."""

    is_neuron = True

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.beta, self.threshold, self.reset = 0.5, threshold, "subtract"
        self.input_scale, self.strict = 1.0, False

    def forward(self, x: Tensor) -> Tensor:
        u, out = torch.zeros_like(x[0]), []
        for step in x:
            u = self.beta * u + step
            fired = (u >= self.threshold).to(x.dtype)
            u = u - fired * self.threshold
            out.append(fired)
        return torch.stack(out)


class SpikingNet(nn.Module):
    """conv - fire - pool - conv - fire - linear on 8x8 images, direct coding."""

    def __init__(self, steps: int = 3, norm: bool = False) -> None:
        super().__init__()
        self.steps, self.input_shape, self.classes = steps, (1, 8, 8), 4
        self.first = nn.Conv2d(1, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6) if norm else nn.Identity()
        self.second = nn.Conv2d(6, 8, 3, padding=1, stride=2)
        self.last = nn.Linear(8 * 2 * 2, 4)
        self.fire1, self.fire2 = Fire(0.3), Fire(0.2)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        t, b = self.steps, len(x)
        now = self.norm(self.first(x)).expand(t, b, 6, 8, 8)
        spikes = self.pool(self.fire1(now).flatten(0, 1))
        spikes = self.fire2(self.second(spikes).unflatten(0, (t, b))).flatten(0, 1)
        return self.last(spikes.flatten(1)).unflatten(0, (t, b))

    def describe(self) -> str:
        """A method of the user's own."""
        return f"{self.steps} steps"


def spiking_net(seed: int = 0, norm: bool = False) -> SpikingNet:
    """A network whose neurons do fire."""
    torch.manual_seed(seed)
    return SpikingNet(norm=norm).eval()


def images(n: int = 8, seed: int = 1) -> Tensor:
    """Images with 256 grey levels, ``[n, 1, 8, 8]``."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, 1, 8, 8), generator=generator).float() / 255
