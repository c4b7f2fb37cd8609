"""Data forms of a report: tidy CSV, JSON, pandas. Every figure keeps all its digits."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from axbar._report import QUANTITIES, Report
from axbar.errors import AxbarError
from axbar.units import unit_of

if TYPE_CHECKING:
    from axbar.cost import Estimate

__all__ = ["COLUMNS", "render_csv", "render_json", "sweep_csv", "tidy_rows", "to_frame"]

COLUMNS = ("layer", "component", "quantity", "value", "unit")


def tidy_rows(estimate: Estimate) -> Iterator[tuple[str, str, str, float, str]]:
    """Yield one ``(layer, component, quantity, value, unit)`` per figure of the first point; SI units.

    The values of a quantity sum to its total.
    """
    for key in QUANTITIES:
        quantity, _, unit = key.rpartition("_")
        cube = getattr(estimate, key)[0]
        for layer, row in zip(estimate.layers, cube, strict=True):
            for component, value in zip(estimate.components, row, strict=True):
                yield layer, component, quantity, float(value), unit


def render_csv(report: Report) -> str:
    """Return energy, latency, area and leakage by layer and component, one figure a line."""
    return _csv(COLUMNS, tidy_rows(report.estimate))


def render_json(report: Report) -> str:
    """Return ``report.to_json()``."""
    return report.to_json()


def to_frame(report: Report) -> Any:
    """Return the tidy figures as a ``pandas.DataFrame``.

    Raises:
        AxbarError: pandas is not installed.
    """
    try:
        import pandas as pd  # pyright: ignore[reportMissingImports, reportMissingModuleSource]
    except ImportError as error:
        raise AxbarError(
            "to_frame() needs pandas, which axbar does not install: pip install pandas; "
            "or write the same figures with report.save('report.csv')."
        ) from error
    return pd.DataFrame(list(tidy_rows(report.estimate)), columns=list(COLUMNS))


def sweep_csv(estimate: Estimate) -> str:
    """Return one line per design point: swept values, totals, whether it fits and why not."""
    paths = list(estimate.points)
    head = [*paths, *QUANTITIES, "edp_Js", "feasible", "reason"]
    totals = [estimate.total(key) for key in QUANTITIES]
    columns = [*(estimate.points[path] for path in paths), *totals, estimate.edp_Js]

    def rows() -> Iterator[Sequence[Any]]:
        for i, fits in enumerate(estimate.feasible):
            reason = estimate.reasons[i]
            yield [*(_plain(column[i]) for column in columns), "yes" if fits else "no", reason]

    return _csv(head, rows())


def swept_value(path: str, value: Any) -> str:
    """Write a value of a sweep for people, with its unit."""
    from axbar.report._spec_view import shown_value

    plain = _plain(value)
    if isinstance(plain, float) and plain.is_integer() and not unit_of(path):
        plain = int(plain)
    return shown_value(path, plain)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _csv(head: Sequence[str], rows: Iterator[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()
