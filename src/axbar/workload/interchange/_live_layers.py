# pyright: standard
# (torch's own annotations are too thin for strict checking)
"""SpikingJelly's wrappers of torch layers as torch's own, which arrays, folding and pruning know.

A wrapper in step mode ``m`` takes ``[T, B, ...]`` and folds time into the batch around the layer of torch that it is;
in step mode ``s`` it is that layer.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from axbar.errors import ModelError

__all__ = ["plain_layers"]

_PLAIN = {
    kind.__name__: kind
    for kind in (
        nn.Conv2d, nn.Linear, nn.BatchNorm1d, nn.BatchNorm2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d,
        nn.Flatten,
    )
}  # fmt: skip


class Folded(nn.Module):
    """A layer of torch on ``[T, B, ...]``, time folded into the batch."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[T, B, ...]`` of ``[T, B, ...]``."""
        return self.layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])


def plain_layers(model: nn.Module) -> nn.Module:
    """Replace SpikingJelly's wrappers in a network, in place; return it.

    Raises:
        ModelError: a wrapper has an unknown step mode.
    """
    found = {id(m): _plain(path, m) for path, m in model.named_modules() if _is_wrapper(m)}
    for parent in list(model.modules()):
        for name, child in list(parent._modules.items()):  # all names, of one module twice too
            if id(child) in found:
                setattr(parent, name, found[id(child)])
    return found.get(id(model), model)


def _is_wrapper(module: nn.Module) -> bool:
    cls = type(module)
    return (
        cls.__module__.partition(".")[0] == "spikingjelly"
        and isinstance(module, _PLAIN.get(cls.__name__, ()))
        and hasattr(module, "step_mode")
    )


def _plain(path: str, module: Any) -> nn.Module:
    mode = module.step_mode
    if mode not in ("s", "m"):
        raise ModelError(
            f"the layer '{path}' (SpikingJelly {type(module).__name__}) has step_mode = {mode}; supported: 's', 'm'."
        )
    kind = _PLAIN[type(module).__name__]
    # It is an instance of torch's class with one more method: as an instance of that class itself it keeps parameters,
    # buffers and settings, whatever arguments this version of either library takes.
    module.__class__ = kind
    for name in ("_step_mode", "step_mode"):
        vars(module).pop(name, None)
    return Folded(module) if mode == "m" and kind is not nn.Linear else module
