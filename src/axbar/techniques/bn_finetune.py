"""Train gamma and beta of the batch norms on the die; weights stay as they are written.

First ``bn-adapt``. Then SGD on labelled training images (``_affine``) with the schedule of arXiv 2305.18416 (GLSVLSI
2023): 5 epochs, 0.01, divided by 5 every 2 epochs. Momentum is not published; 0.9 is our choice, which with 2000
images matters: a hundred or two steps must do. On the network and wires of ``bn-adapt``: 81.2 %.

The statistics stay those of the adaptation and are not taken from each batch: what is trained is then the
affine map that runs at inference, and the network may hold no dropout or batch noise.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import nn

from axbar.errors import UsageError
from axbar.techniques._affine import AffineConfig, train_parameters
from axbar.techniques._base import TechniqueConfig, TechniqueResult
from axbar.techniques._norms import Mode, adapt_norms, norms_of, statistics_of
from axbar.techniques._tuning import count_macs, pick

__all__ = ["TECHNIQUE", "BnFinetune", "BnFinetuneConfig"]

_ADAPT_BATCH = 125  # as the default of bn-adapt


class BnFinetuneConfig(AffineConfig):
    """Settings of ``bn-finetune``."""

    adapt_images: int = Field(default=1000, ge=1, le=1_000_000, description="images of the adaptation")
    adapt_mode: Mode = Field(default="joint", description="of the adaptation, as in bn-adapt")


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
        steps = train_parameters(die, trained, split, torch.from_numpy(chosen), config, self.name)
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


TECHNIQUE = BnFinetune()
