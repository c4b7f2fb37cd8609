"""Turn a conventional network into a spiking one, and calibrate it layer by layer.

Every activation becomes neurons that send it in T steps (``axbar.nn.converted``): signed spikes by charge tracking for
any activation, or integrate-and-fire neurons for ReLUs. Thresholds are fitted to the activations of the network on
calibration images, weights in closed form if asked for (``axbar.calibration``). No labels. After "Artificial to spiking
neural networks conversion for scientific machine learning", arXiv 2308.16372, and Li et al., ICML 2021.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import Field
from torch import nn

from axbar.calibration import LeastSquares, Step, Thresholds, calibrate
from axbar.nn import Converted, to_spiking
from axbar.nn.convert import MAX_STEPS
from axbar.nn.converted import Rule
from axbar.techniques._base import TechniqueConfig, TechniqueResult
from axbar.techniques._note import note
from axbar.workload import Workload

__all__ = ["TECHNIQUE", "ToSpikes", "ToSpikesConfig"]


class ToSpikesConfig(TechniqueConfig):
    """Settings of ``to-spikes``."""

    steps: int = Field(
        default=32, ge=1, le=MAX_STEPS, description="T; the error falls as 1/T, energy and time grow with T"
    )
    rule: Rule = Field(
        default="charge",
        description="charge: signed spikes, any activation; if: integrate-and-fire, of ReLUs; accumulate and "
        "instantaneous: for comparison",
    )
    theta: float = Field(default=0.5, gt=0, le=1, description="share of the threshold at which neurons fire")
    per: Literal["layer", "neuron"] = Field(
        default="layer",
        description="layer: one threshold, so that a chip reads spikes of one value; neuron: one each (of maps, per "
        "channel), more accurate, but what a layer reads are numbers then",
    )
    weights: bool = Field(default=False, description="fit weights to what arrives, in closed form")
    images: int = Field(default=128, ge=1, le=100_000, description="calibration images to use, no labels")


class ToSpikes:
    """Replace activations by spiking neurons."""

    name = "to-spikes"
    stage: Literal["network", "chip"] = "network"
    reads_chip: Literal["no", "accuracy", "all"] = "no"
    Config: type[TechniqueConfig] = ToSpikesConfig

    def apply(self, target: nn.Module, hardware: Any, data: Any, config: ToSpikesConfig) -> TechniqueResult:
        """Return a spiking copy of the network.

        Raises:
            ModelError: the network has no activation, one without a rule, or spikes already.
        """
        start = time.perf_counter()
        images = torch.from_numpy(data.calibration.images(slice(0, config.images)))
        made = to_spiking(target, config.steps, config.rule, config.theta)
        fits: list[Step] = [Thresholds(config.per), *([LeastSquares()] if config.weights else [])]
        facts = calibrate(made, images, fits, reference=target)
        shapes = {name: list(neurons.threshold.shape) for name, neurons in _neurons(made).items()}
        settings = config.model_dump(include={"steps", "rule", "theta"})
        note(made, self.name, {**settings, "thresholds": shapes})
        left = list(facts["thresholds"].values())
        cost = {
            "seconds": time.perf_counter() - start,
            "images": len(images),
            "writes": 0,
            "settings": 0,
            "layers": len(shapes),
            "largest_error_of_a_layer": max(left),
        }
        return TechniqueResult(made, cost)

    def what_if(self, spec: Any, workload: Workload) -> None:
        """Offer nothing: how a network would spike, its trace without spikes does not tell."""
        return None

    def restructure(self, model: nn.Module, facts: Mapping[str, Any]) -> nn.Module:
        """Return the spiking form, whose weights and thresholds come afterwards."""
        made = to_spiking(model, facts["steps"], facts["rule"], facts["theta"])
        for name, neurons in _neurons(made).items():
            neurons.set_threshold(torch.ones(facts["thresholds"][name]))
        note(made, self.name, facts)
        return made


def _neurons(network: nn.Module) -> dict[str, Converted]:
    return {name: module for name, module in network.named_modules() if isinstance(module, Converted)}


TECHNIQUE = ToSpikes()
