"""All figures as one tidy table: ``quantity, layer, component, value, unit, low, high``; SI units, all digits.

Rows with ``total`` as layer or component are sums of the others: leave them out before adding up. ``low`` and
``high`` are, for costs, where published silicon lies around the model (a component times and divided by its spread;
sums add deviations in quadrature); for ``accuracy_float`` and ``accuracy_digital`` the 95 % interval of that many test
images (Wilson 1927); for ``accuracy_chip`` one standard deviation over dies around the mean. Empty means not known,
never zero.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from axbar._report import QUANTITIES
from axbar.intervals import wilson
from axbar.report._export._format import Format
from axbar.report._export._record import Record

__all__ = ["COLUMNS", "FORMAT", "rows"]

COLUMNS = ("quantity", "layer", "component", "value", "unit", "low", "high")
TOTAL = "total"

Ends = tuple[float, float] | None
Row = tuple[str, str, str, float, str, float | None, float | None]


def rows(record: Record) -> Iterator[Row]:
    """Yield one row per figure."""
    yield from _accuracy(record)
    for key in QUANTITIES:
        yield from _costs(record, key)
    yield _row("edp", TOTAL, TOTAL, record.total("edp_Js"), "Js", None)
    for name, (_, value, unit) in record.merits.items():
        yield _row(name, TOTAL, TOTAL, value, unit, None)


def _row(quantity: str, layer: str, component: str, value: float, unit: str, ends: Ends) -> Row:
    low, high = ends or (None, None)
    return quantity, layer, component, value, unit, low, high


def _accuracy(record: Record) -> Iterator[Row]:
    found = record.facts.get("accuracy")
    if not found:
        return
    images = int(found["images"])
    for name in ("float", "digital"):
        if found.get(name) is not None:
            yield _row(f"accuracy_{name}", TOTAL, TOTAL, found[name], "1", wilson(found[name], images))
    chip = found.get("analog")
    if chip:
        for i, share in enumerate(chip["chips"]):
            yield _row("accuracy_die", TOTAL, f"die {i + 1}", share, "1", None)
        std, mean = chip.get("std"), chip["mean"]
        ends = None if std is None else (mean - std, mean + std)
        yield _row("accuracy_chip", TOTAL, TOTAL, mean, "1", ends)


def _costs(record: Record, key: str) -> Iterator[Row]:
    quantity, _, unit = key.rpartition("_")
    cells = record.cells_of(key)
    for layer, parts in (cells or {}).items():
        for component, value in parts.items():
            yield _row(quantity, layer, component, value, unit, _around(record, component, key, value))
    for layer, value in record.by_layer(key).items():
        ends = record.within(key, cells[layer]) if cells else None
        yield _row(quantity, layer, TOTAL, value, unit, ends)
    for component, value in record.by_component(key).items():
        yield _row(quantity, TOTAL, component, value, unit, _around(record, component, key, value))
    yield _row(quantity, TOTAL, TOTAL, record.total(key), unit, record.spread(key))


def _around(record: Record, component: str, key: str, value: float) -> Ends:
    factor = record.factor(component, key)
    return None if factor is None else (value / factor, value * factor)


def _render(record: Record) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows(record))
    return text.getvalue()


FORMAT = Format("csv", "figures.csv", "all figures as one tidy table with spreads", _render)
