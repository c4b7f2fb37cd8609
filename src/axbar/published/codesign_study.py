"""One search over device, circuit, system and algorithm, and what each choice of its best design is worth.

A spiking VGG9 is searched together with three kinds of chips (crossbars, SATA, LoAS). Then the design with the least
energy-delay product that keeps the accuracy of the untouched network within a point is taken apart: each axis in turn
goes back to what nobody chose, and the design is measured again on the same images and dies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from axbar._evaluate import Progress
from axbar.data import Dataset, load_data
from axbar.published._reproduction import Reproduction, write_study
from axbar.published.codesign_claims import claims
from axbar.published.codesign_figure import panels
from axbar.published.codesign_space import AXES, BASE, SCALES, SPACE, Scale
from axbar.published.codesign_table import markdown, rows
from axbar.published.snn_networks import base
from axbar.search import Study, explore, point_hash

__all__ = ["reproduce"]

#: accuracy that a design may lose against the untouched network on the best of its chips, 0..1
_LOST = 0.01


def reproduce(
    folder: Path,
    *,
    scale: str = "default",
    data_dir: str | None = None,
    progress: Progress | None = None,
    seed: int = 0,
) -> Reproduction:
    """Train, search and take apart; write ``results.json``, ``table.md``, ``figure.svg`` and the page of the search.

    What was trained and measured is read back from ``folder``.
    """
    size = SCALES[scale]
    dataset = load_data(size.net.data, data_dir=data_dir)
    place = folder / scale
    base(place / "net", size.net, dataset, seed)
    study = _search(place, size, dataset, progress, seed)
    study.save(place / "search" / "study.html")
    found = _found(study, place, size, dataset, seed)
    net = size.net
    trained = f"width {net.width}, {net.images:,} images, {net.epochs} epochs"
    how = f"{scale}: {net.name}, {trained}; {found['designs']:,} designs"
    written = write_study(folder, results=found, table=markdown(found), figure=panels(found, how))
    return Reproduction(
        name="codesign",
        source="statements of DT-SNN (DAC 2023), MINT (ASP-DAC 2024), LoAS (MICRO 2024): abstracts; the rest is ours",
        scale=how,
        seeds=(seed,),
        claims=claims(found),
        rows=rows(found),
        settings=written | {"page": str(place / "search" / "study.html")},
    )


def _search(place: Path, size: Scale, dataset: Dataset, progress: Progress | None, seed: int) -> Study:
    asked = {
        "name": "codesign",
        "space": {**SPACE, **size.space},
        "objectives": ["accuracy max", "energy_J min", "latency_s min"],
        "constraints": [f"accuracy >= {size.least_accuracy}"],
        "fidelity": dict(size.fidelity),
    }
    return explore(asked, str(place / "net"), dataset, study=place / "search", seed=seed, progress=progress)


def _found(study: Study, place: Path, size: Scale, dataset: Dataset, seed: int) -> dict[str, Any]:
    """Return what was searched and found as plain values."""
    starts = [{"hardware": name, **_own(name)} for name in SPACE["hardware"]]
    untouched = _measured(place / "base", size, dataset, seed, starts)
    bar = max((row["accuracy"] for row in untouched if "accuracy" in row), default=0.0) - _LOST
    full = [_row(row.point, row.values) for row in study.designs("full") if row.feasible]
    kept = [row for row in full if row["accuracy"] >= bar] or full
    best = min(kept, key=lambda row: row["edp_Js"])
    point = best["point"]
    reverted = {axis: new for axis in AXES if (new := _reverted(point, axis)) != point}
    again = _measured(place / "ablation", size, dataset, seed, list(reverted.values()))
    swept = study.swept
    return {
        "designs": study.space.count, "priced": 0 if swept is None else swept.looked_at, "bar": bar,
        "measured": len({row.id for row in study.designs("proxy")}), "net": asdict(size.net),
        "untouched": untouched, "full": full, "best": best,
        "front": [row.id for row in study.front("full")],
        "proxy": [_row(row.point, row.values) for row in study.designs("proxy") if row.feasible],
        "ablation": dict(zip(reverted, again, strict=True)),
        "failed": [{"point": row.point, "reason": row.reason} for row in study.rows if row.failed],
    }  # fmt: skip


def _row(point: Mapping[str, Any], values: Mapping[str, float]) -> dict[str, Any]:
    names = ("accuracy", "accuracy_low", "accuracy_high", "energy_J", "latency_s", "area_m2", "edp_Js")
    return {"point": dict(point), **{name: values[name] for name in names}}


def _own(hardware: str, mint: bool = False) -> dict[str, Any]:
    """Return the base of one kind of chip: what counts there."""
    of = {
        "imc-rram-65nm": ("device", "crossbar.rows", "adc.bits", "adc.cols_per_adc"),
        "sata": ("array.rows",),
        "loas": ("pe.count",),
    }[hardware]
    common = ("model.steps", "technique.mint", "technique.early-exit")
    last = ("technique.bn-adapt",) if hardware == "imc-rram-65nm" and not mint else ()
    return {path: BASE[path] for path in (*of, *common, *last)}


def _reverted(point: Mapping[str, Any], axis: str) -> dict[str, Any]:
    """Return a point with one axis as nobody chose it; what no longer counts is left out, what counts anew is base."""
    new = {path: BASE.get(path, value) if path in AXES[axis] else value for path, value in point.items()}
    mint = bool(new["technique.mint"])
    counting = {*_own(str(new["hardware"]), mint), "hardware", *(["technique.mint.bits"] if mint else [])}
    new = {path: value for path, value in new.items() if path in counting}
    return {
        **new,
        **{path: value for path, value in _own(str(new["hardware"]), mint).items() if path not in new},
    }


def _measured(
    folder: Path, size: Scale, dataset: Dataset, seed: int, points: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Measure single designs as carefully as the last rung does."""
    fidelity = {**size.fidelity, "sweep": False, "proxy": False}
    found: list[dict[str, Any]] = []
    for point in points:
        full = {**size.fidelity["full"], "survivors": 1, "generations": 0}
        asked = {
            "name": "one design",
            "space": {path: value if isinstance(value, str) else [value] for path, value in point.items()},
            "objectives": ["accuracy max", "edp_Js min"],
            "fidelity": {**fidelity, "full": full},
        }
        study = explore(
            asked, str(folder.parent / "net"), dataset, study=folder / point_hash(point), seed=seed
        )
        row = study.designs("full")[0]
        found.append(
            _row(row.point, row.values) if row.feasible else {"point": row.point, "reason": row.reason}
        )
    return found
