"""What a study was asked, in ``study.json``: a study answers one question, and a change of it is named."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from axbar import __version__
from axbar.errors import AxbarError, UsageError
from axbar.files import write_atomic
from axbar.search.store.lines import from_json, to_json

__all__ = ["STUDY", "Change", "changes", "settle", "then_now"]

STUDY = "study.json"
_FORMAT = 1

#: what one side has where the other has nothing
_NOTHING = object()

#: characters of a value that a sentence shows
_SHOWN = 60

#: dotted key, then, now
Change = tuple[str, object, object]


def settle(
    folder: Path, asked: Mapping[str, Any] | None, *, write: bool
) -> tuple[Mapping[str, Any], list[str]]:
    """Return what a study was asked, and notes; write it down where that is new.

    Args:
        asked: the question as plain JSON; None to take what is there.

    Raises:
        UsageError: the study was asked something else.
        AxbarError: the file can't be read or written, or is of a later axbar.
    """
    path = folder / STUDY
    found = _read(path)
    if found is None:
        if asked is not None and write:
            content = {"format": _FORMAT, "made_with": __version__, "asked": asked}
            write_atomic(path, _indented(to_json(content, STUDY)))
        return {} if asked is None else from_json(to_json(asked)), []
    before: Mapping[str, Any] = found["asked"]
    differing = [] if asked is None else list(changes(before, asked))
    if differing:
        raise UsageError(
            f"the study in '{folder}' was asked {then_now(differing)}; a study answers one question: ask "
            "the same again, or choose another folder."
        )
    made_with = found.get("made_with", __version__)
    if made_with != __version__:
        return before, [
            f"the study in '{folder}' was begun with axbar {made_with}; with {__version__} its records are kept, and "
            "used where the version is no part of the key."
        ]
    return before, []


def changes(then: object, now: object, where: str = "") -> Iterator[Change]:
    """Yield what differs between two values of plain JSON, to the bit; neither order of keys nor tuples count."""
    old, new = _keyed(then), _keyed(now)
    if old is not None and new is not None:
        for key in [*old, *(key for key in new if key not in old)]:
            yield from changes(
                old.get(key, _NOTHING), new.get(key, _NOTHING), f"{where}.{key}" if where else key
            )
        return
    before, after = _parts(then), _parts(now)
    if before is not None and after is not None and len(before) == len(after):
        for i, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from changes(one, other, f"{where}.{i}" if where else str(i))
    elif _shown(then, None) != _shown(now, None):
        yield where, then, now


def _keyed(value: object) -> Mapping[str, object] | None:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else None


def _parts(value: object) -> list[object] | None:
    return list(cast("list[object]", value)) if isinstance(value, list | tuple) else None


def then_now(differing: list[Change]) -> str:
    """Return the first change with both values, and the names of the others.

    >>> then_now([("seed", 0, 1), ("name", "a", "b")])
    "'seed' = 0, now 1 (also changed: 'name')"
    """
    where, then, now = differing[0]
    others = [f"'{name}'" for name, _, _ in differing[1:]]
    many = f" and {len(others) - 5} more" if len(others) > 5 else ""
    also = f" (also changed: {', '.join(others[:5])}{many})" if others else ""
    before = f"without '{where}'" if then is _NOTHING else f"'{where}' = {_shown(then)}"
    return f"{before}, now {'it is gone' if now is _NOTHING else _shown(now)}{also}"


def _shown(value: object, limit: int | None = _SHOWN) -> str:
    text = "nothing" if value is _NOTHING else to_json(value, "value", sort_keys=True)
    return text if limit is None or len(text) <= limit else f"{text[: limit - 1]}…"


def _indented(line: str) -> str:
    """Return JSON for readers; parsing and writing again keeps every bit of a float."""
    return json.dumps(json.loads(line), indent=1) + "\n"


def _read(path: Path) -> dict[str, Any] | None:
    """Return the content of a study.json, None where there is none."""
    try:
        found: Any = from_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AxbarError(f"can't read '{path}': {error.strerror or error}; make it readable.") from error
    except (ValueError, KeyError, TypeError):
        found = None
    if not isinstance(found, dict) or "asked" not in found:
        raise AxbarError(
            f"'{path}' is damaged or no file of axbar; put a copy of it back, or delete it: the records beside it "
            "stay, and the next call writes it again."
        )
    content = cast("dict[str, Any]", found)
    if content.get("format") != _FORMAT:
        raise AxbarError(
            f"'{path}' has format {content.get('format')!r} and this axbar ({__version__}) knows {_FORMAT} only; use "
            f"the axbar that made it ({content.get('made_with')})."
        )
    return content
