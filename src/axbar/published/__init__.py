"""Published models and claims, re-stated for comparison only."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

#: public name -> module that holds it, loaded on first use
_FACE = {
    "spikesim_ela": "axbar.published.spikesim",
}

__all__ = ["spikesim_ela"]

if TYPE_CHECKING:
    from axbar.published.spikesim import spikesim_ela


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(importlib.import_module(_FACE[name]), name)
    raise AttributeError(f"module 'axbar.published' has no attribute '{name}'")


def __dir__() -> list[str]:
    return [*globals(), *_FACE]
