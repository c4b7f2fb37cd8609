"""One export format: a name, a file, and a pure function from a record to text.

A third party adds one by an entry point of the group ``axbar.renderers`` that names a ``Format``; it then stands
beside the built-in ones in ``axbar export --to``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

from axbar._report import Report
from axbar.errors import AxbarError
from axbar.report._export._read import read_record
from axbar.report._export._record import Record

__all__ = ["Format"]


@dataclass(frozen=True)
class Format:
    """One way to export a run.

    Args:
        name: as in ``--to``.
        file: name of the file, without a folder.
        summary: one line.
        render: ``render(record) -> text``.
    """

    name: str
    file: str
    summary: str
    render: Callable[[Record], str]

    def __post_init__(self) -> None:
        if PurePath(self.file).name != self.file:
            raise AxbarError(
                f"the export format '{self.name}' names the file '{self.file}': leave out the folder."
            )

    def __call__(self, report: Report) -> str:
        """Render a report, so that a format also serves as one of ``Report.render``."""
        return self.render(read_record(report))
