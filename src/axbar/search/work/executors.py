"""Who runs the tasks of a study: this process, worker processes on this machine, or the workers of a Dask scheduler.

A task is a pure function of its own description and of objects shared by content hash, and runs with one thread and
settled random numbers, so that the outcomes are the same bit for bit whoever runs it, on processors of one kind
(others may round sums differently). Batches are ``tasks[i * batch : (i + 1) * batch]``, whatever the number of workers.
A worker that dies costs time, never a result: its batches are done again, and a task that ends every worker becomes a
failed outcome. Workers here need no dashboard, have no memory limit, and end with the process that started them.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from axbar.errors import UsageError, is_whole
from axbar.search.work.dask import DaskExecutor
from axbar.search.work.local import local
from axbar.search.work.one_task import Function, Load
from axbar.search.work.outcomes import Outcome
from axbar.search.work.packing import pack
from axbar.search.work.running import running
from axbar.search.work.serial import Serial

__all__ = ["Executor", "Function", "Load", "Outcome", "executor", "pack"]


class Executor(Protocol):
    """Runs tasks."""

    def run(
        self, function: Function, tasks: Sequence[Any], shared: Mapping[str, bytes], batch: int
    ) -> Iterator[Outcome]:
        """Yield what comes of each task as it is done, in any order, each index exactly once.

        A task that raises, or ends its worker every time, gives an outcome with a failure. A caller that stops early
        takes back what is under way.

        Args:
            function: ``function(task, load)``; ``load(name)`` returns a shared object, opened once a process: a task
                that changes it must copy it first.
            tasks: anything that ``pack`` can pack.
            shared: name of each object that tasks load, to its bytes, as ``pack`` gives them.
            batch: tasks that travel together.

        Raises:
            UsageError: ``batch`` is no whole number from 1.
            AxbarError: there is nobody left to run them; what was yielded before holds.
        """
        ...

    def close(self) -> None:
        """Let go of what is held; a second call does nothing."""
        ...


def executor(workers: int = 0, scheduler: str | None = None) -> AbstractContextManager[Executor]:
    """Return a context in which tasks can be run.

    Args:
        workers: processes on this machine; 0 runs in this process.
        scheduler: address of a running Dask scheduler, ``tcp://HOST:PORT``, whose workers are used instead.

    Raises:
        UsageError: neither a number of workers nor an address, or both.
        AxbarError: (on entering) no scheduler answers within 10 s, its workers run other software, or none starts.

    >>> name, data = pack(3)
    >>> with executor() as here:
    ...     [done.value for done in here.run(lambda task, load: task * load(name), [1, 2], {name: data}, batch=1)]
    [3, 6]
    """
    if not is_whole(workers, 0):
        raise UsageError(f"workers is {workers!r}; give a whole number of processes, or 0 for this process.")
    if scheduler is not None and workers:
        raise UsageError(
            f"both {workers} workers and the scheduler '{scheduler}' are given; give one of them: the scheduler has "
            "workers of its own."
        )
    return _executor(int(workers), scheduler)


@contextmanager
def _executor(workers: int, scheduler: str | None) -> Generator[Executor]:
    if scheduler is not None:
        with running(scheduler) as (client, others, identity):
            yield from _closing(DaskExecutor(client, others, identity))
    elif workers:
        with local(workers) as (client, processes):
            yield from _closing(DaskExecutor(client, processes))
    else:
        yield Serial()


def _closing(made: DaskExecutor) -> Generator[Executor]:
    try:
        yield made
    finally:
        made.close()
