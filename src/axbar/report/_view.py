"""What the page shows, as plain values: from a ``Report`` to figures, tables and chart inputs.

Pure: nothing is measured or guessed here. A record that is missing is None, and the page says "not recorded".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from axbar._report import QUANTITIES, Accuracy, Report
from axbar.intervals import wilson
from axbar.report import _palette
from axbar.report._scale import Scale, percent, scale_for
from axbar.units import format_quantity

if TYPE_CHECKING:
    from axbar.cost import Estimate

__all__ = [
    "QUANTITY_WORDS",
    "Cost",
    "Figure",
    "Quantity",
    "Spread",
    "accuracy_words",
    "amount",
    "assumed_words",
    "cost_of",
    "embedded",
    "figures",
    "per",
    "spreads",
]

#: quantity -> (name, SI unit)
QUANTITY_WORDS: Mapping[str, tuple[str, str]] = {
    "energy_J": ("Energy", "J"),
    "latency_s": ("Latency", "s"),
    "area_m2": ("Area", "m2"),
    "leakage_W": ("Leakage", "W"),
}
_OF_THE_CHIP = {"area_m2": "of the chip", "leakage_W": "while powered"}


@dataclass(frozen=True)
class Figure:
    """One big figure of the headline: ``before`` → ``value`` ``unit``, and a line below it."""

    label: str
    value: str
    unit: str
    under: str
    before: str = ""
    wide: bool = False


@dataclass(frozen=True)
class Quantity:
    """One quantity on the chart's layers and components, SI values ``[L, C]``."""

    key: str
    name: str
    unit: str
    per: str
    total: float
    values: NDArray[np.float64]

    @property
    def by_component(self) -> NDArray[np.float64]:
        """Sums over layers ``[C]``."""
        return self.values.sum(axis=0)

    @property
    def layer_scale(self) -> Scale:
        """Axis of the stacked bars."""
        return scale_for(float(self.values.sum(axis=1).max(initial=0.0)), self.unit)


@dataclass(frozen=True)
class Cost:
    """The breakdown as drawn.

    Args:
        layers: names as drawn, joined ones last.
        components: in drawing order.
        quantities: energy, latency, area, leakage.
        joined: layers that the last bar joins; 0 if every layer has its own.
    """

    layers: tuple[str, ...]
    components: tuple[str, ...]
    quantities: tuple[Quantity, ...]
    joined: int = 0


def amount(value: float | None, unit: str, digits: int = 3) -> str:
    """Write a quantity with its prefix; None is "not recorded".

    >>> amount(3.2e-6, "J"), amount(None, "J"), amount(2.5e-9, "Js")
    ('3.20 µJ', 'not recorded', '2.50 nJ·s')
    """
    if value is None:
        return "not recorded"
    if not np.isfinite(value):
        return "not finite"
    return format_quantity(float(value), unit, digits)


def per(quantity: str, work: str) -> str:
    """Return what a quantity is per; ``work`` is what one run of the chip is (``Report.work``).

    >>> per("energy_J", "training step"), per("area_m2", "training step")
    ('per training step', 'of the chip')
    """
    return _OF_THE_CHIP.get(quantity, f"per {work}")


def figures(report: Report) -> list[Figure]:
    """Return the headline figures in reading order."""
    found = [_accuracy_figure(report.accuracy)] if report.accuracy else []
    for key in ("energy_J", "latency_s", "area_m2"):
        name, unit = QUANTITY_WORDS[key]
        found.append(_split(name, amount(report.total(key), unit), per(key, report.work)))
    found.append(_split("Energy × delay", amount(report.total("edp_Js"), "Js"), per("edp_Js", report.work)))
    component, share = next(iter(report.share_by_component().items()))
    found.append(_split("Top component", percent(share, 0), f"of energy is {_palette.label(component)}"))
    return found


def _split(label: str, text: str, under: str) -> Figure:
    value, _, unit = text.partition(" ")
    return Figure(label, value, unit, under)


def _accuracy_figure(accuracy: Accuracy) -> Figure:
    before, after = f"{100 * accuracy.float_:.1f}", f"{100 * accuracy.nearest:.1f}"
    if accuracy.of == "float":
        return Figure("Accuracy", before, "%", "as trained", wide=True)
    if accuracy.of == "digital":
        same = before == after
        under = "with integer weights, and as trained" if same else "as trained → with integer weights"
        return Figure("Accuracy", after, "%", under, "" if same else before, wide=True)
    spread = "" if accuracy.std is None else f" ± {100 * accuracy.std:.1f}"
    dies = f"{len(accuracy.analog)} dies" if len(accuracy.analog) > 1 else "one die"
    under = f"as trained → on chip, {'mean ± std of ' if spread else ''}{dies}"
    return Figure("Accuracy", f"{after}{spread}", "%", under, before, wide=True)


