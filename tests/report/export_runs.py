"""A run as ``axbar evaluate --out`` leaves it, made once: a small network with random weights on real images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from axbar._report import Report
from axbar._run import run, save_run

ARGUMENTS: dict[str, Any] = {
    "model": "spiking-cnn", "data": "fashion-mnist-small", "hardware": "imc-rram-65nm", "weights": None,
    "config": {"width": 4, "steps": 2}, "overrides": ["adc.bits=6"],
    "techniques": ["clip-weights:sigma=2.5", "drift-compensate"], "chips": 2, "seed": 3, "images": 20,
    "trace_samples": 4, "data_dir": None, "waterfall": 0,
}  # fmt: skip
COMMAND = "axbar evaluate spiking-cnn --data fashion-mnist-small --set adc.bits=6"


def made_run(folder: Path) -> Report:
    """Evaluate, write the folder, return the report."""
    done = run({**ARGUMENTS, "threads": 1}, COMMAND)
    save_run(done, folder, forms=("json",))
    return done.report
