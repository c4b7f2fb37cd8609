"""What designs cost, as columns: figures, who has which share of them, and why some can't be built."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from axbar.cost._reasons import kind_of_sentence
from axbar.cost._types import Quantity
from axbar.search.space.parts import QUANTITIES

__all__ = ["COST_QUANTITIES", "SHARED", "Bools", "Costs", "CostsBuilder", "Floats", "Indices", "Sentences"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Indices = NDArray[np.int64]

#: why one design can't be built, one sentence a cause; empty where it can
Sentences = tuple[str, ...]

#: what a cost model says of a design
COST_QUANTITIES: Final = tuple(name for name in QUANTITIES if name != "accuracy")

#: quantities of which shares are kept
SHARED: Final[tuple[Quantity, ...]] = ("energy_J", "latency_s", "area_m2")


@dataclass(frozen=True)
class Costs:
    """Costs of N designs.

    Args:
        values: quantity -> ``[N]`` in SI; not a number where nothing could be counted. What can't be built has the
            figures of the chip that it would take.
        shares: ``energy_J``, ``latency_s``, ``area_m2`` -> group of components -> ``[N]`` share of the total in 0..1;
            groups of all kinds of chips, 0 where a kind has none.
        kind: ``[N]`` index into ``table``; 0 where the design can be built.
        table: causes of each kind. Of many designs they are told of the first of its kind, with its numbers.
    """

    values: Mapping[str, Floats]
    shares: Mapping[str, Mapping[str, NDArray[np.float32]]]
    kind: NDArray[np.int32]
    table: tuple[Sentences, ...]

    def __len__(self) -> int:
        return len(self.kind)

    @property
    def feasible(self) -> Bools:
        """Which can be built, ``[N]``; constraints of a study are another matter."""
        return self.kind == 0

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why each can't be built; empty where it can."""
        texts = ["; ".join(sentences) for sentences in self.table]
        numbers: list[int] = self.kind.tolist()
        return tuple(texts[number] for number in numbers)

    def take(self, rows: Bools | Indices) -> Costs:
        """Return some of them, by a mask or by number."""
        shares = {q: {name: v[rows] for name, v in groups.items()} for q, groups in self.shares.items()}
        return Costs({q: v[rows] for q, v in self.values.items()}, shares, self.kind[rows], self.table)

    @staticmethod
    def joined(pieces: Sequence[Costs]) -> Costs:
        """Put pieces behind each other."""
        builder = CostsBuilder(sum(map(len, pieces)))
        start = 0
        for piece in pieces:
            builder.put(np.arange(start, start + len(piece)), piece)
            start += len(piece)
        return builder.done()

    @staticmethod
    def impossible(rows: int, sentence: str) -> Costs:
        """Return rows of which nothing could be counted."""
        nothing = np.full(rows, np.nan)
        return Costs(dict.fromkeys(COST_QUANTITIES, nothing), {}, np.ones(rows, np.int32), ((), (sentence,)))


@dataclass
class CostsBuilder:
    """Costs of N designs, put in place as they become known.

    Args:
        rows: N.
        merge: whether causes that differ in their numbers only are one kind; else each sentence is kept.
    """

    rows: int
    merge: bool = True
    _values: dict[str, Floats] = field(init=False)
    _shares: dict[str, dict[str, NDArray[np.float32]]] = field(init=False)
    _kind: NDArray[np.int32] = field(init=False)
    _table: dict[Sentences, int] = field(init=False)
    _told: list[Sentences] = field(init=False)

    def __post_init__(self) -> None:
        self._values = {quantity: np.full(self.rows, np.nan) for quantity in COST_QUANTITIES}
        self._shares = {quantity: {} for quantity in SHARED}
        self._kind = np.zeros(self.rows, dtype=np.int32)
        self._table, self._told = {(): 0}, [()]

    def put(self, rows: Indices, costs: Costs) -> None:
        """Write costs to rows ``[n]``."""
        for quantity, values in costs.values.items():
            self._values[quantity][rows] = values
        for quantity, groups in costs.shares.items():
            mine = self._shares[quantity]
            for name, share in groups.items():
                if name not in mine:
                    mine[name] = np.zeros(self.rows, dtype=np.float32)
                mine[name][rows] = share
        if costs.kind.any():
            numbers = np.array([self._number(sentences) for sentences in costs.table], dtype=np.int32)
            self._kind[rows] = numbers[costs.kind]

    def done(self) -> Costs:
        """Return all rows."""
        return Costs(self._values, self._shares, self._kind, tuple(self._told))

    def _number(self, sentences: Sentences) -> int:
        key = _kinds(sentences) if self.merge else sentences
        if key not in self._table:
            self._table[key] = len(self._told)
            self._told.append(sentences)
        return self._table[key]


def _kinds(sentences: Iterable[str]) -> Sentences:
    return tuple(map(kind_of_sentence, sentences))
