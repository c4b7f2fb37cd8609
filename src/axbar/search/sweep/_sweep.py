"""Every design of a space by its costs alone: the cheap look before anything is measured.

All designs if there are few enough, else those of a scrambled Sobol sequence; each is costed by the same estimate that
evaluates one chip, in columns, so that a sweep has the figures of ``axbar.cost.estimate`` bit for bit. Accuracy is not
known here, but equal within a class (``variants``): the designs that no other design of their class beats in costs are
the candidates among which every Pareto-optimal design of the space lies, whatever the accuracies turn out to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from axbar import registry
from axbar.cost._reasons import kind_of_sentence
from axbar.errors import UsageError, is_whole
from axbar.search.space import Space, check_space
from axbar.search.space.checking import is_of_chip
from axbar.search.space.domains import Choices, Domain
from axbar.search.space.parts import Columns, Objective, Parameter
from axbar.search.sweep.codes import Keys, keys_of
from axbar.search.sweep.costing import costs_of
from axbar.search.sweep.costs import Bools, Costs, Floats, Indices
from axbar.search.sweep.draws import Draw
from axbar.search.sweep.groups import Groups, SettingsOf, WorkloadOf, chip_settings
from axbar.search.sweep.kept import Keeper
from axbar.search.sweep.spread import drawn
from axbar.search.sweep.variants import class_paths, variant_paths
from axbar.spec import HardwareSpec, load_hardware
from axbar.spec.kind import HardwareKind

__all__ = ["Costs", "SettingsOf", "Swept", "WorkloadOf", "chip_settings", "costs_of", "sweep"]

#: tells how many designs were looked at, of how many
Progress = Callable[[int, int], None]

#: what designs are compared by where a space asks for no cost
_DEFAULT = Objective("energy_J", "min")


@dataclass(frozen=True)
class Swept:
    """What a sweep found.

    Args:
        looked_at: designs that were costed.
        of: designs of the space; None if it has no end.
        columns: the K designs that were kept.
        costs: of these, K rows.
        front: ``[K]``, nothing that can be built and keeps all constraints beats it in the costs that are asked for.
        candidate: ``[K]``, nothing of its class does; the front itself where the space does not ask for accuracy.
        class_: ``[K]``, equal where accuracy must be equal.
        infeasible: why designs can't be built, with the numbers of one of them, and constraints of those that can ->
            designs to which that applies. Several may apply to one.
        notes: what was left out.
    """

    looked_at: int
    of: int | None
    columns: Columns
    costs: Costs
    front: Bools
    candidate: Bools
    class_: Indices
    infeasible: Mapping[str, int]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.front)


def sweep(
    space: Space,
    base: HardwareSpec | None,
    workload_of: WorkloadOf,
    *,
    points: int = 10_000_000,
    variants: int = 32,
    keep: int = 200_000,
    seed: int = 0,
    progress: Progress | None = None,
    settings_of: SettingsOf = chip_settings,
) -> Swept:
    """Cost the designs of a space.

    Args:
        space: what to search. Constraints on costs are applied; accuracy waits.
        base: the chip of a space without ``hardware``.
        workload_of: makes the workload of a network on a chip, called once for each of these; where it raises an
            ``AxbarError``, that is why its designs can't be built.
        points: designs to look at, at most.
        variants: networks to ask for, at most; of more, some are drawn.
        keep: designs to keep, at most: candidates first, then an even sample.
        seed: of what is drawn.
        progress: told how many designs were looked at, of how many.
        settings_of: what the techniques of a point need of a chip; the space itself has the last word.

    Raises:
        UsageError: the space has no chip, or a number is out of range.
    """
    for name, value in (("points", points), ("variants", variants), ("keep", keep)):
        if not is_whole(value, 1, 2**30):
            raise UsageError(f"{name} = {value!r} of a sweep; give a whole number from 1 to {2**30:,}.")
    if not is_whole(seed, 0, 2**63):
        raise UsageError(f"seed = {seed!r} of a sweep; give a whole number from 0.")
    space = check_space(space, base)
    if base is None and "hardware" not in space.paths:
        raise UsageError("the space has no chip; add 'hardware: NAME' to it or name the chip in the call.")
    draw, notes = drawn(
        _dearest_first(space, base), variant_paths(space), int(points), int(variants), int(seed)
    )
    groups = Groups(space, base, workload_of, settings_of)
    return _Sweep(space, groups, draw, int(keep), int(seed), progress).run(notes)


def _dearest_first(space: Space, base: HardwareSpec | None) -> list[Parameter]:
    """Return parameters, those first of which a change costs most: network and chip, what is counted for, classes."""
    named = next((p.domain for p in space.parameters if p.path == "hardware"), None)
    chips = [load_hardware(str(name)) for name in named.values] if isinstance(named, Choices) else [base]
    kinds: list[HardwareKind] = [registry.get("hardware", chip.kind) for chip in chips if chip is not None]
    counted = {path.removesuffix(".name") for kind in kinds for path in kind.structural}
    classes = set(class_paths(space))

    def rank(parameter: Parameter) -> int:
        if not is_of_chip(parameter.path):
            return 0
        return 1 if parameter.path in counted else 2 if parameter.path in classes else 3

    return sorted(space.parameters, key=rank)


@dataclass
class _Sweep:
    """One sweep on its way.

    Args:
        space, keep, seed, progress: as given.
        groups: costs of designs.
        draw: which designs.
    """

    space: Space
    groups: Groups
    draw: Draw
    keep: int
    seed: int
    progress: Progress | None
    _removed: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])

    def run(self, notes: Sequence[str]) -> Swept:
        """Look at all designs once; at those that are kept of too many, again."""
        total = len(self.draw)
        whole = total <= self.keep
        keeper = Keeper([o.sense == "max" for o in self._objectives], self._by_class, self.keep, self.seed)
        pieces: list[_Piece] = []
        looked_at = 0
        for numbers, columns in self.draw.blocks():
            costs = self.groups.costs(columns, shares=whole)
            keeper.add(self._values(costs), self._keys(columns), self._good(costs), numbers)
            looked_at += len(numbers)
            if whole:
                pieces.append((numbers, columns, costs))
            if self.progress is not None:
                self.progress(looked_at, total)
        if not whole:
            pieces = [(n, c, self.groups.costs(c, shares=True)) for n, c in self.draw.blocks(keeper.chosen())]
        return self._result(pieces, keeper, [*notes, *self._notes(keeper)])

    @cached_property
    def _objectives(self) -> tuple[Objective, ...]:
        """What designs are compared by."""
        found = tuple(o for o in self.space.objectives if o.quantity != "accuracy")
        return found or (_DEFAULT,)

    @cached_property
    def _by_class(self) -> bool:
        asked = [*self.space.objectives, *self.space.constraints]
        return any(each.quantity == "accuracy" for each in asked)

    @cached_property
    def _domains(self) -> Mapping[str, Domain]:
        return {p.path: p.domain for p in self.space.parameters}

    def _keys(self, columns: Columns) -> Keys:
        return keys_of(columns, class_paths(self.space), self._domains)

    def _values(self, costs: Costs) -> Floats:
        return np.stack([costs.values[o.quantity] for o in self._objectives], axis=1)

    def _good(self, costs: Costs) -> Bools:
        """Return what can be built and keeps all constraints on costs, and count what does not."""
        often = np.bincount(costs.kind, minlength=len(costs.table)).tolist()
        for sentences, designs in zip(costs.table, often, strict=True):
            for sentence in sentences:
                self._count(sentence, designs)
        good = costs.feasible
        for constraint in self.space.constraints:
            if constraint.quantity != "accuracy":
                kept = constraint.holds(costs.values[constraint.quantity])
                self._count(str(constraint), int((costs.feasible & ~kept).sum()), exact=True)
                good = good & kept
        return good

    def _count(self, what: str, designs: int, exact: bool = False) -> None:
        if designs:
            key = what if exact else kind_of_sentence(what)
            said, before = self._removed.get(key, (what, 0))
            self._removed[key] = said, before + designs

    def _notes(self, keeper: Keeper) -> Iterator[str]:
        of, looked_at = self.space.count, len(self.draw)
        if of is None or looked_at < of:
            known = "of endlessly many designs" if of is None else f"of {of:,} designs"
            yield f"looked at {looked_at:,} {known}, spread evenly (scrambled Sobol sequences, seed {self.seed})"
        if all(o.quantity == "accuracy" for o in self.space.objectives):
            yield f"the space asks for no cost; designs were compared by {_DEFAULT.quantity}"
        if keeper.given_up or len(keeper.candidates) > self.keep:
            yield (
                f"more candidates than the {self.keep:,} designs that are kept; some of them were left out, classes "
                "as a whole or by chance"
            )
        if not len(keeper.front):
            listed = "; ".join(f"{said} ({n:,} designs)" for said, n in self._removed.values())
            yield f"no design is left of {looked_at:,}: {listed}"

    def _result(self, pieces: Sequence[_Piece], keeper: Keeper, notes: Sequence[str]) -> Swept:
        numbers = np.concatenate([n for n, _, _ in pieces])
        columns = _joined([c for _, c, _ in pieces])
        costs = Costs.joined([c for _, _, c in pieces])
        size = self.space.size
        order = np.argsort(
            self.space.index(columns) if size is not None and size < 2**63 else numbers, kind="stable"
        )
        numbers, columns, costs = numbers[order], columns.take(order), costs.take(order)
        classes = np.unique(self._keys(columns), return_inverse=True)[1].reshape(-1)
        return Swept(
            looked_at=len(self.draw),
            of=self.space.count,
            columns=columns,
            costs=costs,
            front=np.isin(numbers, keeper.front),
            candidate=np.isin(numbers, keeper.candidates),
            class_=classes.astype(np.int64),
            infeasible=dict(sorted(self._removed.values(), key=lambda each: -each[1])),
            notes=tuple(notes),
        )


#: numbers, designs and costs of a block
_Piece = tuple[Indices, Columns, Costs]


def _joined(pieces: Sequence[Columns]) -> Columns:
    return Columns(
        {path: np.concatenate([piece.values[path] for piece in pieces]) for path in pieces[0].values},
        {path: np.concatenate([piece.active[path] for piece in pieces]) for path in pieces[0].active},
    )
