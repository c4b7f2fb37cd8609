"""What each effect of a chip costs in accuracy, on the same test images and the same programmed dies.

    float -> quantised -> ADC -> wires -> faults -> programming -> read noise -> drift

Three questions, each a list of arrays with some effects switched on:

- *step by step*: what does an effect add to those before it? The losses add up to float minus chip.
- *leave one out*: what comes back if the chip lacked only this one?
- *layer by layer*: what is lost with all effects in one layer and none in the others?

Step by step, an effect that comes late finds images already lost; leave one out, effects that overlap each hide
behind the other. Read both.

**Errors.** With c[i] in 0..1 the share of dies that classify image i right, a loss is the mean of
d[i] = c_before[i] - c_after[i] over n images and its standard error is std(d) / sqrt(n), the standard deviation
with n - 1. Images that stay right or stay wrong count as zero, so that it is far below the error of either
accuracy (for one die it is the error behind McNemar, Psychometrika 12, 153 (1947)). It covers the choice of
images; the dies are taken as given.

**Converter ranges.** A chip with wires is designed for the currents that wires leave: arrays without wires are
read with ranges fitted without them, arrays with wires with ranges fitted with them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from axbar import devices
from axbar._report import STEPS, Change, Step, Waterfall
from axbar.spec.imc import ImcSpec

if TYPE_CHECKING:
    import torch

    from axbar.crossbar import AnalogModel, Effects
    from axbar.data import Split

__all__ = ["MOST_LAYERS", "absent_effects", "measure_waterfall", "right"]

#: layers that are measured alone; more would take longer than the rest of the report
MOST_LAYERS = 32

#: step -> the flaws that it switches on
_FLAWS: Mapping[str, tuple[str, ...]] = {
    "adc": ("adc",),
    "wires": ("wires", "nonlinearity"),
    "faults": ("faults",),
    "programming": ("programming",),
    "read_noise": ("read_noise",),
    "drift": ("drift",),
}

#: images at a time
_BATCH = 256


@dataclass(frozen=True)
class _Job:
    """One thing to measure: the steps that are on, in one layer only or (None) in all."""

    on: frozenset[str]
    layer: str | None = None


_QUANTISED = _Job(frozenset())


@dataclass(frozen=True)
class _Plan:
    """What to measure, by step or layer."""

    cumulative: Mapping[str, _Job]
    without: Mapping[str, _Job]
    alone: Mapping[str, _Job]
    whole: _Job

    @property
    def jobs(self) -> list[_Job]:
        """Every job once: leaving the last step out is the step before it."""
        jobs = [*self.cumulative.values(), *self.without.values(), *self.alone.values()]
        return [job for job in dict.fromkeys(jobs) if job != _QUANTISED]


def measure_waterfall(
    network: torch.nn.Module,
    integer: torch.nn.Module,
    spec: ImcSpec,
    images: Split,
    calibration: torch.Tensor,
    *,
    seed: int,
    dies: int,
    adapted: Sequence[NDArray[np.bool_]] = (),
    norms: Literal["fold", "keep"] = "fold",
    progress: Callable[[str, int, int], None] | None = None,
    batch_size: int = _BATCH,
) -> Waterfall:
    """Measure what each effect of a chip costs.

    Args:
        network: as trained (and as changed by techniques before the chip).
        integer: the same network from ``axbar.digital``.
        spec: of the chip.
        images: test images and labels.
        calibration: batch of inputs ``[B, ...]`` to fit converter ranges to.
        seed: of the first die.
        dies: how many dies; effects that are the same on every die are measured once.
        adapted: for each of those dies, which images ``[n]`` it classifies right after the techniques that run on
            a chip; none if there are no such techniques.
        norms: what the conversion does with batch norms, as in ``axbar.to_analog``.
        progress: called as ``progress("waterfall", done, total)``.
        batch_size: images at a time; no figure depends on it.
    """
    absent = absent_effects(spec)
    arrays = _Arrays(network, spec, calibration, norms, frozenset(absent))
    plan = _plan([step for step in _FLAWS if step not in absent], arrays.layers)
    runs = [
        (job, die)
        for job in plan.jobs
        for die in range(seed, seed + (dies if _differs_by_die(job, spec) else 1))
    ]
    tell = progress or (lambda stage, done, total: None)
    hits: dict[_Job, list[NDArray[np.bool_]]] = {_QUANTISED: [right(integer, images, batch_size)]}
    for done, (job, die) in enumerate(runs):
        tell("waterfall", done, len(runs))
        hits.setdefault(job, []).append(right(arrays.programmed(job, die), images, batch_size))
    tell("waterfall", len(runs), len(runs))

    scores = {job: _mean(of_dies) for job, of_dies in hits.items()}
    shares = {"float": _mean([right(network, images, batch_size)]), "quantised": scores[_QUANTISED]}
    shares |= {step: scores[job] for step, job in plan.cumulative.items()}
    if adapted:
        shares["techniques"] = _mean(adapted)
    return Waterfall(
        steps=_steps(shares, absent),
        leave_one_out=_regained(
            {step: scores[job] for step, job in plan.without.items()}, scores[plan.whole]
        ),
        layers=_ranked(scores[_QUANTISED], {layer: scores[job] for layer, job in plan.alone.items()}),
        images=len(images.y),
        dies=dies,
        seed=seed,
        layers_left_out=len(arrays.layers) - len(plan.alone),
    )


def _plan(present: Sequence[str], layers: Sequence[str]) -> _Plan:
    """Return what to measure on a chip with these steps and layers."""
    everything = frozenset(present)
    return _Plan(
        cumulative={step: _Job(frozenset(present[: i + 1])) for i, step in enumerate(present)},
        without={step: _Job(everything - {step}) for step in present},
        alone={layer: _Job(everything, layer) for layer in layers[:MOST_LAYERS]},
        whole=_Job(everything),
    )


def right(model: torch.nn.Module, images: Split, batch_size: int = _BATCH) -> NDArray[np.bool_]:
    """Return which images ``[n]`` a network classifies right by its read-out; read noise starts over."""
    from axbar.crossbar import AnalogModel
    from axbar.nn import predict_logits, read_out_of

    if isinstance(model, AnalogModel):
        model.rewind()
    hits = [np.empty(0, dtype=np.bool_)]
    for start in range(0, len(images.y), batch_size):
        part = slice(start, start + batch_size)
        scores = read_out_of(model)(predict_logits(model, images.images(part), batch_size))
        hits.append(scores.argmax(-1).cpu().numpy() == images.labels(part))
    return np.concatenate(hits)


def absent_effects(spec: ImcSpec) -> dict[str, str]:
    """Return the steps that a chip does not have, with the reason.

    >>> from axbar.spec import load_hardware
    >>> list(absent_effects(load_hardware("imc-sram-28nm", {"wires.r_row_ohm": 1.0})))
    ['faults', 'programming', 'read_noise', 'drift']
    """
    device, wires = spec.device, spec.wires
    resistive = any((wires.r_row_ohm, wires.r_col_ohm, wires.r_driver_ohm, wires.r_sense_ohm))
    found = {
        "wires": "" if resistive or not devices.is_linear(device) else "no resistance, linear cells",
        "faults": "" if device.stuck_on or device.stuck_off else "no cell is stuck",
        "programming": "" if devices.is_noisy(device) else "cells take their targets exactly",
        "read_noise": "" if devices.has_read_noise(device) else "reads are quiet",
        "drift": _no_drift(spec),
    }
    return {step: reason for step, reason in found.items() if reason}


def _no_drift(spec: ImcSpec) -> str:
    """Say why time changes nothing, if it does not."""
    device = spec.device
    if not devices.has_time_law(device):
        return "cells keep what was written"
    cells = np.linspace(device.g_off_S, device.g_on_S, 64)
    first = devices.first_read_s(device)
    aged = devices.age(
        cells, max(device.age_s, first), device, devices.SeededDraws(cells.shape, 0, "waterfall")
    )
    return f"read for the first time, at {first:g} s" if np.array_equal(aged, cells) else ""


def _differs_by_die(job: _Job, spec: ImcSpec) -> bool:
    """Whether dies differ in what a job measures."""
    return bool(job.on - {"adc", "wires"}) or ("adc" in job.on and spec.adc.inl_lsb > 0)


class _Arrays:
    """The network on arrays whose converters were fitted without wires, and on arrays fitted with them."""

    def __init__(
        self,
        network: torch.nn.Module,
        spec: ImcSpec,
        calibration: torch.Tensor,
        norms: Literal["fold", "keep"],
        absent: frozenset[str],
    ) -> None:
        from axbar.crossbar import Effects

        def convert(effects: Effects) -> AnalogModel:
            from axbar.crossbar import AnalogModel, to_analog

            made = to_analog(network, spec, data=calibration, norms=norms, effects=effects)
            assert isinstance(made, AnalogModel)
            return made

        self._absent = absent
        self._wired = convert(Effects())
        self._bare = self._wired if "wires" in absent else convert(Effects().without(*_FLAWS["wires"]))

    @property
    def layers(self) -> list[str]:
        """Layers and written products on arrays, in the order of the network."""
        products = self._wired.chip_products.items()
        written = {path for path, each in products if each.hardware.run_time.unit != "digital"}
        found = {*self._wired.chip_layers, *written}
        return [path or "root" for path, _ in self._wired.named_modules() if (path or "root") in found]

    def programmed(self, job: _Job, die: int) -> AnalogModel:
        """Return a die with the flaws of a job."""
        from axbar.crossbar import Effects

        # What the chip lacks stays switched on: it changes nothing, and the last step is the die of the report.
        on = Effects.only(*(flaw for step in job.on | self._absent for flaw in _FLAWS[step]))
        arrays = self._wired if "wires" in job.on else self._bare
        if job.layer is None:
            arrays.set_effects(on)
        else:
            arrays.set_effects(Effects.none()).set_effects(on, [job.layer])
        return arrays.program(die)


def _steps(shares: Mapping[str, NDArray[np.float64]], absent: Mapping[str, str]) -> tuple[Step, ...]:
    """Return the steps in their order, each against the one before."""
    found: list[Step] = []
    before: NDArray[np.float64] | None = None
    for name in STEPS:
        if name in shares:
            c = shares[name]
            points, error = (0.0, 0.0) if before is None else _lost(before, c)
            found.append(Step(name, float(c.mean()), _std_error(c), points, error))
            before = c
        elif name in absent:
            last = found[-1]
            found.append(Step(name, last.accuracy, last.std_error, measured=False, note=absent[name]))
    return tuple(found)


def _regained(without: Mapping[str, NDArray[np.float64]], whole: NDArray[np.float64]) -> tuple[Change, ...]:
    """Return what comes back without each effect, in the order of the steps."""
    return tuple(Change(step, float(c.mean()), *_lost(c, whole)) for step, c in without.items())


def _ranked(quantised: NDArray[np.float64], alone: Mapping[str, NDArray[np.float64]]) -> tuple[Change, ...]:
    """Return what each layer loses alone, most first; equal ones in the order of the network."""
    rows = [Change(layer, float(c.mean()), *_lost(quantised, c)) for layer, c in alone.items()]
    return tuple(sorted(rows, key=lambda row: -row.points))


def _mean(hits: Sequence[NDArray[np.bool_]]) -> NDArray[np.float64]:
    """Return the share of dies that classify each image right, ``[n]``."""
    return np.mean(np.asarray(hits, dtype=np.float64), axis=0)


def _lost(before: NDArray[np.float64], after: NDArray[np.float64]) -> tuple[float, float]:
    """Return percentage points lost and their standard error."""
    return 100 * float(before.mean() - after.mean()), 100 * _std_error(before - after)


def _std_error(values: NDArray[np.float64]) -> float:
    """Return the standard error of a mean of shares; a single one may lie anywhere in 0..1."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 1.0
