"""Writers of tiny event recordings in the layouts that people have on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from axbar.data._events import Events, pack_events


def bin_bytes(t: ArrayLike, x: ArrayLike, y: ArrayLike, p: ArrayLike) -> bytes:
    """Return N-MNIST bytes, written from the format: x8 y8 p1 t23, big-endian."""
    rows = zip(*(np.asarray(v).tolist() for v in (t, x, y, p)), strict=True)
    return b"".join(((x << 32) | (y << 24) | (p << 23) | t).to_bytes(5, "big") for t, x, y, p in rows)


def bar(column: int, count: int = 120, side: int = 34, seed: int = 0) -> Events:
    """Return events of a bar that trembles around a column; the column tells the class."""
    rng = np.random.default_rng([seed, column])
    t = np.sort(rng.integers(0, 300_000, count))
    x = np.clip(column + rng.integers(-1, 2, count), 0, side - 1)
    return pack_events(t, x, rng.integers(0, side, count), rng.integers(0, 2, count))


def write_n_mnist(folder: Path, train: int = 12, test: int = 2) -> None:
    """Write a set of ten classes, each with its own bar."""
    for part, count in (("Train", train), ("Test", test)):
        for digit in range(10):
            place = folder / part / str(digit)
            place.mkdir(parents=True)
            for i in range(count):
                e = bar(2 + 3 * digit, seed=i if part == "Train" else 1000 + i)
                (place / f"{i:05d}.bin").write_bytes(bin_bytes(e["t"], e["x"], e["y"], e["p"]))
