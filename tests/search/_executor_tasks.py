"""Tasks for the tests of executors. Importable here, so that workers on this machine open them by name."""

from __future__ import annotations

import copy
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from axbar.errors import SpecError

Load = Callable[[str], Any]


def network() -> nn.Module:
    """A small conv network with everything whose sums depend on order or on hidden random numbers."""
    generator = torch.Generator().manual_seed(5)
    net = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.ReLU(), nn.Dropout(0.3), nn.Flatten(), nn.Linear(32 * 8 * 8, 10),
    )  # fmt: skip
    for parameter in net.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 0.1
    return net


def torch_work(task: dict[str, Any], load: Load) -> dict[str, Any]:
    """Look at images, train one step and look again; also numbers of BLAS and of hidden generators."""
    net = load(task["net"])
    generator = torch.Generator().manual_seed(task["seed"])
    images = torch.randn(16, 3, 16, 16, generator=generator)
    labels = torch.randint(10, (16,), generator=generator)
    net = copy.deepcopy(net).eval()
    before = net(images).detach().numpy()
    net.train()
    optimiser = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    loss = nn.functional.cross_entropy(net(images), labels)
    loss.backward()
    optimiser.step()
    after = net.eval()(images).detach().numpy()
    time.sleep(0.02)  # Dask draws random numbers meanwhile
    matrix = np.random.default_rng(task["seed"]).normal(size=(300, 301)).astype(np.float32)
    hidden = (float(torch.rand(())), float(np.random.rand()), random.random())  # noqa: NPY002 - what users do
    return {
        "before": before, "loss": loss.item(), "after": after, "blas": matrix @ matrix.T, "hidden": hidden,
        "threads": torch.get_num_threads(),
    }  # fmt: skip


def square(task: int, load: Load) -> int:
    """The least of work."""
    return task * task


def slow(task: tuple[int, float], load: Load) -> tuple[int, int]:
    """Take a while; also who did it."""
    time.sleep(task[1])
    return task[0], os.getpid()


def troubled(task: Any, load: Load) -> Any:
    """Do what users' code does when it goes wrong."""
    match task:
        case "sentence":
            raise SpecError("crossbar.rows is 0; give 1 or more.")
        case "value":
            raise ValueError(f"no  such\nthing as {object.__repr__(load)}")
        case "exit":
            sys.exit("the model gave up")
        case "unknown":
            return load("f" * 64)
        case "value that can't travel":
            return (i for i in range(3))
        case "torch":
            return torch.zeros(2, 3) @ torch.zeros(2, 3)
        case _:
            print("printed by a task")
            return task


def poison(task: tuple[str, str], load: Load) -> str:
    """End the own worker, always or the first time; note each run."""
    what, folder = task
    with (Path(folder) / what).open("a") as runs:
        runs.write("x")
    if what == "poison" or (what == "once" and (Path(folder) / what).read_text() == "x"):
        os.kill(os.getpid(), signal.SIGKILL)
    return what


def indirect(task: str, load: Load) -> int:
    """Load an object whose name only another object knows."""
    return len(load(load(task)))
