"""Which designs to look at next, given what came of those before.

A proposer is asked for designs and told what came of them. It keeps no file: asked and told the same in the same order
with the same seed it proposes the same, bit for bit, and that is how a study goes on after a break. No design is
proposed twice, nor one that was told without having been asked for (the survivors of a cheaper look); once there is no
other left, fewer come back than were asked for.

Samplers: ``grid`` lists all designs; ``sobol`` spreads them evenly; ``evolve`` makes children of the front
(``evolve.py``) behind a few points of a Sobol sequence; ``nsga2`` and ``tpe`` are Optuna's (``guide.py``). ``auto``
is ``grid`` where the budget covers all designs and ``evolve`` elsewhere. benchmarks/search.py compares the samplers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from axbar.errors import UsageError, is_whole, unknown_name
from axbar.search.front.pareto import nondominated
from axbar.search.propose.archive import Archive
from axbar.search.propose.genes import Floats, Genes, Key, joined
from axbar.search.propose.sources import Evolving, Guided, Silent, Sobol, Source
from axbar.search.space import Space
from axbar.search.space.parts import Columns

__all__ = ["Found", "Proposer", "Sampler", "find", "proposer"]

Sampler: TypeAlias = Literal["auto", "grid", "sobol", "nsga2", "tpe", "evolve"]

#: draws of a source, and then of the Sobol sequence, for one design that is not known yet
_TRIES = 30

#: designs known before children are made: whatever the budget, so that a longer search begins as the shorter did
_WARM = 16

#: designs of the list looked through at once
_BLOCK = 256


class Proposer(Protocol):
    """Proposes designs and learns from what came of them."""

    def ask(self, count: int) -> Columns:
        """Return up to ``count`` designs that were neither proposed nor told before; fewer if no others are left."""
        ...

    def tell(self, columns: Columns, values: Floats, violation: Floats) -> None:
        """Tell what came of designs, asked for or not.

        Args:
            columns: N designs.
            values: [N, M] objectives of the space in SI units; a row with NaN has failed.
            violation: [N, C] by how much each constraint is broken, as a share of its limit; 0 or less: it is kept.
        """
        ...


def proposer(space: Space, sampler: str = "auto", *, seed: int, budget: int) -> Proposer:
    """Return a proposer for a space.

    Args:
        space: with at least one objective.
        sampler: ``auto``, ``grid``, ``sobol``, ``nsga2``, ``tpe`` or ``evolve``.
        seed: of all that is drawn.
        budget: designs that will be looked at, about.

    Raises:
        UsageError: an unknown sampler, a space without objectives, or a grid of an endless space.
        AxbarError: a library is not installed.

    >>> from axbar.search.space import load_space
    >>> space = load_space({"space": {"adc.bits": "3..8"}, "objectives": ["energy_J min"]}, "imc-rram-65nm")
    >>> proposer(space, "grid", seed=0, budget=6).ask(3).values["adc.bits"].tolist()
    [3, 4, 5]
    """
    if sampler not in get_args(Sampler):
        raise UsageError(unknown_name("sampler", sampler, get_args(Sampler)))
    for name, value in (("seed", seed), ("budget", budget)):
        if not is_whole(value, 0):
            raise UsageError(f"{name} = {value!r} of a search; give a whole number from 0.")
    if not space.objectives:
        raise UsageError(
            "the space has no objectives, so no design is better than another; add 'objectives'."
        )
    genes = Genes(space)
    kind = _chosen(space, sampler, budget)
    spread = None if kind == "grid" else Sobol(genes, np.random.default_rng([seed, 1]))
    return _Proposing(genes, _source(genes, kind, seed), spread)


@dataclass(frozen=True)
class Found:
    """What a search has looked at.

    Args:
        columns: N designs in the order of the search.
        values: [N, M] objectives.
        front: [N] which no other beats.
    """

    columns: Columns
    values: Floats
    front: NDArray[np.bool_]


def find(
    space: Space,
    evaluate: Callable[[Columns], Floats],
    *,
    sampler: str = "auto",
    generations: int = 20,
    batch: int = 20,
    seed: int = 0,
) -> Found:
    """Search a space for its front: ``generations`` times ask for ``batch`` designs and evaluate them.

    Args:
        space: with at least one objective.
        evaluate: designs -> [N, M] objectives in SI units, NaN where a design is infeasible; constraints on the
            objectives are applied here.
        sampler, seed: as of ``proposer``.
        generations, batch: their product is the most designs that are evaluated.

    Raises:
        UsageError: as ``proposer``; a constraint on what is no objective, or values of another shape.

    >>> from axbar.search.space import load_space
    >>> space = load_space({"space": {"adc.bits": "3..8"}, "objectives": ["energy_J min"]}, "imc-rram-65nm")
    >>> found = find(space, lambda columns: (columns.values["adc.bits"][:, None] - 5.0) ** 2)
    >>> found.columns.values["adc.bits"][found.front].tolist()
    [5]
    """
    for name, value in (("generations", generations), ("batch", batch)):
        if not is_whole(value, 1):
            raise UsageError(f"{name} = {value!r} of a search; give a whole number from 1.")
    proposing = proposer(space, sampler, seed=seed, budget=generations * batch)
    parts: list[Columns] = []
    tables: list[Floats] = [np.empty((0, len(space.objectives)))]
    for _ in range(generations):
        columns = proposing.ask(batch)
        if not len(columns):
            break
        values = np.asarray(evaluate(columns), dtype=np.float64)
        proposing.tell(columns, values, _broken(space, values))
        parts.append(columns)
        tables.append(values)
    values = np.concatenate(tables)
    kept = values.copy()
    kept[np.logical_or.reduce(_broken(space, values) > 0, axis=1)] = np.nan
    return Found(
        joined(parts, space), values, nondominated(kept, [o.sense == "max" for o in space.objectives])
    )


class _Proposing:
    """One source, kept from repeating itself: where it does, a Sobol sequence or the list of designs goes on."""

    def __init__(self, genes: Genes, source: Source, spread: Sobol | None) -> None:
        self._genes, self._source, self._spread = genes, source, spread
        self._archive = Archive(genes)
        self._asked: dict[Key, Floats] = {}
        self._listed = 0

    def ask(self, count: int) -> Columns:
        """Return up to ``count`` new designs."""
        if not is_whole(count, 0):
            raise UsageError(f"{count!r} designs can't be asked for; give a whole number from 0.")
        rows: list[Floats] = []
        for _ in range(count):
            row = self._new()
            if row is None:
                break
            rows.append(row)
        return self._genes.columns(np.stack(rows) if rows else np.empty((0, len(self._genes.sizes))))

    def tell(self, columns: Columns, values: Floats, violation: Floats) -> None:
        """Learn what came of designs."""
        table = np.array(values, dtype=np.float64)
        broken = np.array(violation, dtype=np.float64)
        wanted = (len(columns), len(self._genes.space.objectives))
        if table.shape != wanted or broken.ndim != 2 or len(broken) != len(columns):
            raise UsageError(
                f"{len(columns)} designs came with values of shape {list(table.shape)} and violations of shape "
                f"{list(broken.shape)}; give {list(wanted)} values and one row of violations for each design."
            )
        found = self._genes.of(columns)
        active = self._genes.active(columns)
        for key, row, on, line, bound in zip(
            self._genes.keys(columns), found, active, table, broken, strict=True
        ):
            mine = self._asked.pop(key, row)
            fresh = key not in self._archive
            self._archive.add(key, mine, on, line, bound)
            if fresh:
                self._source.tell(key, mine, line, bound)

    def _new(self) -> Floats | None:
        """Return the genes of a design that is neither known nor asked for; None if there is none."""
        number = len(self._archive) + len(self._asked)
        for attempt in range(2 * _TRIES):
            row = self._source.draw(self._archive, number) if attempt < _TRIES else None
            own = row is not None
            if row is None:
                if self._spread is None:
                    break
                row = self._spread.next()
            key = self._genes.keys(self._genes.columns(row[None]))[0]
            taken = key not in self._archive and key not in self._asked
            if own:
                self._source.settle(key if taken else None, self._archive)
            if taken:
                self._asked[key] = row
                return row
        return self._next()

    def _next(self) -> Floats | None:
        """Return the first design of the list that is neither known nor asked for."""
        count = self._genes.space.count
        while count is not None and self._listed < count:
            numbers = np.arange(self._listed, min(count, self._listed + _BLOCK))
            columns = self._genes.space.distinct(numbers)
            for place, key in enumerate(self._genes.keys(columns)):
                if key not in self._archive and key not in self._asked:
                    self._listed += place + 1
                    self._asked[key] = self._genes.of(columns)[place]
                    return self._asked[key]
            self._listed += len(numbers)
        return None


def _chosen(space: Space, sampler: str, budget: int) -> str:
    if sampler == "auto":
        return "grid" if space.count is not None and space.count <= budget else "evolve"
    if sampler == "grid" and space.count is None:
        space.distinct(np.zeros(0, dtype=np.int64))  # says why there is no list
    return sampler


def _source(genes: Genes, kind: str, seed: int) -> Source:
    rng = np.random.default_rng([seed, 0])
    if kind in ("grid", "sobol"):
        return Silent()  # the list and the sequence stand behind every source
    if kind == "evolve":
        return Evolving(genes, rng, _WARM)
    # Optuna takes seeds of 32 bits
    return Guided(genes, "nsga2" if kind == "nsga2" else "tpe", seed % 2**32)


def _broken(space: Space, values: Floats) -> Floats:
    """By how much each constraint is broken, as a share of its limit ``[N, C]``."""
    quantities = [o.quantity for o in space.objectives]
    broken = np.zeros((len(values), len(space.constraints)))
    for c, constraint in enumerate(space.constraints):
        if constraint.quantity not in quantities:
            raise UsageError(
                f"the constraint '{constraint}' is on what is no objective, so it can't be checked here; "
                f"objectives: {', '.join(quantities)}."
            )
        excess = values[:, quantities.index(constraint.quantity)] - constraint.limit
        sign = 1.0 if constraint.op == "<=" else -1.0
        broken[:, c] = np.maximum(sign * excess, 0.0) / (abs(constraint.limit) or 1.0)
    return broken
