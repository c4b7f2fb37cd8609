"""One rung of the ladder: classes of designs in, rows out. What the store holds already is not evaluated again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from axbar.errors import AxbarError
from axbar.search.climb.task import Look, look
from axbar.search.question import Rung
from axbar.search.question.design import Design, accuracy_part
from axbar.search.question.keys import code_version, technique_parts
from axbar.search.question.networks import Networks
from axbar.search.rows import Row, row_of
from axbar.search.space import Constraint, point_hash
from axbar.search.store import Record, Store, key_of
from axbar.search.work import Executor, Outcome

__all__ = ["Climber", "Group", "class_of"]

#: designs of one class: they share an accuracy
Group: TypeAlias = Sequence[Design]
Tell = Callable[[str, int, int], None]


def class_of(design: Design) -> str:
    """Return what decides the accuracy of a design on given data, as a hash.

    Raises:
        UsageError: its values contradict each other.
    """
    parts = design.parts
    return key_of(
        workload={"model": parts.model, "arguments": dict(parts.arguments)},
        spec=accuracy_part(design.spec, design.techniques), techniques=technique_parts(design.techniques),
        fidelity=None, seed=0, version="",
    )  # fmt: skip


@dataclass(frozen=True)
class _Asked:
    """A group on its way: the keys of its accuracy and of its rows, and which designs are not known yet."""

    designs: Group
    accuracy_key: str
    row_keys: tuple[str, ...]
    missing: tuple[int, ...]
    task: Look | None


@dataclass(frozen=True)
class Climber:
    """Evaluates designs.

    Args:
        store: remembers.
        executor: works.
        networks: and the data.
        seed: of dies.
        batch, samples: of the ladder.
        limits: constraints on costs.
        tell: ``tell(rung, done, total)``.
        retry: designs that failed in an earlier call are looked at again.
        counts: ``measured`` and ``failed`` classes in this call, and designs that were ``reused`` from the store.
        fresh: keys of rows that this call has met.
    """

    store: Store
    executor: Executor
    networks: Networks
    seed: int
    batch: int
    samples: int
    limits: tuple[Constraint, ...]
    tell: Tell
    retry: bool = False
    counts: dict[str, int] = field(default_factory=dict[str, int])
    fresh: set[str] = field(default_factory=set[str])

    def look(self, rung: Rung, generation: int, groups: Sequence[Group]) -> list[tuple[str, Row]]:
        """Return key and row of all designs, in order."""
        asked = [self._asked(rung, group) for group in groups]
        known = [key for a in asked if a.accuracy_key for key in a.row_keys if self._settled(key)]
        self._count("reused", sum(key not in self.fresh for key in known))
        self.fresh.update(key for a in asked for key in a.row_keys)
        waiting = sorted((a for a in asked if a.task is not None), key=_by_network)
        tasks = [a.task for a in waiting]
        self.tell(rung.name, 0, len(tasks))
        results = self.executor.run(look, tasks, self.networks.shared, self.batch) if tasks else iter(())
        for done, outcome in enumerate(results, 1):
            self.store.put_all(self._records(rung, waiting[outcome.index], outcome))
            self._count("measured" if outcome.failure is None else "failed", 1)
            self.tell(rung.name, done, len(tasks))
        keys = dict.fromkeys(key for a in asked for key in a.row_keys)
        return [(key, self._row(key, generation)) for key in keys]

    def _count(self, what: str, more: int) -> None:
        self.counts[what] = self.counts.get(what, 0) + more

    def _row(self, key: str, generation: int) -> Row:
        record = self.store.get(key)
        assert record is not None, "every group that was asked for has been put"
        return row_of(record, generation)

    def _settled(self, key: str) -> bool:
        """Whether a row need not be looked at (again)."""
        if not self.retry or key in self.fresh or key not in self.store:
            return key in self.store
        record = self.store.get(key)
        return record is None or record.failure is None

    def _asked(self, rung: Rung, group: Group) -> _Asked:
        """Return what of a group must be evaluated; what can't even be asked is put as failed at once."""
        try:
            accuracy_key, row_keys = self._keys(rung, group)
        except AxbarError as error:
            return self._refused(rung, group, str(error))
        missing = tuple(i for i, key in enumerate(row_keys) if not self._settled(key))
        if not missing:
            return _Asked(group, accuracy_key, row_keys, (), None)
        known = self.store.get(accuracy_key)
        first = group[0]
        task = Look(
            network=self.networks.of(first.parts).packed,
            data=self.networks.data().packed, techniques=first.techniques,
            bases=tuple(group[i].base for i in missing), changes=tuple(group[i].changes for i in missing),
            limits=self.limits,
            images=rung.images, chips=rung.chips, seed=self.seed, samples=self.samples,
            known=None if known is None else known.values,
        )  # fmt: skip
        return _Asked(group, accuracy_key, row_keys, missing, task)

    def _keys(self, rung: Rung, group: Group) -> tuple[str, tuple[str, ...]]:
        """Return the keys of the accuracy of a class and of its rows."""
        first = group[0]
        workload = {"network": self.networks.of(first.parts).content, "data": self.networks.data().content}
        techniques = technique_parts(first.techniques)
        fidelity: dict[str, Any] = {"images": rung.images, "chips": rung.chips}

        def key(spec: object, fidelity: Mapping[str, Any]) -> str:
            return key_of(
                workload=workload, spec=spec, techniques=techniques, fidelity=fidelity, seed=self.seed,
                version=code_version(),
            )  # fmt: skip

        careful = fidelity | {"samples": self.samples, "rung": rung.name}
        rows = [key({"kind": d.spec.kind, **d.spec.values()}, careful | {"point": d.point}) for d in group]
        return key(accuracy_part(first.spec, first.techniques), fidelity), tuple(rows)

    def _refused(self, rung: Rung, group: Group, reason: str) -> _Asked:
        keys = tuple(
            key_of(
                workload=design.point, spec=design.base.values(), techniques=list(design.techniques),
                fidelity=rung.name, seed=self.seed, version=code_version(),
            )
            for design in group
        )  # fmt: skip
        for key, design in zip(keys, group, strict=True):
            self.store.put(Record(key, _asked_of(rung, design), {}, failure=reason))
        return _Asked(group, "", keys, (), None)

    def _records(self, rung: Rung, asked: _Asked, outcome: Outcome) -> list[Record]:
        designs = [asked.designs[i] for i in asked.missing]
        keys = [asked.row_keys[i] for i in asked.missing]
        pairs = list(zip(keys, designs, strict=True))
        if outcome.failure is not None:
            return [Record(key, _asked_of(rung, d), {}, failure=outcome.failure) for key, d in pairs]
        accuracy, found = outcome.value["accuracy"], outcome.value["designs"]
        records: list[Record] = []
        if accuracy is not None and asked.accuracy_key not in self.store:
            records.append(Record(asked.accuracy_key, {"techniques": list(designs[0].techniques)}, accuracy))
        for (key, design), values in zip(pairs, found, strict=True):
            own = values | {"accuracy": None if values["reason"] else accuracy}
            records.append(Record(key, _asked_of(rung, design), own))
        return records


def _asked_of(rung: Rung, design: Design) -> dict[str, Any]:
    return {
        "id": point_hash(design.point), "point": design.point, "rung": rung.name,
        "techniques": list(design.techniques),
    }  # fmt: skip


def _by_network(asked: _Asked) -> tuple[Any, ...]:
    """Neighbours in this order share a network, which a worker keeps."""
    task = asked.task
    assert task is not None
    return (task.network, task.techniques, task.bases[0].name)
