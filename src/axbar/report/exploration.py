"""The page of a search: every design that was kept, in one offline file to look through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from axbar.errors import UsageError
from axbar.report import _explore_view, _palette
from axbar.report._explore_pack import Block, finite, rounded
from axbar.report.html import environment

__all__ = ["exploration_html"]

#: bytes that a page may have
_SIZE = 1_000_000
#: scripts of the page, in the order in which they need each other
_SCRIPTS = (
    "base", "data", "filter", "typed", "axes", "scatter", "pointer", "parallel", "table", "design", "report", "history",
    "start",
)  # fmt: skip
#: failures that the page lists
_MOST_FAILURES = 200


@dataclass(frozen=True)
class _Limits:
    """What a page holds: points, full reports, entries of a breakdown, bits of a number's mantissa."""

    points: int = 10_000
    reports: int = 100
    entries: int = 400
    mantissa: int = 16


#: the first choice that keeps the page small enough is taken; what is left out is said on the page
_LADDER = (
    _Limits(),
    _Limits(entries=40),
    _Limits(entries=40, mantissa=13),
    _Limits(points=7_000, entries=24, mantissa=13),
    _Limits(points=5_000, reports=50, entries=24, mantissa=13),
    _Limits(points=2_500, reports=25, entries=12, mantissa=13),
    _Limits(points=1_000, reports=10, entries=12, mantissa=13),
)


def exploration_html(data: Mapping[str, Any]) -> str:
    """Return the page of a search as one offline HTML file of at most 1 MB.

    Args:
        data: plain data as ``axbar.search`` collects them: ``title``, ``quantities``, ``objectives``, ``constraints``,
            ``parameters``, ``base``, ``rungs``, ``points`` (columns of N rows, SI units, None where nothing was
            measured or a parameter does not count), ``reports`` of points by id, ``importance``, ``history``,
            ``removed``, ``failures``, ``counts``, ``notes``, ``run``.

    Raises:
        UsageError: columns of ``points`` differ in length.
    """
    _check(data["points"])
    html = ""
    for limits in _LADDER:
        html = _page(data, limits)
        if len(html.encode()) <= _SIZE:
            break
    return html


def _check(points: Mapping[str, Any]) -> None:
    rows = len(points["id"])
    columns: dict[str, Sequence[Any]] = {name: points[name] for name in ("rung", "front", "feasible")}
    for part in ("param", "values", "low", "high"):
        columns |= {f"{part}.{key}": column for key, column in (points.get(part) or {}).items()}
    for quantity, groups in (points.get("shares") or {}).items():
        columns |= {f"shares.{quantity}.{group}": column for group, column in groups.items()}
    for name, column in columns.items():
        if len(column) != rows:
            raise UsageError(
                f"points.{name} has {len(column)} rows and points.id has {rows}; give one value a point, None where "
                "there is none."
            )


def _page(data: Mapping[str, Any], limits: _Limits) -> str:
    shared = environment()
    rows = _explore_view.chosen(data["points"], limits.points)
    block, reports = _packed(data, rows, limits)
    return shared.get_template("explore.html").render(
        title=data["title"],
        explore_css=Markup(_text("explore.css")),
        script=Markup("\n".join(_text(f"explore_{name}.js") for name in _SCRIPTS)),
        block=Markup(block),
        facts=_explore_view.facts(data),
        figures=_explore_view.figures(data),
        importance=_explore_view.importance_rows(data),
        history=bool(data.get("history")),
        removed=_explore_view.removed_rows(data),
        failures=_failures(data),
        failures_left_out=max(0, len(data.get("failures") or ()) - _MOST_FAILURES),
        notes=[*(data.get("notes") or ()), *_left_out(data, len(rows), reports)],
        run=_run(data),
        points=len(rows),
        digits="five" if limits.mantissa >= 16 else "four",
    )


def _text(name: str) -> str:
    return (files("axbar.report") / "templates" / name).read_text(encoding="utf-8").rstrip()


