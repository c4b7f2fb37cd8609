"""Arrays as people keep them become images and labels, or a sentence."""

from __future__ import annotations

import numpy as np
import pytest

from axbar.data._arrays import Raw, as_images, as_labels, to_dataset
from axbar.errors import DataError


def test_layouts_become_nchw() -> None:
    x = np.random.default_rng(0).integers(0, 256, (5, 8, 9), dtype=np.uint8)
    rgb = np.random.default_rng(0).integers(0, 256, (5, 8, 9, 3), dtype=np.uint8)
    assert np.array_equal(as_images(x, "x")[0], x[:, None])
    assert np.array_equal(as_images(x[..., None], "x")[0], x[:, None])
    moved, notes = as_images(rgb, "x")
    assert np.array_equal(moved, rgb.transpose(0, 3, 1, 2))
    assert "channels" in notes[0]
    assert np.array_equal(as_images(moved, "x")[0], moved)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
def test_whole_numbers_to_255_become_bytes(dtype: type) -> None:
    x = np.arange(256).reshape(4, 8, 8)
    got, notes = as_images(x.astype(dtype), "x")
    assert got.dtype == np.uint8
    assert got.ravel().tolist() == list(range(256))
    assert notes == ()


def test_floats_to_one_stay_floats() -> None:
    x = np.linspace(0, 1, 64).reshape(4, 4, 4)
    got, _ = as_images(x, "x")
    assert got.dtype == np.float32
    assert np.array_equal(got[:, 0], x.astype(np.float32))


def test_black_and_white_does_not_become_black() -> None:
    x = np.array([[[0, 1], [1, 0]]])
    for values in (x, x.astype(bool)):
        got, notes = as_images(values, "x")
        assert got.ravel().tolist() == [0, 255, 255, 0]
        assert "black and white" in notes[0]


def test_dim_images_get_a_note() -> None:
    assert "16 of 255" in as_images(np.full((2, 8, 8), 16), "x")[1][0]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((5, 784)), r"reshape\(-1, 1, 28, 28\)"),
        (np.zeros((5, 7)), r"\(5, 7\)"),
        (np.zeros((5, 1, 2, 3, 4, 5)), r"\[N, C, H, W\]"),
        (np.zeros((0, 4, 4)), "no images"),
        (np.float64(3), "no images"),
        (np.array([np.zeros((2, 2)), np.zeros((3, 3))], dtype=object), "different sizes"),
        ([np.zeros((2, 2)), np.zeros((3, 3))], "can't be read"),
        (np.array([["a", "b"]]), "not of numbers"),
        (np.full((2, 4, 4), np.nan), "32 NaN or infinite"),
        (np.full((2, 4, 4), np.inf), "NaN or infinite"),
        (np.full((2, 4, 4), -1), "-1"),
        (np.full((2, 4, 4), 65535, np.uint16), "65535"),
        (np.full((2, 4, 4), -0.5), "normalisation"),
        (np.full((2, 4, 4), 3.7), "3.7"),
    ],
)
def test_other_images_are_refused(values: object, words: str) -> None:
    with pytest.raises(DataError, match=f"the file.*{words}"):
        as_images(values, "the file")  # pyright: ignore[reportArgumentType]


def test_labels_are_read() -> None:
    for values in ([0, 2, 1], np.array([[0], [2], [1]], np.uint8), np.array([0.0, 2.0, 1.0])):
        got = as_labels(values, 3, "y")
        assert got.dtype == np.int64
        assert got.tolist() == [0, 2, 1]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.eye(3), "argmax"),
        (["cat", "dog", "cat"], "'cat'"),
        ([0.5, 1, 2], "0.5"),
        ([0.0, np.nan, 2], "not whole"),
        ([0, -1, 2], "-1"),
        ([0, 1], "2 labels for 3 images"),
        ([0, 1, 2**40], "class numbers"),
    ],
)
def test_other_labels_are_refused(values: object, words: str) -> None:
    with pytest.raises(DataError, match=words):
        as_labels(values, 3, "the file")  # pyright: ignore[reportArgumentType]


def build(raw: Raw, seed: int = 0):
    return to_dataset(raw, "tiny", licence="none", source="made", calibration=512, seed=seed)


def images(n: int, side: int = 4) -> np.ndarray:
    return np.arange(n * side * side, dtype=np.uint32).astype(np.uint8).reshape(n, 1, side, side)


def test_one_part_is_split_and_noted() -> None:
    data = build(Raw((images(100), np.arange(100) % 5), notes=("own",)))
    assert (len(data.train), len(data.calibration), len(data.test)) == (72, 8, 20)
    assert np.bincount(data.test.y).tolist() == [4] * 5
    assert data.notes == ("own", "one part only: 20 of 100 images split off for testing, seed 0")
    assert data.hash() != build(Raw((images(100), np.arange(100) % 5)), seed=1).hash()


def test_parts_must_match() -> None:
    y = np.arange(20) % 2
    with pytest.raises(DataError, match="1x4x4, test images are 1x5x5"):
        build(Raw((images(20), y), (images(20, 5), y)))
    with pytest.raises(DataError, match=r"never shows: \[2\]"):
        build(Raw((images(20), y), (images(20), y + 1)))
    with pytest.raises(DataError, match="too few"):
        build(Raw((images(1), np.array([0]))))
