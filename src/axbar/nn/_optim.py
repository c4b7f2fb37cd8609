"""Pieces of the training loop that are pure functions of their arguments: losses, schedule, augmentation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from axbar.nn._config import TrainConfig

__all__ = [
    "augment",
    "clip_weights",
    "learning_rate",
    "make_optimizer",
    "noisy_weights",
    "objective",
    "shift_images",
]


def objective(logits: Tensor, y: Tensor, config: TrainConfig) -> Tensor:
    """Return the loss of logits ``[T, B, K]`` and classes ``[B]``.

    ``mean``: CE of the mean over time. ``tet``: (1 − λ)·mean over t of CE(o[t]) + λ·mean of (o[t] − 1)²
    (Deng et al., ICLR 2022, with the threshold 1 as the target).
    """
    smooth = config.label_smoothing
    if config.loss == "mean":
        return F.cross_entropy(logits.mean(0), y, label_smoothing=smooth)
    each = F.cross_entropy(logits.flatten(0, 1), y.repeat(logits.shape[0]), label_smoothing=smooth)
    if config.tet_mse == 0.0:
        return each
    return (1.0 - config.tet_mse) * each + config.tet_mse * (logits - 1.0).square().mean()


def learning_rate(step: int, total: int, warmup: int, peak: float) -> float:
    """Return the rate of step 0..total − 1: linear to ``peak`` over ``warmup`` steps, then cosine to zero."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return 0.5 * peak * (1.0 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))


def make_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """Return the optimizer; weights of matrices and kernels decay, norms, biases and embeddings do not."""
    decay = _weights(model)
    held = {id(p) for p in decay}
    others = [p for p in model.parameters() if p.requires_grad and id(p) not in held]
    groups = [
        {"params": decay, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum, nesterov=config.momentum > 0)
    return torch.optim.AdamW(groups, lr=config.lr)


def _weights(model: nn.Module) -> list[nn.Parameter]:
    """Return the matrices and kernels that are trained, less what a module names in ``undecayed``."""
    named = [getattr(m, name) for m in model.modules() for name in getattr(m, "undecayed", ())]
    spared = {id(p) for p in named}
    return [p for p in model.parameters() if p.ndim > 1 and p.requires_grad and id(p) not in spared]


def clip_weights(model: nn.Module, limit: float) -> None:
    """Clamp each weight matrix or kernel to ± ``limit`` of its standard deviations, in place."""
    with torch.no_grad():
        for p in _weights(model):
            bound = limit * float(p.std(correction=0))
            p.clamp_(-bound, bound)


@contextmanager
def noisy_weights(model: nn.Module, relative: float, generator: torch.Generator) -> Iterator[None]:
    """Run a block with Gaussian noise of ``relative`` · max|W| on each weight matrix W, then put W back."""
    kept: list[tuple[nn.Parameter, Tensor]] = []
    with torch.no_grad():
        for p in _weights(model) if relative > 0.0 else ():
            kept.append((p, p.clone()))
            noise = torch.randn(p.shape, generator=generator).to(p.device, p.dtype)
            p.add_(noise * (relative * float(p.abs().max())))
    try:
        yield
    finally:
        with torch.no_grad():
            for p, clean in kept:
                p.copy_(clean)


def augment(x: Tensor, config: TrainConfig, generator: torch.Generator) -> Tensor:
    """Return shifted and flipped samples ``[B, ..., H, W]``, each with its own draw; all its frames move as one."""
    if "shift" in config.augment and config.shift_px > 0:
        offsets = torch.randint(-config.shift_px, config.shift_px + 1, (2, x.shape[0]), generator=generator)
        x = shift_images(x.flatten(1, -3), offsets[0], offsets[1]).unflatten(1, x.shape[1:-2])
    if "flip" in config.augment:
        flip = torch.rand(x.shape[0], generator=generator) < 0.5
        x = torch.where(flip.view(-1, *[1] * (x.ndim - 1)), x.flip(-1), x)
    return x


def shift_images(x: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Return images ``[B, C, H, W]`` moved by whole pixels, ``down[B]`` and ``right[B]``; zeros move in.

    >>> shift_images(torch.tensor([[[[1.0, 2.0]]]]), torch.tensor([0]), torch.tensor([1])).flatten()
    tensor([0., 1.])
    """
    pad = int(torch.stack([down.abs(), right.abs()]).max()) if x.shape[0] else 0
    padded = F.pad(x, (pad, pad, pad, pad))
    batch = torch.arange(x.shape[0]).view(-1, 1, 1, 1)
    channel = torch.arange(x.shape[1]).view(1, -1, 1, 1)
    rows = (torch.arange(x.shape[2]) + pad - down.view(-1, 1)).view(x.shape[0], 1, -1, 1)
    columns = (torch.arange(x.shape[3]) + pad - right.view(-1, 1)).view(x.shape[0], 1, 1, -1)
    return padded[batch, channel, rows, columns]
