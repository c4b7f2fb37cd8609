"""Run the real program in a process of its own, as a user would."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Axbar = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def axbar(tmp_path: Path) -> Axbar:
    """Return ``axbar("ls", "devices")``: runs in an empty folder; no traceback may ever appear."""

    def run(
        *words: str, timeout: float = 240, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "axbar", *words],
            cwd=tmp_path, capture_output=True, text=True, timeout=timeout,
            env={**os.environ, "CI": "true", "OMP_NUM_THREADS": "1", **(env or {})},
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small spiking network, trained for one epoch on a few real images, as a run folder."""
    from axbar.data import load_data
    from axbar.nn import TrainConfig, build_model, train

    folder = tmp_path_factory.mktemp("trained") / "model"
    data = load_data("fashion-mnist-small")
    network = build_model("spiking-cnn", width=8, steps=2)
    train(network, data, TrainConfig(epochs=1, batch_size=100, seed=0, device="cpu"), out_dir=folder)
    return folder
