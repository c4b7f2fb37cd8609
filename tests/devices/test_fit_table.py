"""Measured rows: every mistake is named with its line and value."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from axbar.devices.fit._cells import group_writings
from axbar.devices.fit._table import as_measurements, read_measurements
from axbar.errors import DataError, UsageError

GOOD = "target_uS,read_uS,time_s,cell\n"


def refused(tmp_path: Path, text: str | bytes) -> str:
    path = tmp_path / "cells.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError) as caught:
        read_measurements(path)
    message = str(caught.value)
    assert "cells.csv" in message and "\n" not in message
    return message


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ("is empty", "target_uS")),
        (GOOD, ("no rows",)),
        (GOOD + "10,nan,1,a\n", (":2", "read_uS = nan")),
        (GOOD + "10,9,1,a\n\n10,-9,1,b\n", (":4", "read_uS = -9")),
        (GOOD + "10,inf,1,a\n", (":2", "inf")),
        (GOOD + "10,nine,1,a\n", (":2", "'nine' is no number")),
        (GOOD + "10,,1,a\n", (":2", "''")),
        (GOOD + "10,9,1\n", (":2", "3 values", "4 columns")),
        (GOOD + "10,9,1, \n", (":2", "cell is empty")),
        (GOOD + "10,9,0,a\n10,9,5,a\n", (":2", "above 0")),
        ("target_uS,time_s,cell\n10,1,a\n", (":1", "read_S", "is missing")),
        ("target_uS,read_uS\n10,9\n", (":1", "cell", "is missing")),
        ("target_uS,target_S,read_S,cell\n10,1,1,a\n", (":1", "keep one")),
        ("target_uS,target_uS,read_S,cell\n10,1,1,a\n", (":1", "given twice")),
        ("target_uS,read_uS,tiem_s,cell\n10,9,1,a\n", (":1", "tiem_s", "did you mean 'time_s'")),
        ("target_S,read_S,cell\n10,9,a\n", (":2", "10 S", "10 mS", "target_uS")),
        (b"target_uS\xff", ("UTF-8",)),
        ('target_uS,read_uS,cell\n10,9,"a\nb"\n', ("several lines",)),
    ],
)  # fmt: skip
def test_a_mistake_is_named(tmp_path: Path, text: str | bytes, parts: tuple[str, ...]) -> None:
    message = refused(tmp_path, text)
    for part in parts:
        assert part in message, message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no file .*none\.csv"):
        read_measurements(tmp_path / "none.csv")


def test_units_stand_in_the_header(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("# rig 4\ncell;target_nS;read_mS;time_ms;note\nA1;50000;0.049;250;x\n", encoding="utf-8")
    rows = read_measurements(path)
    assert rows.target_S.tolist() == [50e-6] and rows.read_S == pytest.approx([49e-6])
    assert rows.time_s is not None and rows.time_s.tolist() == [0.25]
    assert rows.cells == ("A1",) and rows.ignored == ("note",) and rows.name == "c.csv"


def test_tables_are_checked_too() -> None:
    with pytest.raises(DataError, match="row 2"):
        as_measurements({"target_S": [1e-6, 1e-6], "read_S": [1e-6, np.nan], "cell": [1, 2]})
    with pytest.raises(DataError, match="differ in length"):
        as_measurements({"target_S": [1e-6], "read_S": [1e-6, 1e-6], "cell": [1, 2]})
    with pytest.raises(DataError, match="mapping"):
        as_measurements([1, 2, 3])
    with pytest.raises(DataError, match="one value"):
        as_measurements({"target_S": 1e-6, "read_S": [1e-6], "cell": [1]})


def test_reads_close_in_time_are_repeats() -> None:
    n = 20
    times = np.array([1.0, 1.01, 50.0])
    rows = as_measurements(
        {
            "target_S": np.full(3 * n, 1e-5),
            "read_S": np.tile([1.0e-5, 1.2e-5, 0.8e-5], n),
            "time_s": np.tile(times, n),
            "cell": np.repeat(np.arange(n), 3),
        }
    )
    cells = group_writings(rows)
    np.testing.assert_array_equal(cells.repeats, np.tile([2.0, 1.0], (n, 1)))
    np.testing.assert_allclose(cells.mean, np.tile([1.1, 0.8], (n, 1)))
    np.testing.assert_allclose(cells.scatter, np.tile([0.02, 0.0], (n, 1)))
    np.testing.assert_allclose(cells.log_time[:, 1], np.log(50.0))


def test_long_records_are_thinned_to_their_ends() -> None:
    n, count = 20, 60
    times = np.geomspace(1.0, 1e6, count)
    rows = as_measurements(
        {
            "target_S": np.full(n * count, 1e-5),
            "read_S": np.full(n * count, 1e-5),
            "time_s": np.tile(times, n),
            "cell": np.repeat(np.arange(n), count),
        }
    )
    cells = group_writings(rows)
    assert cells.mean.shape == (n, 12)
    np.testing.assert_allclose(cells.log_time[:, [0, -1]], np.tile([0.0, np.log(1e6)], (n, 1)))


def test_long_times_have_units_of_their_own() -> None:
    rows = {"target_S": [1e-5, 1e-5], "read_S": [1e-5, 9e-6], "cell": ["a", "a"]}
    for unit, seconds in (("min", 60.0), ("h", 3600.0), ("d", 86_400.0)):
        times = as_measurements({**rows, f"time_{unit}": [1, 2]}).time_s
        assert times is not None and times == pytest.approx([seconds, 2 * seconds])
