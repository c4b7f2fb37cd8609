"""Layers that the networks need beside those of torch: scaled inputs, sine, random Fourier features; perceptrons."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from axbar.errors import OptionError, UsageError, is_whole, unknown_name

__all__ = [
    "ACTIVATIONS",
    "Box",
    "FourierFeatures",
    "Sine",
    "UnitBox",
    "check_box",
    "check_spreads",
    "check_widths",
    "perceptron",
]

#: lower and upper end of each axis
Box = Sequence[tuple[float, float]]


class Sine(nn.Module):
    """sin(x), element by element.

    >>> Sine()(torch.zeros(2))
    tensor([0., 0.])
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return sin(x)."""
        return torch.sin(x)


class UnitBox(nn.Module):
    """Scale a box to -1..1 on each axis, ``[..., D]`` to ``[..., D]``.

    >>> UnitBox([(0.0, 4.0)])(torch.tensor([[1.0]]))
    tensor([[-0.5000]])
    """

    middle: Tensor
    half_width: Tensor

    def __init__(self, box: Box) -> None:
        super().__init__()
        check_box(box)
        self.register_buffer("middle", torch.tensor([(low + high) / 2 for low, high in box]))
        self.register_buffer("half_width", torch.tensor([(high - low) / 2 for low, high in box]))

    def forward(self, x: Tensor) -> Tensor:
        """Return scaled points."""
        return (x - self.middle) / self.half_width


class FourierFeatures(nn.Module):
    """cos Bx and sin Bx of scaled inputs, ``[..., D]`` to ``[..., 2 F Π]``, with fixed random frequencies B.

    A tanh network learns slow waves first and fast ones hardly at all; features of the right frequencies mend that
    (Wang, Wang and Perdikaris, Comput. Methods Appl. Mech. Eng. 384, 2021).

    Args:
        sigmas: per axis the spreads of its frequencies, normal with mean 0, in radians per half box; one block of
            ``count`` features for each way to pick one spread per axis.
        count: F, features of a block.
        generator: source of the frequencies.
    """

    frequencies: Tensor

    def __init__(self, sigmas: Sequence[Sequence[float]], count: int, generator: torch.Generator) -> None:
        super().__init__()
        if not sigmas or any(not axis or min(axis) < 0 for axis in sigmas):
            raise OptionError(
                f"spreads {sigmas} of Fourier features: each axis needs one or more, 0 or above."
            )
        if not is_whole(count, 1, 4096):
            raise OptionError(f"{count} Fourier features per block are out of range; give 1 to 4096.")
        spreads = torch.cartesian_prod(*(torch.tensor([float(s) for s in axis]) for axis in sigmas))
        spreads = spreads.reshape(-1, 1, len(sigmas))
        drawn = torch.randn(len(spreads), count, len(sigmas), generator=generator)
        self.register_buffer("frequencies", (drawn * spreads).flatten(0, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the features."""
        phase = x @ self.frequencies.T
        return torch.cat([torch.cos(phase), torch.sin(phase)], -1)


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "gelu": nn.GELU,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "sin": Sine,
    "tanh": nn.Tanh,
}


def perceptron(widths: Sequence[int], activation: str) -> nn.Sequential:
    """Return linear layers of the given widths with an activation between them, Glorot weights and zero biases.

    Weights are drawn from torch's global generator; call it inside ``seeded``. A single input keeps torch's uniform
    biases: with zero ones all units of the first layer would turn at the same point.

    Raises:
        UsageError: the activation is unknown.
        OptionError: a width is out of range.
    """
    if activation not in ACTIVATIONS:
        raise UsageError(unknown_name("activation", activation, ACTIVATIONS))
    check_widths(widths)
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layer = nn.Linear(inputs, outputs)
        if inputs > 1:
            nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
        layers += [layer, ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


def check_widths(widths: Sequence[int]) -> None:
    """Raise an OptionError for layers of no or too many units."""
    if len(widths) < 2 or not all(is_whole(width, 1, 65536) for width in widths):
        raise OptionError(
            f"layer widths {list(widths)} are out of range; give two or more whole numbers from 1 to 65536."
        )


def check_spreads(spreads: Sequence[Sequence[float]], dimension: int) -> None:
    """Raise an OptionError for spreads of Fourier features of another number of axes."""
    if len(spreads) != dimension:
        raise OptionError(
            f"spreads {list(spreads)} of Fourier features must be one list per axis; give {dimension}."
        )


def check_box(box: Box) -> None:
    """Raise an OptionError for a box without volume."""
    if not box or not all(math.isfinite(low) and math.isfinite(high) and low < high for low, high in box):
        raise OptionError(
            f"a box of {list(box)} has no volume; give each axis a lower and a higher finite end."
        )
