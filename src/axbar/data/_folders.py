"""Folders of pictures: one folder per class, with or without ``train`` and ``test`` folders around them.

PNG, JPEG and others are read by Pillow where it is installed; binary PGM and PPM (netpbm ``P5``, ``P6``, 8
bit) need nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar.data._arrays import Pair, Raw
from axbar.errors import DataError

__all__ = ["find_pictures", "read_picture", "read_pictures"]

_NATIVE = (".pgm", ".ppm")
_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", *_NATIVE)
_TRAIN = ("train", "training", "train_images")
_TEST = ("test", "testing", "val", "valid", "validation")


def _folders(folder: Path) -> list[Path]:
    found = [p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")]
    numbered = all(p.name.isdecimal() for p in found)
    return sorted(found, key=lambda p: (int(p.name) if numbered else 0, p.name))


def _pictures(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in _SUFFIXES and not p.name.startswith("."))


def _classes(folder: Path) -> list[Path]:
    return [p for p in _folders(folder) if _pictures(p)]


def _part(folder: Path, names: Iterable[str]) -> Path | None:
    by_name = {p.name.lower(): p for p in _folders(folder)}
    return next((by_name[name] for name in names if name in by_name and _classes(by_name[name])), None)


def find_pictures(folder: Path) -> bool:
    """Tell whether a folder holds class folders with pictures, directly or under ``train``."""
    return _part(folder, _TRAIN) is not None or bool(_classes(folder))


def read_pictures(folder: Path) -> Raw:
    """Read pictures as uint8; the folder names, sorted (as numbers if all are), are the classes.

    Raises:
        DataError: a picture can't be read, sizes differ, or the test part has classes of its own.
    """
    train, test = _part(folder, _TRAIN), _part(folder, _TEST)
    classes = [p.name for p in _classes(train or folder)]
    if train is None:
        return Raw(_read_part(folder, classes), None, tuple(classes))
    if test is None:
        return Raw(
            _read_part(train, classes), None, tuple(classes), (f"'{folder.name}' has a train folder only",)
        )
    strangers = sorted({p.name for p in _classes(test)} - set(classes))
    if strangers:
        raise DataError(
            f"'{test}' holds classes that '{train}' lacks: {', '.join(strangers[:8])}; both need the same."
        )
    pairs = _same_channels(_read_part(train, classes), _read_part(test, classes))
    return Raw(pairs[0], pairs[1], tuple(classes))


def _read_part(folder: Path, classes: list[str]) -> Pair:
    found = [
        (path, label)
        for label, name in enumerate(classes)
        if (folder / name).is_dir()
        for path in _pictures(folder / name)
    ]
    images: list[NDArray[np.uint8]] = []
    for path, _ in found:
        image = read_picture(path)
        if images and image.shape[:2] != images[0].shape[:2]:
            rows, columns = images[0].shape[:2]
            raise DataError(
                f"'{path}' is {image.shape[1]}x{image.shape[0]} pixels, '{found[0][0]}' is {columns}x{rows}; "
                "all pictures must have one size: resize or crop them."
            )
        images.append(image)
    channels = max(image.shape[2] for image in images)
    stacked = np.stack([np.broadcast_to(image, (*image.shape[:2], channels)) for image in images])
    labels = np.array([label for _, label in found], dtype=np.int64)
    return np.ascontiguousarray(np.moveaxis(stacked, 3, 1)), labels


def _same_channels(*pairs: Pair) -> list[Pair]:
    channels = max(x.shape[1] for x, _ in pairs)
    same: list[Any] = [(np.repeat(x, channels // x.shape[1], axis=1), y) for x, y in pairs]
    return same


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Return one picture as ``[H, W, 1]`` (grey) or ``[H, W, 3]`` (colour) uint8.

    Raises:
        DataError: the file is damaged, has 16 bits per pixel, or needs Pillow and there is none.
    """
    if path.suffix.lower() in _NATIVE:
        return _read_netpbm(path)
    try:
        from PIL import Image
    except ImportError:
        raise DataError(
            f"reading '{path}' needs Pillow, which is not installed: pip install pillow."
        ) from None
    try:
        # Pillow warns of odd metadata, which say nothing about the pixels
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            if image.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"):
                raise DataError(
                    f"'{path}' has pixels of type {image.mode}; 8 bits per channel are read: convert it."
                )
            grey = image.mode in ("1", "L", "LA")
            pixels = np.asarray(image.convert("L" if grey else "RGB"), dtype=np.uint8)
    except DataError:
        raise
    except Exception as error:  # each of Pillow's decoders fails in its own way
        raise DataError(f"'{path}' is no readable picture ({error}); replace or remove it.") from error
    return pixels[..., None] if grey else pixels


def _read_netpbm(path: Path) -> NDArray[np.uint8]:
    raw = path.read_bytes()
    fields, start = _netpbm_header(raw)
    if len(fields) < 4 or fields[0] not in (b"P5", b"P6") or not all(f.isdigit() for f in fields[1:]):
        raise DataError(f"'{path}' is no binary PGM or PPM (P5, P6); convert it or remove it.")
    columns, rows, top = (int(f) for f in fields[1:])
    channels = 3 if fields[0] == b"P6" else 1
    if top != 255:
        raise DataError(f"'{path}' has a largest value of {top}; 255 is read: convert it to 8 bits.")
    found, expected = len(raw) - start, rows * columns * channels
    if found < expected:
        raise DataError(
            f"'{path}' is cut short: {expected} bytes of pixels expected, {found} found; get the file anew."
        )
    return np.frombuffer(raw, dtype=np.uint8, count=expected, offset=start).reshape(rows, columns, channels)


def _netpbm_header(raw: bytes) -> tuple[list[bytes], int]:
    """Return magic, width, height and largest value, and where the pixels start (# begins a comment)."""
    fields: list[bytes] = []
    at = 0
    while len(fields) < 4 and at < len(raw):
        if raw[at : at + 1].isspace():
            at += 1
            continue
        end = at
        if raw[at : at + 1] == b"#":
            end = raw.find(b"\n", at)
            at = len(raw) if end < 0 else end
            continue
        while end < len(raw) and not raw[end : end + 1].isspace():
            end += 1
        fields.append(raw[at:end])
        at = end
    return fields, at + 1
