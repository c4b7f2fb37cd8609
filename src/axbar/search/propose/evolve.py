"""Children of the best designs known: recombined, and changed in a few genes, mostly to the value next to theirs.

The parents are all designs that no other beats, or no other of one kind (``sources.py``). It is a steady state: every
answer counts at once, where a generational algorithm waits for its population. A child is that of the parent with the
fewest children so far; half of the time a second parent gives each gene with probability 1/2 (uniform crossover:
Syswerda, ICGA 1989), and half of those children stay so. In all others as many genes as a geometric law says (mean 1.5)
change: a quarter of those with an order and all of those without one to any other value, the rest by a geometric number
of places (mean 1.7) up or down, shares of a real range by a normal step of 0.1 % to 20 % of the range. Neighbours of
the front are worth the look because costs of hardware are piecewise smooth in its numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from axbar.search.propose.genes import Floats, Genes, Key

__all__ = ["Evolution", "Parents"]

#: chance of a second parent, chance that no further gene changes, chance of any other value, chance of no further place
_CROSS, _STOP, _JUMP, _NEAR = 0.5, 0.65, 0.25, 0.6

#: steps of real numbers, as powers of ten of their range
_STEPS = (-3.0, -0.7)


@dataclass(frozen=True)
class Parents:
    """The designs from which children come.

    Args:
        keys: [F] what tells them apart.
        genes: [F, D].
        active: [F, D] which genes count.
    """

    keys: list[Key]
    genes: Floats
    active: NDArray[np.bool_]


@dataclass
class Evolution:
    """Makes children; counts how many each parent has."""

    genes: Genes
    rng: np.random.Generator
    children: dict[Key, int] = field(default_factory=dict[Key, int])

    def child(self, parents: Parents) -> Floats:
        """Return the genes ``[D]`` of a child of one or two of at least one parent."""
        born = np.array([self.children.get(key, 0) for key in parents.keys])
        fewest = np.flatnonzero(born == born.min())
        first = int(fewest[self.rng.integers(len(fewest))])
        self.children[parents.keys[first]] = int(born[first]) + 1
        row, active = parents.genes[first].copy(), parents.active[first]
        if len(parents.keys) > 1 and self.rng.random() < _CROSS:
            second = int(self.rng.integers(len(parents.keys)))
            swap = self.rng.random(len(row)) < 0.5
            row[swap] = parents.genes[second][swap]
            active = self.genes.active(self.genes.columns(row[None]))[0]
            if self.rng.random() < 0.5:
                return row
        return self._changed(row, active)

    def _changed(self, row: Floats, active: NDArray[np.bool_]) -> Floats:
        free = np.flatnonzero(active & np.array([size is None or size > 1 for size in self.genes.sizes]))
        many = min(len(free), int(self.rng.geometric(_STOP)))
        for k in map(int, self.rng.choice(free, many, replace=False)):
            row[k] = self._other(float(row[k]), self.genes.sizes[k], self.genes.ordered[k])
        return row

    def _other(self, gene: float, size: int | None, ordered: bool) -> float:
        """Another value of a gene."""
        rng = self.rng
        if size is None:
            return float(np.clip(gene + rng.normal() * 10 ** rng.uniform(*_STEPS), 0.0, 1.0))
        if not ordered or rng.random() < _JUMP:
            return float((int(gene) + 1 + int(rng.integers(size - 1))) % size)
        step = int(rng.geometric(_NEAR)) * (1 if rng.random() < 0.5 else -1)
        inside = 0 <= gene + step < size
        return float(min(max(gene + (step if inside else -step), 0), size - 1))
