"""A study as the plain data of its page; ``axbar.report`` draws it and knows nothing of searches."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence, Set
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from axbar import __version__
from axbar._report import Accuracy
from axbar.search.rows import Row
from axbar.search.space.domains import Choices, Domain, Reals
from axbar.search.space.parts import QUANTITIES, technique_of
from axbar.search.study._importance import importance
from axbar.search.study.history import history
from axbar.search.sweep.rows import sweep_rows
from axbar.spec import load_hardware
from axbar.units import unit_of

if TYPE_CHECKING:
    from axbar.search.study._study import Study

__all__ = ["front_of", "page_of"]

#: points that a page draws, and designs of which it holds the full report
_POINTS, _REPORTS = 10_000, 100
#: measured designs from which on shares of the variance of accuracy mean something
_TELLING = 8
_LABELS = {
    "accuracy": "accuracy", "energy_J": "energy", "latency_s": "latency", "area_m2": "area", "edp_Js": "EDP",
    "leakage_W": "leakage", "throughput_Hz": "throughput",
}  # fmt: skip
_SHARED = ("energy_J", "latency_s", "area_m2")


def page_of(study: Study, reports: bool = True) -> dict[str, Any]:
    """Return plain data: quantities, parameters, points, reports of the front, importance, history, notes.

    Args:
        reports: whether to give those of the front, for which each of its chips is built.
    """
    rows, front = _drawn(study), {row.id for row in study.front()}
    facts, base = study.facts, _base(study)
    return {
        "title": study.space.name, "model": facts.get("model") or "the network", "data": facts.get("data") or "",
        "seed": facts.get("seed", 0), "sampler": facts.get("sampler", ""),
        "quantities": [_quantity(q) for q in _LABELS if q in study.quantities()],
        "objectives": [o.quantity for o in study.space.objectives],
        "constraints": [str(c) for c in study.space.constraints],
        "limits": [{"key": c.quantity, "op": c.op, "limit": c.limit} for c in study.space.constraints],
        "parameters": [_parameter(p.path, p.domain) for p in study.space.parameters],
        "base": base,
        "rungs": list(study.rungs),
        "top": study.top,
        "points": _points(study, rows, front),
        "reports": {row.id: _report(study, row, base) for row in (_reported(study) if reports else ())},
        "importance": _importance(study),
        "history": history(study.space, study.rows, study.rungs),
        "removed": _removed(study),
        "failures": [{"id": r.id, "point": dict(r.point), "reason": r.reason} for r in study.rows if r.failed][:100],
        "counts": {
            "looked_at": study.swept.looked_at if study.swept else 0,
            "of": study.swept.of if study.swept else study.space.count,
            "measured": sum(row.accuracy is not None for row in study.rows),
            "failed": sum(row.failed for row in study.rows), "reused": study.counts.get("reused", 0),
        },
        "notes": list(study.notes),
        "run": {
            "command": facts.get("command", ""), "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
            "versions": {"axbar": __version__, "python": platform.python_version()},
        },
    }  # fmt: skip


def front_of(study: Study) -> dict[str, Any]:
    """Return quantities, parameters and points of the front only."""
    rows = study.front()
    return {
        "quantities": [_quantity(q) for q in _LABELS if q in study.quantities()],
        "objectives": [o.quantity for o in study.space.objectives],
        "parameters": [_parameter(p.path, p.domain) for p in study.space.parameters],
        "rungs": list(study.rungs), "top": study.top,
        "points": _points(study, rows, {row.id for row in rows}),
    }  # fmt: skip


def _drawn(study: Study) -> list[Row]:
    """Return the rows that a page draws: all that were measured, the sweep's front and an even part of the others."""
    measured = [row for rung in study.rungs if rung != "sweep" for row in study.designs(rung)][:_POINTS]
    if study.swept is None:
        return [*(row for row in study.rows if row.rung == "sweep"), *measured]
    room = _POINTS - len(measured)
    first = np.flatnonzero(study.swept.front)[:room]
    others = np.setdiff1d(np.arange(len(study.swept)), first)
    if len(others) > room - len(first):
        others = others[np.unique(np.linspace(0, len(others) - 1, room - len(first)).astype(np.int64))]
    kept = {row.id: row for row in study.rows if row.rung == "sweep"}
    chosen = np.sort(np.concatenate([first, others])).tolist()
    swept = [kept.get(row.id, row) for row in sweep_rows(study.space, study.swept, chosen)]
    return [*swept, *measured]


def _quantity(key: str) -> dict[str, str]:
    unit, sense = QUANTITIES[key]
    return {"key": key, "label": _LABELS[key], "unit": unit, "sense": sense}


