"""Put a module into a network under every name that the one before it had."""

from __future__ import annotations

from torch import nn

__all__ = ["replace_module"]


def replace_module(model: nn.Module, path: str, new: nn.Module) -> None:
    """Put ``new`` where ``path`` leads, and under each other name of the object that stands there, in place.

    A network may use one object in several places and so hold it under several names; what replaces it is then used in
    all of them. ``new`` takes over whether the old one was in training.

    Args:
        path: dotted name inside ``model``; not empty, as a module can't replace itself.

    Raises:
        AttributeError: nothing stands at ``path``.

    >>> one = nn.ReLU()
    >>> model = nn.Sequential(one, one)
    >>> replace_module(model, "0", nn.Identity())
    >>> model[0] is model[1]
    True
    """
    old = model.get_submodule(path)
    new.train(old.training)
    for parent in list(model.modules()):
        for name, child in list(parent._modules.items()):
            if child is old and parent is not new:  # ``new`` may hold the old one inside
                parent._modules[name] = new
