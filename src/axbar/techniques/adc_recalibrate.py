"""Refit the converter ranges of a programmed die.

Ranges are first fitted to nominal cells, once per design. The cells of a die deviate, and with them the sums
on its bit lines; calibration images run through the die show what its converters really see. As range
profiling in CrossSim 3.2 (Sandia National Laboratories), but per die. Only converter references change: no
cell is written.
"""

from __future__ import annotations

import copy
import time
from typing import Any, Literal

import torch
from pydantic import Field
from torch import nn

from axbar.calibration import calibrate_adc
from axbar.techniques._base import TechniqueConfig, TechniqueResult

__all__ = ["TECHNIQUE", "AdcRecalibrate", "AdcRecalibrateConfig"]


class AdcRecalibrateConfig(TechniqueConfig):
    """Settings of ``adc-recalibrate``."""

    method: Literal["chip", "max", "percentile", "mse"] = Field(
        default="chip", description="how a range is fitted; 'chip' takes adc.calibration of the hardware"
    )
    percentile: float = Field(default=99.9, ge=50.0, le=100.0, description="for the method 'percentile'")
    images: int = Field(default=64, ge=1, le=4096, description="calibration images to use")


class AdcRecalibrate:
    """Fit converter ranges on the die itself."""

    name = "adc-recalibrate"
    stage: Literal["network", "chip"] = "chip"
    reads_chip: Literal["no", "accuracy", "all"] = "accuracy"
    Config: type[TechniqueConfig] = AdcRecalibrateConfig

    def apply(
        self, target: nn.Module, hardware: Any, data: Any, config: AdcRecalibrateConfig
    ) -> TechniqueResult:
        """Return a copy of the die with ranges fitted to calibration images."""
        start = time.perf_counter()
        images = torch.from_numpy(data.calibration.images(slice(0, config.images)))
        die = copy.deepcopy(target)
        calibrate_adc(die, images, None if config.method == "chip" else config.method, config.percentile)
        settings = int(getattr(die, "n_arrays", 0))
        cost = {
            "seconds": time.perf_counter() - start,
            "images": len(images),
            "writes": 0,
            "settings": settings,
        }
        return TechniqueResult(die, cost)


TECHNIQUE = AdcRecalibrate()
