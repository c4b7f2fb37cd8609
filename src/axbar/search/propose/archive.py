"""What came back of the designs that were proposed, and which of them are worth children."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from axbar.search.front.pareto import Indices, nondominated
from axbar.search.propose.evolve import Parents
from axbar.search.propose.genes import Floats, Genes, Key

__all__ = ["Archive"]

#: number of a gene, and its value; None for all designs
Kind: TypeAlias = tuple[int, int] | None

#: parents while no design keeps all constraints
_LEAST_BROKEN = 8


class Archive:
    """Designs, each once, with their latest values.

    Args:
        genes: of the space.
    """

    def __init__(self, genes: Genes) -> None:
        self._maximise = [o.sense == "max" for o in genes.space.objectives]
        self._place: dict[Key, int] = {}
        self._keys: list[Key] = []
        self._rows: list[Floats] = []
        self._active: list[NDArray[np.bool_]] = []
        self._values: list[Floats] = []
        self._broken: list[Floats] = []
        self._parents: dict[Kind, Parents | None] = {}
        self._stacked: tuple[NDArray[Any], ...] | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, key: Key) -> bool:
        return key in self._place

    def add(self, key: Key, row: Floats, active: NDArray[np.bool_], values: Floats, broken: Floats) -> None:
        """Take in one design; of one that is known the values are replaced.

        Args:
            key: of the design.
            row: [D] its genes.
            active: [D] which of them count.
            values: [M] objectives, NaN for failed.
            broken: [C] by how much constraints are broken.
        """
        self._parents.clear()
        self._stacked = None
        if key in self._place:
            at = self._place[key]
            self._values[at], self._broken[at] = values, broken
            return
        self._place[key] = len(self._rows)
        self._keys.append(key)
        self._rows.append(row)
        self._active.append(active)
        self._values.append(values)
        self._broken.append(broken)

    def result(self, key: Key) -> tuple[Floats, Floats]:
        """Return values [M] and broken constraints [C] of a known design."""
        at = self._place[key]
        return self._values[at], self._broken[at]

    def parents(self, kind: Kind = None) -> Parents | None:
        """Return what no other design beats, or what breaks constraints least; None if nothing has values.

        Args:
            kind: number of a gene and its value: only designs in which it counts and has that value.
        """
        if kind not in self._parents:
            self._parents[kind] = self._chosen(kind)
        return self._parents[kind]

    def _chosen(self, kind: Kind) -> Parents | None:
        if self._stacked is None and self._rows:
            self._stacked = tuple(map(np.stack, (self._rows, self._active, self._values, self._broken)))
        if self._stacked is None:
            return None
        rows, active, values, broken = self._stacked
        some = np.arange(len(rows))
        if kind is not None:
            some = np.flatnonzero((rows[:, kind[0]] == kind[1]) & active[:, kind[0]])
        best = some[self._best(values[some], broken[some])]
        if not len(best):
            return None
        return Parents([self._keys[at] for at in best.tolist()], rows[best], active[best])

    def _best(self, values: Floats, broken: Floats) -> Indices:
        """Which rows are parents."""
        excess = np.maximum(broken, 0.0).sum(axis=1)
        known = ~(np.logical_or.reduce(np.isnan(values), axis=1) | np.isnan(excess))
        kept = values.copy()
        kept[~known | (excess > 0)] = np.nan
        front = np.flatnonzero(nondominated(kept, self._maximise))
        if len(front):
            return front
        left = np.flatnonzero(known)
        return left[np.argsort(excess[left], kind="stable")][:_LEAST_BROKEN]
