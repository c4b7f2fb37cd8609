"""Figures of merit: throughput, power, operations per joule and per area, energy per synaptic operation.

What an operation is decides such figures more than the chip does, so each says what it counts:

    operation             a multiply or an add of the dense layers: one multiply-accumulate is 2 operations of
                          weight_bits x input bits (1 for spikes, input.bits for numbers). With M of them over
                          all steps, zeros included, 2 M is what TOPS/W means for in-memory computing.
    synaptic operation    one weight that an input different from zero reaches, counted once and not doubled:
                          S, what spiking networks really perform. A silent input performs none. Of a product of
                          two operands computed at run time, the right one has the part of the weights.

With E the energy, t the latency, A the area of one inference, and r the inferences per second:

    r = 1 / t (one inference after the other) or, where layers work on several at once, the chip's throughput
    P = E r          TOPS/W = 2 M / E / 10^12           TOPS/mm2 = 2 M r / (A / mm2) / 10^12
    EDP = E t        TSOPS/W = S / E / 10^12            TSOPS/mm2 = S r / (A / mm2) / 10^12
    EDAP = E t A     energy per synaptic operation = E / S

TOPS/W falls with sparsity only as far as E does, TSOPS/W also because S does: a chip that converts and updates
whether or not there are spikes looks good in the first and bad in the second. Peak figures of data sheets hold
for full arrays and are higher than these, which are those of one network with all of its overheads. All
functions broadcast. Of a training step no operations are counted, as M and S are those of the way forward alone: all
figures that need them are left out. Checked by hand on one layer of known size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from axbar.cost._charged import charged, exits, mean_runs
from axbar.cost._types import Floats
from axbar.units import format_quantity
from axbar.workload import Workload, macs, synops

if TYPE_CHECKING:
    from axbar.cost._result import Estimate

__all__ = [
    "Metric", "average_power_W", "dense_operations", "edap_Jsm2", "energy_per_synop_J",
    "merit_text", "metrics_of", "operations_per_W", "operations_per_mm2", "rate_of", "synaptic_operations", "trains",
    "work_of", "work_on",
]  # fmt: skip

_TERA: Final = 1e12
_MM2_m2: Final = 1e-6
_ORDER: Final = (
    "fps", "power_W", "tops_per_W", "tops_per_mm2", "tsops_per_W", "tsops_per_mm2", "energy_per_synop_J", "edp_Js",
    "edap_Jsm2",
)  # fmt: skip


@dataclass(frozen=True)
class Metric:
    """One figure of merit.

    Args:
        label: as read by people.
        value: ``[P]``; None where the workload did not record what it needs; not a number where the hardware model
            has no such total (an area of 0).
        unit: with its prefix where the field's usage has one (``TOPS/W``), else SI.
        definition: one sentence, with what an operation is.
    """

    label: str
    value: Floats | None
    unit: str
    definition: str

    def to_dict(self, point: int = 0) -> dict[str, Any]:
        """Return the JSON form of one point."""
        value = None if self.value is None or not np.isfinite(self.value[point]) else float(self.value[point])
        return {"label": self.label, "value": value, "unit": self.unit, "definition": self.definition}

    def text(self, point: int = 0) -> str:
        """Return value and unit.

        >>> import numpy as np
        >>> Metric("energy efficiency", np.array([1.234]), "TOPS/W", "").text()
        '1.23 TOPS/W'
        """
        if self.value is None or not np.isfinite(self.value[point]):
            return "not recorded"
        return merit_text(float(self.value[point]), self.unit)


def merit_text(value: float, unit: str) -> str:
    """Write a figure of merit: joules and watts with a prefix, others as they are.

    >>> merit_text(2.5e-9, "Js"), merit_text(3.1e-15, "Jsm2"), merit_text(1.234, "TOPS/W")
    ('2.50 nJ·s', '3.1e-15 J·s·m²', '1.23 TOPS/W')
    """
    if unit in ("J", "W", "Js"):
        return format_quantity(value, unit)
    return f"{value:.3g} {unit.replace('m2', 'm²').replace('Js', 'J·s·')}".rstrip("· ")


def average_power_W(energy_J: Floats, rate_Hz: Floats) -> Floats:
    """Return the power of a chip that is never idle."""
    return energy_J * rate_Hz


def operations_per_W(operations: float, energy_J: Floats) -> Floats:
    """Return 10^12 operations per joule, which are 10^12 operations per second and watt."""
    return _over(operations, energy_J * _TERA)


def operations_per_mm2(operations: float, rate_Hz: Floats, area_m2: Floats) -> Floats:
    """Return 10^12 operations per second and square millimetre."""
    return _over(operations * rate_Hz, area_m2 / _MM2_m2 * _TERA)


def energy_per_synop_J(energy_J: Floats, synaptic: float) -> Floats:
    """Return the energy of one inference over its performed synaptic operations."""
    return energy_J / synaptic


def edap_Jsm2(energy_J: Floats, latency_s: Floats, area_m2: Floats) -> Floats:
    """Return energy x delay x area."""
    return energy_J * latency_s * area_m2


def work_of(estimate: Estimate) -> str:
    """Return what one run of the chip is: an inference, or what the spec's ``task`` asks for.

    Points of a sweep that are asked for different things are told together.
    """
    asked = estimate.plan.sweep.words.get("task", "inference")
    each = [asked] if isinstance(asked, str) else list(dict.fromkeys(str(word) for word in asked))
    return " or ".join(map(_work, each))


def work_on(values: Mapping[str, Any]) -> str:
    """Return what one run of a chip with these ``HardwareSpec.values()`` is, as ``work_of`` does.

    >>> work_on({"task": "training"}), work_on({"adc.bits": 5})
    ('training step', 'inference')
    """
    return _work(str(values.get("task", "inference")))


def trains(estimate: Estimate) -> bool:
    """Return whether any point is asked for a training step."""
    return "training" in work_of(estimate)


def _work(task: str) -> str:
    return "training step" if task == "training" else task


def _plural(work: str) -> str:
    return " or ".join(f"{word}s" for word in work.split(" or "))


def _over(value: Floats | float, base: Floats) -> Floats:
    """Return value / base; not a number where there is no base."""
    return np.divide(value, base, out=np.full_like(base, np.nan), where=base > 0)


def dense_operations(workload: Workload) -> float:
    """Return 2 x the dense multiply-accumulates of one inference, all steps that run, zeros included.

    >>> from axbar.workload import shapes
    >>> dense_operations(shapes.cnn(steps=2)) > dense_operations(shapes.cnn(steps=1))
    True
    """
    if workload.exit_step is None:
        return 2.0 * sum(macs(layer) for layer in workload.matmuls)
    stops = exits(workload)
    return 2.0 * sum(macs(layer) * mean_runs(layer, stops) / len(layer.steps) for layer in workload.matmuls)


def synaptic_operations(workload: Workload) -> float | None:
    """Return the weights that inputs different from zero reach in one inference; None if not recorded.

    Samples that leave early perform none after their exit.
    """
    layers = workload.matmuls if workload.exit_step is None else charged(workload, "once").layers
    counted = [synops(layer) for layer in layers]
    known = [count for count in counted if count is not None]
    return sum(known) if len(known) == len(counted) else None


def metrics_of(estimate: Estimate) -> dict[str, Metric]:
    """Return all figures of merit of an estimate, ``[P]`` each; of training steps none that counts operations."""
    found = _per_work(estimate)
    if not trains(estimate):
        found |= _per_operation(estimate)
    return {name: found[name] for name in _ORDER if name in found}


def _per_work(estimate: Estimate) -> dict[str, Metric]:
    """Return the figures that count nothing but inferences or training steps."""
    energy, latency, area = (estimate.total(q) for q in ("energy_J", "latency_s", "area_m2"))
    rate, how = rate_of(estimate)
    work = work_of(estimate)
    many = _plural(work)
    return {
        "fps": Metric(f"{many} per second", rate, "1/s", how),
        "power_W": Metric(
            "average power", average_power_W(energy, rate), "W", f"energy x {many} per second, never idle"
        ),
        "edp_Js": Metric("energy x delay", estimate.edp_Js, "Js", f"energy x latency of one {work}"),
        "edap_Jsm2": Metric(
            "energy x delay x area", edap_Jsm2(energy, latency, area), "Jsm2",
            f"energy x latency of one {work} x chip area",
        ),
    }  # fmt: skip


def _per_operation(estimate: Estimate) -> dict[str, Metric]:
    """Return the figures that count the operations of an inference."""
    energy, area = (estimate.total(q) for q in ("energy_J", "area_m2"))
    workload = estimate.plan.workload
    rate, _ = rate_of(estimate)
    dense, performed = dense_operations(workload), synaptic_operations(workload)
    many = _plural(work_of(estimate))
    bits = _widths(workload, estimate.plan.spec.values())
    operation = f"one multiply-accumulate of {bits} is 2 operations; zeros and all steps that run count"
    synaptic = "a synaptic operation is one weight that a spike (or a number that is not 0) reaches"

    def of_performed(value: Callable[[float], Floats]) -> Floats | None:
        return value(performed) if performed else None

    return {
        "tops_per_W": Metric(
            "dense-equivalent efficiency", operations_per_W(dense, energy), "TOPS/W",
            f"dense operations / energy; {operation}",
        ),
        "tops_per_mm2": Metric(
            "dense-equivalent density", operations_per_mm2(dense, rate, area), "TOPS/mm2",
            f"dense operations x {many} per second / area; {operation}",
        ),
        "tsops_per_W": Metric(
            "performed efficiency", of_performed(lambda s: operations_per_W(s, energy)), "TSOPS/W",
            f"performed synaptic operations / energy; {synaptic}",
        ),
        "tsops_per_mm2": Metric(
            "performed density", of_performed(lambda s: operations_per_mm2(s, rate, area)), "TSOPS/mm2",
            f"performed synaptic operations x {many} per second / area; {synaptic}",
        ),
        "energy_per_synop_J": Metric(
            "energy per synaptic operation", of_performed(lambda s: energy_per_synop_J(energy, s)), "J",
            f"energy / performed synaptic operations, all overheads included; {synaptic}",
        ),
    }  # fmt: skip


def rate_of(estimate: Estimate) -> tuple[Floats, str]:
    """Return inferences (or training steps) per second, ``[P]``, and what they are."""
    return estimate.throughput_Hz, "1 / latency, or the pace of the slowest stage where layers work at once"


def _widths(workload: Workload, values: Mapping[str, Any]) -> str:
    """Name the bit widths of a multiply-accumulate: ``4-bit weights x 1-bit inputs (conv1: 8-bit)``."""
    weight = values.get("crossbar.weight_bits", values.get("weight_bits"))
    number = values.get("input.bits")
    spiking = [
        o for layer in workload.matmuls for o in layer.operands[:1] if o.coding in ("spikes", "signed")
    ]
    others = [layer for layer in workload.matmuls if layer.operands[0].coding not in ("spikes", "signed")]
    weights = f"{weight}-bit weights" if weight is not None else "the chip's weights"
    if not others:
        return f"{weights} x 1-bit inputs"
    bits = number if number is not None else others[0].operands[0].bits
    if not spiking:
        return f"{weights} x {bits}-bit inputs"
    names = ", ".join(layer.name for layer in others[:3]) + (", ..." if len(others) > 3 else "")
    return f"{weights} x 1-bit inputs ({bits}-bit in {names})"
