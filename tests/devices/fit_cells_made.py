"""Cells with a planted truth: the law of the custom device, drawn with numpy alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

TRUTH = {
    "bias_c0": 0.003, "bias_c1": -0.01, "program_c0": 0.02, "program_c1": 0.05, "program_c2": -0.03,
    "read_c0": 0.004, "read_c1": 0.01, "drift_nu0": 0.03, "drift_nu1": -0.01, "drift_nu_sigma": 0.01,
    "retention_c0": 0.004, "retention_c1": 0.006,
}  # fmt: skip
TARGETS = (0.05, 0.25, 0.5, 0.75, 1.0)
G_ON_S = 1e-4


def made(
    seed: int,
    *,
    targets: Sequence[float] = TARGETS,
    cells: int = 24,
    times_s: Sequence[float] = (1.0, 100.0, 1e4),
    repeats: int = 3,
    **law: float,
) -> dict[str, Any]:
    """Return columns ``target_S, read_S, time_s, cell``; ``law`` changes the truth."""
    of = {**TRUTH, "program_c3": 0.0, **law}
    rng = np.random.default_rng(seed)
    x = np.repeat(targets, cells)
    n, count = len(x), len(times_s) * repeats
    sigma = sum(of[f"program_c{k}"] * x**k for k in range(4))
    state = np.maximum(x + of["bias_c0"] + of["bias_c1"] * x + sigma * rng.standard_normal(n), 0.0)
    nu = of["drift_nu0"] + of["drift_nu1"] * np.log(np.maximum(state, 1e-9))
    nu = nu + of["drift_nu_sigma"] * rng.standard_normal(n)
    relaxing = (of["retention_c0"] + of["retention_c1"] * state) * rng.standard_normal(n)
    when = np.repeat(times_s, repeats)[:, None]
    elapsed = np.log(when / times_s[0])
    now = np.maximum(state * np.exp(-nu * elapsed) + relaxing * np.sqrt(elapsed), 0.0)
    read = now + (of["read_c0"] + of["read_c1"] * now) * rng.standard_normal((count, n))
    return {
        "target_S": np.tile(x, count) * G_ON_S,
        "read_S": np.maximum(read, 0.0).ravel() * G_ON_S,
        "time_s": np.repeat(when[:, 0], n),
        "cell": np.tile(np.arange(n), count),
    }
