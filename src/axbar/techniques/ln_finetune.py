"""Train gamma and beta of the layer norms on the die; weights stay as they are written.

The transformer's counterpart of ``bn-finetune``, and no published method. Layer norms take their statistics from each
token, so there is nothing to adapt; what cells and wires do to a layer shows as a wrong gain and offset per feature,
of which the norm behind the next residual sum can undo a part. SGD as in ``_affine``; group norms are trained too.
"""

from __future__ import annotations

import copy
import time
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from axbar.errors import ModelError
from axbar.techniques._affine import AffineConfig, train_parameters
from axbar.techniques._base import TechniqueConfig, TechniqueResult
from axbar.techniques._tuning import count_macs, pick

__all__ = ["TECHNIQUE", "LnFinetune", "LnFinetuneConfig"]


class LnFinetuneConfig(AffineConfig):
    """Settings of ``ln-finetune``."""

    epochs: int = Field(default=3, ge=1, le=1000, description="passes over the images")
    images: int = Field(default=500, ge=1, le=1_000_000, description="labelled training images to use")
    batch: int = Field(default=25, ge=1, le=100_000, description="images of a step")


class LnFinetune:
    """Train the affine part of layer norms on the die."""

    name = "ln-finetune"
    stage: Literal["network", "chip"] = "chip"
    reads_chip: Literal["no", "accuracy", "all"] = "accuracy"
    Config: type[TechniqueConfig] = LnFinetuneConfig
    tuning = "fine-tune"

    def check_network(self, network: nn.Module, image: Tensor, config: LnFinetuneConfig) -> None:
        """Refuse a network without layer norms.

        Raises:
            ModelError: it has none with gamma or beta.
        """
        _affine(network)

    def apply(self, target: nn.Module, hardware: Any, data: Any, config: LnFinetuneConfig) -> TechniqueResult:
        """Return a copy of the die with new gamma and beta; nothing else differs.

        Raises:
            ModelError: no layer norm has gamma or beta, the loss is no longer a number, or the output no logits.
        """
        start = time.perf_counter()
        die = copy.deepcopy(target)
        norms, trained = _affine(die)
        split = data.train
        chosen = pick(split, config.images, config.seed)
        steps = train_parameters(die, trained, split, torch.from_numpy(chosen), config, self.name)
        macs = count_macs(die, torch.from_numpy(split.images(chosen[:1])), after=norms)
        cost = {
            "seconds": time.perf_counter() - start,
            "images": len(chosen),
            "writes": 0,
            "settings": sum(p.numel() for p in trained),
            "bytes_trained": sum(p.numel() * p.element_size() for p in trained),
            "macs_forward": config.epochs * len(chosen) * macs.forward,
            "macs_backward": config.epochs * len(chosen) * macs.behind,
            "steps": steps,
        }
        return TechniqueResult(die, cost)


def _affine(network: nn.Module) -> tuple[list[nn.Module], list[nn.Parameter]]:
    """Return the layer norms with gamma or beta, and these."""
    norms: list[nn.Module] = [
        module for module in network.modules() if isinstance(module, nn.LayerNorm | nn.GroupNorm)
    ]
    trained = [p for norm in norms for p in norm.parameters(recurse=False)]
    if not trained:
        raise ModelError(
            f"{type(network).__name__} has no layer norm with gamma or beta, which ln-finetune trains; use bn-finetune "
            "for batch norms, or column-scale, which needs no norms."
        )
    return norms, trained


TECHNIQUE = LnFinetune()
