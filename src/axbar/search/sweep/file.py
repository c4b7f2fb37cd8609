"""The result of a sweep in the folder of its study: one ``.npz`` without pickles."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from axbar.files import replacing
from axbar.search.space.parts import Columns
from axbar.search.sweep._sweep import Swept
from axbar.search.sweep.costs import Costs

__all__ = ["load_sweep", "save_sweep"]

_FILE = "sweep.npz"
_COLUMNS, _ACTIVE, _VALUES, _SHARES = "columns/", "active/", "values/", "shares/"


def save_sweep(swept: Swept, folder: Path, key: str) -> Path:
    """Write a sweep; the file appears whole or not at all.

    Args:
        key: hash of what was asked.
    """
    facts = {
        "key": key, "looked_at": swept.looked_at, "of": swept.of, "infeasible": dict(swept.infeasible),
        "notes": list(swept.notes), "table": [list(sentences) for sentences in swept.costs.table],
    }  # fmt: skip
    arrays: dict[str, NDArray[Any]] = {"facts": np.array(json.dumps(facts))}
    arrays |= {f"{_COLUMNS}{path}": column for path, column in swept.columns.values.items()}
    arrays |= {f"{_ACTIVE}{path}": mask for path, mask in swept.columns.active.items()}
    arrays |= {f"{_VALUES}{q}": column for q, column in swept.costs.values.items()}
    for q, groups in swept.costs.shares.items():
        arrays |= {f"{_SHARES}{q}/{group}": column for group, column in groups.items()}
    arrays |= {
        "kind": swept.costs.kind, "front": swept.front, "candidate": swept.candidate, "class": swept.class_
    }  # fmt: skip
    path = folder / _FILE
    with replacing(path) as stream:
        np.savez(stream, allow_pickle=False, **cast("dict[str, Any]", arrays))
    return path


def load_sweep(folder: Path, key: str = "") -> Swept | None:
    """Return the sweep of a folder; None if there is none, it was asked something else, or its file is damaged.

    Args:
        key: hash of what is asked; empty for whatever there is.
    """
    try:
        with np.load(folder / _FILE, allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
        facts: dict[str, Any] = json.loads(arrays["facts"].item())
        return _swept(arrays, facts) if key in ("", facts["key"]) else None
    except (FileNotFoundError, KeyError, ValueError, OSError, zipfile.BadZipFile):
        return None


def _swept(arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> Swept:
    shares: dict[str, dict[str, NDArray[np.float32]]] = {}
    for name, column in _under(arrays, _SHARES).items():
        quantity, _, group = name.partition("/")
        shares.setdefault(quantity, {})[group] = column
    table = tuple(tuple(sentences) for sentences in facts["table"])
    return Swept(
        looked_at=facts["looked_at"], of=facts["of"],
        columns=Columns(_under(arrays, _COLUMNS), _under(arrays, _ACTIVE)),
        costs=Costs(_under(arrays, _VALUES), shares, arrays["kind"], table),
        front=arrays["front"], candidate=arrays["candidate"], class_=arrays["class"],
        infeasible=facts["infeasible"], notes=tuple(facts["notes"]),
    )  # fmt: skip


def _under(arrays: Mapping[str, NDArray[Any]], head: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(head): array for name, array in arrays.items() if name.startswith(head)}
