"""Which designs a sweep looks at, by number, in blocks: all of them, or a scrambled Sobol sequence through the space.

A draw consists of pieces, each with some parameters fixed (the networks, if there are too many of them). A piece with
few enough designs is listed; of a larger one the points of a scrambled Sobol sequence (Owen, J. Complexity 14, 1998;
scipy's) are taken, each design once. Parameters stand so that what is dear to change (network, chip, what events are
counted for) changes slowest. Only numbers are held: a design is made from its number, as often as it is asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar.search.space.domains import Domain
from axbar.search.space.grid import Grid
from axbar.search.space.parts import Columns, Parameter
from axbar.search.sweep.codes import Keys, keys_of

__all__ = ["BLOCK", "Draw", "Piece", "sobol"]

Indices = NDArray[np.int64]

#: designs made at once; a power of two, as Sobol sequences want it
BLOCK = 2**17

#: points of one Sobol sequence, by scipy
_MOST_POINTS = 2**30


def sobol(dimensions: int, seed: Sequence[int]) -> Iterator[NDArray[np.float64]]:
    """Yield the points of a scrambled Sobol sequence, ``[BLOCK, dimensions]`` at a time."""
    qmc: Any = importlib.import_module("scipy.stats.qmc")  # takes a second, and is typed for other versions
    sequence = qmc.Sobol(dimensions, scramble=True, seed=np.random.default_rng(seed))
    for _ in range(_MOST_POINTS // BLOCK):
        yield np.asarray(sequence.random(BLOCK), dtype=np.float64)


@dataclass(frozen=True)
class Piece:
    """Part of a space.

    Args:
        parameters: what changes slowest first; those with one value are fixed.
        most: designs to look at.
        seed: of the Sobol sequence.
    """

    parameters: tuple[Parameter, ...]
    most: int
    seed: tuple[int, ...]

    @cached_property
    def _grid(self) -> Grid:
        return Grid(self.parameters)

    @property
    def listed(self) -> bool:
        """Whether all designs are looked at."""
        return self._grid.count is not None and self._grid.count <= self.most

    @cached_property
    def numbers(self) -> Indices:
        """Numbers of its designs, ``[N]``, rising: in the list, or in the sequence without what came before."""
        if self.listed:
            return np.arange(self._grid.count or 0, dtype=np.int64)
        keys = [self._keys(columns) for _, columns in self._drawn(np.arange(self.most, dtype=np.int64))]
        _, first = np.unique(np.concatenate(keys), return_index=True)
        return np.sort(first).astype(np.int64)

    def blocks(self, numbers: Indices) -> Iterator[tuple[Indices, Columns]]:
        """Yield designs with rising numbers, in blocks."""
        if not self.listed:
            yield from self._drawn(numbers)
            return
        for start in range(0, len(numbers), BLOCK):
            some = numbers[start : start + BLOCK]
            yield some, self._grid.distinct(some)

    def _drawn(self, numbers: Indices) -> Iterator[tuple[Indices, Columns]]:
        free = [k for k, p in enumerate(self.parameters) if p.domain.size != 1]
        done = 0
        for block, unit in enumerate(sobol(len(free), self.seed)):
            if done == len(numbers):
                return
            ends = int(np.searchsorted(numbers, (block + 1) * BLOCK))
            some, done = numbers[done:ends], ends
            cube = np.zeros((len(some), len(self.parameters)))
            cube[:, free] = unit[some - block * BLOCK]
            if len(some):
                yield some, self._grid.decode(cube)

    def _keys(self, columns: Columns) -> Keys:
        domains: Mapping[str, Domain] = self._grid.domains
        return keys_of(columns, [path for path, domain in domains.items() if domain.size != 1], domains)


@dataclass(frozen=True)
class Draw:
    """Designs of all pieces, numbered through.

    Args:
        pieces: no two with a design in common.
        paths: of the space, in its order.
    """

    pieces: tuple[Piece, ...]
    paths: tuple[str, ...]

    @cached_property
    def starts(self) -> Indices:
        """Number of the first design of each piece, and how many there are in all."""
        return np.cumsum([0, *(len(piece.numbers) for piece in self.pieces)])

    def __len__(self) -> int:
        return int(self.starts[-1])

    def blocks(self, numbers: Indices | None = None) -> Iterator[tuple[Indices, Columns]]:
        """Yield designs in blocks.

        Args:
            numbers: rising, 0..len-1; None for all.
        """
        for piece, start, end in zip(self.pieces, self.starts[:-1], self.starts[1:], strict=True):
            wanted = piece.numbers
            if numbers is not None:
                low, high = np.searchsorted(numbers, (start, end))
                wanted = wanted[numbers[low:high] - start]
            for some, columns in piece.blocks(wanted):
                yield np.searchsorted(piece.numbers, some) + start, self._ordered(columns)

    def _ordered(self, columns: Columns) -> Columns:
        return Columns(
            {path: columns.values[path] for path in self.paths},
            {path: columns.active[path] for path in self.paths},
        )
