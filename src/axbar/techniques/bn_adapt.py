"""Recompute the statistics of batch norms on the die: mu and sigma^2 as the arrays really deliver them.

If the arrays return ``z' = a_c z + b_c`` for channel c (a_c > 0), then mu' = a mu + b and sigma' = a sigma, and

    (z' - mu') / sqrt(sigma'^2 + eps)  =  (z - mu) / sqrt(sigma^2 + eps / a^2),

which but for eps is what the network was trained with. So wires, drift and a bias of programming cost nothing
as far as they are one gain and one offset per channel; what varies within a channel, cell by cell or with the
input, stays. Unlabelled training images, no gradient. Method of arXiv 2305.18416 (GLSVLSI 2023).

Needs norms that stay digital (``to_analog(..., norms="keep")``). Layers without a norm behind them, such as
a classifier, are not mended. Converter ranges are settings of their own: ``adc-recalibrate`` before and after
fits them to the sums that the die delivers.

One joint pass is the default. Measured on VGG9 (first layer of 8 channels, Fashion-MNIST, 500 test images) with
64x64 arrays of 20 kohm cells, ratio 10, wires of 5 / 10 ohm a segment and 1 kohm at both ends, no converters:
10 % without, 79.4 % with either mode (82.0 % in floating point); at batches of 25 they lie 0.4 points apart. The
joint pass takes a quarter of the time.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import nn

from axbar.techniques._base import TechniqueConfig, TechniqueResult
from axbar.techniques._norms import Mode, adapt_norms, statistics_of
from axbar.techniques._tuning import count_macs, pick

__all__ = ["TECHNIQUE", "BnAdapt", "BnAdaptConfig"]


class BnAdaptConfig(TechniqueConfig):
    """Settings of ``bn-adapt``."""

    images: int = Field(default=1000, ge=1, le=1_000_000, description="training images to use, no labels")
    batch: int = Field(default=125, ge=1, le=100_000, description="images at a time")
    mode: Mode = Field(
        default="joint",
        description="joint: all norms in one pass; sequential: norm by norm behind adapted ones, a pass each",
    )
    seed: int = Field(default=0, ge=0, description="of the choice of images")


class BnAdapt:
    """Fit the statistics of batch norms to the die."""

    name = "bn-adapt"
    stage: Literal["network", "chip"] = "chip"
    reads_chip: Literal["no", "accuracy", "all"] = "accuracy"
    Config: type[TechniqueConfig] = BnAdaptConfig
    tuning = "adaptation"
    keeps_norms = True
    not_after: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("fold-norms", "mint"), "it leaves no batch norms on the chip"
    )

    def apply(self, target: nn.Module, hardware: Any, data: Any, config: BnAdaptConfig) -> TechniqueResult:
        """Return a copy of the die with new ``running_mean`` and ``running_var``; nothing else differs.

        Raises:
            UsageError: the network has no batch norm.
        """
        start = time.perf_counter()
        die = copy.deepcopy(target)
        images = torch.from_numpy(data.train.images(pick(data.train, config.images, config.seed)))
        passes = adapt_norms(die, images, config.batch, config.mode)
        settings = statistics_of(die)
        cost = {
            "seconds": time.perf_counter() - start,
            "images": len(images),
            "writes": 0,
            "settings": settings,
            "bytes_trained": 0,
            "macs_forward": passes * count_macs(die, images[:1]).forward,
            "macs_backward": 0,
        }
        return TechniqueResult(die, cost)


TECHNIQUE = BnAdapt()
