"""Let a sample leave as soon as the answer so far is sure (DT-SNN: Li, Moitra, Geller and Panda, DAC 2023).

The read-out becomes ``axbar.nn.EarlyExit``: leave at the first step whose entropy of softmax(mean logits so far), as a
share of ln K, lies below the threshold. The threshold is the largest at which the calibration images keep

    accuracy(threshold) >= accuracy(T) - drop,

searched over 0 and a grid of equal ratios; the weights stay as they are. Training with the loss of every step (TET:
Deng et al., ICLR 2022; ``--loss tet``) makes early answers good.

The exit step of each recorded sample goes into the trace: hardware models charge a sample for the steps that it runs,
in energy and latency. Weighing the answer, K exponentials and logarithms a step, is not charged.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from axbar.errors import ModelError
from axbar.nn import EarlyExit, predict_logits
from axbar.nn.read_out import entropy_so_far
from axbar.techniques._base import TechniqueConfig, TechniqueResult
from axbar.techniques._note import note
from axbar.techniques._tuning import pick

__all__ = ["TECHNIQUE", "EarlyExitConfig", "EarlyExitTechnique", "exit_curve"]

#: thresholds that are tried: none, then equal ratios up to the largest entropy
_GRID = np.concatenate([[0.0], np.geomspace(1e-4, 1.0, 161)])


class EarlyExitConfig(TechniqueConfig):
    """Settings of ``early-exit``."""

    drop: float = Field(default=0.0, ge=0, lt=1, description="share of calibration images that may be lost")
    threshold: float | None = Field(
        default=None, ge=0, le=1, description="entropy below which a sample leaves; chosen unless given"
    )
    images: int = Field(
        default=10_000, ge=1, le=10_000_000, description="calibration images to choose on, at most"
    )
    seed: int = Field(default=0, ge=0, description="of the choice of images")


class EarlyExitTechnique:
    """Choose an entropy threshold and read the network out by it."""

    name = "early-exit"
    stage: Literal["network", "chip"] = "network"
    reads_chip: Literal["no", "accuracy", "all"] = "no"
    Config: type[TechniqueConfig] = EarlyExitConfig
    ends = "its threshold belongs to the weights that it was chosen for"

    def apply(self, target: nn.Module, hardware: Any, data: Any, config: EarlyExitConfig) -> TechniqueResult:
        """Return a copy of the network that reads out by early exit.

        Raises:
            ModelError: the network runs one step only, or has fewer than two outputs.
        """
        start = time.perf_counter()
        chosen = pick(data.calibration, config.images, config.seed)
        logits = predict_logits(target, data.calibration.images(chosen))
        _check_steps(target, logits)
        tried = _GRID if config.threshold is None else np.array([config.threshold])
        curve = exit_curve(logits, torch.from_numpy(data.calibration.labels(chosen)), tried)
        whole = exit_curve(logits, torch.from_numpy(data.calibration.labels(chosen)), np.zeros(1))[
            "accuracy"
        ][0]
        fits = (
            curve["accuracy"] >= whole - config.drop if config.threshold is None else np.ones(1, dtype=bool)
        )
        at = int(np.flatnonzero(fits)[-1])
        facts = {"threshold": float(tried[at])}
        steps = EarlyExit(facts["threshold"]).exit_step(logits).cpu().numpy()
        cost = {
            "seconds": time.perf_counter() - start,
            "images": len(chosen),
            "writes": 0,
            "settings": 1,
            **facts,
            "mean_steps": float(steps.mean()),
            "left_at": np.bincount(steps, minlength=len(logits) + 1)[1:].tolist(),
            "calibration_accuracy": float(curve["accuracy"][at]),
            "calibration_accuracy_all_steps": float(whole),
            "not_charged": "entropy of the answer and its comparison after every step",
        }
        return TechniqueResult(self.restructure(copy.deepcopy(target), facts), cost)

    def check_network(self, network: nn.Module, image: Tensor, config: TechniqueConfig) -> None:
        """Refuse a network that runs one step, before any work.

        Raises:
            ModelError: it does.
        """
        _check_steps(network, predict_logits(network, image))

    def restructure(self, model: nn.Module, facts: Mapping[str, Any]) -> nn.Module:
        """Give ``model`` the read-out, in place."""
        read_out: Any = EarlyExit(float(facts["threshold"]))
        vars(model)["read_out"] = read_out
        note(model, self.name, facts)
        return model


def _check_steps(network: nn.Module, logits: Tensor) -> None:
    if len(logits) < 2:
        raise ModelError(
            f"early-exit needs a network that runs several steps; {type(network).__name__} runs one: build it with "
            "steps=2 or more."
        )


def exit_curve(
    logits: Tensor, labels: Tensor, thresholds: NDArray[np.floating[Any]]
) -> dict[str, NDArray[np.floating[Any]]]:
    """Return what early exit does at each threshold.

    Args:
        logits: ``[T, N, K]``.
        labels: ``[N]`` classes.
        thresholds: ``[P]`` entropies, shares of ln K.

    Returns:
        ``accuracy`` (0..1) and ``mean_steps`` (1..T), each ``[P]``.
    """
    entropy = entropy_so_far(logits).cpu().numpy()
    so_far = logits.cumsum(0).argmax(-1).cpu().numpy() == labels.cpu().numpy()
    sure = entropy[None] < np.asarray(thresholds, dtype=entropy.dtype)[:, None, None]
    sure[:, -1] = True
    at = sure.argmax(1)
    right = so_far[at, np.arange(logits.shape[1])]
    return {"accuracy": right.mean(1), "mean_steps": at.mean(1) + 1.0}


TECHNIQUE = EarlyExitTechnique()
