"""IDX files, the format of MNIST and its kin, plain or gzipped.

Four bytes of magic (0, 0, type, number of axes), each axis as a big-endian 32-bit count, then the values row
by row. Type 8 is unsigned bytes, the only one that image sets use. Reference: Y. LeCun, C. Cortes, C. Burges,
"The MNIST database of handwritten digits", 1998.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from axbar.data._arrays import Pair, Raw, as_images, as_labels
from axbar.errors import DataError

__all__ = ["WANTED", "find_idx", "read_idx", "read_idx_folder"]

_CHUNK = 1 << 20
_UNSIGNED_BYTE = 8

#: what error messages say is looked for
WANTED = "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-... and t10k-labels-..., plain or .gz"


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Return the array in an IDX file of unsigned bytes.

    Raises:
        DataError: the file can't be read, is no IDX file, is cut short or too long.
    """
    try:
        file: Any = gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")
        with file:
            shape = _read_header(file, path)
            expected = int(np.prod(shape, dtype=object))
            body = _read_up_to(file, expected + 1)
    except (OSError, zlib.error) as error:
        raise DataError(f"can't read '{path}': {error}; get the file anew.") from error
    header = 4 + 4 * len(shape)
    if len(body) < expected:
        raise DataError(
            f"'{path}' is cut short: {header + expected} bytes expected for shape {shape}, "
            f"{header + len(body)} found; get the file anew."
        )
    if len(body) > expected:
        raise DataError(
            f"'{path}' is longer than the {header + expected} bytes of shape {shape}; get the file anew."
        )
    return np.frombuffer(body, dtype=np.uint8).reshape(shape)


def _read_header(file: IO[bytes], path: Path) -> tuple[int, ...]:
    magic = _read_up_to(file, 4)
    if len(magic) < 4:
        raise DataError(
            f"'{path}' is cut short: 4 bytes of IDX magic expected, {len(magic)} found; get the file anew."
        )
    if magic[:2] != b"\0\0" or magic[2] != _UNSIGNED_BYTE or not 1 <= magic[3] <= 4:
        raise DataError(
            f"'{path}' starts with the magic 0x{magic.hex()}; expected is 0x00000803 (images) or 0x00000801 "
            "(labels): it is no IDX file of unsigned bytes."
        )
    counts = _read_up_to(file, 4 * magic[3])
    if len(counts) < 4 * magic[3]:
        raise DataError(
            f"'{path}' is cut short: {4 + 4 * magic[3]} bytes of header expected, {4 + len(counts)} found; "
            "get the file anew."
        )
    return tuple(int(n) for n in np.frombuffer(counts, dtype=">u4"))


def _read_up_to(file: IO[bytes], count: int) -> bytes:
    """Read at most ``count`` bytes; fewer where the file or its gzip stream breaks off."""
    parts: list[bytes] = []
    left = count
    while left > 0:
        try:
            part = file.read(min(left, _CHUNK))
        except EOFError:
            break
        if not part:
            break
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _locate(folder: Path, part: str, kind: str) -> Path | None:
    axes = {"images": 3, "labels": 1}[kind]
    for joint in ("-", "."):
        for suffix in ("", ".gz"):
            path = folder / f"{part}-{kind}{joint}idx{axes}-ubyte{suffix}"
            if path.is_file():
                return path
    return None


def find_idx(folder: Path) -> bool:
    """Tell whether a folder holds a training part in IDX files."""
    return _locate(folder, "train", "images") is not None


def read_idx_folder(folder: Path) -> Raw:
    """Read the IDX files of a folder; a missing test part is left to be split off.

    Raises:
        DataError: a label file is missing, or a file is damaged.
    """
    train = _read_part(folder, "train")
    has_test = _locate(folder, "t10k", "images") or _locate(folder, "t10k", "labels")
    return Raw(train=train, test=_read_part(folder, "t10k") if has_test else None)


def _read_part(folder: Path, part: str) -> Pair:
    images, labels = _locate(folder, part, "images"), _locate(folder, part, "labels")
    if images is None or labels is None:
        missing = "images-idx3" if images is None else "labels-idx1"
        raise DataError(f"'{folder}' has no {part}-{missing}-ubyte[.gz]; looked for {WANTED}.")
    x, y = read_idx(images), read_idx(labels)
    if x.ndim != 3 or y.ndim != 1:
        wrong, axes = (images, 3) if x.ndim != 3 else (labels, 1)
        raise DataError(
            f"'{wrong}' holds an array of shape {(x if x.ndim != 3 else y).shape}; {axes} axes expected."
        )
    checked, _ = as_images(x, f"'{images}'")
    return checked, as_labels(y, len(x), f"'{labels}'")
