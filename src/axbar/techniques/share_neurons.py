"""Let groups of channels take turns on the membranes of a layer, and fine-tune the network to it.

    membranes of a layer = N / G,     N = C · rows · columns neurons, G = ``groups``

The neurons become ``axbar.nn.SharedLIF`` (the equation stands there): cross-channel sharing of EfficientLIF-Net (Kim,
Li, Moitra, Yin and Panda, Frontiers in Neuroscience 2023, arXiv 2305.18360). There networks are trained so from the
start; here a trained one is tuned, as neurons that meet other potentials than they were trained with fire otherwise.
Exact zeros among the weights stay zero, so the technique goes behind ``prune`` or ``lottery-ticket``.

A chip that keeps membranes keeps 1/G of them. Updates stay as many; they are made group after group, which costs time
where a chip could update more than N/G neurons at once.

The paper also shares membranes between layers of equal shape. No chip here would keep fewer for it: a crossbar's
membranes stand beside the arrays of their layer, and would have to travel to the next one's at every step; a systolic
array and LoAS finish all steps of a layer before the next one begins, while that needs all layers at every step.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field
from torch import Tensor, nn

from axbar.cost.whatif import Offer
from axbar.errors import ModelError
from axbar.nn import IF, LIF, SharedLIF, accuracy
from axbar.nn._replace import replace_module
from axbar.spec import HardwareSpec
from axbar.techniques._base import TechniqueConfig, TechniqueResult
from axbar.techniques._finetune import FewImages, TuneConfig, fit, training_cost
from axbar.techniques._masks import keep, weight_layers, zeros_of
from axbar.techniques._note import note
from axbar.techniques._tuning import device_of
from axbar.workload import LayerTrace, Workload, trace

__all__ = ["TECHNIQUE", "ShareNeurons", "ShareNeuronsConfig"]


class ShareNeuronsConfig(TuneConfig):
    """Settings of ``share-neurons``."""

    groups: int = Field(default=2, ge=2, le=1024, description="neurons that take turns on one membrane")
    epochs: int = Field(
        default=3, ge=0, le=1000, description="of fine-tuning with shared neurons; 0 for none"
    )


class ShareNeurons:
    """Share membranes between groups of channels."""

    name = "share-neurons"
    stage: Literal["network", "chip"] = "network"
    reads_chip: Literal["no", "accuracy", "all"] = "no"
    Config: type[TechniqueConfig] = ShareNeuronsConfig

    def apply(
        self, target: nn.Module, hardware: Any, data: Any, config: ShareNeuronsConfig
    ) -> TechniqueResult:
        """Return a copy of the network with shared neurons, in evaluation mode.

        Layers whose channels are no multiple of ``groups``, and neurons other than plain LIF and IF, stay as they
        are; ``skipped`` of the cost says which and why.

        Raises:
            ModelError: no layer of neurons can share, or the fine-tuning diverges.
        """
        start = time.perf_counter()
        model = copy.deepcopy(target).eval()
        few = FewImages(data, config.images, config.seed)
        neurons, shared, skipped = _shareable(model, few.image, config.groups)
        before = accuracy(model, data.calibration)
        model = self.restructure(model, {"groups": config.groups, "layers": shared})
        layers = weight_layers(model, few.image)
        with keep(layers, zeros_of(layers)):
            if config.epochs:
                fit(model, few, config, config.epochs)
        model.eval()
        facts = {
            "shared_layers": len(shared),
            "skipped": "; ".join(f"{path}: {why}" for path, why in skipped.items()),
            "membranes_before": _membranes(neurons, (), 1),
            "membranes_after": _membranes(neurons, shared, config.groups),
            "calibration_accuracy_before": before,
            "calibration_accuracy": accuracy(model, data.calibration),
        }
        return TechniqueResult(model, training_cost(model, few, config, config.epochs, start) | facts)

    def check_network(self, network: nn.Module, image: Tensor, config: ShareNeuronsConfig) -> None:
        """Refuse a network without neurons that can share, before any work.

        Raises:
            ModelError: with the layers and why they can't.
        """
        _shareable(network, image, config.groups)

    def restructure(self, model: nn.Module, facts: Mapping[str, Any]) -> nn.Module:
        """Share the neurons of the named layers, in place."""
        for path in facts["layers"]:
            neuron: Any = model.get_submodule(path)
            if not isinstance(neuron, SharedLIF):  # one module under two names is replaced under both
                replace_module(model, path, SharedLIF.of(neuron, int(facts["groups"])))
        note(model, self.name, facts)
        return model

    def what_if(self, spec: HardwareSpec, workload: Workload) -> Offer | None:
        """Return the workload with two neurons on each membrane, and the spikes as they were recorded.

        None where no layer of neurons can share.
        """
        groups = ShareNeuronsConfig().groups
        layers = tuple(
            replace(at, neuron=replace(at.neuron, share=groups))
            if at.neuron is not None
            and at.neuron.kind in ("LIF", "IF")
            and at.neuron.share == 1
            and not at.geometry.out_shape[0] % groups
            else at
            for at in workload.layers
        )
        if layers == workload.layers:
            return None
        why = f"{groups} neurons take turns on one membrane; spikes are taken as they were before"
        return Offer(
            self.name, self.stage, "fewer membranes", workload=replace(workload, layers=layers), why=why
        )


def _shareable(
    model: nn.Module, image: Tensor, groups: int
) -> tuple[Sequence[LayerTrace], list[str], dict[str, str]]:
    """Return the layers of neurons, the paths of those that can share, and why others can't."""
    neurons = trace(model, image.to(device_of(model))).neurons
    skipped = {_path(at): why for at in neurons if (why := _why_not(model, at, groups))}
    shared = [path for path in dict.fromkeys(map(_path, neurons)) if path not in skipped]
    if not shared:
        raise ModelError(_nothing(model, skipped))
    return neurons, shared, skipped


def _path(layer: LayerTrace) -> str:
    """Return the path of a layer's module; a module may be used in several places."""
    return layer.name.partition("#")[0]


def _why_not(model: nn.Module, layer: LayerTrace, groups: int) -> str:
    """Return why a layer of neurons can't share; nothing if it can."""
    neuron: Any = model.get_submodule(_path(layer))
    channels = layer.geometry.out_shape[0]
    if type(neuron) not in (LIF, IF):
        return f"a {type(neuron).__name__}, no LIF or IF"
    if not neuron.params.uniform:
        return "its constants differ from neuron to neuron"
    if channels % groups:
        return f"{channels} channels are no multiple of {groups}"
    return ""


def _nothing(model: nn.Module, skipped: Mapping[str, str]) -> str:
    if not skipped:
        return f"share-neurons needs spiking neurons and {type(model).__name__} has none; give a spiking network."
    found = "; ".join(f"'{path}': {why}" for path, why in skipped.items())
    return f"share-neurons finds no layer that can share ({found}); choose other groups or plain LIF neurons."


def _membranes(neurons: Sequence[LayerTrace], shared: Sequence[str], groups: int) -> int:
    return sum(math.prod(at.geometry.out_shape) // (groups if _path(at) in shared else 1) for at in neurons)


TECHNIQUE = ShareNeurons()
