"""Train gamma and beta of the batch norms on the die; weights stay as they are written.

First ``bn-adapt``. Then SGD on labelled training images,

    rate(epoch) = lr / decay^(epoch // every),

with the schedule of arXiv 2305.18416 (GLSVLSI 2023): 5 epochs, 0.01, divided by 5 every 2 epochs. Momentum
is not published; 0.9 is our choice, which with 2000 images matters: a hundred or two steps must do. The forward
pass reads the arrays; the backward pass goes straight through all rounding with the weights as the arrays hold
them. On the network and wires of ``bn-adapt``: 81.2 %.

The statistics stay those of the adaptation and are not taken from each batch: what is trained is then the
affine map that runs at inference, the gradient of one image does not depend on its neighbours, and the
network may hold no dropout or batch noise. The network runs in evaluation mode throughout.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import nn

from axbar.errors import ModelError, UsageError
from axbar.techniques._base import TechniqueConfig, TechniqueResult
from axbar.techniques._norms import Mode, adapt_norms, norms_of, statistics_of
from axbar.techniques._tuning import count_macs, device_of, loss_of, pick

__all__ = ["TECHNIQUE", "BnFinetune", "BnFinetuneConfig"]

_ADAPT_BATCH = 125  # as the default of bn-adapt


class BnFinetuneConfig(TechniqueConfig):
    """Settings of ``bn-finetune``."""

    epochs: int = Field(default=5, ge=1, le=1000, description="passes over the images")
    lr: float = Field(default=0.01, gt=0, le=10, description="learning rate of the first epochs")
    decay: float = Field(default=5.0, ge=1, le=1000, description="what the rate is divided by")
    every: int = Field(default=2, ge=1, le=1000, description="epochs between two divisions")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="of SGD")
    images: int = Field(default=2000, ge=1, le=1_000_000, description="labelled training images to use")
    batch: int = Field(default=64, ge=1, le=100_000, description="images of a step")
    adapt_images: int = Field(default=1000, ge=1, le=1_000_000, description="images of the adaptation")
    adapt_mode: Mode = Field(default="joint", description="of the adaptation, as in bn-adapt")
    seed: int = Field(default=0, ge=0, description="of the choice and order of images")


class BnFinetune:
    """Train the affine part of batch norms on the die."""

    name = "bn-finetune"
    stage: Literal["network", "chip"] = "chip"
    reads_chip: Literal["no", "accuracy", "all"] = "accuracy"
    Config: type[TechniqueConfig] = BnFinetuneConfig
    tuning = "fine-tune"
    keeps_norms = True
    not_after: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("fold-norms", "mint"), "it leaves no batch norms on the chip"
    )

    def apply(self, target: nn.Module, hardware: Any, data: Any, config: BnFinetuneConfig) -> TechniqueResult:
        """Return a copy of the die with new statistics, gamma and beta; nothing else differs.

        Raises:
            UsageError: no batch norm has gamma or beta.
            ModelError: the loss is no longer a number, or the output no logits.
        """
        start = time.perf_counter()
        die = copy.deepcopy(target)
        split = data.train
        unlabelled = pick(split, config.adapt_images, config.seed)
        first = torch.from_numpy(split.images(unlabelled))
        passes = adapt_norms(die, first, _ADAPT_BATCH, config.adapt_mode)
        norms = norms_of(die)
        trained = [p for norm in norms.values() for p in norm.parameters(recurse=False)]
        if not trained:
            raise UsageError(
                f"the norms of {type(die).__name__} have no gamma or beta to train; use bn-adapt instead."
            )
        chosen = pick(split, config.images, config.seed)
        steps = _train(die, trained, split, torch.from_numpy(chosen), config)
        macs = count_macs(die, first[:1], after=tuple(norms.values()))
        parameters = sum(p.numel() for p in trained)
        cost = {
            "seconds": time.perf_counter() - start,
            "images": len(np.union1d(unlabelled, chosen)),
            "writes": 0,
            "settings": parameters + statistics_of(die),
            "bytes_trained": sum(p.numel() * p.element_size() for p in trained),
            "macs_forward": (passes + config.epochs * len(chosen)) * macs.forward,
            "macs_backward": config.epochs * len(chosen) * macs.behind,
            "steps": steps,
        }
        return TechniqueResult(die, cost)


def _train(
    die: nn.Module, trained: list[nn.Parameter], split: Any, chosen: torch.Tensor, config: BnFinetuneConfig
) -> int:
    """Train ``trained`` in place; return the steps. Flags of all parameters and modes are put back."""
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
            steps += _epoch(die, optimizer, split, chosen, config, epoch)
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
    config: BnFinetuneConfig,
    epoch: int,
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
            raise ModelError(f"bn-finetune diverged in epoch {epoch + 1}; lower lr (now {config.lr:g}).")
        loss.backward()
        optimizer.step()
    return len(parts)


TECHNIQUE = BnFinetune()
