"""Executors and the processes around them: schedulers elsewhere, Ctrl-C, a driver that is killed, silence."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # as for the tasks' workers
import _executor_tasks as tasks

from axbar.errors import AxbarError, UsageError
from axbar.search.work import executor, pack
from axbar.search.work import identity as _identity
from axbar.search.work import local as _local
from axbar.search.work import running as _running

pytest.importorskip("distributed")

#: a user's script: no guard against being run again, and tasks of its own
DRIVER = """
import sys, time, os
from axbar.search.work import executor, pack

def work(task, load):
    time.sleep(float(sys.argv[2]) if False else task)
    return os.getpid()

with executor(int(sys.argv[1])) as made:
    for group in sys.argv[2:]:  # one after the other: within a run workers choose the order
        for done in made.run(work, [float(t) for t in group.split(",")], {}, 1):
            print(done.value, done.failure, flush=True)
"""


def _listening() -> None:
    """Hear Ctrl-C, also where the tests run in the background of a shell, which ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def driver(folder: Path, *arguments: object) -> subprocess.Popen[str]:
    """Start a driver as a terminal would: a group of processes of its own."""
    script = folder / "study.py"
    script.write_text(DRIVER)
    return subprocess.Popen(
        [sys.executable, str(script), *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=_listening,
    )  # fmt: skip


def left_over(pids: set[int], wait_s: float = 10.0) -> set[int]:
    """Those that still run after a while."""
    give_up_s = time.monotonic() + wait_s
    while (alive := {pid for pid in pids if psutil.pid_exists(pid)}) and time.monotonic() < give_up_s:
        time.sleep(0.05)
    return alive


def under_way(process: subprocess.Popen[str]) -> set[int]:
    """Process numbers of a driver's workers once the first task is done."""
    assert process.stdout is not None
    assert process.stdout.readline().split()[1:] == ["None"]
    return {child.pid for child in psutil.Process(process.pid).children(recursive=True)}


@pytest.mark.parametrize("ends", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_outlives_its_driver(tmp_path: Path, ends: signal.Signals) -> None:
    process = driver(tmp_path, 2, "0,0", "600,600,600")
    workers = under_way(process)
    assert len(workers) == 2
    os.killpg(process.pid, ends) if ends == signal.SIGINT else process.kill()
    _, err = process.communicate(timeout=180)
    assert left_over(workers) == set()
    if ends == signal.SIGINT:
        assert err.rstrip().endswith("KeyboardInterrupt")
        assert "distributed." not in re.sub(r'File ".*?"', "", err), "nothing of Dask but the traceback"


def test_a_users_script_without_a_guard_runs_and_nothing_is_on_stderr(tmp_path: Path) -> None:
    process = driver(tmp_path, 1, "0,0,0")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and err == ""
    assert [line.split()[1] for line in out.splitlines()] == ["None"] * 3


@contextmanager
def dask(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command of Dask, with the tasks importable."""
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-m", "dask", *arguments],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return server.getsockname()[1]


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """A running scheduler without workers."""
    port = free_port()
    with dask("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"):
        give_up_s = time.monotonic() + 30
        while time.monotonic() < give_up_s:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"tcp://127.0.0.1:{port}"


def test_a_running_scheduler_serves_and_its_workers_stay(
    scheduler: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_running, "_WORKER_S", 0.2)
    with pytest.raises(AxbarError, match="has no workers; start some with 'dask worker tcp://"):
        executor(scheduler=scheduler).__enter__()
    monkeypatch.setattr(_running, "_WORKER_S", 60.0)
    _identity.facts.cache_clear()  # somebody may have edited the source meanwhile
    name, data = pack(tasks.network())
    todo = [{"net": name, "seed": seed} for seed in range(3)]
    with executor() as here:
        expected = [done.value for done in here.run(tasks.torch_work, todo, {name: data}, 1)]
    with dask("worker", scheduler, "--nthreads", "1", "--memory-limit", "0", "--no-dashboard"):
        for _ in range(2):  # the second time: the first left all as it was
            with executor(scheduler=scheduler) as made:
                outcomes = sorted(
                    made.run(tasks.torch_work, todo, {name: data}, 2), key=lambda done: done.index
                )
                for done, value in zip(outcomes, expected, strict=True):
                    assert done.failure is None and done.value["hidden"] == value["hidden"]
                    assert done.value["after"].tobytes() == value["after"].tobytes()
                    assert done.value["blas"].tobytes() == value["blas"].tobytes()
        other = {**_identity.facts(), "axbar": "0.0.9"}
        monkeypatch.setattr(_running.identity, "facts", lambda: other)
        with pytest.raises(
            AxbarError, match=r"worker tcp://.* has axbar .* and this process axbar 0\.0\.9; install"
        ):
            executor(scheduler=scheduler).__enter__()
    assert capfd.readouterr() == ("", "")


def refused(address: str) -> str:
    """The sentence and that it came in time."""
    start_s = time.monotonic()
    with pytest.raises(AxbarError) as caught:
        executor(scheduler=address).__enter__()
    assert time.monotonic() - start_s < 10
    return str(caught.value)


def test_a_scheduler_that_is_not_there_is_refused_in_one_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    said = refused(f"tcp://127.0.0.1:{free_port()}")
    assert "can't reach a scheduler at tcp://127.0.0.1:" in said and "connection refused" in said
    assert "start one with 'dask scheduler'" in said and "\n" not in said
    assert "can't reach a scheduler" in refused("tcp://no-such-host.invalid:8786")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_what_answers_but_is_no_scheduler_is_refused(
    greeting: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def answers() -> None:
            try:
                while True:
                    held.append(server.accept()[0])
                    held[-1].sendall(greeting)
            except OSError:
                return

        held: list[socket.socket] = []
        threading.Thread(target=answers, daemon=True).start()
        assert "no Dask scheduler" in refused(f"tcp://127.0.0.1:{server.getsockname()[1]}")
        server.shutdown(socket.SHUT_RDWR)
        for connection in held:
            connection.close()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "address", ["localhost", "127.0.0.1:8786", "http://h:1", "tcp://h", "tcp://h:99999", "tcp://:1"]
)
def test_addresses_that_are_none_are_refused(address: str) -> None:
    with pytest.raises(UsageError, match="is no address of a scheduler; write tcp://HOST:PORT"):
        executor(scheduler=address).__enter__()


def test_workers_that_cannot_start_are_an_error_with_their_last_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_local, "_PROGRAM", "raise RuntimeError('no licence for today')")
    with pytest.raises(
        AxbarError, match=r"can't be started: .* ends with code 1 and says 'RuntimeError: no licence"
    ):
        executor(1).__enter__()


def test_another_software_is_named() -> None:
    mine = _identity.facts()
    assert _identity.differing(mine, dict(mine)) == ""
    assert "it has python 3.9" in _identity.differing(mine, {**mine, "python": "3.9"})
    assert "it has no axbar" in _identity.differing(mine, {**mine, "axbar": "none"})
    assert "axbar source" in _identity.differing(mine, {**mine, "axbar source": "0"})
