"""Recommendations that were carried out, as rows that the page and the terminal both show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from axbar.report._bottleneck_view import factor_text
from axbar.report._facts import technique_cost
from axbar.report._waterfall_view import signed

if TYPE_CHECKING:
    from axbar._apply import Answers, Applied

__all__ = ["NOTHING_APPLIED", "AppliedRow", "applied_rows", "applied_table"]

NOTHING_APPLIED = (
    "Nothing was carried out: no single change that was tried leaves a smaller energy-delay product."
)

_FIGURES = ("energy_J", "latency_s", "area_m2", "edp_Js")


@dataclass(frozen=True)
class AppliedRow:
    """One change: its title, (promised, obtained) of each figure, (before, after, change) of accuracy, and words."""

    title: str
    cells: tuple[tuple[str, str], ...]
    accuracy: tuple[str, str, str]
    words: str
    took: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def applied_rows(applied: Sequence[Applied]) -> list[AppliedRow]:
    """Return one row for each change, in the order of the recommendations."""
    return [_row(done) for done in applied]


def _row(done: Applied) -> AppliedRow:
    cells = tuple(
        (
            factor_text(done.advice.factors[key]),
            "" if done.obtained is None else factor_text(done.obtained[key]),
        )
        for key in _FIGURES
    )
    took = tuple((str(row["name"]), technique_cost(row)) for row in done.techniques)
    return AppliedRow(done.advice.title, cells, _accuracy(done.answers), done.words, took, done.notes)


def _accuracy(answers: Answers | None) -> tuple[str, str, str]:
    if answers is None:
        return "", "", ""
    points = "" if answers.points is None else signed(answers.points, answers.std_error)
    return _share(answers.before), _share(answers.after), points


def _share(shares: Sequence[float]) -> str:
    return f"{100 * sum(shares) / len(shares):.1f} %" if shares else ""


def applied_table(applied: Sequence[Applied], wide: bool) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return head and rows; narrow terminals get the product and accuracy only."""
    head = ("change", "energy", "latency", "area", "EDP", "accuracy", "points")
    rows = [
        (row.title, *(_arrow(*pair) for pair in row.cells), _arrow(*row.accuracy[:2]), row.accuracy[2])
        for row in applied_rows(applied)
    ]
    kept = range(len(head)) if wide else (0, 4, 5)
    return tuple(head[i] for i in kept), [tuple(row[i] for i in kept) for row in rows]


def _arrow(before: str, after: str) -> str:
    same = before.endswith(" %") and after.endswith(" %")  # one sign is enough
    return f"{before.removesuffix(' %') if same else before} → {after}" if after else before
