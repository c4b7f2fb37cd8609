"""Plain text and the terminal: the same tables, to a string or to the screen."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from axbar._report import Report
from axbar.report._tables import estimate_blocks, report_blocks, sweep_blocks, workload_blocks

if TYPE_CHECKING:
    from rich.console import Console

    from axbar.cost import Bottlenecks, Estimate

__all__ = ["estimate_text", "plain", "report_text", "show", "sweep_text", "to_terminal", "workload_table"]

#: columns of plain text; wide enough for nine figures and a layer name
_WIDTH = 120


def report_text(report: Report) -> str:
    """Return the report as plain text tables."""
    return plain(report_blocks(report))


def estimate_text(estimate: Estimate, spec: Any = None, bottlenecks: Bottlenecks | None = None) -> str:
    """Return the first point of an estimate as plain text tables; ``spec`` names the chip."""
    return plain(estimate_blocks(estimate, spec, bottlenecks))


def sweep_text(estimate: Estimate) -> str:
    """Return a sweep as a plain text table: one line per point, then the best ones."""
    return plain(sweep_blocks(estimate))


def workload_table(workload: Any) -> str:
    """Return the layers of a ``Workload`` as a plain text table."""
    return plain(workload_blocks(workload))


def show(report: Report) -> None:
    """Write the tables to the terminal in its width, or to a pipe in the width of plain text."""
    to_terminal(lambda wide: report_blocks(report, wide=wide))


def to_terminal(blocks: Callable[[bool], Sequence[Any]]) -> None:
    """Write blocks to the terminal; ``blocks(wide)`` is told whether there are 100 columns or more."""
    from rich.console import Console

    console = Console(highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = _WIDTH
    _write(blocks(console.width >= 100), console)


def plain(blocks: Sequence[Any]) -> str:
    """Return blocks as plain text."""
    from rich.console import Console

    text = io.StringIO()
    console = Console(
        file=text, width=_WIDTH, color_system=None, force_terminal=False, highlight=False, emoji=False
    )
    _write(blocks, console)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def _write(blocks: Sequence[Any], console: Console) -> None:
    for block in blocks:
        console.print(block, markup=False)
