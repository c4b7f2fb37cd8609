"""Folders of pictures, with and without Pillow."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from data_makers import write_pgm, write_pictures

from axbar.data import load_data
from axbar.data._folders import read_picture
from axbar.errors import DataError


def test_train_and_test_folders(tmp_path: Path) -> None:
    write_pictures(tmp_path / "Train", count=10)
    write_pictures(tmp_path / "Test", count=4)
    data = load_data(tmp_path)
    assert data.classes == ("cat", "dog")
    assert data.input_shape == (1, 5, 5)
    assert (len(data.train), len(data.calibration), len(data.test)) == (18, 2, 8)
    assert data.test.y.tolist() == [0] * 4 + [1] * 4
    assert np.array_equal(data.test.x[5, 0], read_picture(tmp_path / "Test" / "dog" / "001.pgm")[..., 0])


def test_class_folders_only(tmp_path: Path) -> None:
    write_pictures(tmp_path, ("10", "9", "1"), count=10)
    (tmp_path / "1" / "notes.txt").write_text("no picture")
    (tmp_path / "1" / ".hidden.png").write_text("no picture")
    data = load_data(tmp_path)
    assert data.classes == ("1", "9", "10")
    assert len(data.test) == 6
    assert "one part only" in data.notes[-1]


def test_train_folder_only(tmp_path: Path) -> None:
    write_pictures(tmp_path / "train", count=10)
    data = load_data(tmp_path)
    assert len(data.test) == 4
    assert "train folder only" in data.notes[0]


def test_colour_and_grey_meet_as_colour(tmp_path: Path) -> None:
    write_pictures(tmp_path / "train", count=10, side=4)
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    write_pgm(tmp_path / "train" / "cat" / "999.ppm", image)
    write_pictures(tmp_path / "test", count=2, side=4)
    data = load_data(tmp_path)
    assert data.input_shape == (3, 4, 4)
    pool = np.concatenate([data.train.x, data.calibration.x])
    assert any(np.array_equal(x, image.transpose(2, 0, 1)) for x in pool)
    assert np.array_equal(data.test.x[:, 0], data.test.x[:, 2])


def test_other_sizes_are_named(tmp_path: Path) -> None:
    write_pictures(tmp_path, count=10)
    write_pgm(tmp_path / "dog" / "999.pgm", np.zeros((5, 7)))
    with pytest.raises(DataError, match=r"999\.pgm' is 7x5 pixels, .*000\.pgm' is 5x5"):
        load_data(tmp_path)


def test_classes_of_the_test_part_only_are_named(tmp_path: Path) -> None:
    write_pictures(tmp_path / "train", count=10)
    write_pictures(tmp_path / "val", ("cat", "emu"), count=2)
    with pytest.raises(DataError, match="lacks: emu"):
        load_data(tmp_path)


def test_comments_in_the_header(tmp_path: Path) -> None:
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    write_pgm(tmp_path / "a.pgm", image, comment=b"# made by hand 9 9\n")
    assert np.array_equal(read_picture(tmp_path / "a.pgm")[..., 0], image)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"P5\n4 3\n255\n" + bytes(11), "12 bytes of pixels expected, 11 found"),
        (b"P2\n4 3\n255\n" + bytes(12), "no binary PGM"),
        (b"P5\n4 3\n65535\n" + bytes(24), "65535"),
        (b"P5\n# only a comment", "no binary PGM"),
        (b"", "no binary PGM"),
    ],
)
def test_damaged_pgm_is_named(tmp_path: Path, raw: bytes, words: str) -> None:
    (tmp_path / "a.pgm").write_bytes(raw)
    with pytest.raises(DataError, match=rf"a\.pgm.*{words}"):
        read_picture(tmp_path / "a.pgm")


def test_without_pillow_the_fix_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "a.png").write_bytes(b"anything")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(DataError, match="pip install pillow"):
        load_data(tmp_path)


def test_pillow_formats(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (6, 5), dtype=np.uint8)
    colour = rng.integers(0, 256, (6, 5, 3), dtype=np.uint8)
    image.fromarray(grey).save(tmp_path / "grey.png")
    image.fromarray(colour).save(tmp_path / "colour.png")
    image.fromarray(np.dstack([colour, np.full((6, 5), 9, np.uint8)])).save(tmp_path / "alpha.png")
    image.fromarray(colour).save(tmp_path / "photo.jpg")
    assert np.array_equal(read_picture(tmp_path / "grey.png")[..., 0], grey)
    assert np.array_equal(read_picture(tmp_path / "colour.png"), colour)
    assert np.array_equal(read_picture(tmp_path / "alpha.png"), colour)
    assert read_picture(tmp_path / "photo.jpg").shape == (6, 5, 3)


def test_pictures_that_pillow_can_not_take(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    image.fromarray(np.zeros((6, 5), np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(DataError, match=r"deep\.png' has pixels of type I"):
        read_picture(tmp_path / "deep.png")
    (tmp_path / "no.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"no\.png' is no readable picture"):
        read_picture(tmp_path / "no.png")
    image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 50), dtype=np.uint8)).save(
        tmp_path / "half.png"
    )
    raw = (tmp_path / "half.png").read_bytes()
    (tmp_path / "half.png").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(DataError, match=r"half\.png' is no readable picture"):
        read_picture(tmp_path / "half.png")
