"""A run as what a paper needs: tables, figures as data, citations, a methods section, benchmark metrics.

    axbar.report.export("runs/first", to=["latex", "bibtex"], out="paper/")

Formats stand in a table; others come by entry points of the group ``axbar.renderers`` that name a ``Format``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from axbar import registry
from axbar._report import Report
from axbar.errors import UsageError, unknown_name
from axbar.files import write_atomic
from axbar.report._export._format import Format
from axbar.report._export._read import read_record
from axbar.report._export._record import Record

__all__ = ["BUILTIN", "Format", "Record", "export", "formats", "read_record"]

#: name -> module:object, in the order in which they are written
BUILTIN: Mapping[str, str] = {
    "latex": "axbar.report._export.latex:FORMAT",
    "csv": "axbar.report._export.csv:FORMAT",
    "bibtex": "axbar.report._export.bibtex:FORMAT",
    "methods": "axbar.report._export.methods:FORMAT",
    "neurobench": "axbar.report._export.neurobench:FORMAT",
}


def formats() -> dict[str, Format]:
    """Return all formats by name: the built-in ones, then those of installed packages."""
    found: dict[str, Format] = {name: registry.load_target(target) for name, target in BUILTIN.items()}
    for entry in registry.entries("renderers"):
        if entry.origin == "axbar" or entry.name in found:
            continue
        other = registry.get("renderers", entry.name)
        if isinstance(other, Format):
            found[entry.name] = other
    return found


def export(
    source: Report | Record | str | os.PathLike[str],
    to: str | Sequence[str] = tuple(BUILTIN),
    out: str | os.PathLike[str] | None = None,
) -> dict[str, str]:
    """Return a run in other forms, and write them where a folder is given.

    Args:
        source: a report, the folder of a run, its ``report.json``, or a saved ``axbar estimate --json``.
        to: names of formats; all built-in ones unless told.
        out: folder to write to; every text is made before the first is written.

    Returns:
        Format -> text.

    Raises:
        UsageError: a format is unknown (with the closest name).
        DataError: the source holds no run, or one of another version of axbar.
    """
    known = formats()
    names = [to] if isinstance(to, str) else list(to)
    for name in names:
        if name not in known:
            raise UsageError(unknown_name("export format", name, known))
    if not names:
        raise UsageError(f"no export format is given; allowed are {', '.join(known)}.")
    record = source if isinstance(source, Record) else read_record(source)
    texts = {name: known[name].render(record) for name in dict.fromkeys(names)}
    if out is not None:
        for name, text in texts.items():
            write_atomic(Path(out) / known[name].file, text)
    return texts
