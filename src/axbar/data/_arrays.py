"""From arrays as people keep them to images ``[N, C, H, W]`` and labels ``[N]``, or a sentence why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from axbar.data._splits import carve
from axbar.data._types import Dataset, Images, Labels, size_text
from axbar.errors import DataError

__all__ = ["Raw", "as_images", "as_labels", "as_pair", "join", "to_dataset"]

#: share of the images that become the test part where a source has one part only
_TEST_SHARE = 0.2

Pair = tuple[Images, Labels]


@dataclass(frozen=True)
class Raw:
    """What a reader found: checked arrays, not yet parted.

    Args:
        train: images and labels.
        test: the same, or None where the source has one part only.
        classes: class names; empty where the source has none.
        notes: what a reader of results must know.
    """

    train: Pair
    test: Pair | None = None
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())


def as_images(values: ArrayLike, where: str) -> tuple[Images, tuple[str, ...]]:
    """Return images ``[N, C, H, W]`` or sequences ``[N, T, C, H, W]`` as uint8 or float32 0..1, and notes on changes.

    Args:
        values: ``[N, H, W]``, ``[N, C, H, W]``, ``[N, T, C, H, W]`` or ``[N, H, W, C]`` (C of 1, 3 or 4 at the end
            and no channel axis in front); integers 0..255, booleans, or floats 0..1 (or floats that are whole 0..255).
        where: names the array in errors.

    Raises:
        DataError: shape, type or range is another, or a value is not finite.
    """
    x = _as_array(values, where)
    if x.dtype.kind not in "buif":
        raise DataError(
            f"{where} is an array of type {x.dtype}, not of numbers; images of different sizes make such "
            "arrays: give one array [N, C, H, W] of uint8 or float32."
        )
    if x.ndim == 0 or x.size == 0:
        raise DataError(f"{where} holds no images; give an array [N, C, H, W].")
    placed, notes = _place_channels(x, where)
    if x.dtype.kind == "f":
        return _from_floats(placed, where), notes
    return _from_integers(placed, where, notes)


def _as_array(values: ArrayLike, where: str) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except (
        Exception
    ) as error:  # ragged lists, tensors on a GPU or with gradients, ...: each fails in its own way
        raise DataError(f"{where} can't be read as an array ({type(error).__name__}: {error}).") from error


def _place_channels(x: NDArray[Any], where: str) -> tuple[NDArray[Any], tuple[str, ...]]:
    if x.ndim == 3:
        return x[:, None], ()
    if x.ndim == 4 and x.shape[3] in (1, 3, 4) and x.shape[1] not in (1, 2, 3, 4):
        return np.moveaxis(x, 3, 1), (f"{where}: channels moved from the last axis to the second",)
    if x.ndim in (4, 5):
        return x, ()
    side = round(float(np.prod(x.shape[1:])) ** 0.5)
    square = (
        f", for instance x.reshape(-1, 1, {side}, {side})"
        if x.ndim == 2 and side * side == x.shape[1]
        else ""
    )
    raise DataError(
        f"{where} has the shape {x.shape}; images are [N, H, W], [N, C, H, W] or [N, H, W, C], "
        f"sequences [N, T, C, H, W]: reshape it{square}."
    )


def _from_floats(x: NDArray[Any], where: str) -> Images:
    with np.errstate(invalid="ignore"):
        low, high = float(x.min()), float(x.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        bad = int(x.size - np.isfinite(x).sum())
        raise DataError(f"{where} holds {bad} NaN or infinite values among {x.size}; repair or drop them.")
    if low >= 0 and high <= 1:
        return np.ascontiguousarray(x, dtype=np.float32)
    if low >= 0 and high <= 255 and bool((x == np.rint(x)).all()):
        return np.ascontiguousarray(x, dtype=np.uint8)
    raise DataError(
        f"{where} holds values from {low:g} to {high:g}; images are 0..1 as floats or 0..255 as whole "
        "numbers: undo any normalisation and scale them."
    )


def _from_integers(x: NDArray[Any], where: str, notes: tuple[str, ...]) -> tuple[Images, tuple[str, ...]]:
    low, high = int(x.min()), int(x.max())
    if low < 0 or high > 255:
        raise DataError(f"{where} holds whole numbers from {low} to {high}; images are 0..255: scale them.")
    if high == 1:  # black and white; as 0..255 it would be black
        return np.ascontiguousarray(x, dtype=np.uint8) * np.uint8(255), (
            *notes,
            f"{where}: values 0 and 1 taken as black and white",
        )
    if high < 128:
        notes = (*notes, f"{where}: the largest pixel value is {high} of 255")
    return np.ascontiguousarray(x, dtype=np.uint8), notes


def as_labels(values: ArrayLike, count: int, where: str) -> Labels:
    """Return class numbers ``[N]`` as int64.

    Args:
        values: ``[N]`` or ``[N, 1]`` whole numbers from 0.
        count: images they belong to.
        where: names the array in errors.

    Raises:
        DataError: they are not whole numbers from 0, or not as many as the images.
    """
    y = _as_array(values, where)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        one_hot = " (one-hot labels: take numpy.argmax(y, axis=1))" if y.ndim == 2 else ""
        raise DataError(
            f"{where} has the shape {y.shape}; labels are [N], one class number per image{one_hot}."
        )
    if y.dtype.kind not in "uif" or (y.dtype.kind == "f" and not bool((y == np.rint(y)).all())):
        sample = ", ".join(repr(v) for v in y[:3].tolist())
        raise DataError(
            f"{where} holds labels that are not whole numbers ({sample}, ...); give 0, 1, 2, ... per class."
        )
    if len(y) != count:
        raise DataError(
            f"{where} holds {len(y)} labels for {count} images; there must be one label per image."
        )
    low, high = float(y.min()), float(y.max())
    if not (low >= 0 and high < 2**31):
        raise DataError(f"{where} holds labels from {low:g} to {high:g}; class numbers start at 0.")
    return y.astype(np.int64)


def as_pair(x: ArrayLike, y: ArrayLike, where: str) -> tuple[Pair, tuple[str, ...]]:
    """Return checked ``(images, labels)`` and notes; ``where`` names the file or part."""
    images, notes = as_images(x, f"x of {where}")
    return (images, as_labels(y, len(images), f"y of {where}")), notes


def join(pairs: Sequence[Pair]) -> Pair:
    """Return the pairs one after another as one."""
    if len(pairs) == 1:
        return pairs[0]
    images: Any = np.concatenate([x for x, _ in pairs])
    return images, np.concatenate([y for _, y in pairs])


def to_dataset(
    raw: Raw, name: str, *, licence: str, source: str, calibration: int, seed: int, notes: Sequence[str] = ()
) -> Dataset:
    """Part what a reader found into train, calibration and test.

    Where there is one part only, a fifth of it (stratified, by ``seed``) becomes the test part, with a note.

    Raises:
        DataError: train and test images differ in size, or a class of the test part never occurs in training.
    """
    train, test, own = raw.train, raw.test, [*notes, *raw.notes]
    if test is None:
        rest, held = carve(train[1], round(len(train[1]) * _TEST_SHARE), np.random.default_rng(seed))
        if len(held) == 0:
            raise DataError(
                f"'{name}' holds {len(train[1])} images, too few to keep some of them apart for testing."
            )
        train, test = (train[0][rest], train[1][rest]), (train[0][held], train[1][held])
        own.append(
            f"one part only: {len(held)} of {len(held) + len(rest)} images split off for testing, seed {seed}"
        )
    if train[0].shape[1:] != test[0].shape[1:]:
        raise DataError(
            f"train images of '{name}' are {size_text(train[0].shape[1:])}, test images are "
            f"{size_text(test[0].shape[1:])}; all must have one size (channels x rows x columns)."
        )
    strangers = np.setdiff1d(test[1], train[1])
    if len(strangers):
        raise DataError(
            f"the test part of '{name}' holds classes that training never shows: {strangers[:8].tolist()}; "
            "check the labels of both parts."
        )
    return Dataset.from_arrays(
        name,
        train,
        test,
        raw.classes,
        licence=licence,
        source=source,
        notes=own,
        calibration=calibration,
        seed=seed,
    )
