"""CIFAR archives: pickles without code, binary records, differences in .npz."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_makers import colour, dump, python2_batch, write_cifar10_pickles

from axbar.data import load_data
from axbar.data._npz import decode_delta, encode_delta
from axbar.data._pickle import read_pickle
from axbar.errors import DataError


@pytest.mark.parametrize("protocol", range(6))
def test_pickles_of_every_protocol(tmp_path: Path, protocol: int) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    images = write_cifar10_pickles(folder, protocol=protocol)
    data = load_data(folder)
    assert data.input_shape == (3, 32, 32)
    assert data.classes[9] == "thing 9"
    assert (len(data.train), len(data.calibration), len(data.test)) == (90, 10, 20)
    assert np.array_equal(data.test.x, colour(20, 10, seed=99)[0])
    seen = {image.tobytes() for part in (data.train, data.calibration) for image in part.x}
    assert seen == {image.tobytes() for image in images}
    assert data.notes == ()


def test_a_batch_as_python_2_wrote_it(tmp_path: Path) -> None:
    x, y = colour(7, 4)
    path = tmp_path / "data_batch_1"
    path.write_bytes(python2_batch(x, y.tolist()))
    got = read_pickle(path)
    assert np.array_equal(got["data"], x.reshape(7, -1))
    assert got["labels"] == y.tolist()


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_other_array_types_scalars_and_orders(tmp_path: Path, protocol: int) -> None:
    value = {
        "f": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
        "big": np.arange(3, dtype=">i4"),
        "n": np.int64(7),
        "list": [1, (2.5, "x")],
    }
    dump(tmp_path / "p", value, protocol)
    got = read_pickle(tmp_path / "p")
    assert np.array_equal(got["f"], value["f"])
    assert got["big"].tolist() == [0, 1, 2]
    assert (got["n"], got["list"]) == (7, [1, (2.5, "x")])


def test_missing_batches_are_noted(tmp_path: Path) -> None:
    write_cifar10_pickles(tmp_path / "c", batches=2)
    assert load_data(tmp_path / "c").notes == ("train batches 1, 2 of 5",)


def test_cifar100_pickles_use_fine_labels(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    x, y = colour(60, 6)
    for name in ("train", "test"):
        dump(
            folder / name,
            {b"data": x.reshape(60, -1), b"fine_labels": y.tolist(), b"coarse_labels": [0] * 60},
        )
    dump(folder / "meta", {b"fine_label_names": [b"a", b"b", b"c", b"d", b"e", b"f"]})
    data = load_data(folder)
    assert data.classes == tuple("abcdef")
    assert data.test.y.tolist() == y.tolist()


class Evil:
    """Runs a call of the maker's choice when it is unpickled."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.call[0], self.call[1:]


def evil_pickles(marker: Path) -> dict[str, bytes]:
    touch = f"open({str(marker)!r}, 'w').close()"
    via_file = b"cos\nsystem\n(V" + f"touch {marker}".encode() + b"\ntR."
    return {
        "os.system": pickle.dumps({"data": Evil(os.system, f"touch {marker}")}),
        "eval": pickle.dumps({"data": Evil(eval, f"({touch},)")}, protocol=0),
        "getattr": pickle.dumps({"data": Evil(getattr, "text", "upper")}),
        "protocol 0": via_file,
        "INST": b"(S'touch " + str(marker).encode() + b"'\nios\nsystem\n.",
        "dotted": b"\x80\x04\x8c\x05numpy\x8c\x10ndarray.__call__\x93.",
        "stand-in": b"\x80\x04\x8c\x12axbar.data._pickle\x8c\x02os\x93.",
        "persistent": b"Pos.system\n.",
        "altered reader": b"\x80\x02c_codecs\nencode\n(N}(U\x09_functionU\x01xutb.",
        "codec": b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86R.",
        "object array": pickle.dumps({"data": np.array([{}, []], dtype=object)}),
        "structured": pickle.dumps({"data": np.zeros(2, dtype=[("a", "u1")])}),
        "extension": b"\x80\x02\x82\x01.",
    }


@pytest.mark.parametrize("kind", list(evil_pickles(Path("m"))))
def test_a_pickle_that_wants_to_run_code_is_refused(tmp_path: Path, kind: str) -> None:
    marker = tmp_path / "ran"
    path = tmp_path / "data_batch_1"
    path.write_bytes(evil_pickles(marker)[kind])
    with pytest.raises(DataError) as caught:
        read_pickle(path)
    assert "data_batch_1" in str(caught.value)
    assert not marker.exists()


