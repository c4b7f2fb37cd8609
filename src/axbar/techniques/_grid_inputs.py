"""Steps of what enters layers, and whole codes for the pixels of networks that normalise their images.

A layer's inputs must be multiples of one step. What pixels alone decide is looked at on all images that the technique
may see; what neurons decide on a few.

**Normalised images.** With m and s of a channel, the first layer sees z = (x - m)/s, which are multiples of no common
step although the pixels are: x = p d. With c = round(m/d),

    sum w z + b = sum (w/s) (p - c) d  +  b + sum (w/s) (c d - m),

so that the network subtracts the whole code c, and the layer takes w/s and the new bias. Exact, but at the border of a
padded image: there a zero stood for m and now stands for c d, at most d/2 away. Coarse pixels are cut into steps of
1/255 or less first, so that this is at most 1/510.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from axbar.nn._replace import replace_module
from axbar.nn.network import Normalise
from axbar.nn.quantised import QuantisedNormalise
from axbar.techniques._finetune import FewImages
from axbar.techniques._grids import input_step_of
from axbar.techniques._tuning import device_of
from axbar.workload import LayerTrace, Workload

__all__ = ["Inputs", "centre_pixels", "inputs_of"]

_BATCH = 256
#: values that are kept apart; more of them are on no grid of 256 levels anyway
_DISTINCT = 2**16
#: levels per unit that a mean is rounded to, at least
_FINE = 255
#: of a step: what float32 makes of whole numbers of steps
_CLOSE = 1e-3


@dataclass(frozen=True)
class Inputs:
    """What enters the layers.

    Args:
        steps: path of a layer -> (d, m): value of one code, and the shift that brings ``d 2^m`` closest to 1.
        rounded: the farthest that an input lay from a whole code, in codes: 0 (all are on the grid) to 0.5.
    """

    steps: Mapping[str, tuple[float, int]]
    rounded: float


class _Enough(Exception):
    """All layers in question have been called."""


class _Values:
    """The distinct values that entered a layer."""

    def __init__(self) -> None:
        self.seen, self.calls = torch.zeros(0, dtype=torch.float64), 0

    def add(self, x: Tensor) -> None:
        """Take the values of one call."""
        self.calls += 1
        found = torch.unique(x.detach()).double().cpu()
        self.seen = torch.unique(torch.cat([self.seen, found]))
        while len(self.seen) > _DISTINCT:
            self.seen = torch.cat([self.seen[:-1:2], self.seen[-1:]])  # both ends stay


@torch.no_grad()
def inputs_of(model: nn.Module, workload: Workload, few: FewImages, images: Tensor) -> Inputs:
    """Return the steps of the inputs of all layers.

    Args:
        model: without batch norms; ``workload`` is its trace, from before its pixels were centred.
        few: all images, which decide where no neurons stand between them and the layer.
        images: ``[B, ...]``, the few that decide elsewhere.
    """
    layers = list(dict.fromkeys(_path(node) for node in workload.matmuls))
    found = {path: _Values() for path in layers}
    _run(model, found, images)
    first = {path: found[path] for path in layers if path in _fed_by_pixels(workload)}
    calls = {path: values.calls for path, values in first.items()}
    for batch in _batches(few):
        for values in first.values():
            values.calls = 0
        _run(model, first, batch.to(images.device), calls)
    steps = {path: input_step_of(values.seen) for path, values in found.items()}
    for centred, module in model.named_modules():
        if isinstance(module, QuantisedNormalise):
            steps |= dict.fromkeys(_readers(workload, centred), _shifted(module.step))
    far = [_farthest(found[path].seen, steps[path][0]) for path in layers]
    return Inputs(steps, max(far, default=0.0))


def _run(
    model: nn.Module, found: Mapping[str, _Values], images: Tensor, calls: Mapping[str, int] | None = None
) -> None:
    """Collect what enters layers; with ``calls``, only until each had that many."""

    def enter(path: str) -> Any:
        def hook(_module: nn.Module, given: tuple[Tensor, ...]) -> None:
            found[path].add(given[0])
            if calls is not None and all(found[p].calls >= n for p, n in calls.items()):
                raise _Enough

        return hook

    handles = [model.get_submodule(path).register_forward_pre_hook(enter(path)) for path in found]
    try:
        with suppress(_Enough):
            model(images)
    finally:
        for handle in handles:
            handle.remove()


def _batches(few: FewImages) -> Any:
    for start in range(0, len(few.chosen), _BATCH):
        yield torch.from_numpy(few.train.images(slice(start, start + _BATCH)))


def _farthest(seen: Tensor, step: float) -> float:
    """Return the largest distance to a whole code, in codes; 0 for what float32 alone explains."""
    codes = seen / step
    far = float((codes - codes.round()).abs().max()) if len(seen) else 0.0
    return far if far >= _CLOSE else 0.0


def _path(node: LayerTrace) -> str:
    return node.name.split("#")[0]


def _fed_by_pixels(workload: Workload) -> set[str]:
    """Return the paths of layers with a way from the network's input that leads through no neurons or layers."""
    names = {node.name for node in workload.layers}
    reached, layers = set[str](), set[str]()
    for node in workload.layers:
        if not any(source in reached or source not in names for source in node.inputs):
            continue
        if node.is_matmul:
            layers.add(_path(node))
        elif node.op != "neuron":
            reached.add(node.name)
    return layers


