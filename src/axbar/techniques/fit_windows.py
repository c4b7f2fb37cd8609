"""Fit the time windows of first-spike neurons to what they compute, so that the network answers sooner.

A neuron of constant slope fires in [e, e + W] behind the window before it; the answer comes when all windows have
passed. W = a percentile of positive activations on calibration images, layer by layer (``axbar.nn.ttfs.windows``). What
lies above is clipped; where spike times have bits, their grid becomes finer. No training and no labels. Windows by the
largest activation: Stanojevic et al., Nat. Commun. 15:6793 (2024).
"""

from __future__ import annotations

import copy
import time
from typing import Any, Literal

import torch
from pydantic import Field
from torch import nn

from axbar.nn.ttfs import fit_windows
from axbar.techniques._base import TechniqueConfig, TechniqueResult
from axbar.workload import Workload

__all__ = ["TECHNIQUE", "FitWindows", "FitWindowsConfig"]


class FitWindowsConfig(TechniqueConfig):
    """Settings of ``fit-windows``."""

    percentile: float = Field(
        default=99.9, gt=0, le=100, description="of positive activations that a window holds"
    )
    images: int = Field(default=512, ge=1, le=1_000_000, description="calibration images to use, no labels")


class FitWindows:
    """Make windows as short as activations allow."""

    name = "fit-windows"
    stage: Literal["network", "chip"] = "network"
    reads_chip: Literal["no", "accuracy", "all"] = "no"
    Config: type[TechniqueConfig] = FitWindowsConfig

    def apply(self, target: nn.Module, hardware: Any, data: Any, config: FitWindowsConfig) -> TechniqueResult:
        """Return a copy of the network with fitted windows, in evaluation mode.

        Raises:
            ModelError: it has no first-spike neurons of constant slope.
        """
        start = time.perf_counter()
        network = copy.deepcopy(target).eval()
        images = torch.from_numpy(data.calibration.images(slice(0, config.images)))
        before = _total(network)
        fitted = fit_windows(network, images, config.percentile)
        cost = {
            "seconds": time.perf_counter() - start,
            "images": len(images),
            "writes": 0,
            "settings": 0,
            "windows": len(fitted),
            "windows_before": before,
            "windows_after": _total(network),
            "most_clipped": max(fit.clipped for fit in fitted.values()),
        }
        return TechniqueResult(network, cost)

    def what_if(self, spec: Any, workload: Workload) -> None:
        """Offer nothing: how long windows are, a traced workload does not tell."""
        return None


def _total(network: nn.Module) -> float:
    """Return how long all windows take, in the network's units of time."""
    return sum(
        float(window)
        for path, window in network.named_buffers()
        if path == "window" or path.endswith(".window")
    )


TECHNIQUE = FitWindows()
