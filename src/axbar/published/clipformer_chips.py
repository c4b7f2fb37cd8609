"""DeiT-S on chips, from shapes: energy, latency, area, the share of attention, cells written and how long they live.

On crossbars by who multiplies the operands of run time (cells of the device, clipped or not, SRAM cells, digital
units), beside the kinds that compute digitally. 224×224 pixels, 197 tokens, 12 blocks of 6 heads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from axbar.cost import Estimate, estimate
from axbar.cost._wear import wear_of
from axbar.published.clipformer_networks import CHIP
from axbar.spec import HardwareSpec, load_hardware
from axbar.workload import Workload

__all__ = ["CHIPS", "costs", "row", "specs"]

#: name -> preset and settings
CHIPS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "cells": (CHIP, {}),
    "cells, clipped": (CHIP, {"run_time.clip_low": 2.0, "run_time.clip_high": 0.25}),
    "SRAM cells": (CHIP, {"run_time.unit": "sram"}),
    "digital units": (CHIP, {"run_time.unit": "digital"}),
    "SATA": ("sata", {}),
    "LoAS": ("loas", {}),
}
_FRAMES_per_s: Final = 30.0  # of a video


def specs() -> dict[str, HardwareSpec]:
    """Return the chips by name."""
    return {name: load_hardware(preset, dict(changes)) for name, (preset, changes) in CHIPS.items()}


def costs(workload: Workload) -> dict[str, dict[str, Any]]:
    """Return ``row`` of each chip, by name."""
    return {name: row(estimate(workload, spec)) for name, spec in specs().items()}


def row(done: Estimate) -> dict[str, Any]:
    """Return figures of one estimate: totals, shares of the products of run time, cells written, their life.

    ``attention_energy``, ``attention_latency``: share (0..1) of Q Kᵀ and S V. ``life_days``: at 30 images/s whatever
    the chip's own rate, None where nothing wears.
    """
    layers = done.plan.workload.matmuls
    ours = np.array([layer.at_run_time for layer in layers])
    found = wear_of(done, images_per_s=_FRAMES_per_s)
    worn = found.to_dict() if found is not None else {"cells_per_image": 0.0, "life_days": None}
    energy, latency = done.energy_J[0].sum(axis=1), done.latency_s[0].sum(axis=1)
    return {
        **{name: float(done.total(name)[0]) for name in ("energy_J", "latency_s", "area_m2")},
        "attention_energy": float(energy[ours].sum() / energy.sum()),
        "attention_latency": float(latency[ours].sum() / latency.sum()),
        "cells": worn["cells_per_image"], "life_days": worn["life_days"],
    }  # fmt: skip
