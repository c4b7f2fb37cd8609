"""Designs of one class that differ in cost alone: once the class is worth measuring, they come for free."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar.search.climb.choice import by_cost
from axbar.search.space import Space
from axbar.search.space.parts import Point
from axbar.search.sweep import Swept
from axbar.search.sweep.variants import class_paths

__all__ = ["Siblings"]


class Siblings:
    """The candidates of each class among what a sweep kept.

    Args:
        space, swept: where they are.
        most: how many of a class are carried along.
        seed: of the choice among more.
    """

    def __init__(self, space: Space, swept: Swept | None, most: int, seed: int) -> None:
        self._space, self._swept, self._most, self._seed = space, swept, most, seed
        self._paths = class_paths(space)

    def of(self, point: Point) -> list[Point]:
        """Return the designs that share the accuracy of a point and are on the cost front of their class."""
        rows = self._classes.get(self._key(point))
        return [] if rows is None else self.thinned(np.array(rows, dtype=np.int64))

    def thinned(self, rows: NDArray[np.int64]) -> list[Point]:
        """Return kept rows of a sweep as points, as many as are carried along."""
        assert self._swept is not None
        if len(rows) > self._most:
            rows = by_cost(self._space, self._swept, rows, self._most, self._seed)
        return [self._space.point(self._swept.columns, int(row)) for row in rows]

    @cached_property
    def _classes(self) -> Mapping[tuple[Any, ...], list[int]]:
        found: defaultdict[tuple[Any, ...], list[int]] = defaultdict(list)
        if self._swept is None:
            return found
        for row in np.flatnonzero(self._swept.candidate & self._swept.costs.feasible):
            found[self._key(self._space.point(self._swept.columns, int(row)))].append(int(row))
        return found

    def _key(self, point: Point) -> tuple[Any, ...]:
        return tuple(point.get(path) for path in self._paths)