def test_the_evil_pickles_would_run_elsewhere(tmp_path: Path) -> None:
    # or the test above would prove nothing
    marker = tmp_path / "ran"
    pickle.loads(evil_pickles(marker)["os.system"])
    assert marker.exists()


def test_the_refusal_names_what_was_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    write_cifar10_pickles(folder)
    (folder / "data_batch_3").write_bytes(evil_pickles(tmp_path / "ran")["os.system"])
    with pytest.raises(DataError, match=r"data_batch_3' is refused: it asks for (posix|nt)\.system"):
        load_data(folder)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([1, 2], "holds a list"),
        ({"data": np.zeros((2, 3072), np.uint8)}, "has data and labels"),
        ({"data": np.zeros((2, 3), np.uint8), "labels": [0, 1]}, r"\(2, 3\)"),
        ({"data": b"abc", "labels": [0, 1]}, "bytes"),
        ({"data": np.zeros((2, 3072), np.uint8), "labels": [0]}, "1 labels for 2 images"),
    ],
)
def test_other_batches_are_named(tmp_path: Path, value: object, words: str) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    write_cifar10_pickles(folder, batches=1)
    dump(folder / "data_batch_1", value)
    with pytest.raises(DataError, match=words):
        load_data(folder)


def test_truncated_pickles_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    write_cifar10_pickles(folder, batches=1)
    path = folder / "data_batch_1"
    raw = path.read_bytes()
    for length in (0, 1, 10, len(raw) // 2, len(raw) - 1):
        path.write_bytes(raw[:length])
        with pytest.raises(DataError, match="no readable pickle"):
            load_data(folder)


def test_missing_test_batch_is_named(tmp_path: Path) -> None:
    write_cifar10_pickles(tmp_path / "c", batches=1)
    (tmp_path / "c" / "test_batch").unlink()
    with pytest.raises(DataError, match="has no test_batch"):
        load_data(tmp_path / "c")


def records(x: np.ndarray, *labels: np.ndarray) -> bytes:
    columns = [label.astype(np.uint8)[:, None] for label in labels]
    return np.concatenate([*columns, x.reshape(len(x), -1)], axis=1).tobytes()


def test_binary_cifar10(tmp_path: Path) -> None:
    x, y = colour(40, 10)
    for i in range(1, 6):
        (tmp_path / f"data_batch_{i}.bin").write_bytes(records(x, y))
    (tmp_path / "test_batch.bin").write_bytes(records(x[:20], y[:20]))
    (tmp_path / "batches.meta.txt").write_text("\n".join(f"n{i}" for i in range(10)) + "\n\n")
    data = load_data(tmp_path)
    assert len(data.train) + len(data.calibration) == 200
    assert np.array_equal(data.test.x, x[:20])
    assert data.test.y.tolist() == y[:20].tolist()
    assert data.classes[3] == "n3"


def test_binary_cifar100_takes_the_second_label(tmp_path: Path) -> None:
    x, y = colour(40, 8)
    for name in ("train", "test"):
        (tmp_path / f"{name}.bin").write_bytes(records(x, y // 2, y))
    data = load_data(tmp_path)
    assert data.test.y.tolist() == y.tolist()
    assert len(data.classes) == 8


def test_binary_cut_short_is_named(tmp_path: Path) -> None:
    x, y = colour(40, 10)
    (tmp_path / "data_batch_1.bin").write_bytes(records(x, y)[:-7])
    (tmp_path / "test_batch.bin").write_bytes(records(x, y))
    with pytest.raises(DataError, match=f"{40 * 3073} bytes expected .*{40 * 3073 - 7} found"):
        load_data(tmp_path)


def test_differences_are_exact() -> None:
    x = colour(9)[0]
    assert np.array_equal(decode_delta(encode_delta(x)), x)


def test_delta_folders(tmp_path: Path) -> None:
    x, y = colour(40, 10)
    for i in (1, 2):
        np.savez(tmp_path / f"data_batch_{i}.npz", delta=encode_delta(x), labels=y)
    lossy = np.arange(40) < 3
    names = np.array([f"n{i}" for i in range(10)])
    np.savez(tmp_path / "test_batch.npz", delta=encode_delta(x), labels=y, from_jpeg=lossy, label_names=names)
    data = load_data(tmp_path)
    assert np.array_equal(data.test.x, x)
    assert data.classes[1] == "n1"
    assert data.notes == (
        "train batches 1, 2 of 5",
        "test_batch.npz: 3 images come from JPEG files and are not exact",
    )


def test_delta_of_another_shape_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", delta=np.zeros((4, 10, 8, 8), np.uint8), labels=np.zeros(10, int))
    with pytest.raises(DataError, match=r"\[3, N, H, W\]"):
        load_data(tmp_path / "a.npz")
