"""Arrays in .npz files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from data_makers import grey

from axbar.data import load_data
from axbar.errors import DataError


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
    ],
)
def test_two_parts(tmp_path: Path, names: tuple[str, ...]) -> None:
    x, y = grey(40)
    t, u = grey(12, seed=1)
    np.savez_compressed(tmp_path / "mine.npz", **dict(zip(names, (x, y, t, u[:, None]), strict=True)))
    data = load_data(str(tmp_path / "mine.npz"))
    assert data.name == "mine"
    assert np.array_equal(data.test.x[:, 0], t)
    assert data.test.y.tolist() == u.tolist()
    assert len(data.train) + len(data.calibration) == 40


@pytest.mark.parametrize(("x_name", "y_name"), [("x", "y"), ("images", "labels"), ("data", "targets")])
def test_one_part(tmp_path: Path, x_name: str, y_name: str) -> None:
    x, y = grey(50, 5)
    np.savez(tmp_path / "mine.npz", **{x_name: x / 255, y_name: y, "classes": np.array(list("abcde"))})
    data = load_data(tmp_path / "mine.npz")
    assert (len(data.test), data.classes) == (10, tuple("abcde"))
    assert data.train.x.dtype == np.float32
    assert "one part only" in data.notes[-1]


def test_a_folder_of_parts(tmp_path: Path) -> None:
    x, y = grey(40)
    np.savez(tmp_path / "train.npz", x=x, y=y)
    np.savez(tmp_path / "test.npz", x=x[:8], y=y[:8])
    assert len(load_data(tmp_path).test) == 8
    (tmp_path / "test.npz").rename(tmp_path / "heldout.npz")
    assert "held-out" in load_data(tmp_path).notes[0]
    (tmp_path / "heldout.npz").unlink()
    assert "one part only" in load_data(tmp_path).notes[0]


def test_objects_are_refused_without_being_read(tmp_path: Path) -> None:
    x = np.array([np.zeros((4, 4)), np.zeros((5, 5))], dtype=object)
    np.savez(tmp_path / "mine.npz", x=x, y=np.array([0, 1]))
    with pytest.raises(DataError, match=r"mine\.npz' holds Python objects"):
        load_data(tmp_path / "mine.npz")


def test_a_pickle_named_npz_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.npz").write_bytes(b"\x80\x04]\x94.")
    with pytest.raises(DataError, match=r"mine\.npz"):
        load_data(tmp_path / "mine.npz")


def test_damaged_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    x, y = grey(40)
    np.savez_compressed(path, x=x, y=y)
    raw = path.read_bytes()
    half = len(raw) // 2
    for damaged in (b"", raw[:half], raw[: half - 50] + b"\xff" * 100 + raw[half + 50 :]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"mine\.npz' is"):
            load_data(path)


def test_a_single_array_is_named(tmp_path: Path) -> None:
    with (tmp_path / "mine.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DataError, match="single array"):
        load_data(tmp_path / "mine.npz")


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"a": np.zeros(3)}, r"holds a; expected are x and y"),
        ({}, "holds nothing"),
        ({"x": np.full((20, 4, 4), np.nan), "y": np.zeros(20, int)}, "x of .*NaN"),
        ({"x": np.zeros((20, 4, 4)), "y": np.linspace(0, 1, 20)}, "y of .*not whole numbers"),
        ({"x": np.zeros((20, 4, 4)), "y": np.zeros(19, int)}, "19 labels for 20 images"),
        ({"x": np.zeros((20, 16)), "y": np.zeros(20, int)}, r"reshape\(-1, 1, 4, 4\)"),
    ],
)
def test_wrong_content_is_named(tmp_path: Path, arrays: dict[str, np.ndarray], words: str) -> None:
    np.savez(tmp_path / "mine.npz", **arrays)
    with pytest.raises(DataError, match=words):
        load_data(tmp_path / "mine.npz")
