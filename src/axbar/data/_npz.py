"""Arrays in ``.npz`` files: one file with one or both parts, or a folder of them.

Small colour images are also kept as two-dimensional differences, a third smaller (``delta`` [3, N, H, W]
uint8): running sums along columns and rows, modulo 256, give green, red - green and blue - green.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar.data._arrays import Pair, Raw, as_labels, as_pair, join
from axbar.errors import DataError

__all__ = [
    "class_names",
    "decode_delta",
    "encode_delta",
    "find_npz",
    "load_arrays",
    "read_npz",
    "read_npz_folder",
]

#: names of images and labels of both parts, in the order in which they are tried
_TWO_PARTS = (
    ("x_train", "y_train", "x_test", "y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
)
_IMAGES = ("x", "images", "data", "delta")
_LABELS = ("y", "labels", "targets", "fine_labels")
_CLASS_NAMES = ("classes", "class_names", "label_names", "fine_label_names")
_TEST_FILES = ("test_batch.npz", "test.npz", "heldout.npz")


def decode_delta(delta: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return RGB images ``[N, 3, H, W]`` from differences ``[3, N, H, W]``, exactly."""
    p = delta.cumsum(-1, dtype=np.uint8).cumsum(-2, dtype=np.uint8)
    return np.stack([p[1] + p[0], p[0], p[2] + p[0]], axis=1)


def encode_delta(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return differences ``[3, N, H, W]`` of RGB images ``[N, 3, H, W]``; the inverse of ``decode_delta``."""
    red, green, blue = np.moveaxis(images, 1, 0)
    planes = np.stack([green, red - green, blue - green])
    down = np.diff(planes, axis=-2, prepend=np.uint8(0))
    return np.diff(down, axis=-1, prepend=np.uint8(0))


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        # opened here, since numpy leaves a damaged archive open
        with path.open("rb") as file:
            return _arrays(np.load(file, allow_pickle=False), path)
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise DataError(
                f"'{path}' holds Python objects, which may run code; save numbers only, with numpy.savez."
            ) from None
        raise DataError(f"'{path}' is damaged ({error}); get the file anew.") from error
    except DataError:
        raise
    except Exception as error:  # a damaged archive fails in many ways inside zipfile, zlib and numpy
        raise DataError(f"'{path}' is no readable .npz file ({error}); get the file anew.") from error


def _arrays(loaded: Any, path: Path) -> dict[str, NDArray[Any]]:
    if isinstance(loaded, np.ndarray):
        raise DataError(f"'{path}' holds a single array; save one with numpy.savez(path, x=..., y=...).")
    with loaded:
        return {key: np.asarray(loaded[key]) for key in loaded.files}


def read_npz(path: Path) -> Raw:
    """Read a ``.npz`` with ``x, y`` or ``x_train, y_train, x_test, y_test`` (and other usual names).

    Raises:
        DataError: the file is damaged, holds objects, or its arrays are no images with labels.
    """
    arrays = load_arrays(path)
    for names in _TWO_PARTS:
        if all(name in arrays for name in names):
            x_train, y_train, x_test, y_test = (arrays[name] for name in names)
            train, notes = as_pair(x_train, y_train, f"'{path}' (train)")
            test, more = as_pair(x_test, y_test, f"'{path}' (test)")
            return Raw(train, test, class_names(arrays), (*notes, *more))
    pair, notes = _single(arrays, path)
    return Raw(pair, None, class_names(arrays), notes)


def _single(arrays: Mapping[str, NDArray[Any]], path: Path) -> tuple[Pair, tuple[str, ...]]:
    x_name = next((name for name in _IMAGES if name in arrays), None)
    y_name = next((name for name in _LABELS if name in arrays), None)
    if x_name is None or y_name is None:
        raise DataError(
            f"'{path}' holds {', '.join(sorted(arrays)) or 'nothing'}; expected are x and y, or x_train, "
            "y_train, x_test and y_test."
        )
    x, y = arrays[x_name], arrays[y_name]
    if x_name != "delta":
        return as_pair(x, y, f"'{path}'")
    if x.dtype != np.uint8 or x.ndim != 4 or x.shape[0] != 3:
        raise DataError(f"delta of '{path}' is {x.shape} {x.dtype}; expected is [3, N, H, W] of uint8.")
    images = decode_delta(x)
    lossy = int(arrays["from_jpeg"].sum()) if "from_jpeg" in arrays else 0
    notes = (f"{path.name}: {lossy} images come from JPEG files and are not exact",) if lossy else ()
    return (images, as_labels(y, len(images), f"y of '{path}'")), notes


def class_names(arrays: Mapping[str, NDArray[Any]]) -> tuple[str, ...]:
    for name in _CLASS_NAMES:
        if name in arrays and arrays[name].ndim == 1 and arrays[name].dtype.kind in "US":
            return tuple(str(n.decode() if isinstance(n, bytes) else n) for n in arrays[name].tolist())
    return ()


def _train_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("data_batch_*.npz")) or [p for p in [folder / "train.npz"] if p.is_file()]


def find_npz(folder: Path) -> bool:
    """Tell whether a folder holds ``train.npz`` or ``data_batch_*.npz``."""
    return bool(_train_files(folder))


def read_npz_folder(folder: Path) -> Raw:
    """Read ``train.npz`` (or ``data_batch_*.npz``) and ``test.npz`` (``test_batch.npz``, ``heldout.npz``).

    Raises:
        DataError: a file is damaged or its arrays are no images with labels.
    """
    pairs: list[Pair] = []
    notes: list[str] = []
    classes: tuple[str, ...] = ()
    files = _train_files(folder)
    for path in files:
        arrays = load_arrays(path)
        pair, more = _single(arrays, path)
        pairs.append(pair)
        notes.extend(more)
        classes = classes or class_names(arrays)
    if files[0].name.startswith("data_batch_") and len(files) < 5:
        notes.append(f"train batches {', '.join(p.stem.rsplit('_', 1)[-1] for p in files)} of 5")
    test_file = next((folder / name for name in _TEST_FILES if (folder / name).is_file()), None)
    if test_file is None:
        return Raw(join(pairs), None, classes, tuple(notes))
    arrays = load_arrays(test_file)
    test, more = _single(arrays, test_file)
    if test_file.name == "heldout.npz":
        more = (*more, "the test part is a held-out set, not the official test set")
    return Raw(join(pairs), test, classes or class_names(arrays), (*notes, *more))
