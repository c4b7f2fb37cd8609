"""Laws of data: parting loses and doubles nothing; a damaged file is read or refused, never a crash."""

from __future__ import annotations

import io
import pickle
import struct
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from axbar.data import Dataset, load_data
from axbar.data._idx import read_idx
from axbar.data._pickle import read_pickle
from axbar.data._splits import balanced_order, carve
from axbar.errors import DataError

labels = st.lists(st.integers(0, 6), min_size=1, max_size=120).map(lambda y: np.array(y, dtype=np.int64))


def numbered(count: int) -> NDArray[np.uint8]:
    """Return images of two pixels that tell their own position."""
    return np.arange(count, dtype=np.uint16)[:, None].view(np.uint8).reshape(count, 1, 1, 2).copy()


def positions(x: NDArray[np.uint8]) -> set[int]:
    return set(np.ascontiguousarray(x).reshape(len(x), 2).view(np.uint16).ravel().tolist())


@given(labels, st.integers(0, 120), st.integers(0, 5))
def test_carving_loses_and_doubles_nothing(y: NDArray[np.int64], count: int, seed: int) -> None:
    rest, taken = carve(y, count, np.random.default_rng(seed))
    assert sorted([*rest.tolist(), *taken.tolist()]) == list(range(len(y)))
    assert len(taken) == min(count, len(y) - len(np.unique(y)))
    assert set(y[rest].tolist()) == set(y.tolist())  # no class vanishes


@given(labels, st.integers(0, 40), st.integers(0, 5))
def test_carving_is_stratified(y: NDArray[np.int64], count: int, seed: int) -> None:
    count = min(count, len(y) // 3)
    _, taken = carve(y, count, np.random.default_rng(seed))
    sizes = np.bincount(y, minlength=7)
    got = np.bincount(y[taken], minlength=7)
    enough = sizes[sizes > 0] * (1 - count / len(y)) >= 2  # no class near its last image
    if enough.all():
        assert np.all(np.abs(got - count * sizes / len(y)) < 1)


@settings(max_examples=50)
@given(
    st.integers(10, 300),
    st.integers(1, 9),
    st.integers(1, 600),
    st.integers(0, 3),
)
def test_train_and_calibration_are_disjoint_and_whole(n: int, classes: int, wanted: int, seed: int) -> None:
    x, y = numbered(n), np.arange(n) % classes
    data = Dataset.from_arrays("law", (x, y), (x, y), calibration=wanted, seed=seed)
    train, held = positions(data.train.x), positions(data.calibration.x)  # pyright: ignore[reportArgumentType]
    assert not train & held
    assert train | held == set(range(n))
    assert len(held) <= min(wanted, n // 10)
    for part in (data.train, data.calibration):
        where = np.ascontiguousarray(part.x).reshape(len(part), 2).view(np.uint16).ravel()
        assert np.array_equal(part.y, y[where])  # images keep their labels


@given(labels)
def test_balanced_order_is_a_permutation_with_even_beginnings(y: NDArray[np.int64]) -> None:
    order = balanced_order(y)
    assert sorted(order.tolist()) == list(range(len(y)))
    sizes = np.bincount(y, minlength=7)
    for n in (1, len(y) // 2, len(y)):
        got = np.bincount(y[order[:n]], minlength=7)
        rounds = got.max(initial=0)
        assert np.all(got >= np.minimum(sizes, rounds - 1))


IMAGES = np.random.default_rng(0).integers(0, 256, (20, 4, 4), dtype=np.uint8)


def as_idx() -> bytes:
    return b"\0\0\x08\x03" + struct.pack(">3I", *IMAGES.shape) + IMAGES.tobytes()


def as_npz() -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, x=IMAGES, y=np.arange(20) % 2)
    return file.getvalue()


def as_pickle() -> bytes:
    return pickle.dumps({b"data": IMAGES.reshape(20, -1), b"labels": list(range(20))}, protocol=2)


@pytest.mark.parametrize(
    ("name", "whole", "read"),
    [("a", as_idx(), read_idx), ("a.npz", as_npz(), load_data), ("b", as_pickle(), read_pickle)],
    ids=["idx", "npz", "pickle"],
)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_never_a_crash(
    name: str, whole: bytes, read: Callable[[Path], object], data: st.DataObject
) -> None:
    raw = bytearray(whole[: data.draw(st.integers(0, len(whole)))] if data.draw(st.booleans()) else whole)
    for _ in range(data.draw(st.integers(0, 4)) if raw else 0):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder, suppress(DataError):
        path = Path(folder) / name
        path.write_bytes(raw)
        read(path)
