"""Undo the mean loss of conductance over time by one digital factor per layer or per output.

    factor = mean |y(t_0)| / mean |y(t)|,

y the response of the arrays to calibration reads of their rows, right after programming and now. ``global``:
one factor for a layer (Joshi et al., Nature Communications 2020, "global drift compensation"); ``column``:
one for each output. Drift with one common exponent is undone exactly; its spread from cell to cell stays.
Factors are digital: no cell is written.
"""

from __future__ import annotations

import copy
import time
from typing import Any, Literal

from pydantic import Field
from torch import nn

from axbar.errors import UsageError
from axbar.techniques._base import TechniqueConfig, TechniqueResult

__all__ = ["TECHNIQUE", "DriftCompensate", "DriftCompensateConfig"]


class DriftCompensateConfig(TechniqueConfig):
    """Settings of ``drift-compensate``."""

    mode: Literal["global", "column"] = Field(
        default="global", description="one factor for a layer (global) or for each of its outputs (column)"
    )


class DriftCompensate:
    """Rescale what an aged die returns."""

    name = "drift-compensate"
    stage: Literal["network", "chip"] = "chip"
    reads_chip: Literal["no", "accuracy", "all"] = "accuracy"
    Config: type[TechniqueConfig] = DriftCompensateConfig

    def apply(
        self, target: nn.Module, hardware: Any, data: Any, config: DriftCompensateConfig
    ) -> TechniqueResult:
        """Return a copy of the die with compensated scales; reads rows, needs no images.

        Raises:
            UsageError: the target is no network on crossbar arrays.
        """
        start = time.perf_counter()
        die: Any = copy.deepcopy(target)
        if not hasattr(die, "compensate_drift"):
            raise UsageError(f"{type(die).__name__} is on no crossbar arrays; convert it with to_analog.")
        die.compensate_drift(config.mode)
        layers = die.chip_layers.values()
        settings = len(layers) if config.mode == "global" else sum(len(layer.weight) for layer in layers)
        cost = {
            "seconds": time.perf_counter() - start,
            "images": 0,
            "writes": 0,
            "settings": settings,
        }
        return TechniqueResult(die, cost)


TECHNIQUE = DriftCompensate()
