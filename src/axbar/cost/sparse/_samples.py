"""Which recorded samples are simulated, and how much each of them counts.

A budget of work W, in multiply-accumulates of words (M K N of all layers), allows n = W / work samples, at least one.
Of B recorded ones n are taken, evenly spread over the recording: b_i = floor(i B / n).

Samples that leave after e_b steps differ mostly by e_b. Where they do, in D different counts, and n < B, every count is
simulated: one sample each, and what the budget allows beyond is shared out. Of the B_e samples with count e

    n_e = 1 + floor(max(0, n - D) (B_e - 1) / (B - D)),        each counts B_e / n_e times

evenly spread from the first one: at most n in all, or D where that is more. The mean number of
steps is then that of all B samples whatever n is. The choice depends on the network alone, never on the dataflow or the
level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from axbar.cost.sparse.unfold import samples_of
from axbar.workload import LayerTrace

__all__ = ["BUDGET", "Sampled", "sampled"]

#: multiply-accumulates of words (M K N) that are simulated; further samples are left out
BUDGET: Final = 2.5e8


@dataclass(frozen=True, eq=False)
class Sampled:
    """The simulated samples.

    Args:
        indices: of the recording, ascending.
        weights: how many recorded samples each one stands for.
        stops: steps that each one runs; None: all run all of them.
        note: what was left out; an empty sentence where nothing was.
    """

    indices: tuple[int, ...]
    weights: tuple[float, ...]
    stops: NDArray[np.int64] | None = None
    note: str = ""

    def mean(self, values: Sequence[float]) -> float:
        """Return the mean of one value per simulated sample over all that they stand for."""
        whole = zip(self.weights, values, strict=True)
        return float(sum(weight * value for weight, value in whole)) / sum(self.weights)

    def runs(self, layer: LayerTrace) -> list[int | None]:
        """Return on how many of its steps a layer runs, for each simulated sample; None: on all."""
        if self.stops is None:
            return [None] * len(self.indices)
        steps = np.sort(np.array(layer.steps, dtype=np.int64))
        presented = layer.operands[0] if layer.is_matmul else layer.output
        if presented is not None and len(steps) != presented.steps:
            steps = np.arange(presented.steps)
        return [int(n) for n in np.searchsorted(steps, self.stops)]


def sampled(layers: Sequence[LayerTrace], stops: NDArray[np.int64] | None, budget: float = BUDGET) -> Sampled:
    """Choose the samples of a network.

    Args:
        layers: its products.
        stops: steps that each recorded sample runs, ``[B]``; None: all of them.
        budget: of work.
    """
    recorded = max(samples_of(layer) for layer in layers) if stops is None else len(stops)
    shapes = [layer.geometry for layer in layers]
    work = sum(float(s.positions * s.fan_in * s.fan_out * s.groups) for s in shapes)
    allowed = max(1, min(recorded, int(budget // max(work, 1.0))))
    if allowed == recorded:
        return Sampled(tuple(range(recorded)), (1.0,) * recorded, stops)
    if stops is None:
        chosen = tuple(_spread(np.arange(recorded), allowed).tolist())
        note = f"counted on {allowed} of {recorded} recorded samples, evenly spread"
        return Sampled(chosen, (1.0,) * allowed, note=note)
    return _by_exit(stops, allowed)


def _by_exit(stops: NDArray[np.int64], allowed: int) -> Sampled:
    """Choose samples of every exit count, each for its share of all samples."""
    weight_of: dict[int, float] = {}
    counts = np.unique(stops)
    more, others = max(0, allowed - len(counts)), max(1, len(stops) - len(counts))
    for stop in counts:
        members = np.flatnonzero(stops == stop)
        few = _spread(members, 1 + more * (len(members) - 1) // others)
        weight_of |= dict.fromkeys(few.tolist(), len(members) / len(few))
    chosen = tuple(sorted(weight_of))
    note = (
        f"counted on {len(chosen)} of {len(stops)} recorded samples, every number of steps that samples run among "
        "them, weighted by how many samples run it"
    )
    return Sampled(chosen, tuple(weight_of[i] for i in chosen), stops[list(chosen)], note)


def _spread(members: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    return members[np.arange(count) * len(members) // count]
