"""What a data set is: images and labels in three parts that never mix.

``train`` fits weights, ``calibration`` fits ranges, thresholds and scales, ``test`` only measures.
Calibration is cut out of the training images when a data set is made; what tunes a network gets
``Dataset.tuning()``, which has no test part at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from axbar.data._splits import balanced_order, carve
from axbar.errors import DataError, UsageError

__all__ = ["CALIBRATION_IMAGES", "Dataset", "Images", "Index", "Labels", "Role", "Split", "TuningData"]

Images = NDArray[np.uint8] | NDArray[np.float32]
Labels = NDArray[np.int64]
Index = int | slice | Sequence[int] | NDArray[np.integer] | NDArray[np.bool_] | None
Role = Literal["train", "calibration", "test"]

#: calibration images where the training part is large enough
CALIBRATION_IMAGES = 512
#: largest share of the training images that calibration may take
_CALIBRATION_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class Split:
    """Images and labels of one part of a data set.

    Args:
        x: images ``[N, C, H, W]`` or sequences of frames ``[N, T, C, H, W]``, uint8 0..255 or float32 0..1.
        y: ``[N]`` int64 class numbers from 0.
        role: what the part is for.

    Raises:
        DataError: shapes or types are others, counts differ, or a pixel is not a number from 0 to 1.
    """

    x: Images
    y: Labels
    role: Role

    def __post_init__(self) -> None:
        if self.x.ndim not in (4, 5) or self.x.dtype not in (np.uint8, np.float32):
            raise DataError(
                f"{self.role} images have shape {self.x.shape} and type {self.x.dtype}; allowed is "
                "[N, C, H, W], or [N, T, C, H, W] for sequences, of uint8 (0..255) or float32 (0..1)."
            )
        if self.y.shape != (len(self.x),) or self.y.dtype != np.int64:
            raise DataError(
                f"{self.role} labels have shape {self.y.shape} and type {self.y.dtype}; allowed is "
                f"({len(self.x)},) of int64, one label per image."
            )
        if self.x.dtype == np.float32 and self.x.size:
            low, high = float(self.x.min()), float(self.x.max())
            if not (low >= 0 and high <= 1):  # also true for NaN
                raise DataError(
                    f"{self.role} images hold values from {low:g} to {high:g}; float images must lie in "
                    "0..1: undo any normalisation and scale them."
                )

    def __len__(self) -> int:
        return len(self.y)

    def images(self, index: Index = None) -> NDArray[np.float32]:
        """Return images as float32 in 0..1, ``[n, ...]`` as in ``x``; all of them without an index.

        >>> from axbar.data import load_data
        >>> load_data("fashion-mnist-small").test.images(slice(0, 4)).shape
        (4, 1, 28, 28)
        """
        picked = self.x[_as_index(index)]
        if picked.dtype == np.uint8:
            return np.divide(picked, np.float32(255), dtype=np.float32)
        return np.array(picked, dtype=np.float32)

    def labels(self, index: Index = None) -> Labels:
        """Return a copy of the labels, ``[n]``."""
        return np.array(self.y[_as_index(index)])

    def batches(
        self, batch_size: int, rng: np.random.Generator | None = None, shuffle: bool | None = None
    ) -> Iterator[tuple[NDArray[np.float32], Labels]]:
        """Yield ``(images [b, ...], labels [b])`` once through the part; the last batch may be smaller.

        Args:
            batch_size: images per batch, at least 1.
            rng: source of the order when shuffled.
            shuffle: defaults to true where an ``rng`` is given.

        Raises:
            UsageError: ``batch_size`` is below 1, or shuffling is asked for without an ``rng``.
        """
        if batch_size < 1:
            raise UsageError(f"batch_size = {batch_size} is too small: give at least 1.")
        if shuffle and rng is None:
            raise UsageError("shuffling needs a source of order: pass rng=numpy.random.default_rng(seed).")
        shuffled = rng is not None and shuffle is not False
        order = rng.permutation(len(self)) if rng is not None and shuffled else np.arange(len(self))
        return (
            (self.images(order[i : i + batch_size]), self.labels(order[i : i + batch_size]))
            for i in range(0, len(self), batch_size)
        )

    def take(self, index: Index) -> Split:
        """Return the chosen images as a part of the same role."""
        chosen = _as_index(index)
        return replace(self, x=self.x[chosen], y=self.y[chosen])

    def balanced(self, count: int) -> Split:
        """Return ``count`` images, the first of each class in turn; all of them if there are no more.

        The choice depends on the order of the data only, so that every run measures on the same images.

        Raises:
            UsageError: ``count`` is below 1.
        """
        if count < 1:
            raise UsageError(f"{count} images can't be chosen: give at least 1.")
        return self.take(balanced_order(self.y)[:count]) if count < len(self) else self


def _as_index(index: Index) -> slice | NDArray[np.integer] | NDArray[np.bool_]:
    if index is None:
        return slice(None)
    if isinstance(index, slice):
        return index
    chosen = np.atleast_1d(np.asarray(index))
    return chosen.astype(np.int64) if chosen.size == 0 else chosen


def _hash(classes: tuple[str, ...], *parts: Split) -> str:
    digest = hashlib.sha256(repr(classes).encode())
    for part in parts:
        digest.update(f"{part.role}{part.x.shape}{part.x.dtype}".encode())
        # little-endian bytes, so that every machine finds the same hash
        digest.update(np.ascontiguousarray(part.x, dtype=part.x.dtype.newbyteorder("<")).data)
        digest.update(np.ascontiguousarray(part.y, dtype="<i8").data)
    return digest.hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class TuningData:
    """What may tune a network: a data set without its test part. Fields as in ``Dataset``."""

    name: str
    train: Split
    calibration: Split
    classes: tuple[str, ...]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """``(C, H, W)`` of one image, ``(T, C, H, W)`` of one sequence."""
        return _shape(self.train)

    def hash(self) -> str:
        """Return a content hash of both parts."""
        return _hash(self.classes, self.train, self.calibration)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A named set of labelled images in three disjoint parts; make one with ``Dataset.from_arrays``.

    Args:
        name: as reports show it.
        train, calibration, test: the parts.
        classes: name of each class; class i of the labels is ``classes[i]``.
        licence: under which the data stand.
        source: who made the data and where they were published.
        notes: what a reader must know (a split that we made, files left out, ...).
    """

    name: str
    train: Split
    calibration: Split
    test: Split
    classes: tuple[str, ...]
    licence: str = "not stated"
    source: str = "not stated"
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for role in ("train", "calibration", "test"):
            part: Split = getattr(self, role)
            if part.role != role:
                raise DataError(
                    f"the {role} part of '{self.name}' is marked as {part.role}; give each part its own role."
                )
            if len(part) == 0:
                raise DataError(
                    f"the {role} part of '{self.name}' holds no images; each part needs at least one."
                )
            if _shape(part) != _shape(self.train):
                raise DataError(
                    f"{role} images of '{self.name}' are {size_text(_shape(part))}, train images are "
                    f"{size_text(_shape(self.train))}; all must have one size."
                )
            if not 0 <= int(part.y.min()) <= int(part.y.max()) < len(self.classes):
                raise DataError(
                    f"{role} labels of '{self.name}' run from {part.y.min()} to {part.y.max()}, but there "
                    f"are {len(self.classes)} classes; labels must lie in 0..{len(self.classes) - 1}."
                )

    @classmethod
    def from_arrays(
        cls,
        name: str,
        train: tuple[Images, Labels],
        test: tuple[Images, Labels],
        classes: Sequence[str] = (),
        *,
        licence: str = "not stated",
        source: str = "not stated",
        notes: Sequence[str] = (),
        calibration: int = CALIBRATION_IMAGES,
        seed: int = 0,
    ) -> Dataset:
        """Make a data set; calibration images are cut out of ``train`` and are no longer part of it.

        Args:
            train, test: ``(x [N, C, H, W], y [N])`` as in ``Split``.
            classes: class names; numbers where none are given.
            calibration: images to cut out, stratified by class, at most a tenth of ``train``.
            seed: of the choice.

        Raises:
            DataError: arrays do not fit each other, or there are too few training images to share.
        """
        whole = Split(train[0], train[1], "train")
        wanted = min(calibration, int(len(whole) * _CALIBRATION_SHARE))
        if wanted < 1:
            raise DataError(
                f"'{name}' holds {len(whole)} training images; at least {int(1 / _CALIBRATION_SHARE)} are "
                "needed, because one in ten may be set aside for calibration."
            )
        rest, held = carve(whole.y, wanted, np.random.default_rng(seed))
        held = held[balanced_order(whole.y[held])]  # any first n of them cover the classes evenly
        top = max((int(y.max()) for y in (train[1], test[1]) if len(y)), default=-1)
        return cls(
            name=name,
            train=whole.take(rest),
            calibration=replace(whole.take(held), role="calibration"),
            test=Split(test[0], test[1], "test"),
            classes=tuple(classes) or tuple(str(i) for i in range(top + 1)),
            licence=licence,
            source=source,
            notes=tuple(notes),
        )

    @property
    def input_shape(self) -> tuple[int, ...]:
        """``(C, H, W)`` of one image, ``(T, C, H, W)`` of one sequence."""
        return _shape(self.train)

    def hash(self) -> str:
        """Return a content hash of all images, labels and class names; the name does not count."""
        return _hash(self.classes, self.train, self.calibration, self.test)

    def tuning(self) -> TuningData:
        """Return the view for whatever tunes a network; it holds no test part."""
        return TuningData(self.name, self.train, self.calibration, self.classes)

    def subset(
        self, train: int | None = None, calibration: int | None = None, test: int | None = None
    ) -> Dataset:
        """Return a smaller data set: the first images of each class in turn; None keeps a part whole.

        >>> from axbar.data import load_data
        >>> len(load_data("fashion-mnist-small").subset(test=100).test)
        100
        """
        parts = {"train": train, "calibration": calibration, "test": test}
        smaller = {role: getattr(self, role).balanced(n) for role, n in parts.items() if n is not None}
        cut = [f"{role}: {len(part)} of {len(getattr(self, role))} images" for role, part in smaller.items()]
        notes = (*self.notes, "balanced subset, " + ", ".join(cut)) if cut else self.notes
        return replace(self, notes=notes, **smaller)


def _shape(part: Split) -> tuple[int, ...]:
    return tuple(int(n) for n in part.x.shape[1:])


def size_text(shape: Sequence[int]) -> str:
    """Return ``1x28x28`` for ``(1, 28, 28)``."""
    return "x".join(str(n) for n in shape)
