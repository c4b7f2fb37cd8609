"""What a linear classifier makes of a data set: the bar below which a network is not worth its energy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from axbar.data._arrays import Pair

__all__ = ["ridge_accuracy"]

_PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)
_HELD = 0.1  # of the training part, on which the penalty is chosen


def ridge_accuracy(train: Pair, test: Pair, seed: int = 0) -> float:
    """Return the share of the test part that ridge regression on one-hot labels gets right, 0..1.

    The penalty is the best of 10⁻³ … 10² on a tenth of the training part.
    """
    x, y = _rows(train[0]), train[1]
    mean = x.mean(0)
    targets = np.eye(int(max(y.max(), test[1].max())) + 1)[y]
    held = np.random.default_rng(seed).random(len(y)) < _HELD
    scores = [_right(_fit(x[~held] - mean, targets[~held], p), x[held] - mean, y[held]) for p in _PENALTIES]
    best = _PENALTIES[int(np.argmax(scores))]
    return _right(_fit(x - mean, targets, best), _rows(test[0]) - mean, test[1])


def _rows(images: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float64]:
    scale = 255.0 if images.dtype == np.uint8 else 1.0
    return images.reshape(len(images), -1).astype(np.float64) / scale


def _fit(x: NDArray[np.float64], targets: NDArray[np.float64], penalty: float) -> NDArray[np.float64]:
    """Return weights ``[F + 1, K]`` with the mean target last; solved on the smaller side."""
    mean = targets.mean(0)
    rows, columns = x.shape
    if columns <= rows:
        weights = np.linalg.solve(x.T @ x + penalty * np.eye(columns), x.T @ (targets - mean))
    else:
        weights = x.T @ np.linalg.solve(x @ x.T + penalty * np.eye(rows), targets - mean)
    return np.vstack([weights, mean])


def _right(weights: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.int64]) -> float:
    return float(((x @ weights[:-1] + weights[-1]).argmax(1) == y).mean())
