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
from axbar.search.climb.design import Designer
from axbar.search.climb.question import Question
from axbar.search.space import Space, load_space
from axbar.search.space.as_dict import space_to_dict
from axbar.search.store import Store
from axbar.search.study._study import Study
from axbar.search.study.rows import Row, row_of
from axbar.search.sweep.file import load_sweep
from axbar.spec import HardwareSpec

__all__ = ["Listing", "open_study"]

_FILE = "listing.json"


@dataclass
class Listing:
    """Keys and rows in order, each once."""

    keys: list[str] = field(default_factory=list[str])
    rows: list[Row] = field(default_factory=list[Row])

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

    def save(self, folder: Path, question: Question, counts: Mapping[str, int], notes: Sequence[str]) -> None:
        """Write the list and what is needed to read the study without asking again."""
        base = question.base
        content = {
            "space": space_to_dict(question.space),
            "base": None if base is None else base.model_dump(mode="json"),
            "facts": dict(question.facts),
            "designers": {
                rung: {"settings": dict(d.settings), "more": list(d.more)}
                for rung, d in question.designers.items()
            },
            "rows": [[key, row.generation] for key, row in zip(self.keys, self.rows, strict=True)],
            "counts": dict(counts),
            "notes": list(notes),
        }
        write_atomic(folder / _FILE, json.dumps(content))


def open_study(folder: str | Path) -> Study:
    """Return a study that ``explore`` keeps in a folder, as it is there now, also while it is at work.

    Raises:
        UsageError: there is no study in the folder.
    """
    place = Path(folder)
    try:
        content: dict[str, Any] = json.loads((place / _FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"there is no study in '{place}' ('{_FILE}' is missing); give the folder of 'axbar explore --study'."
        ) from None
    base = _base(content["base"])
    space = load_space(content["space"], base)
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
