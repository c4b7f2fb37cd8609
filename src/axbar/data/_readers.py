"""Which folders hold what: a table of layouts, each with the test that finds it and its reader.

A new layout is one more line of ``READERS``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from axbar.data import _braille, _cifar, _ecg, _event_files, _folders, _idx, _npz
from axbar.data._arrays import Raw
from axbar.data._recordings import RawEvents
from axbar.errors import DataError

__all__ = ["READERS", "Reader", "locate", "read_folder"]


@dataclass(frozen=True)
class Reader:
    """One layout: its name, the files that mark it, whether a folder is one, and how it is read."""

    name: str
    wanted: str
    find: Callable[[Path], bool]
    read: Callable[[Path], Raw | RawEvents]


#: tried in this order; pictures last, because any folder of folders may be meant as one
READERS: tuple[Reader, ...] = (
    Reader("IDX", _idx.WANTED, _idx.find_idx, _idx.read_idx_folder),
    Reader(
        "CIFAR pickles",
        "data_batch_1..5 and test_batch, or train, test and meta",
        _cifar.find_pickles,
        _cifar.read_pickles,
    ),
    Reader(
        "CIFAR binary",
        "data_batch_1..5.bin and test_batch.bin, or train.bin and test.bin",
        _cifar.find_binary,
        _cifar.read_binary,
    ),
    Reader(
        "npz",
        "train.npz and test.npz, or data_batch_*.npz and test_batch.npz",
        _npz.find_npz,
        _npz.read_npz_folder,
    ),
    Reader("Braille", _braille.FILE, _braille.find_braille, _braille.read_braille),
    Reader("QTDB", "QTDB_train.mat and QTDB_test.mat", _ecg.find_ecg, _ecg.read_ecg),
    Reader(
        "event recordings",
        "Train/<class>/*.bin (N-MNIST) or *.npz, and Test/<class>/* of the same",
        _event_files.find_event_folders,
        _event_files.read_event_folders,
    ),
    Reader(
        "pictures",
        "class folders of .png, .jpg, .pgm, ..., with or without train and test folders around them",
        _folders.find_pictures,
        _folders.read_pictures,
    ),
)


def locate(folder: Path) -> list[tuple[Path, Reader]]:
    """Return the layouts in a folder: its own, else those one or two folders below (``MNIST/raw``)."""
    own = _reader_of(folder)
    if own:
        return [(folder, own)]
    found: list[tuple[Path, Reader]] = []
    for below in sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")):
        reader = _reader_of(below)
        deeper = [below / "raw", below / "processed"] if reader is None else []
        found += [(below, reader)] if reader else []
        found += [(p, r) for p in deeper if p.is_dir() and (r := _reader_of(p))]
    return found


def _reader_of(folder: Path) -> Reader | None:
    return next((reader for reader in READERS if reader.find(folder)), None)


def read_folder(folder: Path) -> Raw | RawEvents:
    """Read the one data set in a folder.

    Raises:
        DataError: the folder is empty, holds no known layout or several, or can't be read.
    """
    try:
        found = locate(folder)
        if len(found) == 1:
            place, reader = found[0]
            return reader.read(place)
        inside = sorted(p.name for p in folder.iterdir())
    except OSError as error:
        raise DataError(f"can't read '{error.filename or folder}': {error.strerror}.") from error
    if found:
        places = ", ".join(str(place) for place, _ in found)
        raise DataError(f"'{folder}' holds several data sets; give one of them: {places}.")
    if not inside:
        raise DataError(f"'{folder}' is empty; give a folder with images and labels.")
    layouts = "; ".join(f"{r.name}: {r.wanted}" for r in READERS)
    shown = ", ".join(inside[:6]) + (", ..." if len(inside) > 6 else "")
    raise DataError(f"'{folder}' holds no known data set (found {shown}). Looked for {layouts}.")
