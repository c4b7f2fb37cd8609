"""What a worker does with a batch: open the function and the tasks, run them one by one, send back bytes."""

from __future__ import annotations

import contextlib
import importlib.util
import random
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from axbar.errors import AxbarError
from axbar.search.work.identity import differing, facts
from axbar.search.work.one_task import Function, OneThread, one_line, run_task
from axbar.search.work.outcomes import not_shared
from axbar.search.work.packing import Opened, library

__all__ = ["Answer", "Parcel", "run_batch"]


@dataclass(frozen=True)
class Parcel:
    """A batch on its way to a worker.

    Attributes:
        function: name of the packed function, a shared object too.
        tasks: packed.
        names: of all objects that the tasks may load.
        identity: of the driver's software, which the worker's must equal; None where it can't differ.
    """

    function: str
    tasks: tuple[bytes, ...]
    names: frozenset[str]
    identity: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Answer:
    """What a worker sends back.

    Attributes:
        worker: its name.
        done: packed value or sentence of failure of the first tasks of the batch; all of them unless ``missing``.
        missing: name of an object that the next task loads and that did not travel with the batch.
        refusal: why the worker can't serve at all.
    """

    worker: str
    done: tuple[bytes | str, ...] = ()
    missing: str = ""
    refusal: str = ""


class _Missing(BaseException):
    """A shared object has to be fetched; no error, so that no task takes it for one."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def run_batch(parcel: Parcel, names: tuple[str, ...], *data: bytes) -> Answer:
    """Run a batch in a worker.

    Args:
        names: of the shared objects that travel with it, the function among them.
        data: their bytes.
    """
    with _process().busy, contextlib.redirect_stdout(sys.stderr):  # stdout is the driver's
        return _run(parcel, dict(zip(names, data, strict=True)))


def _run(parcel: Parcel, data: Mapping[str, bytes]) -> Answer:
    process, worker = _process(), _worker_name()
    if parcel.identity is not None and (other := differing(parcel.identity, facts())):
        return Answer(worker, refusal=other)
    try:
        function: Function = process.opened.get(parcel.function, data)
        settled = process.one_thread()
    except Exception as error:
        return Answer(worker, refusal=f"it can't open the function to run: {one_line(error)}")

    def load(name: str) -> Any:
        if name not in parcel.names:
            raise not_shared(name)
        if name not in process.opened and name not in data:
            raise _Missing(name)
        return process.opened.get(name, data)

    done: list[bytes | str] = []
    for task in parcel.tasks:
        try:
            done.append(run_task(function, task, load, settled))
        except _Missing as wanted:
            return Answer(worker, tuple(done), missing=wanted.name)
        except BaseException as error:  # an answer must come, whatever a user's code raises
            done.append(one_line(error))
    return Answer(worker, tuple(done))


class _Process:
    """What a worker process keeps from batch to batch."""

    def __init__(self) -> None:
        self.opened = Opened()
        self.busy = threading.Lock()  # random numbers and thread counts are those of the process
        self._settled: OneThread | None = None
        _dice_of_its_own()

    def one_thread(self) -> OneThread:
        """Return the settler, made once; it imports torch."""
        self._settled = self._settled or OneThread()
        return self._settled


def _dice_of_its_own() -> None:
    """Let Dask's threads draw from another generator than Python's, of which a task draws at the same time."""
    assert random.__spec__ is not None and random.__spec__.loader is not None
    other = importlib.util.module_from_spec(random.__spec__)
    random.__spec__.loader.exec_module(other)
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in ("dask", "distributed", "tornado"):
            for key, held in list(vars(module).items()):
                if held is random or held is random.randint:
                    setattr(module, key, other if held is random else other.randint)


@cache
def _process() -> _Process:
    return _Process()


def _worker_name() -> str:
    try:
        return str(library("distributed").get_worker().name)
    except (AxbarError, ValueError):  # called outside of a worker
        return ""
