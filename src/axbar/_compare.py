"""``compare``: one network on many chips, of whatever kind, from one trace.

All chips see the same recorded spikes and the same weights. Each is evaluated as ``evaluate`` would; nothing here knows
a hardware kind. Quantities are per inference and include every component, also those that only one kind has.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from axbar import registry
from axbar._evaluate import Progress, evaluate_on, prepare
from axbar._report import Report, estimate_report
from axbar.errors import UsageError, unknown_name
from axbar.files import write_atomic
from axbar.spec import HardwareSpec, load_hardware

if TYPE_CHECKING:
    import torch

    from axbar.data import Dataset
    from axbar.workload import Workload

__all__ = ["COMPARED", "Comparison", "compare", "compare_workload", "contenders"]

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
        plain = [report.hardware.name for report in self.reports]
        return tuple(
            name if plain.count(name) == 1 else f"{name} #{1 + plain[:i].count(name)}"
            for i, name in enumerate(plain)
        )

    def values(self, quantity: str) -> tuple[float, ...]:
        """Return one total per chip."""
        if quantity not in COMPARED:
            raise UsageError(unknown_name("quantity", quantity, COMPARED))
        return tuple(report.total(quantity) for report in self.reports)

    def cycles(self) -> tuple[float | None, ...]:
        """Return latency times clock per chip; None where a chip has no clock."""
        clocks = [report.hardware.values().get("clock_Hz") for report in self.reports]
        return tuple(
            None if clock is None else report.total("latency_s") * float(clock)
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

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as plain JSON values."""
        first = self.reports[0]
        return {
            "model": first.model,
            "data": first.data,
            "workload": dict(first.trace),
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
        }

    def to_json(self) -> str:
        """Return ``to_dict`` as JSON text."""
        return json.dumps(self.to_dict(), indent=1, allow_nan=False)

    def render(self, form: str) -> str:
        """Return the comparison as ``html``, ``json``, ``txt`` or ``csv``."""
        return registry.get("renderers", f"comparison-{form}")(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the comparison; the suffix picks the form. The file appears whole or not at all."""
        target = Path(path)
        return write_atomic(target, self.render(target.suffix.lstrip(".") or "html"))

    def show(self) -> None:
        """Write the tables to the terminal."""
        registry.get("renderers", "comparison-terminal")(self)


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
        overrides: changes made to every chip that has the path; one that no chip has is an error.
        techniques: those of a network are applied once, with the first chip; those of a chip on every die.

    The others are those of ``axbar.evaluate``. What each effect of a chip costs, and what would
    help, is left to ``evaluate``.

    Raises:
        AxbarError: an input is wrong; the sentence says which and how to mend it.
    """
    specs = contenders(hardware, overrides)
    ready = prepare(
        model, data, specs[0][1], weights=weights, config=config, techniques=techniques, images=images,
        trace_samples=trace_samples, data_dir=data_dir, progress=progress,
    )  # fmt: skip
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
    return Comparison(tuple(reports), notes_on([spec for _, spec in specs]))


def compare_workload(
    workload: Workload,
    hardware: Sequence[str | HardwareSpec],
    *,
    overrides: Mapping[str, Any] | Sequence[str] = (),
    model: str = "",
    progress: Progress | None = None,
) -> Comparison:
    """Compare the cost of one workload on several chips; no network, no data, no accuracy."""
    specs = contenders(hardware, overrides)
    tell = progress or (lambda stage, done, total: None)
    reports: list[Report] = []
    for i, (base, spec) in enumerate(specs):
        tell("chips", i, len(specs))
        reports.append(estimate_report(workload, base, spec, model=model or workload.name))
    tell("chips", len(specs), len(specs))
    return Comparison(tuple(reports), notes_on([spec for _, spec in specs]))


def contenders(
    hardware: Sequence[str | HardwareSpec], overrides: Mapping[str, Any] | Sequence[str] = ()
) -> list[tuple[HardwareSpec, HardwareSpec]]:
    """Return each chip as named and with the changes whose paths it has.

    ``NAME:PATH=VALUE`` changes the chip of that name alone.

    Raises:
        UsageError: no chip is named, or no chip has a changed path.
    """
    if not hardware:
        raise UsageError("no chip to compare on; name some, such as imc-rram-65nm,sata,loas.")
    bases = [one if isinstance(one, HardwareSpec) else load_hardware(one) for one in hardware]
    changes = _changes(overrides)
    known = [_paths(base) for base in bases]
    own = _own_changes(changes, [base.name for base in bases])
    for path in changes:
        if not any(path in paths for paths in known):
            every = sorted(set().union(*known))
            raise UsageError(unknown_name("path on any of these chips", path, every))
    return [
        (base, _changed(base, {p: v for p, v in changes.items() if p in paths} | own.get(base.name, {})))
        for base, paths in zip(bases, known, strict=True)
    ]


def _own_changes(changes: dict[str, Any], names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Take the changes of one chip alone out of those of all."""
    own: dict[str, dict[str, Any]] = {}
    for key in [key for key in changes if ":" in key]:
        name, _, path = key.partition(":")
        if name not in names:
            raise UsageError(unknown_name("chip in a change", name, names))
        own.setdefault(name, {})[path] = changes.pop(key)
    return own


def _changed(base: HardwareSpec, changes: Mapping[str, Any]) -> HardwareSpec:
    try:
        return base.replace(changes)
    except UsageError as error:
        raise UsageError(f"{base.name}: {error}") from None


def _changes(overrides: Mapping[str, Any] | Sequence[str]) -> dict[str, Any]:
    if isinstance(overrides, Mapping):
        return dict(overrides)
    found: dict[str, Any] = {}
    for text in overrides:
        path, given, value = text.partition("=")
        if not given or not path:
            raise UsageError(f"'{text}' is not PATH=VALUE; write for example clock_Hz=200e6.")
        found[path.strip()] = value.strip()
    return found


def _paths(spec: HardwareSpec) -> set[str]:
    """Paths that may be changed: all quantities, and blocks that a word stands for (``device``)."""
    values = set(spec.values())
    return values | {path.partition(".")[0] for path in values if path.endswith(".name")}


def notes_on(specs: Sequence[HardwareSpec]) -> tuple[str, ...]:
    """Return what makes these chips unequal from the start."""
    nodes = {spec.name: spec.values().get("technology.node_m") for spec in specs}
    known = {name: float(node) for name, node in nodes.items() if node is not None}
    if len(set(known.values())) < 2:
        return ()
    shown = ", ".join(f"{name} {1e9 * node:.0f} nm" for name, node in known.items())
    return (f"the chips stand at different nodes ({shown}); --set technology.node_m=28nm puts all at one",)
