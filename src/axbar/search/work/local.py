"""Workers on this machine: one process each, under a Dask scheduler in the driver.

Dask's own nannies start workers by multiprocessing, which runs the driver's main script again in each of them, so a
script without ``if __name__ == "__main__"`` would start workers that start workers. These are started as programs, are
told what they need by a pipe, and end when it closes.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from axbar.errors import AxbarError
from axbar.search.work.quiet import quiet

__all__ = ["Local", "local"]

#: starts in a row that may fail before it is called hopeless
_STARTS = 3

#: s that the first worker may take; imports from a slow network disk take tens of seconds
_START_S = 180.0

_PROGRAM = (
    "import json, sys; settings = json.loads(sys.stdin.buffer.readline()); sys.path[:] = settings['path']; "
    "from axbar.search.work.worker import work; work(settings)"
)

_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)


class Local:
    """Keeps ``count`` worker processes alive.

    Args:
        count: of workers.
        address: of the scheduler that they serve.
        folder: for their files.
    """

    def __init__(self, count: int, address: str, folder: Path) -> None:
        self._address, self._folder = address, folder
        self._mutex = threading.Lock()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._ends: dict[str, int] = {}
        self._closed = False
        self._broken = ""
        self._ready = threading.Event()
        self._keepers = [
            threading.Thread(target=self._keep, args=(f"worker-{i}",), daemon=True) for i in range(count)
        ]
        for keeper in self._keepers:
            keeper.start()

    def wait(self) -> None:
        """Return when the first worker serves.

        Raises:
            AxbarError: none starts.
        """
        if not self._ready.wait(_START_S):
            raise AxbarError(f"no worker process started within {_START_S:g} s; run with 0 workers.")
        self.check()

    def check(self) -> None:
        """Raise AxbarError if workers can't be started any more."""
        if self._broken:
            raise AxbarError(self._broken)

    def slots(self) -> int:
        """Return how many batches can run at once."""
        return len(self._keepers)

    def last_end(self, name: str) -> str:
        """Return how a worker of a name ended the last time, in words that follow on a clause."""
        code = self._ends.get(name)
        if code is None:
            return ""
        if code >= 0:
            return f", the last with exit code {code}"
        killed = ", as the system does when memory runs out" if -code == getattr(signal, "SIGKILL", 9) else ""
        return f", the last by {signal.Signals(-code).name}{killed}"

    def pids(self) -> tuple[int, ...]:
        """Return the process numbers of the workers that run now."""
        with self._mutex:
            return tuple(process.pid for process in self._processes.values() if process.poll() is None)

    def close(self) -> None:
        """End all workers at once; what they were doing is lost."""
        with self._mutex:
            self._closed = True
            for process in self._processes.values():
                process.kill()
        for keeper in self._keepers:
            keeper.join()

    def _keep(self, name: str) -> None:
        """Start a worker again whenever it ended."""
        failed = 0
        while (process := self._started(name)) is not None:
            assert process.stdout is not None and process.stdin is not None
            ready = process.stdout.readline() == b"ready\n"
            if ready:
                self._ready.set()
            code = process.wait()
            process.stdout.close()
            with suppress(OSError):
                process.stdin.close()
            self._ends[name] = code
            failed = 0 if ready else failed + 1
            if failed == _STARTS and not self._closed:
                self._broken = (
                    f"workers can't be started: the process of one ends with code {code}{self._words(name)}."
                )
                self._ready.set()
                return

    def _started(self, name: str) -> subprocess.Popen[bytes] | None:
        """Return the new process of a worker; None when all is closed."""
        folder = self._folder / name
        with self._mutex:
            if self._closed:
                return None
            folder.mkdir(exist_ok=True)
            with self._log(name).open("wb") as log:
                process = subprocess.Popen(
                    [sys.executable, "-P", "-W", "ignore", "-c", _PROGRAM],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env={**os.environ, **_ONE_THREAD},
                )
            self._processes[name] = process
        settings = {"address": self._address, "name": name, "folder": str(folder), "path": _search_path()}
        assert process.stdin is not None
        with suppress(OSError):  # it ended already, which is seen next
            process.stdin.write(json.dumps(settings).encode() + b"\n")
            process.stdin.flush()
        return process

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _words(self, name: str) -> str:
        """Return the last line that a worker wrote."""
        with suppress(OSError):
            lines = self._log(name).read_text(errors="replace").split("\n")
            if written := [line.strip() for line in lines if line.strip()]:
                return f" and says '{written[-1]}'"
        return ""


@contextmanager
def local(count: int) -> Generator[tuple[Any, Local]]:
    """Run a scheduler and workers on this machine; gives Dask's client and the keeper of the workers.

    Raises:
        AxbarError: Dask is not installed or no worker starts.
    """
    settings: dict[str, object] = {
        "distributed.scheduler.allowed-failures": 0,  # who died of what is counted by the driver
        "distributed.scheduler.http.routes": [],  # no pages
        "distributed.scheduler.worker-ttl": None,  # a process that runs is not gone, however long it is busy
    }
    with ExitStack() as stack:
        distributed = stack.enter_context(quiet(settings))
        folder = Path(tempfile.mkdtemp(prefix="axbar-workers-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        options = {"host": "127.0.0.1", "port": 0, "dashboard": False, "dashboard_address": "127.0.0.1:0"}
        cluster = distributed.SpecCluster(
            scheduler={"cls": distributed.Scheduler, "options": options}, workers={}, silence_logs=False
        )
        stack.callback(_closed, cluster)
        client = distributed.Client(cluster, set_as_default=False)
        stack.callback(_closed, client)
        workers = Local(count, str(cluster.scheduler_address), folder)
        stack.callback(workers.close)  # first of all: a second Ctrl-C may cut the rest short
        workers.wait()
        yield client, workers


def _closed(what: Any) -> None:
    """Close a part of Dask; that its workers are gone already is no error here."""
    with suppress(Exception):
        what.close(timeout=5)


def _search_path() -> list[str]:
    """Return ``sys.path`` so that it means the same in another process."""
    return [str(Path(entry).resolve()) if entry in ("", ".") else entry for entry in sys.path]
