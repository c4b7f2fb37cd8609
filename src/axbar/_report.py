"""What an evaluation found: the values, before anything is drawn.

A ``Report`` joins accuracy on the chip, the cost estimate, the workload it rests on and what is needed to run it
again. Rendering (HTML, text, tables) is looked up in the registry by file suffix, so that a new format is one
new file.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from axbar import registry
from axbar.cost._labels import component_label
from axbar.cost.metrics import work_on
from axbar.errors import UsageError, unknown_name
from axbar.files import write_atomic
from axbar.spec import HardwareSpec
from axbar.units import format_quantity

if TYPE_CHECKING:
    from axbar._apply import Applied
    from axbar.cost import Bottlenecks, Estimate, Offer
    from axbar.cost.fair import Fair
    from axbar.workload import Workload

__all__ = [
    "QUANTITIES",
    "STEPS",
    "Accuracy",
    "Change",
    "Report",
    "Step",
    "Waterfall",
    "component_label",
    "estimate_report",
    "step_label",
]

QUANTITIES = ("energy_J", "latency_s", "area_m2", "leakage_W")

#: steps of the waterfall in their order, with the names read by people
STEPS = {
    "float": "float",
    "quantised": "quantised",
    "adc": "ADC",
    "wires": "wires",
    "faults": "faults",
    "programming": "programming",
    "read_noise": "read noise",
    "drift": "drift",
    "techniques": "techniques",
}


@dataclass(frozen=True)
class Accuracy:
    """Share of test images classified right, 0..1.

    Args:
        images: test images per figure.
        float_: the network as trained.
        digital: with integer weights and inputs of the chip's bits, no device or converter.
        analog: one figure per programmed die.
    """

    images: int
    float_: float
    digital: float | None = None
    analog: tuple[float, ...] = ()

    @property
    def mean(self) -> float | None:
        """Mean over dies; None without dies."""
        return sum(self.analog) / len(self.analog) if self.analog else None

    @property
    def std(self) -> float | None:
        """Sample standard deviation over dies (n - 1); None below two dies."""
        if len(self.analog) < 2:
            return None
        mean = sum(self.analog) / len(self.analog)
        return math.sqrt(sum((a - mean) ** 2 for a in self.analog) / (len(self.analog) - 1))

    @property
    def of(self) -> str:
        """Which figure is nearest to the chip: of its ``dies``, of the integers (``digital``), else ``float``."""
        if self.analog:
            return "dies"
        return "float" if self.digital is None else "digital"

    @property
    def nearest(self) -> float:
        """That figure; the mean where there are dies."""
        return next(share for share in (self.mean, self.digital, self.float_) if share is not None)

    @property
    def words(self) -> str:
        """Return that figure with its spread and what it is of, behind the float figure where it reads otherwise.

        >>> Accuracy(100, 0.9, 0.87).words, Accuracy(100, 0.9, 0.9).words, Accuracy(100, 0.9).words
        ('90.0 % → 87.0 % in integers', '90.0 % in integers', '90.0 % in float')
        """
        before, after = f"{100 * self.float_:.1f} %", f"{100 * self.nearest:.1f}"
        if self.of == "dies":
            spread = f" ± {100 * self.std:.1f}" if self.std is not None else ""
            return f"{before} → {after}{spread} % on chip"
        named = f"{after} % in {'integers' if self.of == 'digital' else 'float'}"
        return named if before == f"{after} %" else f"{before} → {named}"

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        analog = {"mean": self.mean, "std": self.std, "chips": list(self.analog)} if self.analog else None
        return {"images": self.images, "float": self.float_, "digital": self.digital, "analog": analog}


@dataclass(frozen=True)
class Step:
    """Accuracy with all effects up to and including this one.

    Args:
        name: key of ``STEPS``.
        accuracy: 0..1, mean over the dies used.
        std_error: of the accuracy, 0..1: what another draw of as many images would change.
        lost_points: percentage points lost since the step before; negative where the step gains.
        lost_std_error: of ``lost_points``, from the differences image by image.
        measured: False where the chip has no such effect; the figures are then those of the step before.
        note: why it was not measured.
    """

    name: str
    accuracy: float
    std_error: float
    lost_points: float = 0.0
    lost_std_error: float = 0.0
    measured: bool = True
    note: str = ""

    @property
    def significant(self) -> bool:
        """Whether more is lost or gained than two standard errors."""
        return abs(self.lost_points) > 2 * self.lost_std_error


@dataclass(frozen=True)
class Change:
    """What one change of the conditions does: an effect left out, or one layer alone with all effects.

    Args:
        name: of the effect or of the layer.
        accuracy: 0..1, mean over the dies used.
        points: percentage points regained (an effect left out) or lost (one layer alone).
        std_error: of ``points``, from the differences image by image.
    """

    name: str
    accuracy: float
    points: float
    std_error: float

    @property
    def significant(self) -> bool:
        """Whether the change is more than two standard errors."""
        return abs(self.points) > 2 * self.std_error


@dataclass(frozen=True)
class Waterfall:
    """What each effect of the chip costs, on the same images and dies.

    Args:
        steps: from the network as trained to the chip with all effects; each keeps those before it.
        leave_one_out: all effects but the one named, against all effects.
        layers: all effects in one layer only, against the quantised network; most points lost first.
        layers_left_out: layers that were not measured alone.
        images: test images per figure.
        dies: programmed dies behind each figure of an effect that differs from die to die.
        seed: of the first die; the others follow.
    """

    steps: tuple[Step, ...]
    leave_one_out: tuple[Change, ...]
    layers: tuple[Change, ...]
    images: int
    dies: int
    seed: int
    layers_left_out: int = 0

    @property
    def costliest(self) -> Step | None:
        """The step that loses most, if that is more than two standard errors."""
        step = max(self.steps[1:], key=lambda s: s.lost_points, default=None)
        return step if step is not None and step.lost_points > 0 and step.significant else None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        rows = {
            key: [asdict(row) for row in getattr(self, key)] for key in ("steps", "leave_one_out", "layers")
        }
        return asdict(self) | rows  # lists, as JSON gives them back


@dataclass(frozen=True)
class Report:
    """One network on one chip.

    Args:
        model, data: how the user named them.
        hardware: the chip as evaluated.
        base: the preset it came from (for the diff).
        estimate: one design point.
        workload: rows of ``Workload.summary()``.
        trace: steps, samples, spikes_of and hash of the recorded workload.
        accuracy: None where only cost was asked for.
        techniques: what was applied, with settings and cost, in order.
        notes: sentences a reader must know (layers left digital, images used, ...).
        run: command, versions, seeds, hashes: all that is needed to run it again.
        waterfall: what each effect of the chip costs; None where it was not measured.
        bottlenecks: what holds the network back on this chip, and what would help; None where nobody asked.
        applied: recommendations that were carried out, their promises beside what came of them; None where nobody
            asked.
        twin: a spiking network beside its ANN twin on the same chip; None where there is no fair one.
    """

    model: str
    data: str
    hardware: HardwareSpec
    base: HardwareSpec
    estimate: Estimate
    workload: tuple[Mapping[str, Any], ...]
    trace: Mapping[str, Any]
    accuracy: Accuracy | None = None
    techniques: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    run: Mapping[str, Any] = field(default_factory=dict[str, Any])
    waterfall: Waterfall | None = None
    bottlenecks: Bottlenecks | None = None
    twin: Fair | None = None
    applied: tuple[Applied, ...] | None = None

    @property
    def work(self) -> str:
        """What the costs are per: ``inference``, or ``training step`` where the chip trains."""
        return work_on(self.hardware.values())

    def total(self, quantity: str) -> float:
        """Return one total per ``work`` (``energy_J``, ``latency_s``, ``area_m2``, ``leakage_W``, ``edp_Js``)."""
        if quantity == "edp_Js":
            return float(self.estimate.edp_Js[0])
        if quantity not in QUANTITIES:
            raise UsageError(unknown_name("quantity", quantity, (*QUANTITIES, "edp_Js")))
        return float(self.estimate.total(quantity)[0])

    def share_by_component(self, quantity: str = "energy_J") -> dict[str, float]:
        """Return the share of each component in a total, largest first."""
        values = self.estimate.by_component(quantity)[0]
        total = float(values.sum()) or 1.0
        pairs = zip(self.estimate.components, (float(v) / total for v in values), strict=True)
        return dict(sorted(pairs, key=lambda p: -p[1]))

    @property
    def verdict(self) -> str:
        """One line: accuracy of what the chip runs, what costs most of it, energy, latency, area, where energy goes."""
        parts = [self.accuracy.words] if self.accuracy else []
        if self.waterfall and (step := self.waterfall.costliest):
            parts.append(f"{step.lost_points:.1f} points lost to {step_label(step.name)}")
        parts += [
            format_quantity(self.total(q), u)
            for q, u in (("energy_J", "J"), ("latency_s", "s"), ("area_m2", "m2"))
        ]
        name, share = next(iter(self.share_by_component().items()))
        parts.append(f"{100 * share:.0f} % of energy is {component_label(name)}")
        if not bool(self.estimate.feasible[0]):
            parts.insert(0, f"does not fit: {self.estimate.reasons[0]}")
        return " · ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Return all figures, costs per ``work``, as plain JSON values."""
        estimate = self.estimate
        return {
            "verdict": self.verdict,
            "model": self.model,
            "data": self.data,
            "feasible": bool(estimate.feasible[0]),
            "reason": estimate.reasons[0] or None,
            "accuracy": self.accuracy.to_dict() if self.accuracy else None,
            "waterfall": self.waterfall.to_dict() if self.waterfall else None,
            **{q: self.total(q) for q in (*QUANTITIES, "edp_Js")},
            "breakdown": {q: self._breakdown(q) for q in QUANTITIES},
            "metrics": {name: metric.to_dict() for name, metric in estimate.metrics.items()},
            "bottlenecks": self.bottlenecks.to_dict() if self.bottlenecks else None,
            "applied": None if self.applied is None else [done.to_dict() for done in self.applied],
            "assumed_share": float(estimate.assumed_share[0]),
            "conventional": estimate.conventional,
            "ann_twin": self.twin.to_dict() if self.twin else None,
            "workload": {**self.trace, "layers": [dict(row) for row in self.workload]},
            "hardware": {"name": self.hardware.name, "kind": self.hardware.kind, "hash": self.hardware.hash(),
                         "values": self.hardware.values()},
            "diff": {path: list(pair) for path, pair in self.base.diff(self.hardware).items()},
            "techniques": [dict(t) for t in self.techniques],
            "notes": list(self.notes),
        }  # fmt: skip

    def _breakdown(self, quantity: str) -> dict[str, dict[str, float]]:
        estimate = self.estimate
        return {
            "component": dict(
                zip(estimate.components, map(float, estimate.by_component(quantity)[0]), strict=True)
            ),
            "layer": dict(zip(estimate.layers, map(float, estimate.by_layer(quantity)[0]), strict=True)),
        }

    def to_json(self) -> str:
        """Return ``to_dict`` as JSON text; floats keep all their digits."""
        return json.dumps(self.to_dict(), indent=1, allow_nan=False)

    def render(self, form: str) -> str:
        """Return the report in a registered form (``html``, ``json``, ``txt``, ``csv``, ...)."""
        return registry.get("renderers", form)(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the report; the suffix picks the form. The file appears whole or not at all."""
        target = Path(path)
        return write_atomic(target, self.render(target.suffix.lstrip(".") or "html"))

    def to_frame(self) -> Any:
        """Return energy, latency, area and leakage by layer and component as a pandas frame (needs pandas)."""
        return registry.get("renderers", "frame")(self)

    def show(self) -> None:
        """Write the tables to the terminal."""
        registry.get("renderers", "terminal")(self)

    def _repr_html_(self) -> str:
        return registry.get("renderers", "notebook")(self)


def estimate_report(
    workload: Workload,
    base: HardwareSpec,
    spec: HardwareSpec,
    *,
    model: str,
    data: str = "",
    offers: Sequence[Offer] | None = None,
) -> Report:
    """Return the report of a workload's cost on one chip, accuracy left open; ``base`` is what ``spec`` changes.

    ``offers`` of techniques are tried with every neighbouring design; None: nothing is tried, which is much faster.
    """
    from axbar.cost import estimate
    from axbar.cost.fair import beside_twin

    cost = estimate(workload, spec)
    return Report(
        model=model,
        data=data,
        hardware=spec,
        base=base,
        estimate=cost,
        workload=tuple(workload.summary()),
        trace={"name": workload.name, "steps": workload.steps, "samples": workload.samples,
               "spikes_of": workload.spikes_of, "hash": workload.hash()},
        bottlenecks=None if offers is None else cost.bottlenecks(offers=offers),
        twin=beside_twin(cost),
    )  # fmt: skip


def step_label(step: str) -> str:
    """Return the name of a step or effect of the waterfall as read by people.

    >>> step_label("adc"), step_label("read_noise")
    ('ADC', 'read noise')
    """
    return STEPS.get(step, step.replace("_", " "))