def _parameter(path: str, domain: Domain) -> dict[str, Any]:
    values = list(domain.values) if isinstance(domain, Choices) else None
    first = domain.at(np.zeros(1, dtype=np.int64))[0].item()
    kind = "switch" if isinstance(first, bool) else "word" if isinstance(first, str) else "number"
    log = isinstance(domain, Reals) and domain.log
    return {"path": path, "unit": unit_of(path), "kind": kind, "values": values, "log": log}


def _base(study: Study) -> dict[str, Any]:
    """Return what a design is compared with: the values of its first chip where that has them, no technique.

    What has no such value (arguments of a model, settings of techniques, fields of other chips) is left out.
    """
    searched = {p.path: p.domain for p in study.space.parameters}
    named = searched.get("hardware")
    first = None if named is None else named.at(np.zeros(1, dtype=np.int64))[0].item()
    chip = study.base if first is None else load_hardware(first)
    own = {} if chip is None else chip.values()
    own |= {path.removesuffix(".name"): value for path, value in own.items() if path.endswith(".name")}
    found: dict[str, Any] = {} if first is None else {"hardware": first}
    for path in searched:
        name, setting = technique_of(path)
        if name and not setting:
            found[path] = False
        elif path in own:
            found[path] = own[path]
    return found


def _points(study: Study, rows: Sequence[Row], front: Set[str]) -> dict[str, Any]:
    rungs = {rung: i for i, rung in enumerate(study.rungs)}
    quantities = [q for q in _LABELS if q in study.quantities()]
    groups = {q: sorted({g for row in rows for g in row.shares.get(q, ())}) for q in _SHARED}
    return {
        "id": [row.id for row in rows],
        "rung": [rungs[row.rung] for row in rows],
        "front": [int(row.rung == study.top and row.id in front) for row in rows],
        "feasible": [int(row.feasible) for row in rows],
        "param": {path: [row.point.get(path) for row in rows] for path in study.space.paths},
        "values": {q: [_finite(row.values.get(q)) for row in rows] for q in quantities},
        "low": {"accuracy": [_finite(row.values.get("accuracy_low")) for row in rows]},
        "high": {"accuracy": [_finite(row.values.get("accuracy_high")) for row in rows]},
        "shares": {
            q: {g: [_finite(row.shares.get(q, {}).get(g, 0.0)) for row in rows] for g in names}
            for q, names in groups.items()
        },
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None


def _reported(study: Study) -> list[Row]:
    """Return the designs that a page can open: fronts of the careful rungs first."""
    found: dict[str, Row] = {}
    for rung in reversed(study.rungs):
        for row in study.front(rung):
            if row.breakdown and len(found) < _REPORTS:
                found.setdefault(row.id, row)
    return list(found.values())


def _report(study: Study, row: Row, base: Mapping[str, Any]) -> dict[str, Any]:
    from axbar.spec import to_yaml

    spec = study.spec(row)
    diff = [[path, base.get(path), value] for path, value in row.point.items() if base.get(path) != value]
    accuracy = row.accuracy
    return {
        "diff": diff, "spec": dict(row.point), "techniques": list(row.techniques),
        "breakdown": {
            q: {"group": _amounts(row, q), **{k: _few(v) for k, v in parts.items()}}
            for q, parts in row.breakdown.items()
        },
        "accuracy": None if accuracy is None else _accuracy(accuracy),
        "command": study.command(row, f"design-{row.id[:8]}.yaml"),
        "yaml": to_yaml(spec),
        "notes": list((accuracy or {}).get("notes", ())),
    }  # fmt: skip


def _accuracy(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return an accuracy in the form of reports."""
    dies = tuple(found.get("dies") or ())
    return Accuracy(int(found["images"]), found["float"], found["digital"], dies).to_dict()


def _amounts(row: Row, quantity: str) -> dict[str, float]:
    total = row.values[quantity]
    return _few({group: share * total for group, share in row.shares.get(quantity, {}).items()})


def _few(values: Mapping[str, float]) -> dict[str, float]:
    """Return what is not zero, with four digits."""
    return {name: float(f"{value:.4g}") for name, value in values.items() if value}


def _importance(study: Study) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    measured = {
        row.id: row for row in study.rows if row.accuracy is not None
    }  # the most careful one comes last
    if len(measured) >= _TELLING:
        rows = list(measured.values())
        columns = study.space.encode([row.point for row in rows])
        found["accuracy"] = importance(columns, np.array([row.values["accuracy"] for row in rows]))
    if study.swept is not None:
        for q in filter(study.swept.costs.values.__contains__, _LABELS):
            kept = np.where(study.swept.costs.feasible, study.swept.costs.values[q], np.nan)
            found[q] = importance(study.swept.columns, kept, log=True)
    return found


def _removed(study: Study) -> list[dict[str, Any]]:
    if study.swept is None:
        return []
    order = sorted(study.swept.infeasible.items(), key=lambda pair: -pair[1])
    return [{"what": what, "points": points} for what, points in order]
