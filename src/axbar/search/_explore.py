"""``explore``: device, circuit, system and algorithm in one search.

The sweep prices the designs of a space by the thousand. Those worth running climb a ladder on which accuracy is
measured more and more carefully: see ``axbar.search.question.ladder``. Everything that was found out is kept in a store
under the hash of what was asked, so that a study that was killed goes on where it stood, and the same study gives the
same bits on one worker or many.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from axbar.search.climb.choice import from_rows, from_sweep
from axbar.search.climb.climber import Climber, class_of
from axbar.search.climb.pricing import price, priced_front
from axbar.search.climb.siblings import Siblings
from axbar.search.propose import Proposer, proposer
from axbar.search.question import Design, Question, Rung, ask
from axbar.search.rows import Row, table, violations
from axbar.search.space import Space, point_hash
from axbar.search.space.parts import Columns, Point
from axbar.search.store import Store
from axbar.search.store.lock import check_free
from axbar.search.study import Study
from axbar.search.study.listing import Listing
from axbar.search.sweep import Swept
from axbar.search.work import executor

if TYPE_CHECKING:
    import torch

    from axbar.data import Dataset
    from axbar.spec import HardwareSpec
    from axbar.workload import Workload

__all__ = ["explore", "study_of"]

#: ``progress(stage, done, total)``
Progress = Callable[[str, int, int], None]
#: ``watch(study)``: what is known so far, after each generation
Watch = Callable[[Study], None]


def explore(
    space: Space | str | os.PathLike[str] | Mapping[str, Any],
    model: str | torch.nn.Module | Workload | None = None,
    data: str | Dataset | None = None,
    hardware: str | HardwareSpec | None = None,
    *,
    weights: str | None = None,
    config: Mapping[str, Any] | None = None,
    overrides: Mapping[str, Any] | Sequence[str] = (),
    study: str | os.PathLike[str] | None = None,
    seed: int = 0,
    sampler: str = "auto",
    workers: int = 0,
    scheduler: str | None = None,
    data_dir: str | None = None,
    until: str = "",
    retry: bool = False,
    progress: Progress | None = None,
    watch: Watch | None = None,
    command: str = "",
) -> Study:
    """Search designs of chip and network together.

    Args:
        space: what may vary, what is wanted and how carefully to look: YAML file, mapping or ``Space``.
        model: of points that name none; with ``data`` a network as of ``evaluate``, else a workload as of ``estimate``.
        data: a ``Dataset`` or its name; without, only costs are searched.
        hardware: the chip of points that name none.
        weights, config: of ``model``.
        overrides: changes of ``hardware``.
        study: folder that keeps everything; the same call again goes on where it stopped.
        seed: of dies, of the sweep's sequence and of the sampler.
        sampler: ``auto``, ``grid``, ``sobol``, ``evolve``, ``nsga2`` or ``tpe``: who proposes more points.
        workers: local processes; 0 works in this one.
        scheduler: address of a running Dask scheduler, ``tcp://host:port``, instead.
        data_dir: folder of data sets that are not shipped.
        until: last rung: ``sweep``, ``proxy``, ``full`` or ``retrain``; all that the space asks for unless given.
        retry: look again at designs that failed in an earlier call; without, they stay failed.
        progress: called as work is done.
        watch: called with what is known so far.
        command: as typed, for the page.

    Returns:
        The study; equal to the bit for any number of workers.

    Raises:
        AxbarError: an input is wrong; the sentence says which and how to mend it.
    """
    if study is not None:
        check_free(Path(study))
    question = ask(
        space, model, data, hardware, weights=weights, config=config, overrides=overrides, seed=seed,
        sampler=sampler, data_dir=data_dir, until=until, command=command,
    )  # fmt: skip
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()) if study is None else study)
        store = stack.enter_context(Store(folder, asked=question.asked()))
        workers_ = stack.enter_context(executor(workers, scheduler))
        tell = progress or _silent
        limits = tuple(c for c in question.space.constraints if c.quantity != "accuracy")
        listing = Listing.of(folder, question, store)
        run = _Run(
            question, store, folder, study is not None, tell, watch or (lambda known: None), listing, retry
        )
        return run.climb(
            lambda networks: Climber(
                store,
                workers_,
                networks,
                seed,
                question.ladder.batch,
                question.ladder.samples,
                limits,
                tell,
                retry,
            )
        )


def _silent(stage: str, done: int, total: int) -> None:
    """Nobody watches."""


@dataclass
class _Run:
    """One call of ``explore``: what it was asked, where it keeps things, and what it knows so far."""

    question: Question
    store: Store
    folder: Path
    kept: bool
    tell: Progress
    watch: Watch
    listing: Listing
    retry: bool = False
    swept: Swept | None = None
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    notes: list[str] = field(default_factory=list[str])

    def climb(self, make: Callable[[Any], Climber]) -> Study:
        """Go up all rungs."""
        question = self.question
        self.notes += [*question.notes, *self.store.notes]
        if question.ladder.sweep is not None:
            self.swept = price(question, self.folder, self.tell, self.retry)
            self.listing.extend(priced_front(question, self.swept, self.store, self.folder))
            self._known()
        if question.networks is not None and question.ladder.rungs:
            climber = make(question.networks)
            siblings = Siblings(question.space, self.swept, question.ladder.designs, question.seed)
            below: list[Row] | None = None
            for number, rung in enumerate(question.ladder.rungs):
                below = self._rung(climber, siblings, rung, number, below)
        return self._known()

    def _rung(
        self, climber: Climber, siblings: Siblings, rung: Rung, number: int, below: list[Row] | None
    ) -> list[Row]:
        """Look at survivors, then at what the sampler proposes; return all rows of the rung."""
        question = self.question
        groups = self._survivors(rung, siblings, below)
        budget = rung.survivors + rung.generations * rung.generation
        proposing = proposer(question.space, question.sampler, seed=question.seed + number, budget=budget)
        if groups is None:
            columns = proposing.ask(rung.survivors)
            groups = self._groups(rung, siblings, _points(question.space, columns))
        rows = self._looked(climber, rung, 0, groups)
        self._told(proposing, rows)
        for generation in range(1, rung.generations + 1):
            columns = proposing.ask(rung.generation)
            points = _points(question.space, columns)
            found = self._looked(climber, rung, generation, self._groups(rung, siblings, points))
            self._told(proposing, found)
            rows += found
        return rows

    def _looked(self, climber: Climber, rung: Rung, generation: int, groups: list[list[Design]]) -> list[Row]:
        fresh = self.listing.extend(climber.look(rung, generation, groups))
        self.counts = climber.counts
        self._known()
        return fresh

    def _known(self) -> Study:
        """Keep the list of rows and return what is known so far."""
        networks = self.question.networks
        notes = [*(networks.notes if networks is not None else ()), *self.notes]
        self.listing.save(self.folder, self.question, self.counts, notes)
        study = study_of(self.question, self.listing, self.swept, self.counts, notes)
        found = replace(study, folder=self.folder) if self.kept else study
        self.watch(found)
        return found

    def _survivors(
        self, rung: Rung, siblings: Siblings, below: list[Row] | None
    ) -> list[list[Design]] | None:
        """Return the classes that come up from below; None if there is nothing below."""
        question = self.question
        designer = question.designers[rung.name]
        if below is not None:
            chosen = from_rows(
                question.space, below, rung.survivors, question.seed,
                lambda row: class_of(designer.design(row.point)),
            )  # fmt: skip
            return [[designer.design(row.point) for row in rows] for rows in chosen]
        if self.swept is None:
            return None
        classes = from_sweep(question.space, self.swept, rung.survivors, question.seed)
        points = [siblings.thinned(rows) for rows in classes]
        return [[designer.design(point) for point in group] for group in points]

    def _groups(self, rung: Rung, siblings: Siblings, points: Sequence[Point]) -> list[list[Design]]:
        """Return points as classes, each with the cheap designs of its class that the sweep found."""
        designer = self.question.designers[rung.name]
        wanted = [point for proposed in points for point in (proposed, *siblings.of(proposed))]
        unique = {point_hash(point): point for point in wanted}
        return _by_class([designer.design(point) for point in unique.values()])

    def _told(self, proposing: Proposer, rows: Sequence[Row]) -> None:
        if not rows:
            return
        space = self.question.space
        values = table(rows, [o.quantity for o in space.objectives])
        broken = violations(space, rows, hope=False)
        proposing.tell(space.encode([row.point for row in rows]), values, broken)


def _points(space: Space, columns: Columns) -> list[Point]:
    return [space.point(columns, i) for i in range(len(columns))]


def _by_class(designs: Sequence[Design]) -> list[list[Design]]:
    """Return designs by class; what contradicts itself is a class of its own."""
    from axbar.errors import AxbarError

    found: dict[str, list[Design]] = {}
    for design in designs:
        try:
            key = class_of(design)
        except AxbarError:
            key = point_hash(design.point)
        found.setdefault(key, []).append(design)
    return list(found.values())


def study_of(
    question: Question, listing: Listing, swept: Swept | None, counts: Mapping[str, int], notes: Sequence[str]
) -> Study:
    """Return what is known of a question."""
    return Study(
        space=question.space, rows=tuple(listing.all_rows()), swept=swept, base=question.base,
        facts=listing.facts(question), designers=listing.designers(question), counts=dict(counts),
        notes=tuple(dict.fromkeys((*notes, *(swept.notes if swept else ())))),
    )  # fmt: skip