def centre_pixels(model: nn.Module, workload: Workload, few: FewImages) -> dict[str, list[Any]]:
    """Turn normalisations into the subtraction of whole codes, in place; the layers behind take over the rest.

    Normalisations that something else than a layer reads, or that other values than the images enter, stay as they
    are.

    Returns:
        path of each -> [d, codes of the channels], as JSON.
    """
    made = dict[str, list[Any]]()
    for path, module in list(model.named_modules()):
        if type(module) is not Normalise:
            continue
        layers = _readers(workload, path)
        channels = _channels(model, path, layers, few.image.to(device_of(model)))
        if channels is None:
            continue
        step = _pixel_step(few)
        means = module.mean.flatten().double()
        codes = torch.round(means / step)
        for name, of in channels.items():
            _take_over(cast(Any, model.get_submodule(name)), of, module, codes * step - means)
        whole = [int(code) for code in codes]
        replace_module(model, path, QuantisedNormalise(whole, step).to(means.device))
        made[path] = [step, whole]
    return made


def _pixel_step(few: FewImages) -> float:
    values = _Values()
    for batch in _batches(few):
        values.add(batch)
    step = input_step_of(values.seen)[0]
    return step / math.ceil(_FINE * step - _CLOSE)


def _shifted(step: float) -> tuple[float, int]:
    return step, max(0, round(-math.log2(step)))


def _readers(workload: Workload, path: str) -> tuple[str, ...]:
    """Return the layers that read what a module on the images gives; none unless all that read it are layers."""
    inside = {node.name for node in workload.layers if node.name.startswith(f"{path}.")}
    names = {node.name for node in workload.layers}
    sources = {source for node in workload.layers if node.name in inside for source in node.inputs}
    readers = [node for node in workload.layers if node.name not in inside and inside & set(node.inputs)]
    paths = {_path(node) for node in readers}
    others = [node for node in workload.layers if _path(node) in paths and node not in readers]
    mixed = any(len(node.inputs) > 1 for node in readers)
    if sources - inside & names or others or mixed or not all(node.is_matmul for node in readers):
        return ()
    return tuple(sorted(paths))


def _channels(model: nn.Module, path: str, layers: Sequence[str], image: Tensor) -> dict[str, Tensor] | None:
    """Return the channel of the images that each input of the layers is; None where that is not clear.

    Found by a probe: numbers of channels in place of the normalised image.
    """
    found = dict[str, Tensor]()

    def probe(_module: nn.Module, _given: Any, out: Tensor) -> Tensor:
        return torch.arange(out.shape[-3], dtype=out.dtype, device=out.device).view(-1, 1, 1).expand_as(out)

    def enter(name: str) -> Any:
        def hook(layer: nn.Module, given: tuple[Tensor, ...]) -> None:
            x = given[0].movedim(1, -1) if isinstance(layer, nn.Conv2d) else given[0]
            rows = x.reshape(-1, x.shape[-1])
            if bool((rows == rows[0]).all()):
                found[name] = rows[0].long()

        return hook

    handles = [model.get_submodule(path).register_forward_hook(probe)]
    handles += [model.get_submodule(name).register_forward_pre_hook(enter(name)) for name in layers]
    try:
        with torch.no_grad():
            model(image)
    finally:
        for handle in handles:
            handle.remove()
    return found if layers and set(found) == set(layers) else None


@torch.no_grad()
def _take_over(layer: Any, channels: Tensor, norm: Normalise, moved: Tensor) -> None:
    """Put the division by s and what is left of the mean into weights and bias.

    Args:
        channels: of the images, for each input of the layer.
        moved: c d - m, by channel of the images.
    """
    weight = layer.weight
    if isinstance(layer, nn.Conv2d):
        by_group = channels.view(layer.groups, -1)
        each = by_group.repeat_interleave(len(weight) // layer.groups, 0)[..., None, None]
    else:
        each = channels.expand_as(weight)
    scaled = weight.double() / norm.std.flatten().double()[each]
    bias = (scaled * moved[each]).flatten(1).sum(1).to(weight.dtype)
    weight.copy_(scaled)
    if layer.bias is None:
        layer.bias = nn.Parameter(bias)
    else:
        layer.bias.add_(bias)
