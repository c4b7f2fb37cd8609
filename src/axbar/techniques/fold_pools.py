"""Fold average pools into the layers behind them, which then read spikes and not averages of spikes.

    pool(k, s, p), then a convolution (K, S, P)  =  one convolution of kernel s·(K−1) + k, stride s·S, padding s·P + p

with weights convolved with the box 1/k² (``axbar.techniques._pools`` has the derivation and when it is exact; both
maps are linear, so nothing is approximated). An average of k² spikes takes k² + 1 values: arrays would present it bit
by bit, or rounded to the converter's bits. Folded, every array reads binary spikes, and the pool needs no unit.

The price is rows: a convolution grows by ((s·(K−1) + k)/K)², a linear layer behind a flatten by k², and so do its
multiply-accumulates. The cost states both. It pays where spikes are sparse, or rounding averages costs accuracy.

Only pools fold that read spikes (of neurons, also through max pools: the maximum of spikes is a spike) and that none
but plain convolutions and linear layers read. Max pools stay: a maximum is not linear.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from axbar.cost.whatif import Offer
from axbar.errors import ModelError, TraceError
from axbar.spec import HardwareSpec
from axbar.techniques._base import TechniqueConfig, TechniqueResult
from axbar.techniques._exact import check_exact
from axbar.techniques._note import note
from axbar.techniques._pool_offer import pools_folded
from axbar.techniques._pools import (
    AvgPool,
    conv_shape,
    folded_kernel,
    folded_matrix,
    pool_of,
    why_inexact,
)
from axbar.workload import LayerTrace, Workload, trace

__all__ = ["TECHNIQUE", "FoldPools", "FoldPoolsConfig"]

#: images on which the graph is recorded, and on which the logits are compared
_TRACED, _CHECKED = 2, 8
_AVERAGES = ("avg", "adaptive_avg")


class FoldPoolsConfig(TechniqueConfig):
    """Settings of ``fold-pools``: none."""


@dataclass(frozen=True)
class _Fold:
    """One pool module, by path, and the layers that take it in."""

    pool: str
    how: AvgPool
    readers: tuple[LayerTrace, ...]


class FoldPools:
    """Put average pools into the weights behind them."""

    name = "fold-pools"
    stage: Literal["network", "chip"] = "network"
    reads_chip: Literal["no", "accuracy", "all"] = "no"
    Config: type[TechniqueConfig] = FoldPoolsConfig
    not_after: ClassVar[Mapping[str, str]] = {
        "mint": "its weights are whole numbers, averages of them are not"
    }

    def apply(self, target: nn.Module, hardware: Any, data: Any, config: FoldPoolsConfig) -> TechniqueResult:
        """Return a copy of the network without those average pools, in evaluation mode.

        Raises:
            ModelError: no pool can be folded; the sentence names them and says why. Or the logits would change.
        """
        start = time.perf_counter()
        images = torch.from_numpy(data.calibration.images(slice(0, _CHECKED)))
        made, facts, left = _folded(target, images)
        apart = check_exact(self.name, lambda net: _folded(net, images)[0], target, images)
        before, after = (_sizes(net, images, list(facts["layers"])) for net in (target, made))
        note(made, self.name, facts)
        cost = {
            "seconds": time.perf_counter() - start,
            "images": len(images),
            "writes": 0,
            "settings": 0,
            "pools_folded": facts["pools"],
            "pools_left": left,
            "layers": list(facts["layers"]),
            "rows_before": sum(rows for rows, _ in before),
            "rows_after": sum(rows for rows, _ in after),
            "macs_per_step_before": sum(macs for _, macs in before),
            "macs_per_step_after": sum(macs for _, macs in after),
            "largest_difference": apart,
        }
        return TechniqueResult(made, cost)

    def what_if(self, spec: HardwareSpec, workload: Workload) -> Offer | None:
        """Return the workload without average pools of spikes; None where there are none."""
        pooled = pools_folded(workload)
        if pooled is None:
            return None
        why = "nothing is approximated: weights stand on more rows and read spikes in place of their averages"
        return Offer(
            self.name, self.stage, "fold average pools into the layers behind", workload=pooled, why=why
        )

    def restructure(self, model: nn.Module, facts: Mapping[str, Any]) -> nn.Module:
        """Take the pools out and give the layers their larger kernels, in place; weights come afterwards."""
        for path, shape in facts["layers"].items():
            _resize(model.get_submodule(path), shape, None)
        for path in facts["pools"]:
            model.set_submodule(path, nn.Identity())
        note(model, self.name, facts)
        return model.eval()


def _folded(target: nn.Module, images: Tensor) -> tuple[nn.Module, dict[str, Any], dict[str, str]]:
    """Fold all that can be; return the network, what ``restructure`` needs, and the pools that stay with reasons."""
    made = copy.deepcopy(target).eval()
    pools, layers = list[str](), dict[str, dict[str, Any]]()
    while True:
        folds, left = _plan(made, _graph(made, images, pools))
        if not folds:
            break
        for fold in folds:
            for reader in fold.readers:
                layers[reader.name] = _fold_into(made.get_submodule(reader.name), fold.how, reader)
            made.set_submodule(fold.pool, nn.Identity())
            pools.append(fold.pool)
    if not pools:
        reasons = "; ".join(f"'{path}': {reason}" for path, reason in left.items())
        raise ModelError(
            f"fold-pools finds no average pool to fold in {type(target).__name__}"
            f"{f' ({reasons})' if reasons else ', which has no pools'}; leave the technique out, or build the network "
            "with nn.AvgPool2d between neurons and the next layer."
        )
    return made, {"pools": pools, "layers": layers}, left


def _graph(model: nn.Module, images: Tensor, folded: list[str]) -> Workload:
    try:
        return trace(model, images[:_TRACED])
    except TraceError as error:
        if not folded:
            raise
        raise ModelError(
            f"fold-pools: without {', '.join(repr(path) for path in folded)} the network does not run any more; it "
            f"reshapes by numbers that hold for the pooled map alone: use nn.Flatten() or x.flatten(1) ({error})"
        ) from error


def _plan(model: nn.Module, graph: Workload) -> tuple[list[_Fold], dict[str, str]]:
    """Return what folds now, and why each other pool does not."""
    modules = dict(model.named_modules())
    places: dict[str, list[LayerTrace]] = {}
    for layer in graph.layers:
        if layer.op == "pool" or (layer.op == "mean" and len(layer.geometry.in_shape) == 3):
            places.setdefault(layer.name.partition("#")[0], []).append(layer)
    folds, left = list[_Fold](), dict[str, str]()
    for path, found in places.items():
        fold = _fold_of(path, found, modules, graph)
        if isinstance(fold, str):
            left[path] = fold
        else:
            folds.append(fold)
    return folds, left


def _fold_of(
    path: str, places: list[LayerTrace], modules: Mapping[str, nn.Module], graph: Workload
) -> _Fold | str:
    """Return how a pool folds at all of its places, or why it does not."""
    module = modules.get(path)
    if places[0].op == "pool" and places[0].kind not in _AVERAGES:
        return "it takes the maximum, which no weights do"
    if not isinstance(module, nn.AvgPool2d | nn.AdaptiveAvgPool2d):
        return "it is a function call, not a module nn.AvgPool2d or nn.AdaptiveAvgPool2d"
    if len(places) > 1:
        return f"it stands in {len(places)} places; give each its own module"
    place = places[0]
    if not place.inputs or not all(_spikes(name, graph) for name in place.inputs):
        return "it does not read spikes"
    pool = pool_of(module, place)
    if isinstance(pool, str):
        return pool
    readers = [layer for layer in graph.layers if place.name in layer.inputs]
    if not readers:
        return "no layer reads it"
    for reader in readers:
        reason = _why_not(reader, place, pool, modules, graph)
        if reason:
            return reason
    return _Fold(path, pool, tuple(readers))


def _why_not(
    reader: LayerTrace, place: LayerTrace, pool: AvgPool, modules: Mapping[str, nn.Module], graph: Workload
) -> str | None:
    layer = modules.get(reader.name)
    if not reader.is_matmul or layer is None:
        return f"it feeds '{reader.name}' ({reader.op}), which has no weights"
    if reader.inputs != (place.name,):
        return f"'{reader.name}' behind it reads other data too"
    if any(other.name.startswith(f"{reader.name}#") for other in graph.layers):
        return f"'{reader.name}' behind it stands in several places"
    if type(layer) not in (nn.Conv2d, nn.Linear):
        return f"it feeds '{reader.name}', a {type(layer).__name__} and no plain Conv2d or Linear"
    return why_inexact(pool, reader)


def _spikes(name: str, graph: Workload) -> bool:
    """Whether a node gives spikes, or averages of spikes that will be folded away in turn."""
    layer = next((layer for layer in graph.layers if layer.name == name), None)
    if layer is None:
        return False
    return layer.op == "neuron" or (
        layer.op == "pool"
        and layer.kind in ("max", "adaptive_max", *_AVERAGES)
        and all(_spikes(other, graph) for other in layer.inputs)
    )


@torch.no_grad()
def _fold_into(layer: nn.Module, pool: AvgPool, reader: LayerTrace) -> dict[str, Any]:
    """Work a pool into a layer, in place; return its new shape as plain JSON."""
    if isinstance(layer, nn.Linear):
        weight = folded_matrix(layer.weight, pool)
        shape: dict[str, Any] = {"features": weight.shape[1]}
    else:
        assert isinstance(layer, nn.Conv2d)
        new = conv_shape(pool, reader.geometry)
        weight = folded_kernel(layer.weight, pool, reader.geometry.dilation)
        shape = {"kernel": list(new.kernel), "stride": list(new.stride), "padding": list(new.padding)}
    _resize(layer, shape, weight)
    return shape


def _resize(layer: nn.Module, shape: Mapping[str, Any], weight: Tensor | None) -> None:
    """Give a layer another kernel or number of inputs, in place; without weights it gets zeros."""
    if isinstance(layer, nn.Linear):
        layer.in_features = int(shape["features"])
        size = (layer.out_features, layer.in_features)
    else:
        assert isinstance(layer, nn.Conv2d)
        layer.kernel_size, layer.stride = tuple(shape["kernel"]), tuple(shape["stride"])
        layer.padding, layer.dilation = tuple(shape["padding"]), (1, 1)
        layer.padding_mode = (
            "zeros"  # only layers without padding had another; what comes is the pool's, of zeros
        )
        size = (layer.out_channels, layer.in_channels // layer.groups, *layer.kernel_size)
    old = layer.weight
    new = old.detach().new_zeros(size) if weight is None else weight
    if isinstance(layer, nn.Conv2d) and old.is_contiguous(memory_format=torch.channels_last):
        new = torch.empty_like(new, memory_format=torch.channels_last).copy_(new)
    layer.weight = nn.Parameter(new, requires_grad=old.requires_grad)


def _sizes(model: nn.Module, images: Tensor, layers: list[str]) -> list[tuple[int, int]]:
    """Return rows and multiply-accumulates per image and step of each layer."""
    graph = trace(model, images[:_TRACED])
    found = {layer.name: layer for layer in graph.layers}
    sizes = list[tuple[int, int]]()
    for path in layers:
        weight = found[path].weight
        assert weight is not None
        rows = int(weight[0].size)
        sizes.append((rows, rows * int(torch.Size(found[path].geometry.out_shape).numel())))
    return sizes


TECHNIQUE = FoldPools()
