"""Threshold-dependent batch normalisation over time (tdBN), and the fold of any batch norm into its layer.

    x̂ = γ·αθ·(x − μ)/√(σ² + ε) + β          μ, σ² per channel over T, B, H, W

γ, β learned per channel, θ the threshold of the neurons behind it, α a constant (1; 1/√n where n branches are
added). Zheng, Wu, Deng, Hu, Li, "Going Deeper With Directly-Trained Larger Spiking Neural Networks", AAAI
2021. Checked: with αθ = 1 it has the bits of ``nn.BatchNorm2d``; folded it differs by less than 1e-10 in float64.

With fixed μ, σ² the norm is affine and disappears in the convolution or linear layer (W, b) before it:

    W' = γαθ/√(σ² + ε)·W        b' = β + γαθ/√(σ² + ε)·(b − μ)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from axbar.errors import ModelError

__all__ = ["TdBatchNorm1d", "TdBatchNorm2d", "folded_norm", "is_norm"]


def is_norm(module: nn.Module) -> bool:
    """Whether a module is a batch norm: torch's, a subclass, or what says so itself by an attribute ``is_norm``."""
    return isinstance(module, nn.modules.batchnorm._BatchNorm) or bool(getattr(module, "is_norm", False))


class _TdNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm whose learned scale is multiplied by ``fold_scale = alpha * threshold``."""

    def __init__(
        self,
        num_features: int,
        alpha: float = 1.0,
        threshold: float = 1.0,
        eps: float = 1e-5,
        momentum: float = 0.1,
    ) -> None:
        super().__init__(num_features, eps=eps, momentum=momentum)
        if not alpha * threshold > 0:
            raise ModelError(f"tdBN needs alpha and threshold above 0, got {alpha} and {threshold}.")
        self.fold_scale = alpha * threshold

    def forward(self, input: Tensor) -> Tensor:
        """Normalise ``[N, C, ...]``, N = T·B with time folded into the batch."""
        self._check_input_dim(input)
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        weight = self.weight if self.fold_scale == 1.0 else self.weight * self.fold_scale
        assert self.momentum is not None
        return F.batch_norm(
            input,
            self.running_mean,
            self.running_var,
            weight,
            self.bias,
            self.training,
            self.momentum,
            self.eps,
        )

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, fold_scale={self.fold_scale:g}"


class TdBatchNorm2d(_TdNorm, nn.BatchNorm2d):
    """tdBN on maps ``[T·B, C, H, W]``; arguments: channels, ``alpha``, ``threshold``, ``eps``, ``momentum``.

    A subclass of ``nn.BatchNorm2d``; its total factor beside γ is the attribute ``fold_scale = alpha *
    threshold``.

    >>> TdBatchNorm2d(8, threshold=0.5).fold_scale
    0.5
    """


class TdBatchNorm1d(_TdNorm, nn.BatchNorm1d):
    """tdBN on features ``[T·B, F]``; otherwise as ``TdBatchNorm2d``."""


def folded_norm(weight: Tensor, bias: Tensor | None, norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Return weight and bias of a layer that does the work of the layer and of the norm behind it.

    Args:
        weight: ``[K, ...]`` of a convolution or linear layer.
        bias: ``[K]`` or None.
        norm: ``nn.BatchNorm1d/2d`` or tdBN over K channels, with running statistics.

    Returns:
        ``(weight, bias)`` in the type of ``weight``; computed in float64.

    Raises:
        ModelError: the norm keeps no running statistics, or has another number of channels.
    """
    mean, var = getattr(norm, "running_mean", None), getattr(norm, "running_var", None)
    if not isinstance(mean, Tensor) or not isinstance(var, Tensor):
        raise ModelError(
            f"{type(norm).__name__} keeps no running statistics and can't be folded into the layer before."
        )
    if mean.shape[0] != weight.shape[0]:
        raise ModelError(
            f"a norm of {mean.shape[0]} channels can't be folded into a layer of {weight.shape[0]} outputs."
        )
    factor = float(getattr(norm, "fold_scale", 1.0)) / torch.sqrt(
        var.double() + float(getattr(norm, "eps", 0.0))
    )
    gamma, beta = getattr(norm, "weight", None), getattr(norm, "bias", None)
    if gamma is not None:
        factor = factor * gamma.double()
    shifted = -mean.double() if bias is None else bias.double() - mean.double()
    new_bias = factor * shifted if beta is None else factor * shifted + beta.double()
    new_weight = weight.double() * factor.view(-1, *([1] * (weight.ndim - 1)))
    return new_weight.to(weight.dtype), new_bias.to(weight.dtype)
