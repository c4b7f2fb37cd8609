"""Event files: what is read, and one sentence for what can't be."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from event_makers import bar, bin_bytes, write_n_mnist
from scipy.io import savemat

from axbar.data import event_frames, load_data, read_events
from axbar.errors import DataError, UsageError


def test_bits_of_an_event(tmp_path: Path) -> None:
    # x = 33, y = 2, p = 1, t = 0x123456 in the 40 bits of the format
    (tmp_path / "a.bin").write_bytes(bytes([33, 2, 0x80 | 0x12, 0x34, 0x56]))
    events = read_events(tmp_path / "a.bin")
    assert events.tolist() == [(0x123456, 33, 2, 1)]
    assert events.dtype.names == ("t", "x", "y", "p")


def test_a_clock_mark_moves_all_later_times_and_is_no_event(tmp_path: Path) -> None:
    raw = bin_bytes([5, 0, 7, 0, 9], [1, 0, 2, 0, 3], [1, 240, 1, 240, 1], [1, 0, 0, 0, 1])
    (tmp_path / "a.bin").write_bytes(raw)
    assert read_events(tmp_path / "a.bin")["t"].tolist() == [5, 8192 + 7, 2 * 8192 + 9]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "cut short: 0 bytes"),
        (bin_bytes([1, 2], [0, 1], [0, 1], [0, 1])[:-2], r"8 bytes found.*byte 5 has 3.*get the file anew"),
        (bin_bytes([1, 2], [0, 34], [0, 1], [0, 1]), r"event 1 \(byte 5\).*x = 34, y = 1.*34x34"),
        (bin_bytes([1, 2, 3], [0, 3, 3], [0, 1, 99], [0, 1, 1]), r"event 2 \(byte 10\).*y = 99"),
        (
            bin_bytes([9, 2], [0, 3], [0, 1], [0, 1]),
            r"event 1 \(byte 5\).*t = 2, before.*at 9; sort the events",
        ),
    ],
)
def test_bad_files_are_refused_with_the_byte(tmp_path: Path, raw: bytes, words: str) -> None:
    (tmp_path / "bad.bin").write_bytes(raw)
    with pytest.raises(DataError, match=words) as caught:
        read_events(tmp_path / "bad.bin")
    assert "bad.bin" in str(caught.value)


def test_a_bad_file_in_a_data_set_is_named(tmp_path: Path) -> None:
    write_n_mnist(tmp_path / "n-mnist", train=2, test=1)
    (tmp_path / "n-mnist/Test/7/00000.bin").write_bytes(b"123")
    with pytest.raises(DataError, match=r"Test/7/00000\.bin' is cut short"):
        load_data("n-mnist", tmp_path)


def test_n_mnist_is_found_and_framed(tmp_path: Path) -> None:
    write_n_mnist(tmp_path / "n-mnist")
    data = load_data("n-mnist", tmp_path)
    assert data.input_shape == (8, 2, 34, 34)
    assert (len(data.train), len(data.calibration), len(data.test)) == (108, 12, 20)
    assert set(np.unique(data.test.images())) == {0.0, 1.0}
    # the bar of a digit stands where its label says
    columns = data.test.images().sum(axis=(1, 2, 3)).argmax(axis=1)
    assert np.abs(columns - (2 + 3 * data.test.y)).max() <= 1
    assert load_data(tmp_path / "n-mnist").hash() == data.hash()
    assert load_data("n-mnist:frames=8,by=time,cap=1", tmp_path).hash() == data.hash()


@pytest.mark.parametrize("cap", [3, 4, 255])  # 3 and 255 are held as bytes, 4 as floats
def test_frames_hold_all_events_that_the_cap_leaves(tmp_path: Path, cap: int) -> None:
    write_n_mnist(tmp_path / "n-mnist", train=2, test=1)
    data = load_data(f"n-mnist:frames=4,by=count,cap={cap}", tmp_path)
    sums = (data.test.images() * np.float32(cap)).sum(axis=(1, 2, 3, 4), dtype=np.float64)
    assert data.input_shape == (4, 2, 34, 34)
    files = sorted((tmp_path / "n-mnist/Test").rglob("*.bin"))
    counts = [event_frames(read_events(file), 4, (34, 34), by="count") for file in files]
    assert sums == pytest.approx([np.minimum(each, cap).sum() for each in counts], abs=1e-3)
    assert 119 <= sums.min() <= sums.max() == pytest.approx(120)  # bars of 120 events each


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("frames=0", "frames = 0 is out of range; give a whole number from 1 to 64"),
        ("frames=65", "from 1 to 64"),
        ("frames=many", "no whole number"),
        ("by=clock", "'clock'.*time, count|time"),
        ("frame=8", "did you mean 'frames'"),
        ("cap=256", "1 to 255"),
        ("cap=-1", "cap = -1 is out of range; give a whole number from 1 to 255"),
        ("cap=1,cap=2", "no new key=value"),
        ("", "nothing stands behind 'n-mnist:'; write frames=8"),
        ("frames", "'frames' behind 'n-mnist:' is no key=value; write frames=8"),
        ("frames,by=count", "'frames,by=count' behind 'n-mnist:' is no key=value"),
    ],
)
def test_bad_options(tmp_path: Path, options: str, words: str) -> None:
    write_n_mnist(tmp_path / "n-mnist", train=2, test=1)
    with pytest.raises(UsageError, match=words):
        load_data(f"n-mnist:{options}", tmp_path)


def test_images_have_no_frames() -> None:
    with pytest.raises(UsageError, match="no events to cut into frames"):
        load_data("fashion-mnist-small:frames=4")


def _save_many(path: Path, count: int = 30, **changes: object) -> None:
    events = [bar(5 if i % 2 else 25, side=32, seed=i) for i in range(count)]
    whole = np.concatenate(events)
    arrays: dict[str, object] = {name: whole[name] for name in "txyp"}
    arrays |= {
        "offsets": np.cumsum([0, *map(len, events)]),
        "labels": np.arange(count) % 2,
        "width": 32,
        "height": 32,
    }
    arrays |= changes
    np.savez(path, **{key: np.asarray(value) for key, value in arrays.items() if value is not None})


def test_many_recordings_in_one_npz(tmp_path: Path) -> None:
    _save_many(tmp_path / "bars.npz")
    data = load_data(f"{tmp_path / 'bars.npz'}:frames=4")
    assert data.input_shape == (4, 2, 32, 32)
    assert len(data.train) + len(data.calibration) + len(data.test) == 30
    side = data.test.images().sum(axis=(1, 2, 3))[:, :16].sum(axis=1) > 0
    assert side.tolist() == (data.test.y == 1).tolist()


def test_a_structured_array_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    _save_many(tmp_path / "a/bars.npz")
    with np.load(tmp_path / "a/bars.npz") as found:
        arrays = dict(found)
    whole = np.empty(len(arrays["t"]), dtype=[("x", "i2"), ("y", "i2"), ("t", "i8"), ("p", "?")])
    for name in "txyp":
        whole[name] = arrays.pop(name)
    (tmp_path / "b").mkdir()
    np.savez(tmp_path / "b/bars.npz", events=whole, **arrays)
    assert load_data(tmp_path / "b/bars.npz").hash() == load_data(tmp_path / "a/bars.npz").hash()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"labels": None}, "has no labels"),
        ({"offsets": None}, "has no offsets"),
        ({"x": None}, r"has no x; a recording holds t, x, y and p"),
        ({"labels": np.zeros(3)}, "3 labels for 30"),
        ({"offsets": np.arange(31)}, "run from 0 to 30 over 3600 events"),
        ({"t": np.zeros(3600)}, "'t'.*float64.*microseconds"),
        ({"width": 10}, "recording 0 of.*outside the sensor of 10x32"),
        ({"p": np.full(3600, 7)}, "polarity 7; allowed are 0 and 1"),
    ],
)
def test_bad_npz(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    _save_many(tmp_path / "bars.npz", **changes)
    with pytest.raises(DataError, match=words):
        load_data(tmp_path / "bars.npz")


def test_one_recording_of_minus_one_and_one(tmp_path: Path) -> None:
    np.savez(tmp_path / "one.npz", t=[1, 2], x=[0, 1], y=[0, 0], p=np.array([-1, 1]))
    assert read_events(tmp_path / "one.npz")["p"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"x": [2, 65539]}, "event 1 of '.*one.npz' is at x = 65539; allowed are 0 to 32767"),
        ({"x": [40000, 2]}, "event 0 of .* x = 40000"),
        ({"x": np.array([40000, 2], dtype=np.uint16), "width": 50000}, "event 0 of .* x = 40000"),
        ({"y": [0, -40000]}, "event 1 of .* y = -40000; allowed are 0 to"),
        ({"p": [1, 257]}, "event 1 of .* polarity 257; allowed are 0 and 1"),
        ({"p": [-1, 300]}, "polarity -1; allowed are 0 and 1"),
        (
            {"t": np.array([1, 2**63 + 5], dtype=np.uint64)},
            "event 1 of .* t = 9223372036854775813; allowed are",
        ),
        ({"t": np.array([2**63 - 1, -(2**63)])}, "event 1 of .* before the event in front of it"),
    ],
)
def test_values_beyond_their_field_are_refused_not_wrapped(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    arrays = {"t": [1, 2], "x": [0, 1], "y": [0, 0], "p": [0, 1], "width": 34, "height": 34, **changes}
    np.savez(tmp_path / "one.npz", **{key: np.asarray(value) for key, value in arrays.items()})
    with pytest.raises(DataError, match=words):
        read_events(tmp_path / "one.npz")


def test_many_recordings_name_their_file_where_a_value_does_not_fit(tmp_path: Path) -> None:
    _save_many(tmp_path / "bars.npz", x=np.full(3600, 65539), width=None)
    with pytest.raises(DataError, match=r"event 0 of '.*bars.npz' is at x = 65539"):
        load_data(tmp_path / "bars.npz")


def test_braille_levels_become_events(tmp_path: Path) -> None:
    taxel = np.full((8 * 10, 12), 255, dtype=np.int16)
    taxel[::10, 3] = 255 - 12  # two thresholds of 5 down at the first step of each recording, and up again
    np.savez(
        tmp_path / "braille_taxel.npz", taxel=taxel, offsets=np.arange(0, 81, 10), labels=np.arange(8) % 2,
        letters=np.array(["A", "B"]),
    )  # fmt: skip
    from axbar.data._braille import read_braille

    found = read_braille(tmp_path)
    events = found.train.read(0)
    assert [tuple(e) for e in events.tolist()] == [(0, 3, 0, 0)] * 2 + [(1, 3, 0, 1)] * 2
    assert (found.size, found.classes, found.span) == ((1, 12), ("A", "B"), (0, 10))


def test_braille_cut_short(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "braille_taxel.npz", taxel=np.zeros((7, 12)), offsets=[0, 5, 10], labels=[0, 1],
        letters=np.array(["A", "B"]),
    )  # fmt: skip
    with pytest.raises(DataError, match=r"run from 0 to 10 over 7 steps.*cut short"):
        load_data(tmp_path)


def _ecg(folder: Path, **changes: object) -> None:
    x = np.zeros((3, 128, 4), dtype=np.int16)
    y = np.zeros((3, 128, 6), dtype=np.uint8)
    x[0, 60, 2], x[0, 63, 0] = 1, -1
    y[:, :, 4] = 1
    y[0, 63] = [0, 1, 0, 0, 0, 0]
    y[1, 95] = 0  # no class: left out
    y[2, 127] = 1  # all classes: left out
    savemat(folder / "QTDB_train.mat", {"x": x, "y": y, **changes})


def test_an_ecg_window_has_the_class_of_its_last_step(tmp_path: Path) -> None:
    from axbar.data._ecg import read_ecg

    _ecg(tmp_path)
    found = read_ecg(tmp_path).train
    assert found.labels.tolist() == [1, 4, 4, 4, 4, 4, 4]  # ends 64, 96, 128 of three, less two
    assert [tuple(e) for e in found.read(0).tolist()] == [(60, 2, 0, 1), (63, 0, 0, 0)]
    assert [tuple(e) for e in found.read(1).tolist()] == [(28, 2, 0, 1), (31, 0, 0, 0)]  # 32 steps on


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"x": np.zeros((3, 128, 5))}, r"expected are \[N, steps, 4\]"),
        ({"x": np.full((3, 128, 4), 2)}, "values from 2 to 2; signed spikes are -1, 0 and 1"),
    ],
)
def test_bad_ecg(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    _ecg(tmp_path, **changes)
    with pytest.raises(DataError, match=words):
        load_data(tmp_path)
    (tmp_path / "QTDB_train.mat").write_bytes((tmp_path / "QTDB_train.mat").read_bytes()[:200])
    with pytest.raises(DataError, match=r"QTDB_train.mat' is no readable .mat file"):
        load_data(tmp_path)


def _real(folder: str) -> str:
    root = os.environ.get("AXBAR_DATA")
    if not root or not (Path(root) / folder).is_dir():
        pytest.skip(f"needs {folder} under AXBAR_DATA")
    return root


def test_the_real_n_mnist_recordings() -> None:
    root = _real("n-mnist")
    data = load_data("n-mnist:by=count,cap=255,frames=5", root)
    assert (len(data.train) + len(data.calibration), len(data.test)) == (120, 56)
    files = sorted((Path(root) / "n-mnist/Train").rglob("*.bin"))
    sizes = [len(read_events(f)) for f in files]
    assert (min(sizes) >= 1665, max(sizes) <= 6464) == (True, True)
    held = sum(
        float((part.images() * np.float32(255)).sum(dtype=np.float64))
        for part in (data.train, data.calibration)
    )
    assert held == pytest.approx(sum(sizes), rel=1e-6)


@pytest.mark.parametrize(
    ("name", "folder", "shape", "samples"),
    [("braille", "braille", (32, 2, 1, 12), 1350), ("ecg-qtdb", "ecg-qtdb", (32, 2, 1, 4), 27380)],
)
def test_the_real_sensors(name: str, folder: str, shape: tuple[int, ...], samples: int) -> None:
    data = load_data(name, _real(folder))
    assert data.input_shape == shape
    assert len(data.train) + len(data.calibration) + len(data.test) == samples
    assert 0.01 < data.test.images().mean() < 0.2
