"""Surrogate gradients: what stands for the derivative of a spike.

A neuron fires when its membrane potential ``h`` reaches the threshold ``θ``: s = [u ≥ 0] with u = h − θ. The
derivative is zero almost everywhere; training puts a bump s'(u) around the threshold in its place. Each bump
here has unit area, and is the derivative of a smooth step from 0 to 1.

| name | s'(u) | reference |
|---|---|---|
| atan | (α/2) / (1 + (παu/2)²) | Fang et al. (PLIF), ICCV 2021 |
| triangle | max(0, γ − |u|) / γ² | Deng et al. (TET), ICLR 2022 |
| rect | [|u| < a/2] / a | Wu et al. (STBP), Front. Neurosci. 2018 |

Each is a frozen dataclass of one number. The work is done in place on scratch memory, so that the step loop
and the fused neuron run the same operations and give the same bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from axbar.errors import ModelError, unknown_name

__all__ = ["SURROGATES", "Atan", "Rect", "Surrogate", "Triangle", "surrogate_of"]


@dataclass(frozen=True)
class Surrogate:
    """A threshold in the forward pass, a bump in the backward pass."""

    name: ClassVar[str] = ""

    def fire(self, h: Tensor, theta: float | Tensor, strict: bool, out: Tensor) -> Tensor:
        """Write [h ≥ θ] (``strict``: [h > θ]) as 0 and 1 into ``out`` and return it.

        A subclass may write the smooth step instead; then the gradients are exact derivatives, which is how
        they are checked against finite differences.
        """
        return torch.gt(h, theta, out=out) if strict else torch.ge(h, theta, out=out)

    def weigh(self, u: Tensor, grad: Tensor, out: Tensor) -> Tensor:
        """Write ``grad · s'(u)`` into ``out``; ``u`` is scratch and is overwritten, ``out`` may be ``u``."""
        raise NotImplementedError

    def slope(self, u: Tensor) -> Tensor:
        """Return s'(u), same shape as ``u = h − θ``.

        >>> Rect(width=2.0).slope(torch.tensor([-1.5, 0.0]))
        tensor([0.0000, 0.5000])
        """
        return self.weigh(u.clone(), torch.ones_like(u), torch.empty_like(u))


def _positive(surrogate: Surrogate, field: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ModelError(f"surrogate '{surrogate.name}' has {field} = {value}; give a finite number above 0.")


@dataclass(frozen=True)
class Atan(Surrogate):
    """Derivative of the arc tangent step; ``alpha`` is twice its height."""

    name: ClassVar[str] = "atan"
    alpha: float = 2.0

    def __post_init__(self) -> None:
        _positive(self, "alpha", self.alpha)

    def weigh(self, u: Tensor, grad: Tensor, out: Tensor) -> Tensor:
        u.mul_(math.pi * self.alpha / 2).square_().add_(1.0)
        torch.div(grad, u, out=out)
        return out if self.alpha == 2.0 else out.mul_(self.alpha / 2)


@dataclass(frozen=True)
class Triangle(Surrogate):
    """Triangle that reaches ``gamma`` to either side of the threshold."""

    name: ClassVar[str] = "triangle"
    gamma: float = 1.0

    def __post_init__(self) -> None:
        _positive(self, "gamma", self.gamma)

    def weigh(self, u: Tensor, grad: Tensor, out: Tensor) -> Tensor:
        u.abs_().sub_(self.gamma).clamp_(max=0.0).mul_(-1.0 / self.gamma**2)
        return torch.mul(grad, u, out=out)


@dataclass(frozen=True)
class Rect(Surrogate):
    """Rectangle of full width ``width`` around the threshold."""

    name: ClassVar[str] = "rect"
    width: float = 1.0

    def __post_init__(self) -> None:
        _positive(self, "width", self.width)

    def weigh(self, u: Tensor, grad: Tensor, out: Tensor) -> Tensor:
        u.abs_().lt_(self.width / 2)
        torch.mul(grad, u, out=out)
        return out if self.width == 1.0 else out.mul_(1.0 / self.width)


#: name -> surrogate with the parameter of its paper
SURROGATES: dict[str, Surrogate] = {s.name: s for s in (Atan(), Triangle(), Rect())}


def surrogate_of(which: str | Surrogate) -> Surrogate:
    """Return the surrogate of a name; a surrogate is returned as it is.

    Raises:
        ModelError: no surrogate has that name.
    """
    if isinstance(which, Surrogate):
        return which
    if which not in SURROGATES:
        raise ModelError(unknown_name("surrogate", which, SURROGATES))
    return SURROGATES[which]
