"""``axbar trace`` says what makes a workload a poor measure of any chip, beside its table."""

from __future__ import annotations

import json
from pathlib import Path

NET = """
import torch
from torch import nn
from axbar.nn import LIF


class Net(nn.Module):
    def __init__(self, threshold=1.0):
        super().__init__()
        self.fc1, self.lif, self.fc2 = nn.Linear(784, 16), LIF(threshold=threshold), nn.Linear(16, 10)

    def forward(self, x):
        return self.fc2(self.lif(self.fc1(x.flatten(1)).expand(3, -1, -1)))


def silent():
    return Net(1e6)


def firing():
    return Net(1e-3)
"""


def test_a_network_that_never_fires_is_said_in_one_line(axbar, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")
    words = ("--data", "fashion-mnist-small", "--samples", "2", "--json", "-o")
    done = axbar("trace", "net.py:silent", *words, "a.npz")
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("note: "))
    assert line.startswith("note: no neuron fires:") and "check dt, thresholds or input scaling" in line
    assert json.loads(done.stdout)["steps"] == 3
    fine = axbar("trace", "net.py:firing", *words, "b.npz")
    assert fine.returncode == 0 and "no neuron" not in fine.stderr
