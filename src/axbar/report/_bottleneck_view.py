"""What holds a network back, as lines and rows that the page and the terminal both show."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from axbar._report import component_label
from axbar.report._scale import percent

if TYPE_CHECKING:
    from axbar.cost import Bottlenecks, Metric, WhatIf
    from axbar.cost.bottlenecks import Holder

__all__ = [
    "ACCURACY_WORDS", "HELD", "ChangeRow", "bars", "change_rows", "change_table", "driver_rows", "factor_text",
    "holder_lines", "lead", "merit_rows", "merit_words",
]  # fmt: skip

#: (name, quantity, the same in a sentence)
HELD = (("Energy", "energy_J", "energy"), ("Latency", "latency_s", "latency"), ("Area", "area_m2", "area"))
ACCURACY_WORDS: Mapping[str, str] = {"no": "stays", "yes": "may change", "unknown": "unknown"}

#: share of any quantity from which a component gets a bar; figures of a change worth a column
_BAR = 0.01
_FIGURES = ("energy_J", "latency_s", "area_m2", "edp_Js")
#: figures of merit told in one line of text
_MERIT = ("fps", "power_W", "tops_per_W", "tsops_per_W", "energy_per_synop_J")
_SHORT = {
    "tops_per_W": "TOPS/W dense-equivalent", "tsops_per_W": "TSOPS/W performed",
    "energy_per_synop_J": "per synaptic operation",
}  # fmt: skip


@dataclass(frozen=True)
class ChangeRow:
    """One change: its title, (text, number to sort by) of each figure, and what it does to accuracy."""

    title: str
    cells: tuple[tuple[str, float], ...]
    accuracy: str
    why: str


def factor_text(factor: float) -> str:
    """Write what a change does to a figure.

    >>> factor_text(0.68), factor_text(1.041), factor_text(3.2), factor_text(1.0)
    ('−32 %', '+4.1 %', '×3.2', '0')
    """
    if not math.isfinite(factor):
        return "not known"
    if factor >= 2.0:
        return f"×{factor:.2g}" if factor < 100 else f"×{factor:.0f}"
    change = 100 * (factor - 1)
    if abs(change) < 0.05:
        return "0"
    digits = 0 if abs(change) >= 9.95 else 1
    return f"{'−' if change < 0 else '+'}{abs(change):.{digits}f} %"


def change_rows(found: Bottlenecks) -> list[ChangeRow]:
    """Return the recommended changes, best first."""
    return [_row(change) for change in found.advice()]


def _row(change: WhatIf) -> ChangeRow:
    cells = tuple((factor_text(change.factors[key]), change.factors[key]) for key in _FIGURES)
    return ChangeRow(change.title, cells, change.accuracy, change.why)


def change_table(found: Bottlenecks, count: int, wide: bool) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return head and rows of the ``count`` best changes; narrow terminals get energy and product only."""
    head = ("change", "energy", "latency", "area", "energy × delay", "accuracy")
    rows = [
        (row.title, *(text for text, _ in row.cells), ACCURACY_WORDS[row.accuracy])
        for row in change_rows(found)[:count]
    ]
    kept = (0, 1, 2, 3, 4, 5) if wide else (0, 1, 4, 5)
    return tuple(head[i] for i in kept), [tuple(row[i] for i in kept) for row in rows]


def lead(found: Bottlenecks) -> str:
    """Return one sentence: the largest holder of each quantity."""
    parts = [
        f"{component_label(top[0].component)} {'holds ' if quantity == HELD[0][1] else ''}"
        f"{percent(top[0].share, 0)} of the {word}"
        for _, quantity, word in HELD
        if (top := found.top(quantity, 1))
    ]
    text = ", ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else "Nothing was recorded."


def holder_lines(found: Bottlenecks) -> list[str]:
    """Return one line per quantity: its largest component, where most of that is, and what it goes with."""
    lines: list[str] = []
    for name, quantity, _ in HELD:
        for holder in found.top(quantity, 1):
            where = _where(found, holder)
            words = f"; goes with {holder.words}" if holder.words else ""
            lines.append(
                f"{name}: {percent(holder.share, 0)} is {component_label(holder.component)}{where}{words}"
            )
    return lines


def _where(found: Bottlenecks, holder: Holder) -> str:
    cells = [c for c in found.cells if (c.quantity, c.component) == (holder.quantity, holder.component)]
    return f", most in {cells[0].layer} ({percent(cells[0].share, 0)})" if cells else ""


def bars(found: Bottlenecks) -> tuple[list[tuple[str, list[float]]], list[str]]:
    """Return (component, its share of each quantity), most held first, and the components too small for a bar."""
    shares: dict[str, list[float]] = {}
    for number, (_, quantity, _) in enumerate(HELD):
        for holder in found.components:
            if holder.quantity == quantity:
                shares.setdefault(holder.component, [0.0] * len(HELD))[number] = holder.share
    order = sorted(shares.items(), key=lambda item: -max(item[1]))
    small = [component_label(name) for name, each in order if max(each) < _BAR]
    return [(name, each) for name, each in order if max(each) >= _BAR], small


def driver_rows(found: Bottlenecks, count: int = 3) -> list[tuple[str, str, str, str, str]]:
    """Return (quantity, component, share, layer that holds most of it, what it goes with) of the largest holders."""
    return [
        (
            name,
            component_label(holder.component),
            percent(holder.share),
            _where(found, holder)[10:],
            holder.words,
        )
        for name, quantity, _ in HELD
        for holder in found.top(quantity, count)
    ]


def merit_rows(metrics: Mapping[str, Metric]) -> list[tuple[str, str, str]]:
    """Return (name, figure, definition) of every figure of merit."""
    return [(metric.label, metric.text(), metric.definition) for metric in metrics.values()]


def merit_words(metrics: Mapping[str, Any]) -> str:
    """Return the figures of merit in one line; those that were not recorded are left out."""
    parts: Sequence[str] = [
        metrics[key].text().removesuffix(" 1/s").removesuffix(" TOPS/W").removesuffix(" TSOPS/W")
        + _unit_words(key, metrics[key])
        for key in _MERIT
        if key in metrics and metrics[key].value is not None
    ]
    return " · ".join(parts)


def _unit_words(key: str, metric: Metric) -> str:
    """Return what stands behind a figure; the label of a rate says of what: ``inferences per second``."""
    words = metric.label.replace(" per second", "/s") if key == "fps" else _SHORT.get(key, "")
    return f" {words}" if words else ""
