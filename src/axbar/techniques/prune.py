"""Remove the weights of smallest magnitude, then fine-tune what is left.

    W_l' = m_l · W_l,   Σ_l |m_l = 0| = round(s · Σ_l n_l)

s = ``sparsity``, n_l weights of layer l; the weights of smallest |W| go first, over all layers together (``scope =
global``) or by the same share in each layer (``layer``). The mask stays on during the fine-tuning (``epochs``, 0 for
none), or grows during a share of it (``gradual``: Zhu and Gupta, 2017). What was zero before counts among the removed
and stays so, also where it is more than s asks for. Magnitude pruning: Han et al., "Learning both Weights and
Connections", NeurIPS 2015.

The first layer is left alone if it is a convolution (``keep_first``), as in LoAS (Yin et al., MICRO 2024), whose first
convolution reads an image and not spikes; all linear layers are pruned, the read-out too unless ``keep_readout``.
Removed weights are exact zeros (``axbar.techniques._masks``), so every model of hardware sees them in the traced
workload. The cost says where they lie (``axbar.techniques._structure``).
"""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from axbar.cost.whatif import Offer
from axbar.spec import HardwareSpec
from axbar.techniques._base import TechniqueConfig, TechniqueResult
from axbar.techniques._finetune import FewImages, TuneConfig, fit, training_cost
from axbar.techniques._gradual import Gradual
from axbar.techniques._masks import (
    Layer,
    Masks,
    check_alive,
    chosen_layers,
    keep,
    smallest,
    smallest_of,
    weight_layers,
    zeros_of,
)
from axbar.techniques._structure import structure, structure_facts
from axbar.workload import Workload

__all__ = ["TECHNIQUE", "Prune", "PruneConfig", "facts_of"]


class PruneConfig(TuneConfig):
    """Settings of ``prune``."""

    sparsity: float = Field(default=0.8, ge=0, lt=1, description="share of the weights to remove")
    scope: Literal["global", "layer"] = Field(
        default="global",
        description="rank the weights of all layers together, or remove the same share of each",
    )
    floor: float = Field(
        default=0.0, ge=0, lt=1, description="share of each layer's weights, the largest, that always stays"
    )
    epochs: int = Field(default=2, ge=0, le=1000, description="of fine-tuning with the mask on; 0 for none")
    gradual: float = Field(
        default=0.0, ge=0, le=1,
        description="share of the fine-tuning over which the sparsity rises; 0 removes all at once",
    )  # fmt: skip
    keep_first: bool = Field(default=True, description="leave the first layer alone if it is a convolution")
    keep_readout: bool = Field(default=False, description="leave the last layer alone")


class Prune:
    """Remove small weights."""

    name = "prune"
    stage: Literal["network", "chip"] = "network"
    reads_chip: Literal["no", "accuracy", "all"] = "no"
    Config: type[TechniqueConfig] = PruneConfig

    def apply(self, target: nn.Module, hardware: Any, data: Any, config: PruneConfig) -> TechniqueResult:
        """Return a pruned copy of the network, in evaluation mode.

        Raises:
            ModelError: a layer would lose all weights or hides its weight, or the fine-tuning diverges.
        """
        start = time.perf_counter()
        model = copy.deepcopy(target).eval()
        few = FewImages(data, config.images, config.seed)
        layers = weight_layers(model, few.image)
        chosen = chosen_layers(
            layers, keep_first=config.keep_first, keep_readout=config.keep_readout, who=self.name
        )
        masks, grow = zeros_of(layers), None
        if config.gradual and config.epochs:
            grow = Gradual(
                chosen, masks, lambda share: _masks(chosen, config, share),
                config.gradual, config.sparsity, config.epochs,
            )  # fmt: skip
        else:
            masks |= {path: mask & masks[path] for path, mask in _masks(chosen, config).items()}
            check_alive(masks, self.name, config.sparsity)
        with keep(layers, masks):
            if config.epochs:
                fit(model, few, config, config.epochs, progress=grow)
        check_alive(masks, self.name, config.sparsity)
        cost = training_cost(model, few, config, config.epochs, start)
        return TechniqueResult(model, cost | facts_of(layers, chosen))

    def what_if(
        self, spec: HardwareSpec, workload: Workload, network: nn.Module | None = None
    ) -> Offer | None:
        """Return the workload with the default share of weights removed and the spikes as they were recorded.

        With the network, the very weights that the technique would remove: a trace holds weights with norms folded
        in, whose order across layers is another.

        None where no weights are known or the offer is no change: they are that sparse already.
        """
        config = PruneConfig()
        pruned = _pruned(workload, config.sparsity, network)
        if pruned is None:
            return None
        why = f"{config.sparsity:.0%} of the weights are removed; spikes are taken as they were before"
        return Offer(self.name, self.stage, "remove the smallest weights", workload=pruned, why=why)


