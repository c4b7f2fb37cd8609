"""From a report, a run folder or a saved estimate to a ``Record``.

A run folder holds ``report.json`` (the figures) and, beside it, ``run.json``, ``hardware.yaml`` and ``workload.npz``;
what is missing there is missing in the export. Trace and chip are priced again, without torch, only to learn whether
the installed axbar still gives the recorded figures.
"""

from __future__ import annotations

import json
import math
import os
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from axbar import __version__
from axbar._report import QUANTITIES, Report
from axbar.errors import AxbarError, DataError, UsageError
from axbar.report._export._record import Record
from axbar.report._export._training import name_of

if TYPE_CHECKING:
    from axbar.cost import Estimate
    from axbar.spec import HardwareSpec
    from axbar.workload import Workload

__all__ = ["read_record"]

#: format of run.json that this axbar writes
_FORMAT = 1
_SHAPE: Mapping[str, type | tuple[type, ...]] = {
    "model": str, "data": str, "breakdown": dict, "workload": dict, "hardware": dict, "diff": dict,
    "techniques": list, "notes": list, "assumed_share": (int, float),
    **dict.fromkeys((*QUANTITIES, "edp_Js"), (int, float)),
}  # fmt: skip
#: an estimate is "the same" as a recorded one up to the rounding of another order of summation
_SAME = 1e-9


def read_record(source: Report | str | os.PathLike[str]) -> Record:
    """Return what the formats need of a report, a run folder, its ``report.json``, or a saved estimate.

    Raises:
        UsageError: there is no such file or folder.
        DataError: the file or folder holds no run, or one of another version of axbar.
    """
    if isinstance(source, Report):
        return _of_report(source)
    path = Path(source)
    if not path.exists():
        raise UsageError(
            f"there is no file or folder '{path}'; give the folder of a run, or a saved estimate."
        )
    if path.is_dir():
        return _of_folder(path)
    content = _json(path)
    if "points" in content and "feasible" in content:
        raise DataError(
            f"'{path}' holds a sweep of {len(content['feasible'])} points; export takes one: leave out --sweep, or set "
            "the point that you want with --set."
        )
    if "cells" in content and "components" in content:
        return _of_estimate(path, content)
    if path.name in ("report.json", "run.json"):
        return _of_folder(path.parent)
    raise DataError(
        f"'{path}' is neither a report nor an estimate; give the folder of 'axbar evaluate --out', or what "
        "'axbar estimate --json' printed."
    )


def _of_report(report: Report) -> Record:
    plan = getattr(report.estimate, "plan", None)
    return Record(
        report.to_dict(), report.run, report.hardware, getattr(plan, "workload", None), report.estimate,
        alike=plan is not None, origin="the report",
    )  # fmt: skip


def _of_folder(folder: Path) -> Record:
    file = folder / "report.json"
    if not file.is_file():
        raise DataError(f"'{folder}' holds no report.json{_instead(folder)}")
    facts, run = _json(file), _run(folder / "run.json")
    warnings: list[str] = []
    _check(facts, run, file)
    recorded = run.pop("report", None)
    if recorded is not None and recorded != facts:
        warnings.append(
            "report.json is not the report of run.json beside it; figures are those of report.json"
        )
    spec = _hardware(folder / "hardware.yaml", facts, warnings)
    workload = _workload(folder / "workload.npz", warnings)
    estimate = _priced(workload, spec, warnings)
    alike = _alike(facts, run, spec, estimate, warnings)
    record = Record(
        facts, run, spec, workload, estimate, alike, origin=f"'{folder}'", folder=folder, warnings=tuple(warnings)
    )  # fmt: skip
    return replace(record, title=name_of(record))


def _of_estimate(path: Path, content: dict[str, Any]) -> Record:
    missing = [
        key for key in ("workload", "hardware", "breakdown", *QUANTITIES, "edp_Js") if key not in content
    ]
    if missing:
        raise DataError(_other_version(path, missing, {}, "run 'axbar estimate --json' anew."))
    given = content.get("spec") or {}
    warnings: list[str] = []
    spec = _spec_of_estimate(str(content["hardware"]), given, warnings)
    kind = given.get("kind") or (spec.kind if spec is not None else None)
    facts = {
        **content,
        "verdict": "", "model": content["workload"], "data": "", "accuracy": None, "waterfall": None,
        "workload": {"name": content["workload"], "layers": []}, "diff": given.get("diff", {}), "techniques": [],
        "hardware": {"name": content["hardware"], "kind": kind, **given},
    }  # fmt: skip
    cells = {
        quantity: {
            layer: dict(zip(content["components"], row, strict=True))
            for layer, row in zip(content["layers"], rows, strict=True)
        }
        for quantity, rows in content["cells"].items()
    }
    run = {"versions": {"axbar": content["axbar"]}} if "axbar" in content else {}
    alike = run.get("versions", {}).get("axbar", __version__) == __version__ and kind is not None
    return Record(facts, run, spec, None, None, alike, cells, f"'{path}'", warnings=tuple(warnings))


