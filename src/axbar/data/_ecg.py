"""Electrocardiograms of QTDB as events: which wave of the heart beat is this?

``QTDB_train.mat`` and ``QTDB_test.mat``: ``x`` [N, steps, 4] of -1, 0 and 1 (two leads, level crossings), ``y``
[N, steps, 6], the class of each step. A data set here has one label per sample, so a sample is a window of 64 steps
and its label the class of the last of them: what is told of a step from it and the 63 before, at every 32nd step.
A majority label would lose the short waves, of 10 to 30 steps; windows whose last step has no class, or more than
one, are left out. An event's t is the step in its window; the sensor has one row of 4.
Reference: B. Yin, F. Corradi, S. M. Bohté, Nat. Mach. Intell. 3:905, 2021; data from PhysioNet QTDB.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar.data._events import Events, pack_events
from axbar.data._recordings import FrameOptions, RawEvents, Recordings
from axbar.errors import DataError

__all__ = ["find_ecg", "read_ecg"]

_TRAIN, _TEST = "QTDB_train.mat", "QTDB_test.mat"
_WINDOW, _STRIDE = 64, 32
_LEADS = 4
#: in the order of the heart beat, as the run lengths of the classes show: P-Q-R-S-T and the pause behind
_CLASSES = ("P", "PQ", "QR", "RS", "ST", "TP")


def find_ecg(folder: Path) -> bool:
    """Tell whether a folder holds the training part."""
    return (folder / _TRAIN).is_file()


def read_ecg(folder: Path) -> RawEvents:
    """Return the windows of both parts.

    Raises:
        DataError: a file is damaged, or its arrays are of another kind.
    """
    test = folder / _TEST
    return RawEvents(
        _windows(folder / _TRAIN),
        _windows(test) if test.is_file() else None,
        (1, _LEADS),
        _CLASSES,
        (f"windows of {_WINDOW} steps, each labelled by its last step; one in {_STRIDE} steps",),
        span=(0, _WINDOW),
        defaults=FrameOptions(frames=32),
    )


def _windows(path: Path) -> Recordings:
    x, y = _arrays(path)
    ends = np.arange(_WINDOW, x.shape[1] + 1, _STRIDE)
    one_hot = y[:, ends - 1]
    sequence, which = np.nonzero(one_hot.sum(axis=-1) == 1)
    labels = one_hot[sequence, which].argmax(axis=-1).astype(np.int64)
    stops = ends[which]

    def read(i: int) -> Events:
        window = x[sequence[i], stops[i] - _WINDOW : stops[i]]
        step, lead = np.nonzero(window)
        return pack_events(step, lead, np.zeros_like(step), window[step, lead] > 0)

    return Recordings(labels, read)


def _arrays(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    from scipy.io import loadmat

    try:
        found: dict[str, Any] = loadmat(path, variable_names=["x", "y"])
    except Exception as error:  # a damaged file fails in many ways inside scipy and zlib
        raise DataError(f"'{path}' is no readable .mat file ({error}); get the file anew.") from error
    if "x" not in found or "y" not in found:
        raise DataError(f"'{path}' holds no x and y; it must hold spikes x and classes y.")
    x, y = found["x"], found["y"]
    expected = (*x.shape[:2], len(_CLASSES))
    if x.ndim != 3 or x.shape[2] != _LEADS or y.shape != expected or x.shape[1] < _WINDOW:
        raise DataError(
            f"'{path}' holds x {x.shape} and y {y.shape}; expected are [N, steps, {_LEADS}] of at least {_WINDOW} "
            f"steps and [N, steps, {len(_CLASSES)}]."
        )
    if not bool(np.isin(x, (-1, 0, 1)).all()):
        raise DataError(
            f"x of '{path}' holds values from {x.min()} to {x.max()}; signed spikes are -1, 0 and 1."
        )
    return x, y
