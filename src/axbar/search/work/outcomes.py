"""What came of a task, and who is asked again when a worker died.

Dask says that a worker died with some batches on it, not which of them did it. So a batch is done again; one that had
two deaths is split into its tasks; a task that had one is run with nothing beside it, and is given up when its worker
dies still and three had it. A batch that merely shared a worker with a poison task loses time, never a result.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from axbar.errors import AxbarError, UsageError, is_whole

__all__ = ["Batch", "Outcome", "after_death", "batches", "check_batch", "not_shared"]

#: workers that a batch may lose before it is split, and that a task may lose alone before it is given up
_SPLIT, _GIVE_UP = 2, 3


@dataclass(frozen=True)
class Outcome:
    """What came of one task.

    Attributes:
        index: of the task.
        value: what the function returned.
        failure: the sentence of what went wrong, None if nothing did.
        worker: which ran it; empty for this process. The only part that depends on who ran it.
    """

    index: int
    value: Any = None
    failure: str | None = None
    worker: str = ""


@dataclass(frozen=True)
class Batch:
    """Tasks that travel together.

    Attributes:
        indices: of the tasks.
        needs: names of shared objects that the tasks are known to load.
        deaths: workers that died with it.
        alone: nothing may run beside it, so that a death is its own.
    """

    indices: tuple[int, ...]
    needs: frozenset[str] = frozenset()
    deaths: int = 0
    alone: bool = False


def batches(count: int, size: int) -> Iterator[Batch]:
    """Yield ``count`` tasks in order, ``size`` a batch.

    >>> [batch.indices for batch in batches(5, 2)]
    [(0, 1), (2, 3), (4,)]
    """
    for first in range(0, count, size):
        yield Batch(tuple(range(first, min(first + size, count))))


def after_death(batch: Batch, workers: int) -> tuple[Batch, ...]:
    """Return what is to be done again after ``workers`` more died with a batch; nothing: its task is given up."""
    deaths = batch.deaths + workers
    if len(batch.indices) > 1:
        if deaths < _SPLIT:
            return (replace(batch, deaths=deaths),)
        return tuple(Batch((index,), batch.needs) for index in batch.indices)
    if not batch.alone:
        return (replace(batch, alone=True, deaths=deaths),)
    return (replace(batch, deaths=deaths),) if deaths < _GIVE_UP else ()


def check_batch(size: object) -> None:
    """Refuse a size of batches that is none.

    Raises:
        UsageError: it is not a whole number from 1.
    """
    if not is_whole(size, 1):
        raise UsageError(
            f"batch is {size!r}; give the number of tasks that travel together, a whole number from 1."
        )


def not_shared(name: str) -> AxbarError:
    """Return the error of a task that loads what was not shared."""
    return AxbarError(
        f"a task loads '{name}', which is not among the shared objects of the run; share it too."
    )
