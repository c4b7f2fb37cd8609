"""Plain text and the terminal: the same tables, to a string or to the screen."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from axbar._report import Report
from axbar.report._tables import estimate_blocks, report_blocks, sweep_blocks, workload_blocks

if TYPE_CHECKING:
    from rich.console import Console

    from axbar.cost import Bottlenecks, Estimate

__all__ = ["estimate_text", "report_text", "show", "sweep_text", "workload_table"]

#: columns of plain text; wide enough for nine figures and a layer name
_WIDTH = 120


def report_text(report: Report) -> str:
    """Return the report as plain text tables."""
    return _plain(report_blocks(report))


def estimate_text(estimate: Estimate, spec: Any = None, bottlenecks: Bottlenecks | None = None) -> str:
    """Return the first point of an estimate as plain text tables; ``spec`` names the chip."""
    return _plain(estimate_blocks(estimate, spec, bottlenecks))


def sweep_text(estimate: Estimate) -> str:
    """Return a sweep as a plain text table: one line per point, then the best ones."""
    return _plain(sweep_blocks(estimate))


def workload_table(workload: Any) -> str:
    """Return the layers of a ``Workload`` as a plain text table."""
    return _plain(workload_blocks(workload))


def show(report: Report) -> None:
    """Write the tables to the terminal in its width, or to a pipe in the width of plain text."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH
    _write(report_blocks(report, wide=console.width >= 100), console)


def _plain(blocks: Sequence[Any]) -> str:
    from rich.console import Console

    text = io.StringIO()
    _write(blocks, Console(file=text, width=_WIDTH, color_system=None, force_terminal=False, highlight=False))
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def _write(blocks: Sequence[Any], console: Console) -> None:
    for block in blocks:
        console.print(block, markup=False)