def _packed(data: Mapping[str, Any], rows: Sequence[int], limits: _Limits) -> tuple[str, int]:
    """Return the data as text and how many reports are among them."""
    points = data["points"]
    block = Block(len(rows), limits.mantissa)

    def taken(column: Sequence[Any]) -> list[Any]:
        return [finite(column[i]) for i in rows]

    ids = taken(points["id"])
    block.add_ids("id", ids)
    for name in ("rung", "front", "feasible"):
        block.add_flags(name, taken(points[name]))
    for part in ("param", "values", "low", "high"):
        for key, column in (points.get(part) or {}).items():
            block.add_values(f"{part}:{key}", taken(column))
    for quantity, groups in (points.get("shares") or {}).items():
        for group, column in groups.items():
            block.add_shares(f"share:{quantity}:{group}", taken(column))
    reports = _reports(data, set(ids), limits)
    names = ("model", "quantities", "objectives", "parameters", "base", "rungs", "history", "importance")
    text = block.text(
        **finite({name: data.get(name) for name in names}),
        limits=_explore_view.limits(data["constraints"]),
        reports=finite(reports),
        **_groups(points, reports),
    )
    return text, len(reports)


def _reports(data: Mapping[str, Any], ids: set[str], limits: _Limits) -> dict[str, Any]:
    """Return the first reports of shown points, their breakdowns cut to the largest entries."""
    found: dict[str, Any] = {}
    for name, report in (data.get("reports") or {}).items():
        if name in ids and len(found) < limits.reports:
            breakdown = {
                quantity: {part: _largest(values, limits.entries) for part, values in parts.items()}
                for quantity, parts in (report.get("breakdown") or {}).items()
            }
            found[name] = {
                **report,
                "breakdown": rounded(breakdown),
                "accuracy": rounded(report.get("accuracy")),
            }
    return found


def _largest(values: Mapping[str, float], most: int) -> dict[str, float]:
    """Return at most that many entries, in their order; the others as one."""
    if len(values) <= most:
        return dict(values)
    kept = set(sorted(values, key=lambda name: -abs(values[name]))[: most - 1])
    others = [value for name, value in values.items() if name not in kept]
    return {name: v for name, v in values.items() if name in kept} | {f"{len(others)} others": sum(others)}


def _groups(points: Mapping[str, Any], reports: Mapping[str, Any]) -> dict[str, Any]:
    """Return order, names and colours of component groups and components, the same as in every other page."""
    groups = dict.fromkeys(g for part in (points.get("shares") or {}).values() for g in part)
    parts: dict[str, None] = {}
    for report in reports.values():
        for quantity in report["breakdown"].values():
            groups |= dict.fromkeys(quantity.get("group", ()))
            parts |= dict.fromkeys(quantity.get("component", ()))
    order = _palette.ordered_groups(groups)
    shades = _palette.colours(order) | _palette.colours(_palette.ordered(parts))
    labels = {name: _palette.label(name) for name in (*order, *parts)}
    return {"groups": order, "colours": shades, "labels": labels}


def _left_out(data: Mapping[str, Any], rows: int, reports: int) -> list[str]:
    """Return sentences on what the page leaves to the study."""
    found: list[str] = []
    whole = len(data["points"]["id"])
    if rows < whole:
        found.append(
            f"This page holds {rows:,} of {whole:,} designs: the front, then what was measured best, then an even "
            "sample of the others. The study has all of them."
        )
    given = len(data.get("reports") or ())
    if reports < given:
        found.append(f"This page holds {reports} of {given} full reports, to stay within its size.")
    return found


def _failures(data: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]], str]]:
    """Return id, point in words and reason of each failure."""
    units = {p["path"]: p["unit"] for p in data["parameters"]}
    return [
        (
            str(row.get("id") or ""),
            [
                (p, _explore_view.shown_value(p, v, units.get(p, "")))
                for p, v in (row.get("point") or {}).items()
            ],
            str(row["reason"]),
        )
        for row in (data.get("failures") or ())[:_MOST_FAILURES]
    ]


def _run(data: Mapping[str, Any]) -> dict[str, Any] | None:
    run = data.get("run") or {}
    if not run:
        return None
    versions = run.get("versions") or {k: v for k, v in run.items() if k not in ("command", "made")}
    return {
        "command": str(run.get("command") or ""),
        "made": str(run.get("made") or ""),
        "versions": {
            name: value for name, value in versions.items() if not isinstance(value, Mapping | list)
        },
    }
