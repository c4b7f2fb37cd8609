"""Silence neurons that fire only once, and fine-tune the network to it.

    y[t] = s[t] · (1 − m),   m = 1 where Σ_t s[t] = 1, else 0,   per neuron and inference

A neuron that fires once in T makes a dual-sparse accelerator fetch its weights and correct T − 1 steps for one
accumulation; masked, it is silent like most. This is the fine-tuned variant of LoAS (Yin et al., MICRO 2024), there
with fewer than five epochs. The mask is a setting of the neurons (``axbar.nn.LIF``), on in training and inference: the
trace records masked spikes, a run folder of a built-in network remembers it. Exact zeros among the weights stay zero,
so the technique goes behind ``prune`` or ``lottery-ticket``.

The mask of a neuron is known after its last step. Hardware that computes a layer for all T steps before the next one
(as LoAS does) loses nothing; a chip that hands spikes on step by step has to hold them for T steps, which is not
charged. The mask is that of T: a network cut to fewer steps masks other spikes.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from axbar.errors import ModelError
from axbar.nn import LIF, EpochRecord
from axbar.techniques._base import TechniqueConfig, TechniqueResult
from axbar.techniques._finetune import FewImages, TuneConfig, fit, training_cost
from axbar.techniques._masks import keep, weight_layers, zeros_of
from axbar.techniques._tuning import device_of

__all__ = ["TECHNIQUE", "MaskSingleSpikes", "MaskSingleSpikesConfig", "firing", "tune_masked"]

_OPTION = "mask_single_spikes"
#: images on which the share of silent neurons is counted before and after
_COUNTED = 64


class MaskSingleSpikesConfig(TuneConfig):
    """Settings of ``mask-single-spikes``."""

    epochs: int = Field(default=3, ge=0, le=1000, description="of fine-tuning with the mask on; 0 for none")


class MaskSingleSpikes:
    """Mask the spikes of neurons that fire exactly once."""

    name = "mask-single-spikes"
    stage: Literal["network", "chip"] = "network"
    reads_chip: Literal["no", "accuracy", "all"] = "no"
    Config: type[TechniqueConfig] = MaskSingleSpikesConfig

    def apply(
        self, target: nn.Module, hardware: Any, data: Any, config: MaskSingleSpikesConfig
    ) -> TechniqueResult:
        """Return a copy of the network with masked neurons, in evaluation mode.

        Raises:
            ModelError: there are no neurons, they can't be masked, T is 1, or the fine-tuning diverges.
        """
        start = time.perf_counter()
        model = copy.deepcopy(target).eval()
        few = FewImages(data, config.images, config.seed)
        neurons = _neurons(model)
        counted = torch.from_numpy(data.calibration.images(slice(0, _COUNTED)))
        before = firing(model, counted)
        tune_masked(model, data, config)
        after = firing(model, counted)
        facts = {
            "neuron_layers": len(neurons),
            "single_before": before[1],
            "silent_before": before[0],
            "silent_after": after[0],
            "not_charged": "holding spikes for T steps where hardware passes them on step by step",
        }
        return TechniqueResult(model, training_cost(model, few, config, config.epochs, start) | facts)


def tune_masked(
    model: nn.Module,
    data: Any,
    config: MaskSingleSpikesConfig,
    folder: Path | None = None,
    *,
    on_epoch: Callable[[EpochRecord], None] | None = None,
) -> None:
    """Switch the mask on and fine-tune ``model`` in place, zeros among its weights staying zero.

    Args:
        folder: run folder; called again with the same folder and settings, a stopped run goes on.
        on_epoch: called after each epoch that is run now.

    Raises:
        ModelError: as for the technique.
    """
    neurons = _neurons(model)
    few = FewImages(data, config.images, config.seed)
    for neuron in neurons.values():
        setattr(neuron, _OPTION, True)
    _note(model)
    layers = weight_layers(model, few.image)  # runs the network: an error at T = 1 comes before any training
    with keep(layers, zeros_of(layers)):
        if config.epochs:
            fit(model, few, config, config.epochs, folder=folder, on_epoch=on_epoch)


def _neurons(model: nn.Module) -> dict[str, nn.Module]:
    found = {path: m for path, m in model.named_modules() if getattr(m, "is_neuron", False)}
    if not found:
        raise ModelError(
            f"mask-single-spikes needs spiking neurons and {type(model).__name__} has none; give a spiking network."
        )
    for path, neuron in found.items():
        if not hasattr(neuron, _OPTION):
            raise ModelError(
                f"neuron '{path}' is a {type(neuron).__name__}, which can't mask single spikes; use axbar.nn.LIF, IF "
                f"or SynapticLIF, or give it an attribute {_OPTION} that its forward obeys."
            )
    return found


def _note(model: nn.Module) -> None:
    """Write the mask into how a built-in network is built, so that its run folder brings it back."""
    config: Any = getattr(model, "config", None)
    if isinstance(config, dict) and "neuron" in config:
        vars(model)["config"] = {**config, _OPTION: True}


def firing(model: nn.Module, images: Tensor) -> tuple[float, float]:
    """Return the share of neurons (0..1, over all images and layers of ``axbar.nn``) that never and that once fire."""
    total = silent = single = 0

    def count(_neuron: nn.Module, _inputs: Any, spikes: Tensor) -> None:
        nonlocal total, silent, single
        fired = spikes.detach().sum(0)
        total += fired.numel()
        silent += int((fired == 0).sum())
        single += int((fired == 1).sum())

    neurons = [m for m in model.modules() if isinstance(m, LIF)]
    handles = [neuron.register_forward_hook(count) for neuron in neurons]
    try:
        with torch.no_grad():
            model(images.to(device_of(model)))
    finally:
        for handle in handles:
            handle.remove()
    return (silent / total, single / total) if total else (0.0, 0.0)


TECHNIQUE = MaskSingleSpikes()
