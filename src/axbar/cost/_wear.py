"""Wear: how long cells live that are written at run time, as those that hold keys and values of attention.

A cell is rewritten whenever the operand that it holds is computed anew: once per image, or once per step. With w such
writes per cell and image, repeated ones (``device.verify_tolerance``) included, and f images per second,

    life = device.endurance / (w f).

w is that of the layer whose cells are written most often; every cell counts as written each time, whatever it held.
Endurance is the least known figure of a device, x/÷ 10 and more. Cells of weights are not worn by inference
(``axbar.cost.programming``); SRAM has no known wear, digital units have no cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from axbar.cost._engine import Plan
from axbar.cost._estimate import estimate
from axbar.cost._result import Estimate
from axbar.cost._types import Floats, add_up
from axbar.cost._verify import mean_writes
from axbar.devices.sram import PRESET as SRAM
from axbar.errors import UsageError
from axbar.spec import HardwareSpec
from axbar.units import format_number
from axbar.workload import Workload

__all__ = ["NO_WEAR", "Wear", "cell_life_s", "duration", "wear", "wear_of"]

#: endurance that stands for "no wear known"
NO_WEAR: Final = 1e18
_DAY_s: Final = 86_400.0
#: name and length of units of time, longest first
_SPANS: Final = (
    ("years", 365.25 * _DAY_s), ("days", _DAY_s), ("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0),
)  # fmt: skip


def cell_life_s(endurance: ArrayLike, writes_per_image: ArrayLike, images_per_s: ArrayLike) -> Floats:
    """Return how long a cell lives; infinitely where nothing is written or time stands still. Arguments broadcast.

    >>> float(cell_life_s(1e6, 1.0, 1000.0))
    1000.0
    """
    rate = np.asarray(writes_per_image, dtype=np.float64) * np.asarray(images_per_s, dtype=np.float64)
    known = np.asarray(endurance, dtype=np.float64)
    shape = np.broadcast_shapes(known.shape, rate.shape)
    return np.divide(known, rate, out=np.full(shape, np.inf), where=np.broadcast_to(rate > 0.0, shape))


@dataclass(frozen=True)
class Wear:
    """What an inference writes into cells, and how long they bear it: P design points, L products of run time.

    Args:
        layers: names of the products whose right operand is computed at run time.
        cells: written per image, ``[P, L]``; 0 where no cell is.
        writes: of a cell per image, those of the layer with most, ``[P]``.
        endurance: writes that a cell survives, ``[P]``.
        images_per_s: rate for which the life holds, ``[P]``.
    """

    layers: tuple[str, ...]
    cells: Floats
    writes: Floats
    endurance: Floats
    images_per_s: Floats

    @property
    def life_s(self) -> Floats:
        """Life of the cells that wear out first, ``[P]``; infinite where none does."""
        known = np.where(self.endurance < NO_WEAR, self.writes, 0.0)
        return cell_life_s(self.endurance, known, self.images_per_s)

    @property
    def life_days(self) -> Floats:
        """The same in days, ``[P]``."""
        return self.life_s / _DAY_s

    def text(self, point: int = 0) -> str:
        """Return one point as a sentence."""
        cells, life = float(add_up(self.cells[point])), float(self.life_s[point])
        if cells == 0:
            return "No cell is written at run time."
        times = float(self.writes[point])
        often = "once" if times == 1 else f"up to {times:.3g} times"
        written = f"{format_number(cells)} cells are written per image, each {often}"
        rate = f"{self.images_per_s[point]:.3g} images/s"
        if not np.isfinite(life):
            return f"{written}; they have no known wear."
        return (
            f"{written}: at {rate} they last {duration(life)} (endurance {self.endurance[point]:.1g} writes)."
        )

    def to_dict(self, point: int = 0) -> dict[str, Any]:
        """Return one point as plain JSON values; a life without end is None."""
        life = float(self.life_s[point])
        return {
            "cells_per_image": float(add_up(self.cells[point])),
            "cells_by_layer": dict(zip(self.layers, self.cells[point].tolist(), strict=True)),
            "writes_per_cell": float(self.writes[point]),
            "endurance": float(self.endurance[point]),
            "images_per_s": float(self.images_per_s[point]),
            "life_s": life if np.isfinite(life) else None,
            "life_days": life / _DAY_s if np.isfinite(life) else None,
        }


def duration(seconds: float) -> str:
    """Return a time in words, to two digits.

    >>> duration(103680.0), duration(0.5)
    ('1.2 days', '0.5 seconds')
    """
    name, length = next((span for span in _SPANS if seconds >= span[1]), _SPANS[-1])
    return f"{format_number(float(f'{seconds / length:.2g}'))} {name}"


def wear(
    workload: Workload,
    hardware: HardwareSpec | str,
    sweep: Mapping[str, ArrayLike] | None = None,
    *,
    images_per_s: float | None = None,
) -> Wear:
    """Return what a network writes at run time on a chip, and how long the cells bear it.

    Args:
        workload: recorded, or built from shapes and rates.
        hardware: a spec, a preset's name or a YAML file.
        sweep: path -> P values, as in ``axbar.estimate``.
        images_per_s: at which rate; None: at the chip's own, one image after the other.

    Raises:
        UsageError: a chip without arrays, a network without products of run-time operands, or a rate out of range.
    """
    done = estimate(workload, hardware, sweep)
    found = wear_of(done, images_per_s=images_per_s)
    if found is None:
        raise UsageError(
            f"'{done.plan.spec.name}' writes nothing at run time for '{workload.name}': give a chip of kind 'imc' and "
            "a network that multiplies two operands computed at run time, as attention does."
        )
    return found


def wear_of(done: Estimate, *, images_per_s: float | None = None) -> Wear | None:
    """Return the wear of an estimate's points; None where no product of run-time operands lies on a chip with arrays.

    Raises:
        UsageError: a rate out of range.
    """
    if images_per_s is not None and not 0.0 < images_per_s < float("inf"):
        raise UsageError(f"images_per_s is {images_per_s!r}; give a number above 0.")
    plan = done.plan
    layers = plan.workload.matmuls
    at = [i for i, layer in enumerate(layers) if layer.at_run_time]
    if not at or "cell_writes" not in plan.events[0].counts:
        return None
    cells, times = (
        np.stack([events.counts[name][at] for events in plan.events])[plan.choice]
        for name in ("cell_writes", "rewrites")
    )
    points = plan.sweep.points
    rate = done.throughput_Hz if images_per_s is None else np.full(points, float(images_per_s))
    again, endurance = _of_points(plan)
    return Wear(tuple(layers[i].name for i in at), cells, times.max(axis=1) * again, endurance, rate)


def _of_points(plan: Plan) -> tuple[Floats, Floats]:
    """Return mean writes that one takes, and endurance, ``[P]`` each."""
    again, endurance = np.ones(plan.sweep.points), np.empty(plan.sweep.points)
    for points in plan.chunks():
        x = plan.context(points)
        if x.text("run_time.unit") == "nvm":
            again[points], endurance[points] = mean_writes(x), x.p("device.endurance")
        else:
            endurance[points] = SRAM.spec.endurance
    return again, endurance
