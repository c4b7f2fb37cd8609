"""The search behind ``explore``: spaces of designs, sweeps, Pareto fronts, the fidelity ladder and its store."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

#: public name -> module that holds it, loaded on first use
_FACE = {
    "Choices": "axbar.search.space",
    "Integers": "axbar.search.space",
    "Reals": "axbar.search.space",
    "Row": "axbar.search.rows",
    "Space": "axbar.search.space",
    "Study": "axbar.search.study",
    "check_space": "axbar.search.space",
    "explore": "axbar.search._explore",
    "load_space": "axbar.search.space",
    "open_study": "axbar.search.study.listing",
    "point_hash": "axbar.search.space",
}

__all__ = [
    "Choices", "Integers", "Reals", "Row", "Space", "Study", "check_space", "explore", "load_space", "open_study",
    "point_hash",
]  # fmt: skip

if TYPE_CHECKING:
    from axbar.search._explore import explore
    from axbar.search.rows import Row
    from axbar.search.space import Choices, Integers, Reals, Space, check_space, load_space, point_hash
    from axbar.search.study import Study
    from axbar.search.study.listing import open_study


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(importlib.import_module(_FACE[name]), name)
    raise AttributeError(f"module 'axbar.search' has no attribute '{name}'")


def __dir__() -> list[str]:
    return [*globals(), *_FACE]
