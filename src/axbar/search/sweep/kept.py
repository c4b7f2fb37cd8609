"""Which designs of a large sweep are kept, while they pass by in blocks: fronts first, then an even sample.

Fronts are exact, whatever the blocks. The sample is made of the designs with the lowest random numbers, drawn from
their own number and the seed, so that it too is the same in any blocks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from axbar.search.front.pareto import Front
from axbar.search.front.survivors import spread_choice
from axbar.search.sweep.class_fronts import ClassFronts
from axbar.search.sweep.codes import Keys, mixed

__all__ = ["Keeper"]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

#: rows of class fronts that are held while a sweep runs, at least
_HELD = 2_000_000

#: of a front that is too large, so many are chosen by how telling they are, out of so many looked at
_CHOSEN, _POOL = 512, 20_000


class Keeper:
    """What is kept of designs that come in blocks."""

    def __init__(self, maximise: Sequence[bool], by_class: bool, keep: int, seed: int) -> None:
        """Begin with no designs.

        Args:
            maximise: for each objective, whether more is better.
            by_class: whether the front of each class counts, and not that of all only.
            keep: designs that may be kept.
            seed: of the sample.
        """
        self._maximise = tuple(maximise)
        self._keep, self._seed = keep, seed
        self._front = Front(maximise)
        self._classes = ClassFronts(maximise, max(_HELD, 4 * keep)) if by_class else None
        self._sample: Indices = np.empty(0, dtype=np.int64)
        self._waiting: list[Indices] = []

    def add(self, values: Floats, classes: Keys, good: Bools, numbers: Indices) -> None:
        """Take a block in.

        Args:
            values: ``[N, M]`` objectives.
            classes: ``[N]``.
            good: ``[N]``, which can be built and keep all constraints.
            numbers: ``[N]``, of the designs.
        """
        self._front.add(values[good], numbers[good])
        if self._classes is not None:
            self._classes.add(values[good], classes[good], numbers[good])
        self._waiting.append(numbers)
        if sum(map(len, self._waiting)) > self._keep:
            self._thin()

    @property
    def front(self) -> Indices:
        """Numbers of the designs that no other beats, rising."""
        return self._front.index

    @property
    def candidates(self) -> Indices:
        """Numbers of those that no other of their class beats, rising."""
        return self._front.index if self._classes is None else self._candidates()[1]

    @property
    def given_up(self) -> bool:
        """Whether there were too many candidates to hold."""
        return self._classes is not None and self._classes.given_up

    def chosen(self) -> Indices:
        """Return the numbers of all designs to keep, rising: at most ``keep``."""
        values, front = self._front.values, self._front.index
        found = front[self._spread(values, front, self._keep)]
        if self._classes is not None and len(found) < self._keep:
            values, numbers = self._candidates()
            more = ~np.isin(numbers, found)
            values, numbers = values[more], numbers[more]
            found = np.concatenate([found, numbers[self._spread(values, numbers, self._keep - len(found))]])
        self._thin()
        rest = self._sample[~np.isin(self._sample, found)]
        return np.sort(np.concatenate([found, rest[: self._keep - len(found)]]))

    def _candidates(self) -> tuple[Floats, Indices]:
        """Objectives and numbers of all candidates; the front is never given up."""
        assert self._classes is not None
        values, numbers = self._classes.rows()
        front = self._front.index
        lost = ~np.isin(front, numbers)
        numbers = np.concatenate([numbers, front[lost]])
        values = np.concatenate([values, self._front.values[lost]])
        order = np.argsort(numbers)
        return values[order], numbers[order]

    def _spread(self, values: Floats, numbers: Indices, k: int) -> Indices:
        """Return rows of up to k of them: all, or some telling ones and others by chance."""
        if len(values) <= k:
            return np.arange(len(values))
        by_chance = np.argsort(self._order(numbers), kind="stable")
        pool = np.sort(by_chance[:_POOL])
        with np.errstate(divide="ignore", invalid="ignore"):
            decades = np.log(values[pool])
        telling = pool[spread_choice(decades, self._maximise, min(k, _CHOSEN), seed=self._seed)]
        others = by_chance[~np.isin(by_chance, telling)]
        return np.concatenate([telling, others[: k - len(telling)]])

    def _order(self, numbers: Indices) -> Keys:
        start = mixed(np.array([self._seed], dtype=np.uint64))
        return mixed(numbers.astype(np.uint64) ^ start)

    def _thin(self) -> None:
        """Keep the designs with the lowest random numbers, in their order."""
        numbers = np.concatenate([self._sample, *self._waiting])
        order = self._order(numbers)
        self._sample = numbers[np.argsort(order, kind="stable")[: self._keep]]
        self._waiting = []
