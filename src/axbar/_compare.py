"""``compare``: one network on many chips, of whatever kind, from one trace.

All chips see the same recorded spikes and the same weights. Each is evaluated as ``evaluate`` would; nothing here knows
a hardware kind. Quantities are per inference, or per training step where all chips train, and include every component,
also those that only one kind has.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from axbar import registry
from axbar._compare_chips import contenders, told_apart
from axbar._compare_notes import notes_on
from axbar._evaluate import Progress, evaluate_on, prepare
from axbar._report import Report, estimate_report
from axbar.cost._countable import check_fixed_bits
from axbar.errors import UsageError, unknown_name
from axbar.files import write_atomic
from axbar.spec import HardwareSpec
from axbar.workload import check_workload, read_workload, shapes

if TYPE_CHECKING:
    import torch

    from axbar.data import Dataset
    from axbar.workload import Workload

__all__ = [
    "COMPARED", "Compared", "Comparison", "compare", "compare_full", "compare_workload", "contenders",
]  # fmt: skip

#: what is compared; the least wins
COMPARED = ("energy_J", "latency_s", "area_m2", "leakage_W", "edp_Js")


@dataclass(frozen=True)
class Comparison:
    """Reports of one network on several chips, in the order asked for.

    Args:
        reports: one per chip; the first is what ratios refer to.
        notes: sentences about the comparison as a whole.
        run: command, versions, seeds: what is needed to run it again.
    """

    reports: tuple[Report, ...]
    notes: tuple[str, ...] = ()
    run: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def names(self) -> tuple[str, ...]:
        """The chips, as their specs call them; a number tells namesakes apart."""
        return told_apart([report.hardware.name for report in self.reports])

    @property
    def work(self) -> str:
        """What all costs are per: ``inference``, or ``training step``."""
        return " or ".join(dict.fromkeys(report.work for report in self.reports))

    def values(self, quantity: str) -> tuple[float, ...]:
        """Return one total per chip."""
        if quantity not in COMPARED:
            raise UsageError(unknown_name("quantity", quantity, COMPARED))
        return tuple(report.total(quantity) for report in self.reports)

    def cycles(self) -> tuple[float | None, ...]:
        """Return latency times clock per chip, an integer where it is a count; None where a chip has no clock."""
        clocks = [report.hardware.values().get("clock_Hz") for report in self.reports]
        return tuple(
            None if clock is None else _counted(report.total("latency_s") * float(clock))
            for report, clock in zip(self.reports, clocks, strict=True)
        )

    def ratios(self, quantity: str) -> tuple[float | None, ...]:
        """Return each chip's total over the first one's; None where that is 0."""
        first, *_ = values = self.values(quantity)
        return tuple(value / first if first else None for value in values)

    def ranked(self, quantity: str) -> tuple[int, ...]:
        """Return the chips on which the network fits, least first."""
        values = self.values(quantity)
        fits = [i for i, report in enumerate(self.reports) if bool(report.estimate.feasible[0])]
        return tuple(sorted(fits, key=lambda i: values[i]))

    def by_group(self, quantity: str) -> dict[str, tuple[float, ...]]:
        """Return a quantity by component group, one figure per chip; 0 where it has no such group."""
        found = [report.estimate.by_group(quantity) for report in self.reports]
        groups = dict.fromkeys(group for table in found for group in table)
        values = {
            group: tuple(float(table[group][0]) if group in table else 0.0 for table in found)
            for group in groups
        }
        return {group: figures for group, figures in values.items() if any(figures)}

    def by_layer(self, quantity: str) -> dict[str, tuple[float, ...]]:
        """Return a quantity of every layer that all chips run, one figure per chip."""
        tables = [
            dict(zip(r.estimate.layers, map(float, r.estimate.by_layer(quantity)[0]), strict=True))
            for r in self.reports
        ]
        shared = [name for name in tables[0] if all(name in table for table in tables)]
        return {name: tuple(table[name] for table in tables) for name in shared}

    def why(self, quantity: str) -> str:
        """Say which chip takes least of a quantity, by how much, and where the difference lies."""
        from axbar._compare_words import why

        return why(self, quantity)

    @property
    def verdict(self) -> str:
        """The comparison in one sentence: of energy and time together."""
        return self.why("edp_Js")

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as plain JSON values."""
        first = self.reports[0]
        return {
            "verdict": self.verdict,
            "model": first.model,
            "data": first.data,
            "workload": dict(first.trace),
            "per": self.work,
            "hardware": [self._row(i) for i in range(len(self.reports))],
            "least": {q: next((self.names[i] for i in self.ranked(q)), None) for q in COMPARED},
            "why": {q: self.why(q) for q in ("energy_J", "latency_s", "edp_Js", "area_m2")},
            "by_group": {q: self.by_group(q) for q in ("energy_J", "latency_s", "area_m2")},
            "by_layer": {q: self.by_layer(q) for q in ("energy_J", "latency_s")},
            "notes": list(self.notes),
            "reports": [report.to_dict() for report in self.reports],
        }  # fmt: skip

    def _row(self, i: int) -> dict[str, Any]:
        report = self.reports[i]
        return {
            "name": self.names[i],
            "kind": report.hardware.kind,
            "hash": report.hardware.hash(),
            "feasible": bool(report.estimate.feasible[0]),
            "reason": report.estimate.reasons[0] or None,
            "accuracy": report.accuracy.to_dict() if report.accuracy else None,
            "cycles": self.cycles()[i],
            **{q: self.values(q)[i] for q in COMPARED},
            "ratio": {q: self.ratios(q)[i] for q in COMPARED},
            "conventional": report.estimate.conventional,
            "assumed_share": float(report.estimate.assumed_share[0]),
            "spread": _spread(report),
            "beside_silicon": report.estimate.beside_silicon,
        }

    def to_json(self) -> str:
        """Return ``to_dict`` as JSON text."""
        return json.dumps(self.to_dict(), indent=1, allow_nan=False)

    def render(self, form: str) -> str:
        """Return the comparison as ``html``, ``json``, ``txt`` or ``csv``."""
        prefix = "comparison-"
        forms = [n.removeprefix(prefix) for n in registry.names("renderers") if n.startswith(prefix)]
        forms.remove("terminal")  # writes no text
        if form not in forms:
            raise UsageError(
                f"a comparison has no form '{form}'; save it in a file that ends in .{', .'.join(sorted(forms))}."
            )
        return registry.get("renderers", f"{prefix}{form}")(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the comparison; the suffix picks the form. The file appears whole or not at all."""
        target = Path(path)
        return write_atomic(target, self.render(target.suffix.lstrip(".") or "html"))

    def show(self) -> None:
        """Write the tables to the terminal."""
        registry.get("renderers", "comparison-terminal")(self)


def _counted(cycles: float) -> float:
    """Return the integer that a latency times a clock stands for, where it is one but for rounding."""
    whole = round(cycles) if math.isfinite(cycles) else cycles
    return whole if math.isclose(cycles, whole, rel_tol=1e-13) else cycles


def _spread(report: Report) -> dict[str, list[float]] | None:
    """Return low and high of each total around published silicon; None for kinds that were not compared with any."""
    if not report.estimate.compared_with_silicon:
        return None
    return {
        q: [float(end[0]) for end in report.estimate.spread(q)] for q in ("energy_J", "latency_s", "area_m2")
    }


@dataclass(frozen=True)
class Compared:
    """A comparison together with the values it was made from; network and data are None for a workload alone."""

    comparison: Comparison
    workload: Workload
    network: torch.nn.Module | None = None
    dataset: Dataset | None = None


def compare(
    model: str | torch.nn.Module,
    data: str | Dataset,
    hardware: Sequence[str | HardwareSpec],
    *,
    weights: str | None = None,
    config: Mapping[str, Any] | None = None,
    overrides: Mapping[str, Any] | Sequence[str] = (),
    techniques: Sequence[str] = (),
    chips: int = 5,
    seed: int = 0,
    images: int | None = None,
    trace_samples: int = 16,
    data_dir: str | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Evaluate one network on several chips from one trace.

    Args:
        hardware: specs, preset names or YAML files, at least one.
        overrides: changes made to every chip that has the path; one that no chip has is an error. ``NAME:PATH``
            changes one chip alone. All chips must do the same work, infer or train.
        techniques: those of a network are applied once, with the first chip; those of a chip on every die.

    The others are those of ``axbar.evaluate``. What each effect of a chip costs, and what would
    help, is left to ``evaluate``.

    Raises:
        AxbarError: an input is wrong; the sentence says which and how to mend it.
    """
    return compare_full(
        model, data, hardware, weights=weights, config=config, overrides=overrides, techniques=techniques,
        chips=chips, seed=seed, images=images, trace_samples=trace_samples, data_dir=data_dir, progress=progress,
    ).comparison  # fmt: skip


def compare_full(
    model: str | torch.nn.Module,
    data: str | Dataset | None,
    hardware: Sequence[str | HardwareSpec],
    *,
    weights: str | None,
    config: Mapping[str, Any] | None,
    overrides: Mapping[str, Any] | Sequence[str],
    techniques: Sequence[str],
    chips: int,
    seed: int,
    images: int | None,
    trace_samples: int,
    data_dir: str | None,
    progress: Progress | None,
) -> Compared:
    """As ``compare``, and return network, data and trace as well; without data, compare the workload of that name."""
    if data is None:
        workload = _workload(model, config, techniques)
        found = compare_workload(workload, hardware, overrides=overrides, model=str(model), progress=progress)
        return Compared(found, workload)
    specs = contenders(hardware, overrides)
    ready = prepare(
        model, data, specs[0][1], weights=weights, config=config, techniques=techniques, images=images,
        trace_samples=trace_samples, data_dir=data_dir, progress=progress,
    )  # fmt: skip
    _check_bits(ready.workload, specs)
    tell = progress or (lambda stage, done, total: None)
    reports: list[Report] = []
    for i, (base, spec) in enumerate(specs):
        tell("chips", i, len(specs))
        reports.append(
            evaluate_on(
                ready, base, spec, chips=chips, seed=seed, waterfall=0, progress=progress, advise=False
            )
        )
    tell("chips", len(specs), len(specs))
    return Compared(_side_by_side(reports, ready.workload), ready.workload, ready.network, ready.dataset)


def _workload(model: Any, config: Mapping[str, Any] | None, techniques: Sequence[str]) -> Workload:
    """Read what can be compared without data; say what can't."""
    if not isinstance(model, str):
        raise UsageError("a network is traced on data; give data as well, or a workload to compare_workload.")
    if model in registry.names("models") and model not in shapes.TABLE:
        raise UsageError(
            f"'{model}' is a network; give --data to trace it, or a shape: see 'axbar ls shapes'."
        )
    if techniques:
        raise UsageError(
            "a technique changes a network, and its effect is measured on data; give --data as well."
        )
    return read_workload(model, dict(config or {}))


def compare_workload(
    workload: Workload,
    hardware: Sequence[str | HardwareSpec],
    *,
    overrides: Mapping[str, Any] | Sequence[str] = (),
    model: str = "",
    progress: Progress | None = None,
) -> Comparison:
    """Compare the cost of one workload on several chips; no network, no data, no accuracy."""
    check_workload(workload)
    specs = contenders(hardware, overrides)
    _check_bits(workload, specs)
    tell = progress or (lambda stage, done, total: None)
    reports: list[Report] = []
    for i, (base, spec) in enumerate(specs):
        tell("chips", i, len(specs))
        reports.append(estimate_report(workload, base, spec, model=model or workload.name))
    tell("chips", len(specs), len(specs))
    return _side_by_side(reports, workload)


def _check_bits(workload: Workload, specs: Sequence[tuple[HardwareSpec, HardwareSpec]]) -> None:
    """Refuse chips with other bits than a technique fixed, all in one sentence."""
    names = told_apart([spec.name for _, spec in specs])
    check_fixed_bits(workload, [(name, spec.values()) for name, (_, spec) in zip(names, specs, strict=True)])


def _side_by_side(reports: Sequence[Report], workload: Workload) -> Comparison:
    found = Comparison(tuple(reports))
    return replace(found, notes=notes_on(found.names, reports, workload))
