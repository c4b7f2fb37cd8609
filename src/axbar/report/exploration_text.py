"""A study on the terminal: how far it looked, the front, the best by each objective, what was left out and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from axbar.report._tables import table
from axbar.report._view import amount
from axbar.report.text import plain, to_terminal
from axbar.units import format_quantity

__all__ = ["exploration_text", "front_table", "show_exploration"]

#: designs of the front that are listed, and reasons
_MOST, _REASONS = 12, 8
#: characters that ids and parameters of a row may take; those that differ most often come first
_ROOM = 62

Page = Mapping[str, Any]


def exploration_text(page: Page) -> str:
    """Return a study as plain text tables.

    Args:
        page: plain data of a study, as its page takes them.
    """
    return plain(_blocks(page))


def show_exploration(page: Page) -> None:
    """Write a study to the terminal."""
    to_terminal(lambda wide: _blocks(page))


def _blocks(page: Page) -> list[Any]:
    blocks: list[Any] = [_head(page), _counted(page), ""]
    rows = _front(page)
    if rows:
        blocks += _equal(page, rows)
        blocks.append(front_table(page))
        blocks += _best(page, rows)
    else:
        blocks.append("no design keeps all constraints.")
    removed = page["removed"][:_REASONS]
    blocks += [f"left out: {row['points']:,} designs: {row['what']}" for row in removed]
    failures = page["failures"]
    blocks += [f"failed: {row['id']}: {row['reason']}" for row in failures[:3]]
    if len(failures) > 3:
        blocks.append(f"failed: {len(failures) - 3} more")
    return [*blocks, *(f"note: {note}" for note in page["notes"])]


def _head(page: Page) -> str:
    wanted = ", ".join(page["objectives"])
    kept = f"; kept: {', '.join(page['constraints'])}" if page["constraints"] else ""
    return " · ".join(filter(None, [page["title"], page["model"], page["data"], f"wanted: {wanted}{kept}"]))


def _counted(page: Page) -> str:
    counts = page["counts"]
    of = "" if counts.get("of") is None else f" of {counts['of']:,}"
    parts = [f"{counts['looked_at']:,}{of} designs priced"] if counts["looked_at"] else []
    rungs = page["points"]["rung"]
    for i, name in enumerate(page["rungs"]):
        if name != "sweep":
            parts.append(f"{rungs.count(i):,} at rung {name}")
    for key, word in (("failed", "failed"), ("reused", "known from before")):
        if counts.get(key):
            parts.append(f"{counts[key]:,} {word}")
    return ", ".join(parts)


def _front(page: Page) -> list[int]:
    """Rows of the front of the most careful rung, best by the first objective first."""
    points = page["points"]
    if page["top"] not in page["rungs"]:
        return []
    top = page["rungs"].index(page["top"])
    rows = [
        i
        for i, (rung, on) in enumerate(zip(points["rung"], points["front"], strict=True))
        if on and rung == top
    ]
    first = next((key for key in page["objectives"] if key in points["values"]), None)
    if first is None:
        return rows
    better = -1.0 if _sense(page, first) == "max" else 1.0
    values = points["values"][first]
    return sorted(rows, key=lambda i: (values[i] is None, better * (values[i] or 0.0)))


def _sense(page: Page, key: str) -> str:
    return next(q["sense"] for q in page["quantities"] if q["key"] == key)


def front_table(page: Page) -> Any:
    """Return the front of the most careful rung as a table; parameters that don't fit into a line are left out."""
    rows = _front(page)
    shown = rows[:_MOST]
    heads = _heads([p["path"] for p in page["parameters"]])
    words = {path: [_word(page, path, i) for i in shown] for path in _telling(page, rows)}
    paths = _fitting(words, heads)
    keys = [q for q in page["quantities"] if q["key"] in page["objectives"]]
    keys += [q for q in page["quantities"] if q not in keys][: max(0, 4 - len(keys))]
    lines = [
        [
            page["points"]["id"][i][:8],
            *(words[path][n] for path in paths),
            *(_figure(page, q, i) for q in keys),
        ]
        for n, i in enumerate(shown)
    ]
    more = f", {len(shown)} of {len(rows)} designs" if len(rows) > len(shown) else ""
    hidden = len(words) - len(paths)
    more += f" ({hidden} more parameters differ: see the page)" if hidden else ""
    head = ["design", *(heads[path] for path in paths), *(q["label"] for q in keys)]
    return table(f"Front of rung {page['top']}{more}", head, lines, left=1 + len(paths))


def _heads(paths: Sequence[str]) -> dict[str, str]:
    """Name each path by its last word, or as much more as tells it from the others."""
    found: dict[str, str] = {}
    for path in paths:
        parts = path.split(".")
        tails = [".".join(parts[-n:]) for n in range(1, len(parts) + 1)]
        own = (t for t in tails if sum(other == t or other.endswith(f".{t}") for other in paths) == 1)
        found[path] = next(own, path)
    return found


def _fitting(words: Mapping[str, Sequence[str]], heads: Mapping[str, str]) -> list[str]:
    """Return the paths whose columns fit into a line, the most varied first, in the order of the space."""
    order = sorted(words, key=lambda path: -len(set(words[path])))
    width, kept = len("design") + 4, set[str]()
    for path in order:
        own = max(map(len, (heads[path], *words[path]))) + 2
        if width + own <= _ROOM:
            width += own
            kept.add(path)
    return [path for path in words if path in kept]


def _telling(page: Page, rows: Sequence[int]) -> list[str]:
    """Parameters that differ on the front."""
    column = page["points"]["param"]
    return [p["path"] for p in page["parameters"] if len({str(column[p["path"]][i]) for i in rows}) > 1]


def _equal(page: Page, rows: Sequence[int]) -> list[str]:
    """One line on what all designs of the front have in common."""
    column = page["points"]["param"]
    paths = [p["path"] for p in page["parameters"]]
    same = [path for path in paths if len({str(column[path][i]) for i in rows}) == 1]
    words = [f"{path} = {_word(page, path, rows[0])}" for path in same if column[path][rows[0]] is not None]
    return [f"on the front all have: {', '.join(words)}"] if words else []


def _word(page: Page, path: str, i: int) -> str:
    value = page["points"]["param"][path][i]
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "on" if value else "off"
    unit = next(p["unit"] for p in page["parameters"] if p["path"] == path)
    if isinstance(value, str) or not unit:
        return f"{value:.4g}" if isinstance(value, float) else str(value)
    return format_quantity(float(value), unit)


def _figure(page: Page, quantity: Mapping[str, str], i: int) -> str:
    key = quantity["key"]
    value = page["points"]["values"][key][i]
    if key != "accuracy":
        return amount(value, quantity["unit"])
    if value is None:
        return "not measured"
    low, high = page["points"]["low"][key][i], page["points"]["high"][key][i]
    return f"{100 * value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def _best(page: Page, rows: Sequence[int]) -> list[str]:
    """One line an objective: the best design by it."""
    found: list[str] = []
    for key in page["objectives"]:
        quantity = next((q for q in page["quantities"] if q["key"] == key), None)
        known = [] if quantity is None else [i for i in rows if page["points"]["values"][key][i] is not None]
        if quantity is None or not known:
            continue
        pick = max if quantity["sense"] == "max" else min
        values = page["points"]["values"][key]
        i = pick(known, key=lambda row, values=values: values[row])
        found.append(
            f"best {quantity['label']}: {_figure(page, quantity, i)} with design {page['points']['id'][i][:8]}"
        )
    return found
