"""axbar: given a network and a chip, what accuracy, energy, latency and area result."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

#: public name -> module that holds it; resolved on first use so that ``import axbar`` stays light
_FACE = {
    "Comparison": "axbar._compare",
    "Dataset": "axbar.data",
    "Report": "axbar._report",
    "Workload": "axbar.workload",
    "calibrate": "axbar.calibration",
    "compare": "axbar._compare",
    "compare_workload": "axbar._compare",
    "digital": "axbar.crossbar",
    "estimate": "axbar.cost",
    "evaluate": "axbar._evaluate",
    "explore": "axbar.search",
    "from_module": "axbar.workload.interchange",
    "load_data": "axbar.data",
    "load_hardware": "axbar.spec",
    "load_network": "axbar.nn",
    "save_nir": "axbar.workload.interchange",
    "to_analog": "axbar.crossbar",
    "trace": "axbar.workload",
}

__all__ = [
    "Comparison",
    "Dataset",
    "Report",
    "Workload",
    "calibrate",
    "compare",
    "compare_workload",
    "digital",
    "estimate",
    "evaluate",
    "explore",
    "from_module",
    "load_data",
    "load_hardware",
    "load_network",
    "save_nir",
    "to_analog",
    "trace",
]

if TYPE_CHECKING:
    from axbar._compare import Comparison, compare, compare_workload
    from axbar._evaluate import evaluate
    from axbar._report import Report
    from axbar.calibration import calibrate
    from axbar.cost import estimate
    from axbar.crossbar import digital, to_analog
    from axbar.data import Dataset, load_data
    from axbar.nn import load_network
    from axbar.search import explore
    from axbar.spec import load_hardware
    from axbar.workload import Workload, trace
    from axbar.workload.interchange import from_module, save_nir


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(importlib.import_module(_FACE[name]), name)
    raise AttributeError(f"module 'axbar' has no attribute '{name}'")


def __dir__() -> list[str]:
    return [*globals(), *_FACE]
