"""The search behind ``explore``: spaces of designs, sweeps, Pareto fronts, the fidelity ladder and its store."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

#: public name -> module that holds it, loaded on first use
_FACE = {
    "Choices": "axbar.search.space",
    "Integers": "axbar.search.space",
    "Reals": "axbar.search.space",
    "Space": "axbar.search.space",
    "check_space": "axbar.search.space",
    "load_space": "axbar.search.space",
    "point_hash": "axbar.search.space",
}

__all__ = ["Choices", "Integers", "Reals", "Space", "check_space", "load_space", "point_hash"]

if TYPE_CHECKING:
    from axbar.search.space import Choices, Integers, Reals, Space, check_space, load_space, point_hash


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(importlib.import_module(_FACE[name]), name)
    raise AttributeError(f"module 'axbar.search' has no attribute '{name}'")


def __dir__() -> list[str]:
    return [*globals(), *_FACE]
