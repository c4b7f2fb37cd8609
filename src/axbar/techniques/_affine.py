"""Train a few digital parameters of a die on labelled images, with everything on its arrays as it is written.

SGD with momentum and a rate that falls in steps,

    rate(epoch) = lr / decay^(epoch // every).

The forward pass reads the arrays; the backward pass goes straight through all rounding with the weights as the arrays
hold them. The network runs in evaluation mode throughout, so that the gradient of one image does not depend on its
neighbours.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from pydantic import Field
from torch import nn

from axbar.errors import ModelError
from axbar.techniques._base import TechniqueConfig
from axbar.techniques._tuning import device_of, loss_of

__all__ = ["AffineConfig", "train_parameters"]


class AffineConfig(TechniqueConfig):
    """Settings of techniques that train the affine part of norms."""

    epochs: int = Field(default=5, ge=1, le=1000, description="passes over the images")
    lr: float = Field(default=0.01, gt=0, le=10, description="learning rate of the first epochs")
    decay: float = Field(default=5.0, ge=1, le=1000, description="what the rate is divided by")
    every: int = Field(default=2, ge=1, le=1000, description="epochs between two divisions")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="of SGD")
    images: int = Field(default=2000, ge=1, le=1_000_000, description="labelled training images to use")
    batch: int = Field(default=64, ge=1, le=100_000, description="images of a step")
    seed: int = Field(default=0, ge=0, description="of the choice and order of images")


def train_parameters(
    die: nn.Module,
    trained: list[nn.Parameter],
    split: Any,
    chosen: torch.Tensor,
    config: AffineConfig,
    name: str,
) -> int:
    """Train ``trained`` in place; return the steps. Flags of all parameters and modes are put back.

    Args:
        die: network that holds them.
        trained: what changes; nothing else does.
        split: labelled images.
        chosen: which of them.
        config: schedule.
        name: of the technique, for the sentence.

    Raises:
        ModelError: the loss is no longer a number, or the output no logits.
    """
    flags = [(p, p.requires_grad) for p in die.parameters()]
    modes = [(module, module.training) for module in die.modules()]
    for p, _ in flags:
        p.requires_grad_(False)
    for p in trained:
        p.requires_grad_(True)
    die.eval()
    optimizer = torch.optim.SGD(trained, lr=config.lr, momentum=config.momentum)
    steps = 0
    try:
        for epoch in range(config.epochs):
            optimizer.param_groups[0]["lr"] = config.lr / config.decay ** (epoch // config.every)
            steps += _epoch(die, optimizer, split, chosen, config, epoch, name)
    finally:
        for p, flag in flags:
            p.requires_grad_(flag)
            p.grad = None
        for module, training in modes:
            module.training = training
    return steps


def _epoch(
    die: nn.Module,
    optimizer: torch.optim.Optimizer,
    split: Any,
    chosen: torch.Tensor,
    config: AffineConfig,
    epoch: int,
    name: str,
) -> int:
    """Go once through the chosen images in an order of this epoch's own; return the steps."""
    generator = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)
    order = chosen[torch.randperm(len(chosen), generator=generator)]
    parts = order.split(config.batch)
    place = device_of(die)
    for part in parts:
        index = part.numpy()
        x = torch.from_numpy(split.images(index)).to(place)
        y = torch.from_numpy(split.labels(index)).to(place)
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(die(x), y)
        if not math.isfinite(float(loss.detach())):
            raise ModelError(f"{name} diverged in epoch {epoch + 1}; lower lr (now {config.lr:g}).")
        loss.backward()
        optimizer.step()
    return len(parts)
