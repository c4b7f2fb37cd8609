"""A Dask scheduler that runs somewhere, with workers that others started."""

from __future__ import annotations

import asyncio
import pickle
import socket
import time
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from axbar.errors import AxbarError, UsageError
from axbar.search.work import identity
from axbar.search.work.one_task import one_line
from axbar.search.work.packing import by_value
from axbar.search.work.quiet import quiet

__all__ = ["Running", "running"]

#: s to reach a machine, to be greeted by its scheduler, and for a first worker to be there
_REACH_S, _GREET_S, _WORKER_S = 4.0, 4.0, 5.0

#: s without any worker after which a run is given up; workers of a queue may come and go
_NO_WORKER_S = 120.0

#: s between two questions for the workers
_ASK_S = 5.0


class Running:
    """What is known of the workers of a running scheduler.

    Args:
        client: of Dask.
        address: of the scheduler, for messages.
    """

    def __init__(self, client: Any, address: str) -> None:
        self._client, self._address = client, address
        self._asked_s = self._served_s = time.monotonic()
        self._slots = len(client.nthreads())

    def slots(self) -> int:
        """Return how many batches can run at once."""
        self.check()
        return max(self._slots, 1)

    def check(self) -> None:
        """Raise AxbarError if the scheduler is gone or has had no workers for long."""
        now_s = time.monotonic()
        if now_s - self._asked_s >= _ASK_S:
            self._asked_s = now_s
            try:
                self._slots = len(self._client.nthreads())
            except Exception as error:
                raise self.gone() from error
        if self._slots:
            self._served_s = now_s
        elif now_s - self._served_s > _NO_WORKER_S:
            raise AxbarError(
                f"the scheduler at {self._address} has had no workers for {_NO_WORKER_S:g} s; {_start(self._address)}, "
                "and run the same again."
            )

    def gone(self) -> AxbarError:
        """Return the error of a scheduler that went away."""
        return AxbarError(
            f"the scheduler at {self._address} went away; start it ('dask scheduler') and its workers again, and run "
            "the same again."
        )

    def last_end(self, name: str) -> str:
        """How workers elsewhere ended is not known."""
        return ""


@contextmanager
def running(address: str) -> Generator[tuple[Any, Running, Mapping[str, str]]]:
    """Connect to a scheduler; gives Dask's client, its workers and the identity that they share with this process.

    Raises:
        UsageError: the address is none.
        AxbarError: nothing answers within 10 s, there are no workers, or they run other software.
    """
    reach = _parsed(address)
    with ExitStack() as stack:
        distributed = stack.enter_context(quiet({}))
        _knock(address, *reach)
        try:
            with ThreadPoolExecutor(1) as beside:  # a notebook runs a loop in this thread
                beside.submit(asyncio.run, _greet(distributed, address)).result()
            client = distributed.Client(address, timeout=_GREET_S, set_as_default=False)
        except Exception as error:
            raise _unreachable(address, "what answers there is no Dask scheduler") from error
        stack.callback(_closed, client)
        mine = identity.facts()
        _check(client, address, mine)
        yield client, Running(client, address), mine


def _parsed(address: str) -> tuple[str, int]:
    with suppress(ValueError):
        parts = urlsplit(address)
        if parts.scheme in ("tcp", "tls") and parts.hostname and parts.port and not parts.path:
            return parts.hostname, parts.port
    raise UsageError(
        f"'{address}' is no address of a scheduler; write tcp://HOST:PORT, as 'dask scheduler' prints it."
    )


def _knock(address: str, host: str, port: int) -> None:
    """Find out quickly and quietly whether anything answers."""
    try:
        socket.create_connection((host, port), timeout=_REACH_S).close()
    except TimeoutError as error:
        raise _unreachable(address, f"no answer within {_REACH_S:g} s") from error
    except OSError as error:
        raise _unreachable(address, (error.strerror or str(error)).lower()) from error


async def _greet(distributed: Any, address: str) -> None:
    """Ask who answers; Dask's client would wait for ever for one that says nothing."""
    secret = distributed.Security().get_connection_args("client")
    async with asyncio.timeout(_GREET_S):
        comm = await distributed.comm.connect(address, timeout=_GREET_S, **secret)
        try:
            await comm.write({"op": "identity", "reply": True})
            if "workers" not in await comm.read():
                raise ValueError("no scheduler")
        finally:
            comm.abort()


def _unreachable(address: str, why: str) -> AxbarError:
    return AxbarError(
        f"can't reach a scheduler at {address}: {why}; start one with 'dask scheduler' and workers with "
        f"'dask worker {address} --nthreads 1', or leave the scheduler out."
    )


def _start(address: str) -> str:
    return f"start some with 'dask worker {address} --nthreads 1 --nworkers N'"


def _check(client: Any, address: str, mine: Mapping[str, str]) -> None:
    """Refuse a scheduler without workers, and workers that would compute otherwise."""
    give_up_s = time.monotonic() + _WORKER_S
    while not (threads := client.nthreads()):
        if time.monotonic() > give_up_s:
            raise AxbarError(f"the scheduler at {address} has no workers; {_start(address)}.")
        time.sleep(0.1)
    for worker, count in threads.items():
        if count != 1:
            raise AxbarError(
                f"worker {worker} runs {count} tasks at once in one process, which share thread counts and random "
                f"numbers; {_start(address)}."
            )
    with by_value((identity,)) as cloudpickle:
        question = cloudpickle.dumps(identity.Facts())
    try:
        # by a function that every Python has, with or without axbar
        there: dict[str, Any] = client.run(pickle.loads, question, on_error="return")
    except Exception as error:
        raise AxbarError(f"the workers of {address} don't answer: {one_line(error)}") from error
    for worker, found in there.items():
        other = one_line(found) if isinstance(found, BaseException) else identity.differing(mine, found)
        if other:
            raise AxbarError(f"worker {worker} can't serve: {other}; install the same on all machines.")


def _closed(client: Any) -> None:
    with suppress(Exception):
        client.close(timeout=5)
