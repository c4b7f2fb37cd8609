"""Published models and claims, re-stated for comparison only."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

#: public name -> module that holds it, loaded on first use
_FACE = {
    "sata_inference": "axbar.published.sata_cycles",
    "sata_inference_cycles": "axbar.published.sata_cycles",
    "sata_training": "axbar.published.sata",
    "spikesim_ela": "axbar.published.spikesim",
}

__all__ = ["sata_inference", "sata_inference_cycles", "sata_training", "spikesim_ela"]

if TYPE_CHECKING:
    from axbar.published.sata import sata_training
    from axbar.published.sata_cycles import sata_inference, sata_inference_cycles
    from axbar.published.spikesim import spikesim_ela


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(importlib.import_module(_FACE[name]), name)
    raise AttributeError(f"module 'axbar.published' has no attribute '{name}'")


def __dir__() -> list[str]:
    return [*globals(), *_FACE]
