"""What a search shows while it runs: a bar for each rung with the time that is left, and the front so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from axbar.cli._common import quiet

if TYPE_CHECKING:
    from axbar.search.study import Study

__all__ = ["live_view"]

Tell = Callable[[str, int, int], None]
Watch = Callable[["Study"], None]


@contextmanager
def live_view(json_output: bool) -> Iterator[tuple[Tell | None, Watch | None]]:
    """Give ``progress`` and ``watch`` for ``explore``; None each when nobody watches."""
    if quiet(json_output):
        yield None, None
        return
    from rich.console import Console, Group
    from rich.live import Live
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from axbar.report.exploration_text import front_table

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description:<8}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=console,
    )  # fmt: skip
    shown: list[Any] = [bar]
    with Live(Group(*shown), console=console, transient=True, refresh_per_second=4) as live:
        tasks: dict[str, Any] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)

        def watch(study: Study) -> None:
            page = study.front_page()
            live.update(Group(bar, front_table(page)) if any(page["points"]["front"]) else Group(bar))

        yield tell, watch
