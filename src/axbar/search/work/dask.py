"""Tasks on Dask workers: at most two batches a worker under way, so that the driver's memory does not grow with the
number of tasks, and shared objects sent only where a batch loads them."""

from __future__ import annotations

import queue
import uuid
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any, Protocol

from axbar.errors import AxbarError
from axbar.search.work.on_worker import Answer, Parcel, run_batch
from axbar.search.work.one_task import Function, one_line
from axbar.search.work.outcomes import Batch, Outcome, after_death, batches, check_batch
from axbar.search.work.packing import library, pack, packed, unpacked, user_modules

__all__ = ["DaskExecutor", "Workers"]

#: batches under way for each worker: one runs, the next is there already
_AHEAD = 2

#: s between two looks at whether the workers still live
_LOOK_S = 1.0


class Workers(Protocol):
    """Who runs the batches."""

    def slots(self) -> int: ...
    def check(self) -> None: ...
    def last_end(self, name: str) -> str: ...


class DaskExecutor:
    """Runs batches by a client of Dask.

    Args:
        client: of Dask.
        workers: who runs them.
        identity: of the software that workers must have; None where it can't differ.
    """

    def __init__(self, client: Any, workers: Workers, identity: Mapping[str, str] | None = None) -> None:
        self.client, self.workers, self.identity = client, workers, identity
        self._sent: dict[str, Any] = {}

    def run(
        self, function: Function, tasks: Sequence[Any], shared: Mapping[str, bytes], batch: int
    ) -> Iterator[Outcome]:
        """See ``Executor.run``."""
        check_batch(batch)
        return self._outcomes(function, tasks, shared, batch)

    def _outcomes(
        self, function: Function, tasks: Sequence[Any], shared: Mapping[str, bytes], size: int
    ) -> Iterator[Outcome]:
        if not tasks:
            return
        name, data = pack(function)
        self.forget_but({*shared, name})
        run = _Run(self, name, tasks, {**shared, name: data}, batches(len(tasks), size))
        try:
            while run.launch():
                yield from run.landed()
        finally:
            run.cancel()

    def sent(self, name: str, data: bytes) -> Any:
        """Return Dask's future of a shared object; the scheduler holds its bytes, so no worker's death loses it."""
        if name not in self._sent or self._sent[name].status not in ("pending", "finished"):
            key = f"axbar-shared-{name[:12]}-{uuid.uuid4().hex}"
            self._sent[name] = self.client.submit(bytes, data, key=key)
        return self._sent[name]

    def forget_but(self, names: set[str]) -> None:
        """Let workers drop what is not needed any more."""
        for name in set(self._sent) - names:
            del self._sent[name]

    def close(self) -> None:
        """Let all shared objects go; the client belongs to who made it."""
        self._sent.clear()