def accuracy_words(accuracy: Accuracy) -> str:
    """Return how far the finite number of test images alone moves the figures, in words."""
    which = {"dies": "the mean on chip", "digital": "that of the integer network", "float": "the accuracy"}
    besides = ", beside the spread over dies" if accuracy.std else ""
    low, high = wilson(accuracy.nearest, accuracy.images)
    return (
        f"Every figure is a share of {accuracy.images:,} test images. That many images pin {which[accuracy.of]} "
        f"down to between {100 * low:.1f} and {100 * high:.1f} % (95 % binomial interval){besides}."
    )


@dataclass(frozen=True)
class Spread:
    """Within what a total is expected, SI."""

    name: str
    unit: str
    value: float
    low: float
    high: float

    @property
    def words(self) -> str:
        """The range with one unit: ``2.1 to 4.4 µJ``."""
        scale = scale_for(self.high, self.unit)
        return f"{scale.show(self.low, 2)} to {scale.show(self.high, 2)} {scale.unit}"


def spreads(estimate: Estimate) -> list[Spread]:
    """Return the spread of energy, latency and area of the first point, where a total is above zero.

    None of them for a kind whose sums were never held against silicon.
    """
    if not estimate.compared_with_silicon:
        return []
    found: list[Spread] = []
    for key in ("energy_J", "latency_s", "area_m2"):
        name, unit = QUANTITY_WORDS[key]
        value = float(estimate.total(key)[0])
        low, high = (float(end[0]) for end in estimate.spread(key))
        if value > 0 and np.isfinite(high):
            found.append(Spread(name, unit, value, low, high))
    return found


def assumed_words(share: float) -> str:
    """Return what the share of assumed numbers means."""
    if share <= 0:
        return "Every figure behind the energy has a source."
    return (
        f"{percent(share)} of the energy is spent in components whose model reads at least one number that "
        f"is assumed or that you set yourself."
    )


def cost_of(report: Report, most: int = 40) -> Cost:
    """Return the breakdown of a report's design point, ready to draw.

    Args:
        most: layers that get a bar of their own; the smallest of the rest are joined into one.
    """
    estimate = report.estimate
    components = _palette.ordered(estimate.components)
    columns = [list(estimate.components).index(name) for name in components]
    cubes = {key: _cells(getattr(estimate, key))[:, columns] for key in QUANTITIES}
    names, cubes, joined = _joined(list(estimate.layers), cubes, most)
    quantities = tuple(
        Quantity(key, *QUANTITY_WORDS[key], per(key, report.work), report.total(key), cubes[key])
        for key in QUANTITIES
    )
    return Cost(tuple(names), tuple(components), quantities, joined)


def _cells(cube: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``[L, C]`` of the first point; what is not finite or below zero can't be drawn and becomes 0."""
    cells = np.asarray(cube, dtype=np.float64)[0]
    return np.where(np.isfinite(cells) & (cells > 0), cells, 0.0)


def _joined(
    names: Sequence[str], cubes: Mapping[str, NDArray[np.float64]], most: int
) -> tuple[list[str], dict[str, NDArray[np.float64]], int]:
    if len(names) <= most:
        return list(names), dict(cubes), 0
    shares = np.stack([cube.sum(axis=1) / (cube.sum() or 1.0) for cube in cubes.values()])
    keep = np.sort(np.argsort(-shares.max(axis=0), kind="stable")[: most - 1])
    rest = np.setdiff1d(np.arange(len(names)), keep)
    drawn = {
        key: np.concatenate([cube[keep], cube[rest].sum(axis=0, keepdims=True)])
        for key, cube in cubes.items()
    }
    return [*(str(names[int(i)]) for i in keep), f"{len(rest)} others"], drawn, len(rest)


def embedded(cost: Cost, report: Report, whole: bool = True) -> dict[str, Any]:
    """Return what the page's script reads: figures of the drawn cells (five digits) and the report.

    Args:
        whole: with the rows of the workload; deep networks over many steps leave them to ``report.json``.
    """
    facts = report.to_dict()
    if not whole:
        facts["workload"] = {**facts["workload"], "layers": "left out for size: see report.json"}
        facts["bottlenecks"] = "left out for size: see report.json"
        facts["breakdown"] = {
            key: {"component": parts["component"]} for key, parts in facts["breakdown"].items()
        }
    return {
        "layers": list(cost.layers),
        "components": [_palette.label(name) for name in cost.components],
        "quantities": [
            {
                "key": q.key,
                "unit": q.unit.replace("m2", "m²"),
                "factor": q.layer_scale.factor,
                "values": [[float(f"{v:.5g}") for v in row] for row in q.values],
            }
            for q in cost.quantities
        ],
        "report": facts,
    }
