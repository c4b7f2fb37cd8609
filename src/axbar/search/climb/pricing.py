"""The sweep within a study: traces of its networks, its result kept in the folder, the breakdown of its front."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from axbar.errors import AxbarError
from axbar.search.climb.choice import by_cost
from axbar.search.climb.task import Look, breakdown_of, traced
from axbar.search.question import Question
from axbar.search.question.design import Design, Designer, needed
from axbar.search.question.keys import code_version, technique_parts
from axbar.search.rows import Row, row_of
from axbar.search.space import point_hash
from axbar.search.space.parts import PointParts
from axbar.search.store import Record, Store, key_of
from axbar.search.sweep import Swept, sweep
from axbar.search.sweep.file import load_sweep, save_sweep
from axbar.search.sweep.variants import Variant, variant_of
from axbar.search.work.serial import Serial
from axbar.spec import HardwareSpec
from axbar.workload import Workload

__all__ = ["price", "priced_front"]

#: designs of the front that are kept with their breakdown
_SHOWN = 100
#: test images that the network runs while it is made ready; its accuracy is not what is asked
_IMAGES = 16

Tell = Callable[[str, int, int], None]


def price(question: Question, folder: Path, tell: Tell, retry: bool = False) -> Swept:
    """Return the sweep of a question; one that the folder holds already is not run again.

    Args:
        question: what is asked.
        folder: of the study.
        tell: ``tell("sweep", done, total)``.
        retry: run it again, as networks that could not be made may be made now; traces that are there are kept.
    """
    settings = question.ladder.sweep
    assert settings is not None
    key = _key(question)
    found = None if retry else load_sweep(folder, key)
    if found is None:
        traces = Traces(question, folder)
        found = sweep(
            question.space, question.base, traces.of, settings_of=traces.needed, points=settings.points,
            variants=settings.variants,
            seed=question.seed,
            progress=lambda done, total: tell("sweep", done, total),
        )  # fmt: skip
        save_sweep(found, folder, key)
    return found


def _key(question: Question) -> str:
    """Return what decides a sweep, as a hash."""
    settings = question.ladder.sweep
    assert settings is not None
    return key_of(
        workload=question.asked(), spec=None, techniques=dict(question.designers["sweep"].settings),
        fidelity={"points": settings.points, "variants": settings.variants}, seed=question.seed,
        version=code_version(),
    )  # fmt: skip


class Traces:
    """Workloads of the variants of a study, kept in its folder.

    Args:
        question: whose networks they are.
        folder: of the study.
    """

    def __init__(self, question: Question, folder: Path) -> None:
        self._question, self._folder = question, folder / "workloads"
        self._designer: Designer = question.designers["sweep"]
        self._known: dict[tuple[Variant, str], Workload] = {}

    def needed(self, parts: PointParts, base: HardwareSpec) -> dict[str, Any]:
        """Return what the techniques of a point, as the sweep runs them, need of a chip."""
        return needed(base, [self._designer.text(name, own) for name, own in parts.techniques.items()], {})

    def of(self, variant: Variant, spec: HardwareSpec) -> Workload:
        """Return the trace of a variant for a chip.

        Raises:
            AxbarError: the network can't be made.
        """
        if self._question.workload is not None:
            return self._question.workload
        at = (variant, spec.hash())
        if at not in self._known:
            self._known[at] = self._traced(variant, spec)
        return self._known[at]

    def _texts(self, variant: Variant) -> tuple[str, ...]:
        return tuple(self._designer.text(name, dict(own)) for name, own in variant.techniques)

    def _traced(self, variant: Variant, spec: HardwareSpec) -> Workload:
        networks = self._question.networks
        assert networks is not None
        texts = self._texts(variant)
        parts = PointParts(model=variant.model, arguments=dict(variant.arguments))
        packed = networks.of(parts)
        key = key_of(
            workload={"network": packed.content, "data": networks.data().content}, spec=spec.values(),
            techniques=technique_parts(texts), fidelity={"samples": self._question.ladder.samples},
            seed=self._question.seed, version=code_version(),
        )  # fmt: skip
        file = self._folder / f"{key}.npz"
        if file.exists():
            return Workload.load(file)
        asked = Look(
            network=packed.packed, data=networks.data().packed, techniques=texts,
            bases=(spec,), changes=({},), limits=(), images=_IMAGES, chips=0, seed=self._question.seed,
            samples=self._question.ladder.samples,
        )  # fmt: skip
        outcome = next(Serial().run(traced, [asked], networks.shared, 1))
        if outcome.failure is not None:
            raise AxbarError(outcome.failure)
        found: Workload = outcome.value
        self._folder.mkdir(parents=True, exist_ok=True)
        found.save(file)
        return found


def priced_front(question: Question, swept: Swept, store: Store, folder: Path) -> list[tuple[str, Row]]:
    """Return the most telling designs on the cost front, with their breakdown by component and layer."""
    rows = np.flatnonzero(swept.front)
    if len(rows) > _SHOWN:
        rows = np.sort(by_cost(question.space, swept, rows, _SHOWN, question.seed))
    traces, designer = Traces(question, folder), question.designers["sweep"]
    shares, asked_by = swept.costs.shares, _key(question)
    found: list[tuple[str, Row]] = []
    for row in rows:
        point = question.space.point(swept.columns, int(row))
        key = key_of(
            workload=point, spec=asked_by, techniques=[], fidelity="sweep", seed=question.seed, version=""
        )
        if key not in store:
            design = designer.design(point)
            values = {q: float(column[row]) for q, column in swept.costs.values.items()}
            parts = {q: {g: float(c[row]) for g, c in groups.items()} for q, groups in shares.items()}
            asked = {
                "id": point_hash(point),
                "point": point,
                "rung": "sweep",
                "techniques": list(design.techniques),
            }
            tree = _tree(design, traces)
            store.put(
                Record(key, asked, {"values": values, "shares": parts, "breakdown": tree, "reason": ""})
            )
        record = store.get(key)
        assert record is not None
        found.append((key, row_of(record, 0)))
    return found


def _tree(design: Design, traces: Traces) -> Mapping[str, Any]:
    try:
        settled = design.base.replace(traces.needed(design.parts, design.base))
        workload = traces.of(variant_of(design.parts), settled)
    except AxbarError:
        return {}
    return breakdown_of(workload, design.spec)
