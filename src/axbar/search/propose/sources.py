"""Where proposals come from: a Sobol sequence, children of the best, or a sampler of Optuna."""

from __future__ import annotations

import importlib
from typing import Any, Literal, Protocol

import numpy as np

from axbar.search.propose.archive import Archive
from axbar.search.propose.evolve import Evolution
from axbar.search.propose.genes import Floats, Genes, Key
from axbar.search.propose.guide import Guide

__all__ = ["Evolving", "Guided", "Silent", "Sobol", "Source"]

#: points of the sequence made at once: a power of two, which Sobol sequences want
_BLOCK = 64

#: share of children whose parents are the best of one kind only
_NICHE = 0.3


class Source(Protocol):
    """Proposes genes; told what came of all designs."""

    def draw(self, archive: Archive, number: int) -> Floats | None:
        """Return the genes [D] of proposal ``number`` of the study; None if it has nothing to say."""
        ...

    def settle(self, key: Key | None, archive: Archive) -> None:
        """Hear about the last draw: its key if it is taken, None if its design is known or proposed already."""
        ...

    def tell(self, key: Key, row: Floats, values: Floats, broken: Floats) -> None:
        """Hear what came of a design that was not known before."""
        ...


class Silent:
    """Says nothing, so that the proposer goes on with its Sobol sequence or its list."""

    def draw(self, archive: Archive, number: int) -> Floats | None:
        """Return None."""
        return None

    def settle(self, key: Key | None, archive: Archive) -> None:
        """Do nothing."""

    def tell(self, key: Key, row: Floats, values: Floats, broken: Floats) -> None:
        """Do nothing."""


class Sobol:
    """A scrambled Sobol sequence (Owen, J. Complexity 14, 1998; scipy's) through the unit cube of all parameters."""

    def __init__(self, genes: Genes, rng: np.random.Generator) -> None:
        qmc: Any = importlib.import_module(
            "scipy.stats.qmc"
        )  # takes a second, and is typed for other versions
        self._sequence = qmc.Sobol(len(genes.sizes), scramble=True, seed=rng)
        self._genes = genes
        self._waiting: list[Floats] = []

    def next(self) -> Floats:
        """Return the genes [D] of the next point."""
        if not self._waiting:
            self._waiting = list(self._genes.from_unit(self._sequence.random(_BLOCK)))[::-1]
        return self._waiting.pop()


class Evolving(Silent):
    """Children of the front, once enough of the space was seen.

    Some are children of the best designs of one kind, that is with one value of a parameter without an order or on
    which others depend, drawn evenly. Otherwise a kind that is ahead by chance keeps all others from being tuned.

    Args:
        genes: of the space.
        rng: of all that is drawn.
        warm: designs that must be known or proposed before children are made.
    """

    def __init__(self, genes: Genes, rng: np.random.Generator, warm: int) -> None:
        self._evolution = Evolution(genes, rng)
        self._rng = rng
        self._warm = warm
        named = {c.path for p in genes.space.parameters if p.when for c in p.when.clauses}
        self._kinds = [
            (k, size)
            for k, (path, size) in enumerate(zip(genes.space.paths, genes.sizes, strict=True))
            if size is not None and size > 1 and (path in named or not genes.ordered[k])
        ]

    def draw(self, archive: Archive, number: int) -> Floats | None:
        """Return a child, or None while there are no parents."""
        parents = archive.parents() if number >= self._warm else None
        if parents is None:
            return None
        if self._kinds and self._rng.random() < _NICHE:
            k, size = self._kinds[int(self._rng.integers(len(self._kinds)))]
            parents = archive.parents((k, int(self._rng.integers(size)))) or parents
        return self._evolution.child(parents)


class Guided:
    """A sampler of Optuna, told everything: also what others proposed, and its own repetitions."""

    def __init__(self, genes: Genes, kind: Literal["nsga2", "tpe"], seed: int) -> None:
        self._genes = genes
        self._guide = Guide(genes, kind, seed=seed)
        self._open: tuple[Any, Floats] | None = None
        self._trials: dict[Key, Any] = {}

    def draw(self, archive: Archive, number: int) -> Floats | None:
        """Return what Optuna suggests."""
        self._open = self._guide.draw()
        return self._open[1]

    def settle(self, key: Key | None, archive: Archive) -> None:
        """Keep the trial for its result; one that is known counts again, so that generations go on."""
        if self._open is None:
            return
        (trial, row), self._open = self._open, None
        if key is not None:
            self._trials[key] = trial
            return
        again = self._genes.keys(self._genes.columns(row[None]))[0]
        if again in archive:
            self._guide.tell(trial, *archive.result(again))
        else:
            self._guide.drop(trial)

    def tell(self, key: Key, row: Floats, values: Floats, broken: Floats) -> None:
        """Pass it on."""
        trial = self._trials.pop(key, None)
        if trial is None:
            self._guide.adopt(row, values, broken)
        else:
            self._guide.tell(trial, values, broken)
