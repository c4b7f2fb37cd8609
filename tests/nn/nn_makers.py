"""Small data sets and networks for the tests of training and loading."""

from __future__ import annotations

import numpy as np

from axbar.data import Dataset
from axbar.nn import SpikingNetwork, build_model


def bars(count: int = 96, seed: int = 0) -> Dataset:
    """8×8 images of a bright row or column with noise; the class is which of the two."""
    rng = np.random.default_rng(seed)

    def part(n: int) -> tuple[np.ndarray, np.ndarray]:
        y = np.arange(n, dtype=np.int64) % 2
        x = rng.uniform(0, 0.3, (n, 1, 8, 8)).astype(np.float32)
        for image, label, at in zip(x, y, rng.integers(0, 8, n), strict=True):
            image[0, at if label else slice(None), slice(None) if label else at] = 1.0
        return x, y

    return Dataset.from_arrays("bars", part(count), part(32), ("column", "row"), calibration=8)


def tiny(**config: object) -> SpikingNetwork:
    """A spiking CNN for ``bars``."""
    settings = {"width": 4, "steps": 2, "input_shape": (1, 8, 8), "classes": 2, **config}
    network = build_model("spiking-cnn", **settings)
    assert isinstance(network, SpikingNetwork)
    return network
