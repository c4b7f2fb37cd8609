"""Design points that differ in words, evaluated at once: a formula that asks for such a word is worked out apart.

Words (kind of converter, class of SRAM, name of a device) pick formulas, and each formula reads few of them. So
points need not share all words to be worked on together. Where a formula asks for one in which they differ, the
context refuses (``WordsDiffer``), and that formula alone is asked again, for the points of each word. Nobody has to
say which words a formula reads. Points are never mixed, so each has the bits that it has alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar.cost._types import Context, Indices, Timing, WordsDiffer

__all__ = ["by_words", "timing_by_words"]

Array = NDArray[Any]


def by_words(x: Context, ask: Callable[[Context], Array]) -> Array:
    """Return ``ask(x)``, asked apart for points that differ in a word that it reads.

    Args:
        x: any points.
        ask: returns ``[P]`` or ``[L, P]`` of its context's P points, or what broadcasts to it.
    """
    try:
        return ask(x)
    except WordsDiffer as differs:
        parts = x.parts(differs.path)
    return _joined(x, [(at, by_words(part, ask)) for at, part in parts])


def _joined(x: Context, values: list[tuple[Indices, Array]]) -> Array:
    lead = np.broadcast_shapes(*(value.shape[:-1] for _, value in values))
    found = np.empty((*lead, x.points), dtype=values[0][1].dtype)
    for at, value in values:
        found[..., at] = value
    return found


def timing_by_words(x: Context, schedule: Callable[[Context], Timing | None]) -> Timing | None:
    """Return who works when, likewise; None where layers take turns at all points."""
    try:
        return schedule(x)
    except WordsDiffer as differs:
        parts = x.parts(differs.path)
    for _, part in parts:
        part.timing = timing_by_words(part, schedule)
    if all(part.timing is None for _, part in parts):
        return None
    shares = {name for _, part in parts if part.timing is not None for name in part.timing.shares}
    return Timing(
        busy_s=_joined(x, [(at, part.busy_s()) for at, part in parts]),
        interval_s=_joined(x, [(at, part.interval_s()) for at, part in parts]),
        shares={name: _joined(x, [(at, _share(part, name)) for at, part in parts]) for name in shares},
    )


def _share(x: Context, name: str) -> Array:
    every = np.ones((1, 1))
    return every if x.timing is None else x.timing.shares.get(name, every)
