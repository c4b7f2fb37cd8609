"""Weights and biases of a layer, fitted so that on its new inputs it gives what the reference gives.

With X̂ the mean inputs of a layer in the converted network (and a column of ones where it has a bias), Z the reference's
outputs of that layer and W the weights, bias included:

    least squares   W ← W + (X̂ᵀX̂ + μ tr(X̂ᵀX̂)/n I)⁻¹ X̂ᵀ (Z - X̂ W)
    bias shift      b ← b + E(Z - X̂ W), mean over samples and positions

The first is the closed form of the layer-wise "advanced" pipeline of Li et al., "A free lunch from ANN", ICML 2021,
which descends by gradient; the second is their "light" one.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from axbar.calibration._engine import Step, Unit
from axbar.errors import UsageError

__all__ = ["BiasShift", "LeastSquares"]

_SAMPLES_AT_ONCE = 32


class LeastSquares(Step):
    """Fit linear and convolutional layers (one group) in closed form, in float64.

    Args:
        mu: ridge, relative to the mean eigenvalue; above 0.
    """

    name = "least-squares"

    def __init__(self, mu: float = 1e-3) -> None:
        if not 0 < mu < float("inf"):
            raise UsageError(f"mu = {mu} is out of range; give a finite number above 0.")
        self._mu = mu

    def takes(self, module: nn.Module) -> bool:
        """Return whether a layer is linear in rows of inputs."""
        return isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1)

    def fit(self, unit: Unit) -> float:
        """Change the weights; return the share of the squared error that they take away."""
        layer = unit.module
        assert isinstance(layer, nn.Linear | nn.Conv2d)
        with torch.no_grad():
            error = unit.wanted - layer.forward(unit.mean_x)
            square, cross = 0.0, 0.0
            for x, lacking in _rows(layer, unit.mean_x, error):
                square, cross = square + x.T @ x, cross + x.T @ lacking
            assert isinstance(square, Tensor) and isinstance(cross, Tensor)
            ridge = self._mu * square.diagonal().mean().clamp(min=torch.finfo(torch.float64).tiny)
            change = torch.linalg.solve(square + ridge * torch.eye(len(square), dtype=square.dtype), cross)
            _add(layer, change)
            left = unit.wanted - layer.forward(unit.mean_x)
        before = float(error.double().square().sum())
        return 1 - float(left.double().square().sum()) / before if before else 0.0


class BiasShift(Step):
    """Shift the bias of every linear, convolutional or batch-norm layer that has one."""

    name = "bias-shift"

    def takes(self, module: nn.Module) -> bool:
        """Return whether a layer has a bias per channel."""
        kinds = (
            nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d
        )
        return isinstance(module, kinds) and module.bias is not None

    def fit(self, unit: Unit) -> float:
        """Change the bias; return the RMS shift relative to the RMS output."""
        bias = unit.module.bias
        assert isinstance(bias, Tensor)
        axis = -1 if isinstance(unit.module, nn.Linear) else 1
        with torch.no_grad():
            error = unit.wanted - unit.module.forward(unit.mean_x)
            shift = error.movedim(axis, 0).flatten(1).mean(1)
            bias.add_(shift)
        scale = unit.wanted.square().mean().sqrt()
        return float(shift.square().mean().sqrt() / scale) if scale else 0.0


def _rows(layer: nn.Linear | nn.Conv2d, x: Tensor, wanted: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield input rows ``[R, n]`` and output rows ``[R, O]`` in float64, some samples at a time."""
    for some, out in zip(x.split(_SAMPLES_AT_ONCE), wanted.split(_SAMPLES_AT_ONCE), strict=True):
        if isinstance(layer, nn.Linear):
            rows, outs = some.reshape(-1, some.shape[-1]), out.reshape(-1, out.shape[-1])
        else:
            unfolded = F.unfold(some, layer.kernel_size, layer.dilation, _padding(layer), layer.stride)  # pyright: ignore[reportArgumentType]
            rows, outs = unfolded.movedim(1, 2).flatten(0, 1), out.flatten(2).movedim(1, 2).flatten(0, 1)
        if layer.bias is not None:
            rows = F.pad(rows, (0, 1), value=1.0)
        yield rows.double(), outs.double()


def _padding(layer: nn.Conv2d) -> tuple[int, ...]:
    """Return rows and columns of zeros on each side.

    Raises:
        UsageError: padding that is not by zeros, or not alike on both sides.
    """
    if isinstance(layer.padding, str) or layer.padding_mode != "zeros":
        raise UsageError(
            f"least squares can't serve a convolution with padding {layer.padding!r} ({layer.padding_mode}); give "
            "numbers of zeros, or leave this step out."
        )
    return layer.padding


def _add(layer: nn.Linear | nn.Conv2d, change: Tensor) -> None:
    """Add a change ``[n, O]``, the bias as its last row, to the weights."""
    if layer.bias is not None:
        layer.bias.add_(change[-1].to(layer.bias))
        change = change[:-1]
    layer.weight.add_(change.T.reshape(layer.weight.shape).to(layer.weight))
