"""Batch normalisation through time (BNTT), and what is left of it for inference.

    y[t] = γ[t]·(x[t] − μ[t]) / √(σ²[t] + ε)          μ[t], σ²[t] per channel over B, H, W of step t

γ, μ and σ² belong to one step t = 0..T−1 and one channel; there is no β. Kim & Panda, "Revisiting Batch Normalization
for Training Low-latency Deep Spiking Neural Networks from Scratch", Frontiers in Neuroscience 2021. With fixed
statistics the norm is one multiply-add per value,

    y[t] = a[t]·x[t] + b[t],      a = γ/√(σ² + ε),  b = −a·μ,

which differs from step to step and so can't go into one set of weights as tdBN does (``axbar.nn.norm``). It stays a
norm of the chip (``BNTT2d``, ``PerStepAffine``), or goes into the neurons behind it (``axbar.nn.PerStepLIF``).

Checked: of equal parameters at all steps it has the bits of ``nn.BatchNorm2d`` at inference.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from axbar.errors import ModelError

__all__ = ["BNTT1d", "BNTT2d", "PerStepAffine", "is_bntt"]


class _PerStep(nn.Module):
    """What acts on ``[T·B, C, ...]``, T outermost, by step and channel.

    ``per_step`` tells networks that it needs all steps, even where its input is constant over time; ``is_norm`` tells
    tracer and converter that it is a norm. It has no statistics that hold for all steps, so nothing folds it.
    """

    is_norm: ClassVar[bool] = True
    per_step: ClassVar[bool] = True
    running_mean: ClassVar[None] = None
    running_var: ClassVar[None] = None

    def __init__(self, num_features: int, steps: int) -> None:
        super().__init__()
        if num_features < 1 or steps < 1:
            raise ModelError(
                f"a norm by step needs channels and steps of 1 or more, got {num_features} and {steps}."
            )
        self.num_features, self.steps = num_features, steps

    def _parts(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the steps of ``[T·B, C, ...]``."""
        if x.ndim < 2 or x.shape[0] % self.steps or x.shape[1] != self.num_features:
            raise ModelError(
                f"{type(self).__name__} of {self.steps} steps and {self.num_features} channels got an input of shape "
                f"{tuple(x.shape)}; it takes [T·B, C, ...] with all steps in one call, time outermost."
            )
        return x.chunk(self.steps)

    def keep_steps(self, steps: int) -> None:
        """Forget what belongs to later steps, in place."""
        self.steps = steps

    def extra_repr(self) -> str:
        """Show the sizes in ``print(model)``."""
        return f"{self.num_features}, steps={self.steps}"


class _BNTT(_PerStep):
    """One batch norm without β per step, in ``norms``."""

    def __init__(self, num_features: int, steps: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__(num_features, steps)
        self.norms = nn.ModuleList(self._norm(eps, momentum) for _ in range(steps))
        for norm in self.norms:
            norm.register_parameter("bias", None)

    def _norm(self, eps: float, momentum: float) -> nn.Module:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each step of ``[T·B, C, ...]`` by itself.

        Raises:
            ModelError: the first axis does not hold T steps, or the channels are others.
        """
        return torch.cat([norm(part) for norm, part in zip(self.norms, self._parts(x), strict=True)])

    def keep_steps(self, steps: int) -> None:
        """Forget the norms of later steps, in place."""
        super().keep_steps(steps)
        self.norms = self.norms[:steps]

    def affine(self) -> tuple[Tensor, Tensor]:
        """Return a and b of ``a[t]·x + b[t]`` at inference, each ``[T, C]`` float64."""
        gamma, mean, var = (
            torch.stack([getattr(norm, name).detach().double() for norm in self.norms])
            for name in ("weight", "running_mean", "running_var")
        )
        eps = torch.tensor([float(norm.eps) for norm in self.norms], dtype=torch.float64)  # pyright: ignore[reportArgumentType]
        scale = gamma / torch.sqrt(var + eps.to(var.device)[:, None])
        return scale, -scale * mean


class BNTT2d(_BNTT):
    """BNTT on maps ``[T·B, C, H, W]``; arguments: channels, steps, ``eps``, ``momentum``.

    >>> BNTT2d(8, steps=4)(torch.rand(4 * 2, 8, 5, 5)).shape
    torch.Size([8, 8, 5, 5])
    """

    def _norm(self, eps: float, momentum: float) -> nn.Module:
        return nn.BatchNorm2d(self.num_features, eps=eps, momentum=momentum)


class BNTT1d(_BNTT):
    """BNTT on features ``[T·B, F]``; otherwise as ``BNTT2d``."""

    def _norm(self, eps: float, momentum: float) -> nn.Module:
        return nn.BatchNorm1d(self.num_features, eps=eps, momentum=momentum)


class PerStepAffine(_PerStep):
    """``y[t] = scale[t]·x[t] + shift[t]`` per channel: a BNTT with its statistics worked in.

    ``scale`` and ``shift`` are buffers ``[T, C]``, 1 and 0 at first.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, num_features: int, steps: int) -> None:
        super().__init__(num_features, steps)
        self.register_buffer("scale", torch.ones(steps, num_features))
        self.register_buffer("shift", torch.zeros(steps, num_features))

    def keep_steps(self, steps: int) -> None:
        """Forget the numbers of later steps, in place."""
        super().keep_steps(steps)
        self.scale, self.shift = self.scale[:steps], self.shift[:steps]

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[T·B, C, ...]``."""
        shape = (-1, *[1] * (x.ndim - 2))
        return torch.cat(
            [
                part * scale.view(shape) + shift.view(shape)
                for part, scale, shift in zip(self._parts(x), self.scale, self.shift, strict=True)
            ]
        )


def is_bntt(module: nn.Module) -> bool:
    """Whether a module is a BNTT with its own statistics."""
    return isinstance(module, _BNTT)
