"""Braille characters under a finger of 12 pressure sensors, as events by send-on-delta.

``braille_taxel.npz``: sensor values ``taxel`` [steps, 12] of all recordings one after another, recording i at
``offsets[i]:offsets[i+1]``, ``labels``, ``letters``. An event is sent for each 5 units by which a taxel moved away
from the last level sent, from the level of an untouched taxel on; t is the step, the sensor has one row of 12.
Reference: S. F. Müller-Cleve et al., Front. Neurosci. 16:951164, 2022.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from axbar.data._arrays import as_labels
from axbar.data._encoders import delta, delta_events
from axbar.data._events import Events
from axbar.data._npz import load_arrays
from axbar.data._recordings import FrameOptions, RawEvents, Recordings
from axbar.errors import DataError

__all__ = ["FILE", "find_braille", "read_braille"]

FILE = "braille_taxel.npz"
_TAXELS = 12
#: of 1, 2 and 5 units the threshold at which a linear read-out with one hidden layer tells most letters apart
_THRESHOLD = 5.0
#: value of a taxel that nothing touches, the largest that occurs
_REST = 255.0


def find_braille(folder: Path) -> bool:
    """Tell whether a folder holds the recordings."""
    return (folder / FILE).is_file()


def read_braille(folder: Path) -> RawEvents:
    """Return the recordings; there is no official test part.

    Raises:
        DataError: the file is damaged, or its arrays do not fit each other.
    """
    path = folder / FILE
    arrays = load_arrays(path)
    missing = [name for name in ("taxel", "offsets", "labels", "letters") if name not in arrays]
    if missing:
        raise DataError(
            f"'{path}' has no {', '.join(missing)}; it must hold taxel, offsets, labels and letters."
        )
    taxel, offsets = arrays["taxel"], arrays["offsets"].astype(np.int64)
    if taxel.ndim != 2 or taxel.shape[1] != _TAXELS:
        raise DataError(f"taxel of '{path}' has the shape {taxel.shape}; expected is [steps, {_TAXELS}].")
    steps = np.diff(offsets)
    if offsets[0] != 0 or offsets[-1] != len(taxel) or bool((steps < 1).any()):
        raise DataError(
            f"offsets of '{path}' run from {offsets[0]} to {offsets[-1]} over {len(taxel)} steps; they must rise from "
            f"0 to {len(taxel)}: the file is cut short, get it anew."
        )
    labels = as_labels(arrays["labels"], len(steps), f"labels of '{path}'")

    def read(i: int) -> Events:
        values = taxel[offsets[i] : offsets[i + 1]]
        return delta_events(delta(values, _THRESHOLD, "sent", _REST))

    return RawEvents(
        Recordings(labels, read),
        None,
        (1, _TAXELS),
        tuple(str(letter) for letter in arrays["letters"].tolist()),
        (f"an event for each {_THRESHOLD:g} units of change of a taxel, from {_REST:g} on",),
        span=(0, int(steps.max())),
        defaults=FrameOptions(frames=32),
    )
