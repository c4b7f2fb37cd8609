"""CIFAR-10 and CIFAR-100 as their authors publish them: Python pickles or binary records.

Both keep an image as 3,072 bytes, red, green and blue planes of 32 rows of 32. A binary record is one label
byte (CIFAR-10) or a coarse and a fine one (CIFAR-100), then the image. Reference: A. Krizhevsky, "Learning
Multiple Layers of Features from Tiny Images", 2009.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from axbar.data._arrays import Pair, Raw, as_labels, join
from axbar.data._pickle import read_pickle
from axbar.errors import DataError

__all__ = ["find_binary", "find_pickles", "read_binary", "read_pickles"]

_SHAPE = (3, 32, 32)
_IMAGE_BYTES = 3 * 32 * 32
_BATCHES = tuple(f"data_batch_{i}" for i in range(1, 6))


def _present(folder: Path, names: tuple[str, ...], suffix: str = "") -> list[Path]:
    return [path for path in (folder / f"{name}{suffix}" for name in names) if path.is_file()]


def _missing_note(found: list[Path]) -> tuple[str, ...]:
    if len(found) == len(_BATCHES):
        return ()
    return (f"train batches {', '.join(p.stem.rsplit('_', 1)[-1] for p in found)} of {len(_BATCHES)}",)


def find_pickles(folder: Path) -> bool:
    """Tell whether a folder looks like ``cifar-10-batches-py`` or ``cifar-100-python``."""
    ten = _present(folder, (*_BATCHES, "test_batch"))
    return bool(ten) or all((folder / name).is_file() for name in ("train", "test", "meta"))


def read_pickles(folder: Path) -> Raw:
    """Read the pickled batches of CIFAR-10 or CIFAR-100 (fine labels) without running code.

    Raises:
        DataError: a file is missing, damaged, or holds more than data.
    """
    if (folder / "meta").is_file():
        names = _names(read_pickle(folder / "meta"), "fine_label_names", folder / "meta")
        return Raw(_pickled(folder / "train"), _pickled(folder / "test"), names)
    batches = _need(_present(folder, _BATCHES), folder, "data_batch_1 ... data_batch_5")
    test = _need(_present(folder, ("test_batch",)), folder, "test_batch")
    meta = folder / "batches.meta"
    names = _names(read_pickle(meta), "label_names", meta) if meta.is_file() else ()
    return Raw(join([_pickled(p) for p in batches]), _pickled(test[0]), names, _missing_note(batches))


def _need(found: list[Path], folder: Path, wanted: str) -> list[Path]:
    if not found:
        raise DataError(f"'{folder}' has no {wanted}; unpack the whole archive.")
    return found


def _pickled(path: Path) -> Pair:
    batch = read_pickle(path)
    labels: Any = batch.get("fine_labels", batch.get("labels"))
    data: Any = batch.get("data")
    if data is None or labels is None:
        raise DataError(
            f"'{path}' holds {sorted(map(str, batch))}; a CIFAR batch has data and labels (or fine_labels)."
        )
    if (
        not isinstance(data, np.ndarray)
        or data.dtype != np.uint8
        or data.ndim != 2
        or data.shape[1] != _IMAGE_BYTES
    ):
        found = f"{data.shape} {data.dtype}" if isinstance(data, np.ndarray) else type(data).__name__
        raise DataError(f"data of '{path}' is {found}; expected is [N, {_IMAGE_BYTES}] of uint8.")
    return data.reshape(-1, *_SHAPE), as_labels(labels, len(data), f"labels of '{path}'")


def _names(meta: dict[str, Any], key: str, path: Path) -> tuple[str, ...]:
    names = meta.get(key)
    if not isinstance(names, list):
        raise DataError(f"'{path}' has no list of {key}; get the file anew.")
    return tuple(n.decode("utf-8", "replace") if isinstance(n, bytes) else str(n) for n in names)


def find_binary(folder: Path) -> bool:
    """Tell whether a folder looks like ``cifar-10-batches-bin`` or ``cifar-100-binary``."""
    ten = _present(folder, (*_BATCHES, "test_batch"), ".bin")
    return bool(ten) or len(_present(folder, ("train", "test"), ".bin")) == 2


def read_binary(folder: Path) -> Raw:
    """Read the binary batches of CIFAR-10 or CIFAR-100 (fine labels).

    Raises:
        DataError: a file is missing, or its size is no whole number of records.
    """
    if (folder / "train.bin").is_file():
        train, test = (_records(folder / f"{part}.bin", label_bytes=2) for part in ("train", "test"))
        return Raw(train, test, _name_lines(folder / "fine_label_names.txt"))
    batches = _need(_present(folder, _BATCHES, ".bin"), folder, "data_batch_1.bin ... data_batch_5.bin")
    test_file = _need(_present(folder, ("test_batch",), ".bin"), folder, "test_batch.bin")[0]
    train = join([_records(p, label_bytes=1) for p in batches])
    return Raw(
        train, _records(test_file, 1), _name_lines(folder / "batches.meta.txt"), _missing_note(batches)
    )


def _records(path: Path, label_bytes: int) -> Pair:
    size = label_bytes + _IMAGE_BYTES
    try:
        raw = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise DataError(f"can't read '{path}': {error.strerror}.") from error
    if len(raw) == 0 or len(raw) % size:
        whole = max(-(-len(raw) // size), 1)
        raise DataError(
            f"'{path}' is cut short: {whole * size} bytes expected ({whole} records of {size}), {len(raw)} "
            "found; get the file anew."
        )
    records = raw.reshape(-1, size)
    images = np.ascontiguousarray(records[:, label_bytes:]).reshape(-1, *_SHAPE)
    return images, records[:, label_bytes - 1].astype(np.int64)


def _name_lines(path: Path) -> tuple[str, ...]:
    if not path.is_file():
        return ()
    return tuple(
        line.strip()
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
        if line.strip()
    )
