"""Clip the weights of each layer at n standard deviations.

    w' = min(max(w, -n sigma_w), n sigma_w),   sigma_w the standard deviation of those of the layer

that are not removed (exact zeros do not count).

A per-tensor quantiser and a conductance range are set by the largest weight; clipping rare large weights lets
all others use more levels, and more conductance above the programming noise. Layer-wise clipping at 2.5 sigma
is part of the hardware-aware training of Rasch et al., Nature Communications (2023); here it is applied once,
after training. Batch norms are folded first, so that what is clipped is what stands on the arrays. Biases
stay.
"""

from __future__ import annotations

import time
from typing import Any, Literal

import torch
from pydantic import Field
from torch import nn

from axbar.calibration import CalibrationSource
from axbar.crossbar import folded_copy
from axbar.techniques._base import TechniqueConfig, TechniqueResult
from axbar.techniques._masks import sigma_kept

__all__ = ["TECHNIQUE", "ClipWeights", "ClipWeightsConfig"]


class ClipWeightsConfig(TechniqueConfig):
    """Settings of ``clip-weights``."""

    sigma: float = Field(
        default=2.5, ge=0.5, le=10.0, description="standard deviations at which weights are clipped"
    )


class ClipWeights:
    """Clip rare large weights before they are put on arrays."""

    name = "clip-weights"
    stage: Literal["network", "chip"] = "network"
    reads_chip: Literal["no", "accuracy", "all"] = "no"
    Config: type[TechniqueConfig] = ClipWeightsConfig

    def apply(
        self, target: nn.Module, hardware: Any, data: Any, config: ClipWeightsConfig
    ) -> TechniqueResult:
        """Return a copy of the network with clipped weights; the data only help to fold norms."""
        start = time.perf_counter()
        made = folded_copy(target, CalibrationSource.of(data.calibration.images(slice(0, 1))))
        clipped = total = 0
        for layer in made.modules():
            if not isinstance(layer, nn.Conv2d | nn.Linear):
                continue
            weight = layer.weight
            if weight.numel() < 2:
                continue
            limit = config.sigma * sigma_kept(weight)
            clipped += int((weight.detach().abs() > limit).sum())
            total += weight.numel()
            with torch.no_grad():
                weight.clamp_(-limit, limit)
        share = clipped / total if total else 0.0
        cost = {
            "seconds": time.perf_counter() - start,
            "images": 0,
            "writes": 0,
            "settings": 0,
            "clipped_share": share,
        }
        return TechniqueResult(made, cost)


TECHNIQUE = ClipWeights()