def _masks(layers: Mapping[str, Layer], config: PruneConfig, sparsity: float | None = None) -> Masks:
    """Return what is kept at a sparsity, that of the settings unless given."""
    share = config.sparsity if sparsity is None else sparsity
    if config.scope == "global":
        return smallest(layers, _share(layers, share), config.floor)
    found: Masks = {}
    for path, layer in layers.items():
        found |= smallest({path: layer}, _share({path: layer}, share), config.floor)
    return found


def _pruned(workload: Workload, sparsity: float, network: nn.Module | None) -> Workload | None:
    """Return a workload whose layers but a first convolution lose their smallest weights, over all layers together.

    With the network, by the size that weights have there.
    """
    layers = [layer for layer in workload.matmuls if layer.weight is not None]
    if layers and layers[0].op == "conv2d":
        layers = layers[1:]
    weights = {layer.name: layer.weight for layer in layers if layer.weight is not None}
    if not weights or sum(int((w == 0).sum()) for w in weights.values()) >= _count(weights, sparsity):
        return None
    sizes = [_as_trained(name, weight, network) for name, weight in weights.items()]
    kept = smallest_of(sizes, _count(weights, sparsity))
    if not all(mask.any() for mask in kept):
        return None
    new = {
        name: np.where(mask, weight, np.float32(0))
        for (name, weight), mask in zip(weights.items(), kept, strict=True)
    }
    return replace(
        workload,
        layers=tuple(replace(at, weight=new[at.name]) if at.name in new else at for at in workload.layers),
    )


def _as_trained(name: str, folded: NDArray[Any], network: nn.Module | None) -> NDArray[Any]:
    """Return the weights of a traced layer before norms were folded in; the folded ones if they can't be told."""
    path = name.partition("#")[0]  # a layer used in several places is traced as name, name#2, ...
    layer = dict(network.named_modules()).get(path) if network is not None else None
    weight = getattr(layer, "weight", None)
    if not isinstance(weight, Tensor) or tuple(weight.shape) != folded.shape:
        return folded
    return weight.detach().float().cpu().contiguous().numpy()


def _count(weights: Mapping[str, NDArray[Any]], sparsity: float) -> int:
    return round(sparsity * sum(weight.size for weight in weights.values()))


def _share(layers: Mapping[str, Layer], sparsity: float) -> int:
    return round(sparsity * sum(layer.weight.numel() for layer in layers.values()))


def facts_of(layers: Mapping[str, Layer], pruned: Mapping[str, Layer]) -> dict[str, Any]:
    """Return how sparse the pruned layers and the whole network are, and how the zeros of the former lie."""
    with torch.no_grad():
        weights = {path: layer.weight.cpu().numpy() for path, layer in pruned.items()}
    found = structure(weights)
    whole = structure({path: layer.weight.detach().cpu().numpy() for path, layer in layers.items()})
    total, kept = sum(at.weights for at in found), sum(at.kept for at in found)
    return {
        "sparsity": 1.0 - kept / total,
        "sparsity_of_network": 1.0 - sum(at.kept for at in whole) / sum(at.weights for at in whole),
        "removed": total - kept,
        "weights": total,
        **structure_facts(found),
    }


TECHNIQUE = Prune()