def _spec_of_estimate(name: str, given: Mapping[str, Any], warnings: list[str]) -> HardwareSpec | None:
    """Return the chip of a saved estimate: with its changes if they were recorded, else as shipped."""
    from axbar.spec import load_hardware

    try:
        shipped = load_hardware(name)
        if "values" not in given:
            warnings.append(
                f"the estimate names its chip '{name}' but not its settings; sources and settings are those of that "
                "preset without any --set"
            )
            return shipped
        now = shipped.values()
        return shipped.replace({path: v for path, v in given["values"].items() if now.get(path) != v})
    except AxbarError as error:
        warnings.append(f"the chip '{name}' is not known here, so sources and settings are left out: {error}")
        return None


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(
            f"can't read '{path}': {error.strerror}; give the folder of a run, or a saved estimate."
        ) from error
    except ValueError as error:
        raise DataError(f"'{path}' is not JSON ({error}); evaluate or estimate anew.") from error
    if not isinstance(content, dict):
        raise DataError(f"'{path}' holds a {type(content).__name__}, not a run or an estimate.")
    return content


def _run(file: Path) -> dict[str, Any]:
    """Return run.json; empty if there is none."""
    if not file.exists():
        return {}
    run = _json(file)
    if run.get("format") != _FORMAT:
        raise DataError(
            f"'{file}' has the format {run.get('format')}, this axbar {__version__} reads format {_FORMAT}; "
            f"{_anew(run)}"
        )
    return run


def _check(facts: Mapping[str, Any], run: Mapping[str, Any], file: Path) -> None:
    """Refuse a report that lacks what this axbar writes."""
    bad = [key for key, kind in _SHAPE.items() if not isinstance(facts.get(key), kind)]
    if not bad:
        parts = facts["breakdown"]
        bad = [f"breakdown.{q}" for q in QUANTITIES if not {"component", "layer"} <= set(parts.get(q, ()))]
        bad += [f"hardware.{key}" for key in ("name", "kind", "values") if key not in facts["hardware"]]
    if bad:
        raise DataError(_other_version(file, bad, run, _anew(run)))


def _other_version(file: Path, missing: list[str], run: Mapping[str, Any], fix: str) -> str:
    wrote = run.get("versions", {}).get("axbar") if isinstance(run.get("versions"), dict) else None
    by = f"written by axbar {wrote}" if wrote else "written by another version of axbar"
    return f"'{file}' lacks {', '.join(missing)}: it was {by}, this is {__version__}; {fix}"


def _anew(run: Mapping[str, Any]) -> str:
    command = run.get("command")
    return (
        f"evaluate anew: {command}"
        if isinstance(command, str)
        else "evaluate anew with 'axbar evaluate --out'."
    )


def _instead(folder: Path) -> str:
    """Say what the folder is, and what to give instead."""
    inside = sorted(path.parent for path in folder.glob("*/report.json"))
    if inside:
        return f"; did you mean '{inside[0]}'?"
    if (folder / "comparison.json").is_file():
        return (
            ": it is a comparison of chips; export takes one chip: evaluate it with 'axbar evaluate --out'."
        )
    if (folder / "run.json").is_file():
        return "; run.json is there: make the rest anew with 'axbar rerun', or evaluate with --out."
    if (folder / "config.json").is_file():
        name = shlex.quote(str(folder))
        return f": it is a trained network; evaluate it first: axbar evaluate {name} --data NAME --out DIR"
    return "; give the folder of 'axbar evaluate --out' or 'axbar demo'."


def _hardware(file: Path, facts: Mapping[str, Any], warnings: list[str]) -> HardwareSpec | None:
    from axbar.spec import load_hardware

    if not file.is_file():
        warnings.append("hardware.yaml is missing, so the sources of the chip are not recorded")
        return None
    try:
        spec = load_hardware(file)
    except AxbarError as error:
        warnings.append(f"hardware.yaml does not load, so the sources of the chip are left out: {error}")
        return None
    if spec.hash() != facts["hardware"].get("hash"):
        warnings.append(
            "hardware.yaml is not the chip of report.json (edited, or of another version): the sources of the chip "
            "are left out"
        )
        return None
    return spec


def _workload(file: Path, warnings: list[str]) -> Workload | None:
    from axbar.workload import Workload

    if not file.is_file():
        return None
    try:
        return Workload.load(file)
    except AxbarError as error:
        warnings.append(f"workload.npz does not load: {error}")
        return None


def _priced(workload: Workload | None, spec: HardwareSpec | None, warnings: list[str]) -> Estimate | None:
    from axbar.cost import estimate

    if workload is None or spec is None:
        return None
    try:
        return estimate(workload, spec)
    except AxbarError as error:
        warnings.append(f"the run can't be priced by this axbar: {error}")
        return None


def _alike(
    facts: Mapping[str, Any],
    run: Mapping[str, Any],
    spec: HardwareSpec | None,
    estimate: Estimate | None,
    warnings: list[str],
) -> bool:
    """Whether the installed cost model is the one behind the figures."""
    wrote = run.get("versions", {}).get("axbar")
    if estimate is None:
        if wrote == __version__ and spec is not None:
            return True
        warnings.append(
            f"whether axbar {__version__} prices this run (of {wrote or 'an unknown version'}) alike can't be told, so "
            f"spreads and the sources of constants are left out: {_anew(run)}"
        )
        return False
    names = tuple(facts["breakdown"]["energy_J"]["component"])
    off = [q for q in QUANTITIES if not _close(float(estimate.total(q)[0]), float(facts[q]))]
    if estimate.components == names and not off:
        return True
    what = off[0] if off else "the components"
    then, now = (
        (facts[what], float(estimate.total(what)[0])) if off else (len(names), len(estimate.components))
    )
    warnings.append(
        f"axbar {__version__} prices this run (of {wrote or 'an unknown version'}) otherwise: {what} was "
        f"{then:.6g}, is {now:.6g}; figures are the recorded ones, spreads and the sources of constants are left "
        f"out: {_anew(run)}"
    )
    return False


def _close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=_SAME, abs_tol=0.0)
