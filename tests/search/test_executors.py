"""The same outcomes, bit for bit, whoever runs the tasks."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # as for the tasks' workers
import _executor_tasks as tasks
import torch

from axbar.errors import AxbarError, UsageError
from axbar.search.work import Executor, Outcome, executor, pack
from axbar.search.work.dask import DaskExecutor
from axbar.usercode import load_function

pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def two() -> Iterator[Executor]:
    """Two workers for all tests of this file: they take seconds to start."""
    with executor(2) as made:
        yield made


def results(made: Executor, function: Any, todo: Any, shared: Any = None, batch: int = 2) -> list[Outcome]:
    """All outcomes in order of their index, each exactly once."""
    outcomes = list(made.run(function, todo, shared or {}, batch))
    assert sorted(done.index for done in outcomes) == list(range(len(todo)))
    return sorted(outcomes, key=lambda done: done.index)


def bits(outcomes: list[Outcome]) -> list[Any]:
    """What must be equal: all but who did it, arrays as their bytes."""
    flat: list[Any] = []
    for done in outcomes:
        value = done.value
        if isinstance(value, dict):
            value = {k: v.tobytes() if isinstance(v, np.ndarray) else v for k, v in value.items()}
        flat.append((done.index, value, done.failure))
    return flat


def torch_tasks(count: int) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    name, data = pack(tasks.network())
    return [{"net": name, "seed": seed} for seed in range(count)], {name: data}


def test_one_two_and_four_workers_equal_serial_bit_for_bit_in_forward_and_training(two: Executor) -> None:
    todo, shared = torch_tasks(9)
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    torch.set_num_threads(2)
    try:
        with executor() as here:
            serial = results(here, tasks.torch_work, todo, shared)
        assert torch.get_num_threads() == 2, "what the caller had comes back"
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(done.failure is None and done.value["threads"] == 1 for done in serial)
    assert len({done.value["after"].tobytes() for done in serial}) == 9
    assert not np.array_equal(serial[0].value["before"], serial[0].value["after"])
    expected = bits(serial)
    assert bits(results(two, tasks.torch_work, todo, shared)) == expected
    assert bits(results(two, tasks.torch_work, todo, shared, batch=5)) == expected
    for workers in (1, 4):
        with executor(workers) as others:
            done = results(others, tasks.torch_work, todo, shared)
            assert bits(done) == expected
            assert all(part.worker.startswith("worker-") for part in done)


def test_a_worker_killed_in_mid_batch_changes_nothing(two: Executor) -> None:
    todo = [(i, 0.1) for i in range(24)]
    killed = 0
    outcomes: list[Outcome] = []
    for done in two.run(tasks.slow, todo, {}, 2):
        outcomes.append(done)
        if len(outcomes) in (4, 12):
            os.kill(done.value[1], signal.SIGKILL)  # it is at its next batch by now
            killed += 1
    assert killed == 2
    assert sorted(done.index for done in outcomes) == list(range(24))
    assert all(done.failure is None and done.value[0] == done.index for done in outcomes)
    assert len({done.value[1] for done in outcomes}) >= 3, "killed workers are replaced"


def test_a_poison_task_becomes_one_failure_and_its_batch_mates_are_right(
    two: Executor, tmp_path: Path
) -> None:
    names = ["a", "b", "poison", "c", "once", "d", "e", "f"]
    outcomes = results(two, tasks.poison, [(name, str(tmp_path)) for name in names], batch=4)
    right = [done.value for done in outcomes if done.failure is None]
    assert right == [name for name in names if name != "poison"]
    failure = outcomes[2].failure
    assert failure is not None and "ended every worker that ran it" in failure and "SIGKILL" in failure
    assert 3 <= len((tmp_path / "poison").read_text()) <= 5, "twice in its batch, then by itself"
    assert [done.value for done in results(two, tasks.square, range(3))] == [0, 1, 4], "others are served on"


def test_errors_of_users_code_are_failures_with_their_sentence_wherever_they_run(
    two: Executor, capfd: pytest.CaptureFixture[str]
) -> None:
    todo = [
        "sentence",
        "value",
        "exit",
        "unknown",
        "value that can't travel",
        "torch",
        "fine",
        (i for i in "ab"),
    ]
    with executor() as here:
        serial = results(here, tasks.troubled, todo, batch=3)
    capfd.readouterr()
    outcomes = results(two, tasks.troubled, todo, batch=3)
    assert bits(outcomes) == bits(serial)
    failures = [done.failure or "" for done in outcomes]
    assert failures[0] == "crossbar.rows is 0; give 1 or more."
    assert failures[1].startswith("ValueError: no such thing as <") and "(_executor_tasks.py:" in failures[1]
    assert "at 0x…" in failures[1], "addresses differ from process to process"
    assert failures[2].startswith("SystemExit: the model gave up (_executor_tasks.py:")
    assert "ffff" in failures[3] and "not among the shared objects" in failures[3]
    assert "a generator can't travel" in failures[4] and "a generator can't travel" in failures[7]
    assert failures[5].startswith("RuntimeError") and "(_executor_tasks.py:" in failures[5]
    assert outcomes[6].failure is None and outcomes[6].value == "fine"
    out, err = capfd.readouterr()
    assert out == "" and err == "", "what tasks print does not mix with the driver's"


def test_ctrl_c_passes_through_a_serial_run() -> None:
    def interrupted(task: int, load: Any) -> None:
        raise KeyboardInterrupt

    with executor() as here, pytest.raises(KeyboardInterrupt):
        list(here.run(interrupted, [1], {}, 1))


def test_what_comes_of_a_users_file_and_its_neighbours_travels(two: Executor, tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_net.py").write_text("SCALE = 3\ndef scaled(x):\n    return x * SCALE\n")
    (tmp_path / "net.py").write_text(
        "import torch\nfrom torch import nn\nimport neighbour_of_net\nfrom neighbour_of_net import scaled\n"
        "class Net(nn.Module):\n    def forward(self, x):\n        return scaled(x) + neighbour_of_net.SCALE\n"
        "class Result:\n    def __init__(self, x): self.x = x\n"
        "def build():\n    return Net()\n"
        "def work(task, load):\n    return Result(float(load(task)(torch.ones(2)).sum()))\n"
    )
    try:
        _, build = load_function(f"{tmp_path}/net.py:build", "factory", AxbarError)
        _, work = load_function(f"{tmp_path}/net.py:work", "function", AxbarError)
        name, data = pack(build())
        (tmp_path / "net.py").unlink()  # a worker elsewhere has no such file
        (tmp_path / "neighbour_of_net.py").unlink()
        outcomes = results(two, work, [name] * 3, {name: data})
        assert [done.failure for done in outcomes] == [None] * 3
        assert [done.value.x for done in outcomes] == [12.0] * 3
        assert isinstance(outcomes[0].value, work.__globals__["Result"]), (
            "what comes back is of the user's own class"
        )
    finally:
        sys.modules.pop("neighbour_of_net", None)
        for module in [module for module in sys.modules if module.startswith("_axbar_user_")]:
            del sys.modules[module]


def test_objects_that_no_task_names_are_fetched_when_they_are_loaded(two: Executor) -> None:
    inner, data = pack(list(range(7)))
    outer, reference = pack(inner[:32] + inner[32:])
    for made in (two, two):
        done = results(made, tasks.indirect, [outer] * 5, {inner: data, outer: reference}, batch=5)
        assert [part.value for part in done] == [7] * 5


def test_a_large_shared_object_makes_no_noise(two: Executor, capfd: pytest.CaptureFixture[str]) -> None:
    name, data = pack(np.zeros(30_000_000, np.uint8))
    outcomes = results(two, lambda task, load: len(load(task)), [name] * 4, {name: data}, batch=1)
    assert [done.value for done in outcomes] == [30_000_000] * 4
    assert capfd.readouterr() == ("", "")


def test_no_task_changes_what_another_or_the_caller_sees() -> None:
    def spoils(task: list[int], load: Any) -> int:
        task.append(1)
        return len(task)

    same: list[int] = []
    with executor() as here:
        assert [done.value for done in results(here, spoils, [same, same])] == [1, 1]
    assert same == []


def test_a_caller_that_stops_early_can_go_on_with_others(two: Executor) -> None:
    first = next(iter(two.run(tasks.slow, [(i, 0.05) for i in range(50)], {}, 1)))
    assert first.failure is None
    assert [done.value for done in results(two, tasks.square, range(5))] == [0, 1, 4, 9, 16]
    assert results(two, tasks.square, []) == []


@pytest.mark.parametrize("batch", [0, -1, 1.5, True])
def test_sizes_of_batches_that_are_none_are_refused_at_once(batch: Any) -> None:
    with executor() as here, pytest.raises(UsageError, match=r"batch is .* a whole number from 1"):
        here.run(tasks.square, [1], {}, batch)


def test_numbers_of_workers_that_are_none_are_refused() -> None:
    for workers in (-1, 2.5, "4"):
        with pytest.raises(UsageError, match=r"workers is .* a whole number of processes"):
            executor(workers)  # pyright: ignore[reportArgumentType]
    with pytest.raises(UsageError, match="both 2 workers and the scheduler"):
        executor(2, "tcp://127.0.0.1:8786")


def test_executors_are_what_they_say(two: Executor) -> None:
    assert isinstance(two, DaskExecutor)
    with executor(0) as here:
        assert not isinstance(here, DaskExecutor)
