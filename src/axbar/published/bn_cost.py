"""What adaptation, fine-tuning and retraining take: memory, operations, modelled energy and time.

From the traced network and the chip of the study (``axbar.cost.tuning``). Retraining twice: off the chip with one
write of all cells at the end, and on the chip with all cells written at every update.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from axbar.cost import tuning_cost
from axbar.published.bn_cases import Case, Scale
from axbar.published.bn_measure import Part
from axbar.units import format_quantity
from axbar.workload import trace

__all__ = ["ADAPT", "RETRAIN", "RETRAIN_ON_CHIP", "TUNE", "costs", "costs_text"]

ADAPT, TUNE, RETRAIN, RETRAIN_ON_CHIP = "adaptation", "fine-tune", "retrain", "retrain on the chip"
_TRACED = 16


def costs(part: Part, scale: Scale) -> list[dict[str, Any]]:
    """Return one row per method; all see as many images, adaptation once, the others once per epoch."""
    images = torch.from_numpy(part.dataset.test.balanced(_TRACED).images())
    workload = trace(part.network, images, name=part.name)
    spec = Case("parasitics").spec()
    given: dict[str, Any] = {"images": scale.tune, "epochs": scale.epochs}
    end = tuning_cost(workload, spec, **given)
    update = tuning_cost(workload, spec, **given, reprogram="update")[2]
    named = zip((ADAPT, TUNE, RETRAIN, RETRAIN_ON_CHIP), (*end, update), strict=True)
    return [
        {
            "method": name, "memory_B": cost.memory_B, "macs": cost.macs_forward + cost.macs_backward,
            "cells_written": cost.writes, "energy_J": cost.energy_J, "time_s": cost.latency_s,
        }
        for name, cost in named
    ]  # fmt: skip


def costs_text(prices: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, str]:
    """Return one line per network and method."""
    return {
        f"{name}, {row['method']}": f"{format_quantity(row['memory_B'], 'B')} kept, {row['macs']:.3g} MACs, "
        f"{row['cells_written']:.3g} cells written, {format_quantity(row['energy_J'], 'J')}, "
        f"{format_quantity(row['time_s'], 's')} (modelled)"
        for name, rows in prices.items()
        for row in rows
    }
