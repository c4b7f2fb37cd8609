"""Where the samples and the time steps stand in a recorded tensor.

A shape alone does not tell: ``[4, 4, 10]`` may be 4 steps of 4 samples or 4 samples of 4 tokens. So the
network also runs on a batch of another size (the probe), and the one axis that grew with the batch is the one
that holds the samples: ``[.., B, ..]`` or, with steps folded into it, ``[.., T * B, ..]``. Whether folded
steps are outermost (``t * B + b``) or samples are (``b * T + t``) shows in the values: both runs hold the
same first samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar.errors import TraceError
from axbar.workload._events import Event, Run
from axbar.workload._types import STORED_OPS

__all__ = ["Layout", "Layouts", "by_probe", "by_shape", "canonical", "samples_outermost"]


@dataclass(frozen=True)
class Layout:
    """Samples on ``axis``, ``fold`` entries for each; before it stand steps, behind it one sample."""

    shape: tuple[int, ...]
    axis: int
    fold: int

    @property
    def lead(self) -> int:
        """Entries of the axes in front of the samples."""
        return prod(self.shape[: self.axis])

    @property
    def count(self) -> int:
        """Inputs per sample: 1, or the number of time steps."""
        return self.lead * self.fold

    @property
    def rest(self) -> tuple[int, ...]:
        """Shape of one sample at one step."""
        return self.shape[self.axis + 1 :]


@dataclass(frozen=True)
class Layouts:
    """Layouts of each event's input and output and of the network's output; None without samples."""

    inputs: Sequence[Layout | None]
    outputs: Sequence[Layout | None]
    result: Layout | None


def by_probe(run: Run, probe: Run) -> Layouts | None:
    """Return the layouts of ``run`` by comparison with another batch size; None if the runs differ."""
    pairs = list(zip(run.events, probe.events, strict=False))
    if len(run.events) != len(probe.events) or any(a.call != b.call for a, b in pairs):
        return None
    sizes = (run.samples, probe.samples)
    return Layouts(
        [_grown(a.in_shape, b.in_shape, sizes) for a, b in pairs],
        [_grown(a.out_shape, b.out_shape, sizes) for a, b in pairs],
        _grown(run.out_shape, probe.out_shape, sizes),
    )


def _grown(shape: tuple[int, ...], other: tuple[int, ...], sizes: tuple[int, int]) -> Layout | None:
    axes = [i for i, (n, m) in enumerate(zip(shape, other, strict=False)) if n != m]
    if len(shape) != len(other) or len(axes) != 1:
        return None
    n, m = shape[axes[0]], other[axes[0]]
    if n % sizes[0] or m % sizes[1] or n // sizes[0] != m // sizes[1]:
        return None
    return Layout(shape, axes[0], n // sizes[0])


def by_shape(run: Run, steps: int | None) -> Layouts:
    """Return the layouts of a run without a probe, from shapes and the number of steps.

    Raises:
        TraceError: a shape can be read in two ways.
    """
    samples, shape = run.samples, run.out_shape
    shown = Layout(shape, 1, 1) if len(shape) == 3 and shape[1] == samples != shape[0] else None
    if steps is None and shown is not None:
        steps = shown.lead
    if steps is None:
        weighted = [e.in_shape[0] for e in run.events if e.op in STORED_OPS and len(e.in_shape) in (2, 4)]
        steps = max((n // samples for n in weighted if n % samples == 0), default=1)
    return Layouts(
        [_guessed(e, e.in_shape, samples, steps) for e in run.events],
        [_guessed(e, e.out_shape, samples, steps) for e in run.events],
        shown if shown is not None else _guessed(None, shape, samples, steps),
    )


def _guessed(event: Event | None, shape: tuple[int, ...], samples: int, steps: int) -> Layout | None:
    if not shape:
        return None
    flat = event is not None and len(shape) == {"conv2d": 4, "linear": 2, "matmul": 4}.get(event.op, 0)
    unfolded = not flat and steps > 1 and shape[:2] == (steps, samples)
    if unfolded and samples == steps:
        raise TraceError(
            f"a tensor of shape {list(shape)} can be {steps} time steps of {samples} samples or {samples} "
            "samples, and the network does not run on other batch sizes to tell; trace a batch of another "
            "size."
        )
    if unfolded:
        return Layout(shape, 1, 1)
    return Layout(shape, 0, shape[0] // samples) if shape[0] in (samples, steps * samples) else None


def canonical(array: NDArray[Any], layout: Layout, outermost: bool) -> NDArray[Any]:
    """Return ``array`` as ``[steps, samples, *rest]``; ``outermost``: samples in front of folded steps."""
    samples = layout.shape[layout.axis] // layout.fold
    if layout.fold == 1:
        return array.reshape(layout.lead, samples, *layout.rest)
    if outermost:
        return np.swapaxes(array.reshape(samples, layout.fold, *layout.rest), 0, 1)
    return array.reshape(layout.fold, samples, *layout.rest)


def samples_outermost(run: Run, probe: Run, layouts: Layouts) -> bool:
    """Return True if the network folds as ``b * T + t``: the first samples agree in both runs then."""
    votes = 0
    for event, other, layout in zip(run.events, probe.events, layouts.inputs, strict=True):
        if layout is None or layout.fold == 1 or layout.axis or event.values is None or other.values is None:
            continue
        if event.op not in STORED_OPS:
            continue
        small = Layout(other.in_shape, layout.axis, layout.fold)
        inner, outer = (_distance(event, other, layout, small, outermost) for outermost in (False, True))
        votes += int(outer < 0.1 * inner) - int(inner < 0.1 * outer)
    return votes > 0


def _distance(event: Event, other: Event, layout: Layout, small: Layout, outermost: bool) -> float:
    assert event.values is not None and other.values is not None
    few = canonical(other.values.array(), small, outermost).astype(np.float64)
    many = canonical(event.values.array(), layout, outermost).astype(np.float64)
    shared = min(few.shape[1], many.shape[1])
    return float(np.abs(few[:, :shared] - many[:, :shared]).sum())
