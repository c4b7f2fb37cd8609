"""Which weights are removed, and how they stay so: a mask is the set of exact zeros of a weight.

    m_l = 1 where W_l is kept, else 0;   removed: the k weights of smallest |W| over all given layers,
    k = round(s · n),  n = number of weights of these layers,  s = sparsity;  of equal ones the first in layer order

A floor f keeps the ceil(f · n_l) largest weights of every layer out of the ranking; without one, a high sparsity over
all layers may empty a layer of small weights, above all early in training.

A removed weight is +0.0 in the network itself. So it needs no buffer beside it, ``state_dict`` keys stay as they are, a
checkpoint holds the mask, and folding a batch norm (a factor per output), clipping and quantising (0 is code 0) keep
it. ``keep`` holds zeros through training: gradients of removed weights are set to zero before the optimizer sees
them, so that momentum and the clipped norm know nothing of them, and decay leaves a zero where it is.

The magnitude is that of the weight as trained, not as folded into its norm (Han et al., NeurIPS 2015; Frankle & Carbin,
ICLR 2019).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from axbar.calibration import CalibrationSource, run
from axbar.errors import ModelError
from axbar.techniques._tuning import device_of

__all__ = [
    "Masks",
    "check_alive",
    "chosen_layers",
    "keep",
    "sigma_kept",
    "smallest",
    "smallest_of",
    "weight_layers",
    "zero",
    "zeros_of",
]

#: path of a layer -> bool, shape of its weight, True where the weight is kept
Masks = dict[str, Tensor]
Layer = nn.Conv2d | nn.Linear


def weight_layers(model: nn.Module, image: Tensor) -> dict[str, Layer]:
    """Return the convolutions and linear layers that run on an image ``[1, ...]`` by path, in execution order.

    A weight that several layers share is listed once.

    Raises:
        ModelError: a weight is made from other parameters, or there is no such layer.
    """
    order: list[str] = []
    found = {path: m for path, m in model.named_modules() if isinstance(m, Layer)}

    def note(path: str) -> Callable[..., None]:
        return lambda *_: order.append(path)

    handles = [layer.register_forward_pre_hook(note(path)) for path, layer in found.items()]
    try:
        run(model, CalibrationSource(image.to(device_of(model)), 1))
    finally:
        for handle in handles:
            handle.remove()
    layers: dict[str, Layer] = {}
    seen: set[int] = set()
    for path in dict.fromkeys(order):
        weight = found[path]._parameters.get("weight")
        if not isinstance(weight, nn.Parameter):
            raise ModelError(
                f"the weight of layer '{path}' is made from other parameters; remove its parametrisation first."
            )
        if getattr(found[path], "weight_bits", None) is not None:
            raise ModelError(
                f"the weights of layer '{path}' are on a grid of {found[path].weight_bits} bits, which training or "
                "pruning would leave; start from the network before technique 'mint'."
            )
        if id(weight) not in seen:
            layers[path] = found[path]
        seen.add(id(weight))
    if not layers:
        raise ModelError(
            f"{type(model).__name__} holds no Conv2d or Linear layer, so there is nothing to prune."
        )
    return layers


def chosen_layers(
    layers: Mapping[str, Layer], *, keep_first: bool, keep_readout: bool, who: str
) -> dict[str, Layer]:
    """Return the layers to prune: without the first if it is a convolution, without the last, as asked.

    Raises:
        ModelError: none is left.
    """
    paths = list(layers)
    left_out = {paths[0]} if keep_first and isinstance(layers[paths[0]], nn.Conv2d) else set()
    left_out |= {paths[-1]} if keep_readout else set()
    chosen = {path: layer for path, layer in layers.items() if path not in left_out}
    if not chosen:
        raise ModelError(
            f"{who} has no layer left to prune: the network has {len(paths)} weight layers and {sorted(left_out)} "
            "are left out; set keep_first=false or keep_readout=false."
        )
    return chosen


def zeros_of(layers: Mapping[str, Layer]) -> Masks:
    """Return the masks that a network already carries: everything but exact zeros is kept."""
    return {path: layer.weight.detach() != 0 for path, layer in layers.items()}


def smallest(layers: Mapping[str, Layer], count: int, floor: float = 0.0) -> Masks:
    """Return masks that remove the ``count`` weights of smallest magnitude over all layers together.

    Args:
        floor: share (0..1) of each layer's weights, the largest, that stays.

    Raises:
        ModelError: the floor leaves too few weights to remove.
    """
    weights = {path: layer.weight.detach() for path, layer in layers.items()}
    kept = smallest_of([w.float().cpu().contiguous().numpy() for w in weights.values()], count, floor)
    return {
        path: torch.from_numpy(mask).to(w.device)
        for (path, w), mask in zip(weights.items(), kept, strict=True)
    }


def smallest_of(weights: Sequence[NDArray[Any]], count: int, floor: float = 0.0) -> list[NDArray[np.bool_]]:
    """Return which weights are kept if the ``count`` smallest in magnitude go; of equal ones the first go.

    >>> smallest_of([np.array([3.0, -1.0]), np.array([1.0, 2.0])], 1)
    [array([ True, False]), array([ True,  True])]
    """
    magnitude = np.concatenate([_ranked(weight, floor) for weight in weights])
    free = int(np.isfinite(magnitude).sum())
    if count > free:
        raise ModelError(
            f"{count:,} weights are to be removed, but a floor of {floor:.2%} of each layer leaves only {free:,} of "
            f"{len(magnitude):,} to choose from; lower the sparsity or the floor."
        )
    kept = np.ones(len(magnitude), bool)
    if count > 0:
        limit = np.partition(magnitude, count - 1)[count - 1]
        kept[magnitude < limit] = False
        ties = np.flatnonzero(magnitude == limit)
        kept[ties[: count - int((~kept).sum())]] = False
    parts = np.split(kept, np.cumsum([weight.size for weight in weights])[:-1])
    return [part.reshape(weight.shape) for part, weight in zip(parts, weights, strict=True)]


def _ranked(weight: NDArray[Any], floor: float) -> NDArray[Any]:
    """Return magnitudes, infinite for those that the floor keeps; zeros are removed already and never kept."""
    magnitude = np.abs(weight).reshape(-1)
    held = min(math.ceil(floor * magnitude.size), int(np.count_nonzero(magnitude)))
    if held:
        magnitude[np.argpartition(magnitude, -held)[-held:]] = np.inf
    return magnitude


def check_alive(masks: Mapping[str, Tensor], who: str, sparsity: float) -> None:
    """Refuse masks that leave a layer without any weight: nothing would pass it.

    Raises:
        ModelError: with the layer.
    """
    for path, mask in masks.items():
        if not bool(mask.any()):
            raise ModelError(
                f"{who} leaves layer '{path}' without any of its {mask.numel():,} weights at a sparsity of "
                f"{sparsity:.2%}; lower it, set floor=0.01, or give every layer the same share (scope=layer) where "
                "that leaves it some."
            )


@contextmanager
def keep(layers: Mapping[str, Layer], masks: Mapping[str, Tensor]) -> Iterator[None]:
    """Remove the masked weights and keep them at zero through whatever training the block does.

    Masks may change in place meanwhile.
    """
    handles = [layers[path].weight.register_hook(_only(mask)) for path, mask in masks.items()]
    try:
        zero(layers, masks)
        yield
        zero(layers, masks)  # a training loop of the caller's own may write weights without gradients
    finally:
        for handle in handles:
            handle.remove()


def _only(mask: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda grad: grad.masked_fill(~mask.to(grad.device), 0.0)


@torch.no_grad()
def zero(layers: Mapping[str, Layer], masks: Mapping[str, Tensor]) -> None:
    """Set the removed weights to zero."""
    for path, mask in masks.items():
        layers[path].weight.masked_fill_(~mask.to(layers[path].weight.device), 0.0)


def sigma_kept(weight: Tensor) -> float:
    """Return the standard deviation of a weight as it was before pruning: removed weights do not count.

        sigma^2 = sum (w - mean w)^2 / k,   k = number of weights that are not zero

    Counted among the removed ones too, it would fall with the sparsity.
    """
    values = weight.detach()
    share = int(torch.count_nonzero(values)) / values.numel()
    return float(values.std(correction=0)) / math.sqrt(share or 1.0)
