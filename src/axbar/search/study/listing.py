"""The order of what was found: which records are the rows of a study, by rung and generation.

Records lie in the order in which workers finished, which differs from run to run; this list does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axbar.errors import UsageError
from axbar.files import write_atomic
from axbar.search.question import Designer, Question
from axbar.search.rows import Row, row_of
from axbar.search.space import Space
from axbar.search.space.as_dict import space_from_dict, space_to_dict
from axbar.search.store import Store
from axbar.search.study._study import Study
from axbar.search.sweep.file import load_sweep
from axbar.spec import HardwareSpec

__all__ = ["Listing", "open_study"]

_FILE = "listing.json"


@dataclass
class Listing:
    """Keys and rows in order, each once, and behind them those of earlier calls that this one has not met (yet).

    Args:
        keys, rows: of this call.
        former: what the list held before, but for rungs that are now climbed with other settings.
    """

    keys: list[str] = field(default_factory=list[str])
    rows: list[Row] = field(default_factory=list[Row])
    former: _Former = field(default_factory=lambda: _Former())

    @staticmethod
    def of(folder: Path, question: Question, store: Store) -> Listing:
        """Return a list that goes on where that of a folder stands."""
        file = folder / _FILE
        if not file.exists():
            return Listing()
        content = _content(folder)
        now, then = question.facts["rungs"], content["facts"]["rungs"]
        same = {rung for rung in then if now.get(rung, then[rung]) == then[rung]}
        found = ((key, g, store.get(key)) for key, g in content["rows"])
        rows = [(key, row_of(record, g)) for key, g, record in found if record is not None]
        left = {rung: then[rung] for rung in same if rung not in now}
        return Listing(
            former=_Former([pair for pair in rows if pair[1].rung in same], left, content["designers"])
        )

    def extend(self, found: Iterable[tuple[str, Row]]) -> list[Row]:
        """Add what is new and return it."""
        seen, fresh = set(self.keys), list[Row]()
        for key, row in found:
            if key not in seen:
                seen.add(key)
                self.keys.append(key)
                self.rows.append(row)
                fresh.append(row)
        return fresh

    def all_rows(self) -> list[Row]:
        """Return the rows of this call and then those of earlier ones."""
        return [row for _, row in self._pairs()]

    def _pairs(self) -> list[tuple[str, Row]]:
        seen = {(row.rung, row.id) for row in self.rows}
        left = (pair for pair in self.former.pairs if (pair[1].rung, pair[1].id) not in seen)
        return [*zip(self.keys, self.rows, strict=True), *left]

    def facts(self, question: Question) -> dict[str, Any]:
        """Return the facts of a question, and the settings of rungs that only earlier calls climbed."""
        return {**question.facts, "rungs": {**self.former.rungs, **question.facts["rungs"]}}

    def designers(self, question: Question) -> dict[str, Designer]:
        """Return what makes designs, also for rungs that only earlier calls climbed."""
        left = {rung: own for rung, own in self.former.designers.items() if rung in self.former.rungs}
        return {**_designers(question.space, question.base, left), **question.designers}

    def save(self, folder: Path, question: Question, counts: Mapping[str, int], notes: Sequence[str]) -> None:
        """Write the list and what is needed to read the study without asking again."""
        base = question.base
        content = {
            "space": space_to_dict(question.space),
            "base": None if base is None else base.model_dump(mode="json"),
            "facts": self.facts(question),
            "designers": {
                rung: {"settings": dict(d.settings), "more": list(d.more)}
                for rung, d in self.designers(question).items()
            },
            "rows": [[key, row.generation] for key, row in self._pairs()],
            "counts": dict(counts),
            "notes": list(notes),
        }
        write_atomic(folder / _FILE, json.dumps(content))


@dataclass(frozen=True)
class _Former:
    """What earlier calls left: rows, and settings and designers of rungs that this call does not climb."""

    pairs: list[tuple[str, Row]] = field(default_factory=list[tuple[str, Row]])
    rungs: dict[str, Any] = field(default_factory=dict[str, Any])
    designers: dict[str, Any] = field(default_factory=dict[str, Any])


def _content(folder: Path) -> dict[str, Any]:
    """Return the list of a folder.

    Raises:
        UsageError: there is none, or it is damaged.
    """
    try:
        content: dict[str, Any] = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"there is no study in '{folder}' ('{_FILE}' is missing); give the folder of 'axbar explore --study'."
        ) from None
    except ValueError as error:
        raise UsageError(
            f"'{folder / _FILE}' is damaged ({error}); delete it and search again: the store keeps what was measured."
        ) from None
    return content


def open_study(folder: str | Path) -> Study:
    """Return a study that ``explore`` keeps in a folder, as it is there now, also while it is at work.

    Raises:
        UsageError: there is no study in the folder.
    """
    place = Path(folder)
    content = _content(place)
    base = _base(content["base"])
    space = space_from_dict(content["space"])
    with Store(place, read_only=True) as store:
        records = [(store.get(key), generation) for key, generation in content["rows"]]
    rows = tuple(row_of(record, generation) for record, generation in records if record is not None)
    return Study(
        space=space, rows=rows, swept=load_sweep(place), base=base, facts=content["facts"],
        designers=_designers(space, base, content["designers"]), counts=content["counts"],
        notes=tuple(content["notes"]), folder=place,
    )  # fmt: skip


def _base(tree: Mapping[str, Any] | None) -> HardwareSpec | None:
    from axbar import registry

    return None if tree is None else registry.get("hardware", tree["kind"]).Spec.model_validate(tree)


def _designers(space: Space, base: HardwareSpec | None, kept: Mapping[str, Any]) -> dict[str, Designer]:
    return {rung: Designer(space, base, own["settings"], tuple(own["more"])) for rung, own in kept.items()}
