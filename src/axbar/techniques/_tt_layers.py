"""Which layers of a network can become tensor trains."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from axbar.errors import ModelError, suggest
from axbar.nn.tensor_train import HalfConv2d, TTConv2d

__all__ = ["tt_layers"]


def tt_layers(model: nn.Module, layers: Sequence[str] | None = None) -> dict[str, nn.Conv2d]:
    """Return the convolutions that are decomposed, by path, in the order of the modules.

    All plain convolutions of 3×3 with padding 1 and stride 1 or 2, but for the network's first convolution: it reads
    the image, and has few inputs.

    Args:
        layers: paths of exactly the layers to decompose; None: all that can be.

    Raises:
        ModelError: an asked layer can't be decomposed, with the reason, or none is left.
    """
    modules = dict(model.named_modules())
    if layers is not None:
        asked = set(layers)
        for path in layers:
            if not isinstance(path, str):
                raise ModelError(
                    f"layers holds {path!r}, which is no path; give paths as named_modules() has them."
                )
            if path not in modules:
                raise ModelError(
                    f"layer '{path}' to decompose is not in the network{suggest(path, modules) or '.'} "
                    "Give paths as named_modules() has them."
                )
            reason = _obstacle(modules[path])
            if reason:
                raise ModelError(
                    f"layer '{path}' can't become a tensor train: {reason}; a train stands for a plain convolution of "
                    "3x3 with padding 1 and stride 1 or 2."
                )
        chosen = {path: m for path, m in modules.items() if path in asked and isinstance(m, nn.Conv2d)}
    else:
        convs = {path: m for path, m in modules.items() if isinstance(m, nn.Conv2d)}
        chosen = {path: m for path, m in list(convs.items())[1:] if not _obstacle(m)}
    if not chosen:
        raise ModelError(
            f"no layer is left to decompose{_first_obstacle(model)}: a tensor train stands for a plain convolution of "
            "3x3 with padding 1 and stride 1 or 2, and the first convolution stays as it is unless layers names it."
        )
    return chosen


def _first_obstacle(model: nn.Module) -> str:
    """Return why the first layer that might be decomposed can't be; empty where there is none."""
    if any(isinstance(m, TTConv2d | HalfConv2d) for m in model.modules()):
        return " (the network is made of tensor trains already)"
    convs = [(path, m) for path, m in model.named_modules() if isinstance(m, nn.Conv2d)]
    reasons = ((path, _obstacle(m)) for path, m in convs[1:])
    return next((f" ('{path}': {reason})" for path, reason in reasons if reason), "")


def _obstacle(layer: nn.Module) -> str:
    """Return why a layer can't be decomposed; empty if it can."""
    if not isinstance(layer, nn.Conv2d):
        return f"it is a {type(layer).__name__}, no Conv2d"
    bits = getattr(layer, "weight_bits", None)
    if bits is not None:
        return f"its weights are fixed to a grid of {bits} bits"
    if type(layer).forward is not nn.Conv2d.forward or "weight" not in layer._parameters:
        return "its weight is no plain parameter of a Conv2d"
    rules = (
        (layer.kernel_size == (3, 3), f"its kernel is {layer.kernel_size[0]}x{layer.kernel_size[1]}"),
        (layer.groups == 1, f"it has {layer.groups} groups"),
        (layer.dilation == (1, 1), f"its dilation is {layer.dilation}"),
        (layer.stride in ((1, 1), (2, 2)), f"its stride is {layer.stride}"),
        (layer.padding in ((1, 1), "same"), f"its padding is {layer.padding}"),
        (layer.padding_mode == "zeros", f"it pads by '{layer.padding_mode}', not by zeros"),
    )
    return next((reason for holds, reason in rules if not holds), "")
