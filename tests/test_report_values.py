from __future__ import annotations

from pathlib import Path

import pytest

from axbar._report import Accuracy
from axbar._run import differences
from axbar.errors import AxbarError
from axbar.files import write_atomic


def test_spread_over_dies_is_the_sample_standard_deviation() -> None:
    accuracy = Accuracy(100, 0.9, 0.89, (0.8, 0.9))
    assert accuracy.mean == pytest.approx(0.85)
    assert accuracy.std == pytest.approx(0.0707106781)


def test_one_die_has_no_spread_and_none_has_no_mean() -> None:
    assert Accuracy(100, 0.9, 0.89, (0.8,)).std is None
    assert Accuracy(100, 0.9).mean is None
    assert Accuracy(100, 0.9).to_dict()["analog"] is None


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    target = write_atomic(tmp_path / "a" / "r.json", "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomic(target, "\ud800")
    assert target.read_text() == "old"
    assert [p.name for p in target.parent.iterdir()] == ["r.json"]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AxbarError, match="may write"):
        write_atomic(tmp_path / "file" / "r.json", "text")


def test_differences_name_the_path_and_skip_timings() -> None:
    then = {"a": {"b": [1, 2]}, "cost": {"seconds": 1.0}}
    now = {"a": {"b": [1, 3]}, "cost": {"seconds": 2.0}}
    assert differences(then, now) == {"a.b.1": (2, 3)}
    assert differences({"a": 1}, {}) == {"a": (1, None)}
