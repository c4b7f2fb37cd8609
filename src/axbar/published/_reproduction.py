"""What a reproduction prints: the paper's figure, ours, the scale, and the reason for the gap."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from axbar.files import write_atomic

__all__ = ["Claim", "Reproduction", "kept", "write_study"]


@dataclass(frozen=True)
class Claim:
    """One published statement beside what was measured here.

    Args:
        what: the statement in words.
        paper: the published figure, as text with its unit.
        ours: the figure measured here, as text with its unit.
        confidence: how well the published figure is known (full text, abstract, notes, memory).
        agrees: whether ours supports the statement.
        gap: the reason for the difference.
    """

    what: str
    paper: str
    ours: str
    confidence: str
    agrees: bool
    gap: str


@dataclass(frozen=True)
class Reproduction:
    """One study: its claims, the table behind them and how it was run."""

    name: str
    source: str
    scale: str
    seeds: tuple[int, ...]
    claims: tuple[Claim, ...]
    rows: tuple[Mapping[str, Any], ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)

    def text(self) -> str:
        """Return the study as plain text."""
        lines = [
            f"{self.name}: {self.source}",
            f"scale: {self.scale}; seeds: {', '.join(map(str, self.seeds))}",
        ]
        lines += [f"{key}: {value}" for key, value in self.settings.items()]
        if self.rows:
            lines += ["", *_table(self.rows)]
        for claim in self.claims:
            lines += ["", f"{'agrees' if claim.agrees else 'DIFFERS'}: {claim.what}"]
            lines += [f"  paper ({claim.confidence}): {claim.paper}", f"  ours: {claim.ours}"]
            lines.append(f"  gap: {claim.gap}")
        return "\n".join(lines)


def write_study(folder: Path, *, table: str, figure: str, results: Any = None) -> dict[str, str]:
    """Write what a study leaves behind: ``table.md``, ``figure.svg`` and, where given, ``results.json``.

    Args:
        folder: of the study; made where there is none.
        table: Markdown.
        figure: SVG.
        results: figures behind both, as plain values.

    Returns:
        Where table and figure lie, for ``Reproduction.settings``.

    Raises:
        AxbarError: the folder can't be made or written.
    """
    if results is not None:
        write_atomic(folder / "results.json", json.dumps(results, indent=1, ensure_ascii=False))
    written = {"table": folder / "table.md", "figure": folder / "figure.svg"}
    for what, text in (("table", table), ("figure", figure)):
        write_atomic(written[what], text)
    return {what: str(file) for what, file in written.items()}


def kept(file: Path, settings: Mapping[str, Any], work: Callable[[], Any]) -> Any:
    """Return what an earlier call with the same settings left in ``file``, or do the work and leave it there.

    Args:
        file: JSON.
        settings: on which the result depends, as plain values.
        work: returns plain values.
    """
    asked = json.loads(json.dumps(settings))
    if file.exists():
        stored = json.loads(file.read_text(encoding="utf-8"))
        if stored["settings"] == asked:
            return stored["found"]
    found = json.loads(json.dumps(work()))
    write_atomic(file, json.dumps({"settings": asked, "found": found}, indent=1))
    return found


def _table(rows: tuple[Mapping[str, Any], ...]) -> list[str]:
    heads = list(rows[0])
    cells = [heads, *([_cell(row[head]) for head in heads] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(heads))]
    return ["  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)) for line in cells]


def _cell(value: Any) -> str:
    if value is None or value != value:  # not run, or no number as the spread of one seed
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
