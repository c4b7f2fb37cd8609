"""What is known of one design at one rung: a row of the study."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from axbar.intervals import wilson
from axbar.search.space import Space
from axbar.search.space.parts import Point
from axbar.search.store.lines import Record

__all__ = ["Row", "headline", "row_of", "table", "violations"]


@dataclass(frozen=True, repr=False)
class Row:
    """One design at one rung.

    Args:
        id: hash of the point.
        point: path -> value.
        rung: of ``RUNGS``.
        generation: 0 for what came from the rung below, then 1, 2, … for what the sampler proposed.
        values: quantity -> SI value; ``accuracy`` with ``accuracy_low`` and ``accuracy_high`` (95 %).
        accuracy: float, digital, dies, images, techniques, notes; None where it was not measured.
        shares: quantity -> component group -> share of the total.
        breakdown: quantity -> ``component``, ``layer`` -> name -> SI value.
        techniques: as on the command line.
        reason: why it does not fit, or failed; empty where all is well.
        failed: whether nothing could be found out.
    """

    id: str
    point: Point
    rung: str
    generation: int
    values: Mapping[str, float]
    accuracy: Mapping[str, Any] | None = None
    shares: Mapping[str, Mapping[str, float]] = field(default_factory=dict[str, Mapping[str, float]])
    breakdown: Mapping[str, Any] = field(default_factory=dict[str, Any])
    techniques: tuple[str, ...] = ()
    reason: str = ""
    failed: bool = False

    def __repr__(self) -> str:
        point = ", ".join(f"{path}={value}" for path, value in self.point.items())
        figures = ", ".join(f"{key}={value:.4g}" for key, value in self.values.items())
        return f"<Row {self.id[:8]} of {self.rung}: {point}: {self.reason or figures}>"

    @property
    def feasible(self) -> bool:
        """Whether it fits and could be evaluated."""
        return not self.reason


def headline(accuracy: Mapping[str, Any]) -> tuple[float, float, float]:
    """Return the accuracy that a chip has, and its 95 % interval.

    On dies it is their mean, else the accuracy of the integer network, else that of the float one. The interval is what
    so many images leave open (Wilson 1927); of two dies or more, joined in quadrature with what so many dies leave open
    (Student 1908).

    >>> [round(v, 3) for v in headline({"images": 100, "float": 0.95, "digital": 0.9, "dies": []})]
    [0.9, 0.826, 0.945]
    """
    dies: list[float] = list(accuracy.get("dies") or ())
    digital, images = accuracy.get("digital"), int(accuracy["images"])
    mean = float(np.mean(dies) if dies else accuracy["float"] if digital is None else digital)
    low, high = wilson(round(mean * images) / images, images)
    below, above = mean - low, high - mean
    half = 0.0
    if len(dies) > 1:
        special: Any = importlib.import_module("scipy.special")  # scipy.stats takes a second more
        half = float(special.stdtrit(len(dies) - 1, 0.975) * np.std(dies, ddof=1) / math.sqrt(len(dies)))
    return mean, max(0.0, mean - math.hypot(below, half)), min(1.0, mean + math.hypot(above, half))


def row_of(record: Record, generation: int) -> Row:
    """Return the row of a record."""
    asked, found = record.asked, record.values
    values = {key: float(v) for key, v in cast("Mapping[str, float]", found.get("values", {})).items()}
    accuracy = cast("Mapping[str, Any] | None", found.get("accuracy"))
    if accuracy is not None:
        names = ("accuracy", "accuracy_low", "accuracy_high")
        values |= zip(names, headline(accuracy), strict=True)
    return Row(
        id=asked["id"], point=dict(asked["point"]), rung=asked["rung"], generation=generation, values=values,
        accuracy=accuracy, shares=found.get("shares", {}), breakdown=found.get("breakdown", {}),
        techniques=tuple(asked["techniques"]), reason=record.failure or found.get("reason", ""),
        failed=record.failure is not None,
    )  # fmt: skip


def table(rows: Sequence[Row], quantities: Sequence[str]) -> NDArray[np.float64]:
    """Return quantities ``[N, M]``; NaN where a row has none or does not fit."""
    found = np.full((len(rows), len(quantities)), np.nan)
    for i, row in enumerate(rows):
        if row.feasible:
            found[i] = [row.values.get(q, math.nan) for q in quantities]
    return found


def violations(space: Space, rows: Sequence[Row], *, hope: bool) -> NDArray[np.float64]:
    """Return by how much, relative to its limit, each constraint is broken, ``[N, C]``; 0 or less where it holds.

    Args:
        hope: an accuracy that was looked at briefly counts with the better end of its interval.
    """
    found = np.full((len(rows), len(space.constraints)), np.inf)
    for k, constraint in enumerate(space.constraints):
        sign = 1.0 if constraint.op == "<=" else -1.0
        quantity = constraint.quantity
        if quantity == "accuracy" and hope:
            quantity = "accuracy_low" if constraint.op == "<=" else "accuracy_high"
        values = table(rows, [quantity])[:, 0]
        scale = abs(constraint.limit) or 1.0
        broken = sign * (values - constraint.limit) / scale
        found[:, k] = np.where(np.isnan(broken), np.inf, broken)
    return found