class _Run:
    """The state of one run: what waits, what is under way."""

    def __init__(
        self,
        owner: DaskExecutor,
        function: str,
        tasks: Sequence[Any],
        shared: Mapping[str, bytes],
        waiting: Iterator[Batch],
    ) -> None:
        self._owner, self._function, self._tasks, self._shared = owner, function, tasks, shared
        self._marks = {name: name.encode() for name in shared}
        self._names = frozenset(shared)
        self._waiting = waiting
        self._again: deque[Batch] = deque()
        self._suspects: deque[Batch] = deque()
        self._flying: dict[str, tuple[Batch, Any]] = {}
        self._done: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._failed: list[Outcome] = []
        self._modules: tuple[ModuleType, ...] = user_modules()
        self._id = uuid.uuid4().hex
        self._count = 0
        self._killed: type[Exception] = library("distributed").KilledWorker

    def launch(self) -> bool:
        """Send what may be under way now; return whether anything is still to come."""
        most = _AHEAD * self._owner.workers.slots()
        while len(self._flying) < most and not self._one_alone():
            batch = self._again.popleft() if self._again else next(self._waiting, None)
            if batch is None:
                break
            self._send(batch)
        if not self._flying and self._suspects:
            self._send(self._suspects.popleft())
        return bool(self._flying or self._failed)

    def _one_alone(self) -> bool:
        return any(batch.alone for batch, _ in self._flying.values())

    def _send(self, batch: Batch) -> None:
        """Pack a batch and submit it; tasks that can't be packed fail here."""
        parts: dict[int, bytes] = {}
        for index in batch.indices:
            try:
                parts[index] = packed(self._tasks[index], self._modules)
            except AxbarError as error:
                self._failed.append(Outcome(index, failure=str(error)))
        if not parts:
            return
        batch = replace(batch, indices=tuple(parts), needs=batch.needs | self._named(parts.values()))
        parcel = Parcel(
            self._function, tuple(parts.values()), self._names - {self._function}, self._owner.identity
        )
        needs = tuple(sorted(batch.needs | {self._function}))
        data = [self._owner.sent(name, self._shared[name]) for name in needs]
        key = f"axbar-{self._id}-{self._count}"
        self._count += 1
        future = self._owner.client.submit(run_batch, parcel, needs, *data, key=key, pure=False)
        self._flying[key] = batch, future
        future.add_done_callback(self._note)

    def _note(self, future: Any) -> None:
        self._done.put(future.key)

    def _named(self, parts: Any) -> frozenset[str]:
        """Return the shared objects that packed tasks name; what they load besides is fetched when they do."""
        return frozenset(name for name, mark in self._marks.items() if any(mark in part for part in parts))

    def landed(self) -> Iterator[Outcome]:
        """Wait for a batch and yield what came of it."""
        failed, self._failed = self._failed, []
        yield from failed
        if not self._flying:
            return
        try:
            key = self._done.get(timeout=_LOOK_S)
        except queue.Empty:
            self._owner.workers.check()
            return
        landed = [self._flying.pop(key)]
        while not self._done.empty():
            landed.append(self._flying.pop(self._done.get()))
        for (batch, future), answer in zip(
            landed, self._answers([future for _, future in landed]), strict=True
        ):
            yield from self._opened(batch, future.key, answer)

    def _answers(self, futures: list[Any]) -> list[Answer | Exception]:
        """Fetch what workers sent back, or why nothing came, with one question for all."""
        try:
            return self._owner.client.gather(futures)
        except Exception:  # of one of them
            return [_answer(future) for future in futures]

    def _opened(self, batch: Batch, key: str, answer: Answer | Exception) -> Iterator[Outcome]:
        if isinstance(answer, self._killed):
            yield from self._after_death(batch, key, answer)
            return
        if isinstance(answer, Exception):
            self._owner.workers.check()
            raise AxbarError(
                f"Dask lost a batch ({one_line(answer)}); run the same again, which goes on from there."
            ) from answer
        if answer.refusal:
            raise AxbarError(
                f"worker {answer.worker} can't serve: {answer.refusal}; install the same on all machines."
            )
        for index, done in zip(batch.indices, answer.done, strict=False):
            yield _outcome(index, done, answer.worker)
        if answer.missing:
            rest = batch.indices[len(answer.done) :]
            self._put_back(replace(batch, indices=rest, needs=batch.needs | {answer.missing}))

    def _after_death(self, batch: Batch, key: str, error: Any) -> Iterator[Outcome]:
        if error.task != key:  # the worker died while it fetched a shared object
            self._put_back(batch)
            return
        again = after_death(batch, error.allowed_failures + 1)
        for part in again:
            self._put_back(part)
        if not again:
            self._owner.workers.check()
            end = self._owner.workers.last_end(str(error.last_worker.name))
            yield Outcome(
                batch.indices[0],
                failure=f"it ended every worker that ran it, also with nothing beside it{end}; look for a crash or too "
                "much memory in what it runs.",
            )

    def _put_back(self, batch: Batch) -> None:
        (self._suspects if batch.alone else self._again).append(batch)

    def cancel(self) -> None:
        """Let what is under way go, which the scheduler then drops; waits for nobody, so that Ctrl-C ends at once."""
        futures = [future for _, future in self._flying.values()]
        self._flying.clear()
        for future in futures:
            future.release()


def _answer(future: Any) -> Answer | Exception:
    try:
        return future.result()
    except Exception as error:
        return error


def _outcome(index: int, done: bytes | str, worker: str) -> Outcome:
    if isinstance(done, str):
        return Outcome(index, failure=done, worker=worker)
    try:
        return Outcome(index, unpacked(done), worker=worker)
    except Exception as error:
        return Outcome(index, failure=f"its value can't be opened: {one_line(error)}", worker=worker)
