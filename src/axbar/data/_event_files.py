"""Event recordings on disk: a file each in class folders, or many in one ``.npz``.

Class folders (``Train/<class>/*``, ``Test/<class>/*``, as N-MNIST comes) hold ``.bin`` files of N-MNIST, 34x34, or
``.npz`` files with ``t``, ``x``, ``y``, ``p``, ``width`` and ``height``. One ``.npz`` of many recordings holds the
columns one recording after another, recording i at ``offsets[i]:offsets[i+1]``, and ``labels``.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar.data._arrays import as_labels
from axbar.data._events import Events, Size, as_events, checked_events, read_bin
from axbar.data._npz import class_names, load_arrays
from axbar.data._recordings import RawEvents, Recordings
from axbar.errors import DataError

__all__ = ["find_event_folders", "holds_events", "read_event_folders", "read_event_npz", "read_events"]

_BIN_SIZE: Size = (34, 34)
_SUFFIXES = (".bin", ".npz")
_LABELS = ("labels", "label", "targets")


def read_events(path: str | Path, size: Size | None = None) -> Events:
    """Return one recording as a structured array of t, x, y and p, checked.

    Args:
        path: a ``.bin`` file of N-MNIST or a ``.npz`` (see the module).
        size: ``(rows, columns)`` of the sensor; 34x34 for ``.bin``, what a ``.npz`` says of itself, unless given.

    Raises:
        DataError: the file is damaged, of another kind, or an event is bad.
    """
    path = Path(path)
    if path.suffix == ".bin":
        return read_bin(path, size or _BIN_SIZE)
    if path.suffix != ".npz":
        raise DataError(f"'{path}' is no event recording; give a .bin file of N-MNIST or a .npz.")
    arrays = load_arrays(path)
    events = as_events(arrays, f"'{path}'")
    return checked_events(events, size or _size_of(arrays) or _covering(events), f"'{path}'")


def _size_of(arrays: Mapping[str, NDArray[Any]]) -> Size | None:
    if "height" not in arrays or "width" not in arrays:
        return None
    return int(arrays["height"]), int(arrays["width"])


def _covering(events: Events) -> Size:
    return int(events["y"].max(initial=0)) + 1, int(events["x"].max(initial=0)) + 1


def _part(folder: Path, name: str) -> Path | None:
    return next((p for p in sorted(folder.iterdir()) if p.is_dir() and p.name.lower() == name), None)


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix in _SUFFIXES and not p.name.startswith("."))


def _classes(folder: Path) -> list[str]:
    found = [p.name for p in folder.iterdir() if p.is_dir() and _files(p)]
    numbered = all(name.isdecimal() for name in found)
    return sorted(found, key=lambda name: (int(name) if numbered else 0, name))


def find_event_folders(folder: Path) -> bool:
    """Tell whether a folder holds ``Train`` with class folders of recordings."""
    train = _part(folder, "train")
    return train is not None and bool(_classes(train))


def read_event_folders(folder: Path) -> RawEvents:
    """Find the recordings of both parts; they are read when they are cut into frames.

    Raises:
        DataError: the test part has classes of its own, or ``.npz`` files do not say how large the sensor is.
    """
    train, test = _part(folder, "train"), _part(folder, "test")
    assert train is not None
    classes = _classes(train)
    has_test = test is not None and _classes(test)
    strangers = sorted(set(_classes(test)) - set(classes)) if test is not None and has_test else []
    if strangers:
        raise DataError(
            f"'{test}' holds classes that '{train}' lacks: {', '.join(strangers[:8])}; both need the same."
        )
    size = _folder_size(_files(train / classes[0])[0])
    return RawEvents(
        _recordings(train, classes, size),
        _recordings(test, classes, size) if test is not None and has_test else None,
        size,
        tuple(classes),
    )


def _folder_size(first: Path) -> Size:
    if first.suffix == ".bin":
        return _BIN_SIZE
    size = _size_of(load_arrays(first))
    if size is None:
        raise DataError(f"'{first}' does not say how large the sensor is; store width and height in it.")
    return size


def _recordings(folder: Path, classes: list[str], size: Size) -> Recordings:
    found = [
        (path, label)
        for label, name in enumerate(classes)
        if (folder / name).is_dir()
        for path in _files(folder / name)
    ]
    labels = np.array([label for _, label in found], dtype=np.int64)
    return Recordings(labels, lambda i: read_events(found[i][0], size))


def holds_events(path: Path) -> bool:
    """Tell whether a ``.npz`` holds columns t, x, y, p, or offsets beside a structured array."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.removesuffix(".npy") for name in archive.namelist()}
    except Exception:  # a damaged archive fails in many ways; what reads it says so
        return False  # the reader of arrays says what is wrong with it
    return {"t", "p"} <= names or ("offsets" in names and "x" not in names)


def read_event_npz(path: Path) -> RawEvents:
    """Find the recordings in one ``.npz``.

    Raises:
        DataError: labels or offsets are missing, or do not fit the events.
    """
    arrays = load_arrays(path)
    where = f"'{path}'"
    events = as_events(arrays, where)
    labels = next((arrays[name] for name in _LABELS if name in arrays), None)
    if labels is None or "offsets" not in arrays:
        raise DataError(
            f"{where} has no {'offsets' if labels is not None else 'labels'}; a data set of recordings holds labels "
            "[N] and offsets [N + 1] beside the events (one recording alone: axbar.data.read_events)."
        )
    offsets = arrays["offsets"]
    if offsets.dtype.kind not in "ui" or offsets.ndim != 1 or len(offsets) < 2:
        raise DataError(
            f"offsets of {where} are {offsets.dtype} {offsets.shape}; give whole numbers [N + 1]."
        )
    if offsets[0] != 0 or int(offsets[-1]) != len(events) or bool((offsets[1:] < offsets[:-1]).any()):
        raise DataError(
            f"offsets of {where} run from {offsets[0]} to {offsets[-1]} over {len(events)} events; they must rise "
            f"from 0 to {len(events)}."
        )
    told = _size_of(arrays)
    size = told or _covering(events)
    notes = () if told else (f"{path.name}: sensor of {size[1]}x{size[0]} taken from the events themselves",)
    y = as_labels(labels, len(offsets) - 1, f"labels of {where}")

    def read(i: int) -> Events:
        part = events[int(offsets[i]) : int(offsets[i + 1])]
        return checked_events(part, size, f"recording {i} of {where}")

    return RawEvents(Recordings(y, read), None, size, class_names(arrays), notes)
