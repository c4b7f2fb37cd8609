"""What the page of a search says above its charts: best designs, limits, how many were looked at."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from axbar.report._scale import percent
from axbar.report._view import amount
from axbar.units import format_number, parse_quantity, unit_of

__all__ = ["Figure", "chosen", "facts", "figures", "importance_rows", "limits", "removed_rows", "shown_value"]

_LIMIT = re.compile(r"\s*(?P<key>\S+?)\s*(?P<op><=|>=)\s*(?P<bound>.+?)\s*")
#: rows of the table of importance
_MOST_PARAMETERS = 24


@dataclass(frozen=True)
class Figure:
    """A figure of the head of the page: ``label``, ``value`` with its ``unit``, and a line ``under`` it."""

    label: str
    value: str
    unit: str = ""
    under: str = ""


def shown_value(key: str, value: Any, unit: str) -> str:
    """Write a value as people read it: shares in percent, quantities with a prefix, switches as words."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str):
        return value
    if key == "accuracy":
        return f"{100 * value:.1f} %"
    return amount(float(value), unit) if unit else format_number(value)


def figures(data: Mapping[str, Any]) -> list[Figure]:
    """Return how many designs were looked at and what the best of the front reach."""
    counts, points = data["counts"], data["points"]
    looked, whole = counts.get("looked_at", 0), counts.get("of")
    under = f"of {whole:,} in the space" if whole else "of an endless space" if "of" in counts else ""
    found = [Figure("designs looked at", f"{looked:,}", under=under)]
    words = [f"{counts[k]:,} {w}" for k, w in (("reused", "reused"), ("failed", "failed")) if counts.get(k)]
    found.append(Figure("measured", f"{counts.get('measured', 0):,}", under=", ".join(words)))
    front = [i for i, flag in enumerate(points["front"]) if flag]
    found.append(Figure("on the front", f"{len(front):,}", under="the best trade-offs found"))
    about = {q["key"]: q for q in data["quantities"]}
    for key in data["objectives"]:
        found += _best(key, about.get(key), points, front)
    return found


def _best(key: str, about: Mapping[str, Any] | None, points: Any, front: Sequence[int]) -> list[Figure]:
    column = points["values"].get(key)
    rows = [i for i in front if column and column[i] is not None and math.isfinite(column[i])]
    if about is None or column is None or not rows:
        return []
    most = about["sense"] == "max"
    i = max(rows, key=lambda row: column[row] if most else -column[row])
    value, _, unit = shown_value(key, column[i], about["unit"]).rpartition(" ")
    chip = points["param"].get("hardware")
    label = f"{'highest' if most else 'least'} {about['label']}"
    return [Figure(label, value or unit, unit if value else "", f"on {chip[i]}" if chip and chip[i] else "")]


def facts(data: Mapping[str, Any]) -> list[str]:
    """Return what was searched and how, in a few words each."""
    about = {q["key"]: q for q in data["quantities"]}
    wanted = [
        f"{'more' if about[key]['sense'] == 'max' else 'less'} {about[key]['label']}"
        for key in data["objectives"]
        if key in about
    ]
    told = [data.get("model"), data.get("data"), f"wanted: {', '.join(wanted)}" if wanted else ""]
    kept = [_limit_text(about, row) for row in limits(data["constraints"])]
    told += [f"limits: {', '.join(kept)}"] if kept else []
    told += [f"sampler\N{NO-BREAK SPACE}{data['sampler']}"] if data.get("sampler") else []
    return [*(str(t) for t in told if t), f"seed\N{NO-BREAK SPACE}{data.get('seed', 0)}"]


def _limit_text(about: Mapping[str, Mapping[str, Any]], row: Mapping[str, Any]) -> str:
    key, sign = row["key"], "≤" if row["op"] == "<=" else "≥"
    known = about.get(key, {"label": key, "unit": unit_of(key)})
    text = f"{100 * row['limit']:g} %" if key == "accuracy" else shown_value(key, row["limit"], known["unit"])
    return f"{known['label']} {sign} {re.sub(r'[.]0+(?= )', '', text)}"


def limits(constraints: Sequence[str]) -> list[dict[str, Any]]:
    """Return constraints as ``key``, ``op``, ``limit`` in SI and ``text``; those that can't be drawn are left out."""
    found: list[dict[str, Any]] = []
    for text in constraints:
        match = _LIMIT.fullmatch(text)
        if match is None:
            continue
        try:
            limit = parse_quantity(match["bound"].replace(",", ""), unit_of(match["key"]))
        except ValueError:
            continue
        found.append({"key": match["key"], "op": match["op"], "limit": limit, "text": text})
    return found


def removed_rows(data: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Return what ruled designs out and how many, the most first; limits are written as above the charts."""
    about = {q["key"]: q for q in data["quantities"]}
    found: list[tuple[str, int]] = []
    for row in sorted(data.get("removed") or (), key=lambda row: -row["points"]):
        drawn = limits([row["what"]])
        text = f"limit: {_limit_text(about, drawn[0])}" if drawn else row["what"]
        found.append((text, row["points"]))
    return found


def chosen(points: Mapping[str, Any], most: int) -> list[int]:
    """Return which rows a page of ``most`` points shows, in order: the front, then the best measured, then a sample.

    Within the last group that fits only in part every n-th row is taken.
    """
    groups: dict[tuple[bool, int, bool], list[int]] = {}
    rows = zip(points["front"], points["rung"], points["feasible"], strict=True)
    for i, (front, rung, feasible) in enumerate(rows):
        groups.setdefault((not front, -int(rung), not feasible), []).append(i)
    found: list[int] = []
    for _, group in sorted(groups.items()):
        room = most - len(found)
        if len(group) > room:
            group = [group[k * len(group) // room] for k in range(room)] if room > 0 else []
        found += group
    return sorted(found)


def importance_rows(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a table: one row a parameter, the most important first, one column a quantity; and what is left over."""
    found = {key: shares for key, shares in (data.get("importance") or {}).items() if shares}
    if not found:
        return None
    labels = {q["key"]: q["label"] for q in data["quantities"]}
    paths = list(dict.fromkeys(path for shares in found.values() for path in shares))
    paths.sort(key=lambda path: -max(_share(shares, path) for shares in found.values()))
    rows = [
        (path, [(_share(s, path), percent(_share(s, path))) for s in found.values()])
        for path in paths[:_MOST_PARAMETERS]
    ]
    rest = [max(0.0, 1 - sum(_share(shares, path) for path in shares)) for shares in found.values()]
    return {
        "heads": [labels.get(key, key) for key in found],
        "rows": rows,
        "rest": [(share, percent(share)) for share in rest],
        "left_out": len(paths) - len(rows),
    }


def _share(shares: Mapping[str, float | None], path: str) -> float:
    value = shares.get(path)
    return value if value is not None and math.isfinite(value) else 0.0
