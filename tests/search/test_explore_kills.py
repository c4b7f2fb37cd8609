"""Studies with killed drivers, killed workers, and any number of workers equal the serial one, bit for bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from studies import CONFIG, MODEL, SPACE, data, found

from axbar.search import explore

HERE = Path(__file__).parent

DRIVER = """
import sys
sys.path.insert(0, sys.argv[2])
from studies import CONFIG, MODEL, SPACE, data
from axbar.search import explore
explore(SPACE, MODEL, data(), config=CONFIG, study=sys.argv[1], workers=int(sys.argv[3]))
"""


@pytest.fixture(scope="module")
def serial() -> str:
    return found(explore(SPACE, MODEL, data(), config=CONFIG))


def records(folder: Path) -> int:
    file = folder / "records.jsonl"
    return file.read_bytes().count(b"\n") if file.exists() else 0


@pytest.mark.parametrize("workers", [0, 2])
def test_a_killed_driver_goes_on_where_it_stood(serial: str, tmp_path: Path, workers: int) -> None:
    folder, kills, before = tmp_path / "s", 0, 0
    for more in (1, 6, 30):
        command = [sys.executable, "-c", DRIVER, str(folder), str(HERE), str(workers)]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while child.poll() is None and records(folder) < before + more:
            time.sleep(0.02)
        child.kill()
        kills += child.wait() == -signal.SIGKILL
        before = records(folder)
    assert kills and before
    study = explore(SPACE, MODEL, data(), config=CONFIG, study=folder)
    assert found(study) == serial
    assert study.counts.get("reused", 0) > 0


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_any_number_of_workers_finds_the_same(serial: str, workers: int) -> None:
    assert found(explore(SPACE, MODEL, data(), config=CONFIG, workers=workers)) == serial


def test_a_killed_worker_costs_no_result(serial: str) -> None:
    killed: list[int] = []

    def kill_one(rung: str, done: int, total: int) -> None:
        if rung == "proxy" and done == 1 and not killed:
            mine = psutil.Process().children(recursive=True)
            busiest = max(mine, key=lambda child: child.cpu_times().user)
            os.kill(busiest.pid, signal.SIGKILL)
            killed.append(busiest.pid)

    study = explore(SPACE, MODEL, data(), config=CONFIG, workers=2, progress=kill_one)
    assert killed
    assert found(study) == serial
