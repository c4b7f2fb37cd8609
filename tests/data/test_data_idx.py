"""IDX files: what is written is read, and what is damaged is named."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from data_makers import grey, idx_bytes, write_idx, write_mnist_like

from axbar.data import load_data
from axbar.data._idx import read_idx
from axbar.errors import DataError


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("joint", ["-", "."])
def test_round_trip(tmp_path: Path, packed: bool, joint: str) -> None:
    train, test = grey(40), grey(20, seed=1)
    write_idx(tmp_path, "train", *train, packed=packed, joint=joint)
    write_idx(tmp_path, "t10k", *test, packed=packed, joint=joint)
    data = load_data(tmp_path)
    assert np.array_equal(data.test.x[:, 0], test[0])
    assert np.array_equal(data.test.y, test[1])
    seen = {image.tobytes() for part in (data.train, data.calibration) for image in part.x}
    assert seen == {image.tobytes() for image in train[0]}
    assert (len(data.train), len(data.calibration)) == (36, 4)
    assert data.classes == ("0", "1", "2", "3")


def test_a_missing_test_part_is_split_off(tmp_path: Path) -> None:
    write_idx(tmp_path, "train", *grey(50, 5))
    data = load_data(tmp_path)
    assert len(data.test) == 10
    assert "one part only" in data.notes[0]


def test_missing_labels_are_named(tmp_path: Path) -> None:
    write_mnist_like(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"has no t10k-labels-idx1-ubyte"):
        load_data(tmp_path)


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_cut_short_says_how_much_is_missing(tmp_path: Path, packed: bool) -> None:
    write_mnist_like(tmp_path, packed=packed)
    path = tmp_path / f"train-images-idx3-ubyte{'.gz' if packed else ''}"
    raw = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    path.write_bytes(gzip.compress(raw[:-100]) if packed else raw[:-100])
    expected = 16 + 40 * 28 * 28
    with pytest.raises(
        DataError, match=rf"{path.name}' is cut short: {expected} bytes expected.*{expected - 100} found"
    ):
        load_data(tmp_path)


def test_a_gzip_stream_that_breaks_off_is_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    noise = np.random.default_rng(0).integers(0, 256, (50, 20, 20), dtype=np.uint8)
    packed = gzip.compress(idx_bytes(noise))
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DataError, match=r"cut short: 20016 bytes expected.* \d+ found"):
        read_idx(path)


def damage(raw: bytes, at: int) -> bytes:
    return raw[:at] + bytes([raw[at] ^ 0xFF]) + raw[at + 1 :]


def test_corrupt_gzip_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    packed = gzip.compress(idx_bytes(grey()[0]))
    for raw in (b"no gzip at all", damage(packed, -5 + len(packed)), damage(packed, 12)):
        path.write_bytes(raw)
        with pytest.raises(DataError, match=r"x\.gz"):
            read_idx(path)


def test_wrong_magic_and_surplus_are_named(tmp_path: Path) -> None:
    path = tmp_path / "file"
    good = idx_bytes(grey()[0])
    path.write_bytes(b"\x89PNG" + good)
    with pytest.raises(DataError, match="magic 0x89504e47"):
        read_idx(path)
    path.write_bytes(b"\0\0\x0d\x03" + good[4:])
    with pytest.raises(DataError, match="magic 0x00000d03"):
        read_idx(path)
    path.write_bytes(good + b"!")
    with pytest.raises(DataError, match="is longer than the 1456 bytes"):
        read_idx(path)


@pytest.mark.parametrize("length", [0, 3, 4, 15])
def test_a_header_cut_short_is_named(tmp_path: Path, length: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(idx_bytes(grey()[0])[:length])
    with pytest.raises(DataError, match=f"cut short.*{length} found"):
        read_idx(path)


def test_a_huge_header_does_not_take_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\0\0\x08\x03" + b"\xff" * 12 + b"abc")
    with pytest.raises(DataError, match="cut short"):
        read_idx(path)


def test_count_mismatch_and_swapped_files_are_named(tmp_path: Path) -> None:
    x, y = grey(40)
    write_idx(tmp_path, "train", x, y[:-1])
    with pytest.raises(DataError, match="39 labels for 40 images"):
        load_data(tmp_path)
    write_idx(tmp_path, "train", y, x)
    with pytest.raises(DataError, match="3 axes expected"):
        load_data(tmp_path)
