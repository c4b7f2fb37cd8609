from __future__ import annotations

import json
from pathlib import Path

import pytest

from axbar._report import Accuracy, Step, Waterfall
from axbar._run import differences
from axbar.errors import AxbarError
from axbar.files import write_atomic
from axbar.report._waterfall_view import conditions, duration
from axbar.spec import load_hardware


def test_spread_over_dies_is_the_sample_standard_deviation() -> None:
    accuracy = Accuracy(100, 0.9, 0.89, (0.8, 0.9))
    assert accuracy.mean == pytest.approx(0.85)
    assert accuracy.std == pytest.approx(0.0707106781)


def test_one_die_has_no_spread_and_none_has_no_mean() -> None:
    assert Accuracy(100, 0.9, 0.89, (0.8,)).std is None
    assert Accuracy(100, 0.9).mean is None
    assert Accuracy(100, 0.9).to_dict()["analog"] is None


@pytest.mark.parametrize(
    ("accuracy", "of", "nearest", "words"),
    [
        (Accuracy(100, 0.9, 0.85, (0.7, 0.8)), "dies", 0.75, "90.0 % → 75.0 ± 7.1 % on chip"),
        (Accuracy(100, 0.9, 0.85, (0.7,)), "dies", 0.7, "90.0 % → 70.0 % on chip"),
        (Accuracy(100, 0.9, 0.85), "digital", 0.85, "90.0 % → 85.0 % in integers"),
        (Accuracy(100, 0.9, 0.0), "digital", 0.0, "90.0 % → 0.0 % in integers"),
        (Accuracy(9999, 0.9, 0.90001), "digital", 0.90001, "90.0 % in integers"),
        (Accuracy(100, 0.9), "float", 0.9, "90.0 % in float"),
    ],
)
def test_the_accuracy_told_first_is_that_nearest_to_the_chip(
    accuracy: Accuracy, of: str, nearest: float, words: str
) -> None:
    assert (accuracy.of, accuracy.words) == (of, words)
    assert accuracy.nearest == pytest.approx(nearest)


def waterfall(*lost: tuple[float, float]) -> Waterfall:
    names = ("float", "quantised", "adc", "wires")
    steps = tuple(Step(name, 0.9, 0.01, *points) for name, points in zip(names, lost, strict=False))
    return Waterfall(steps, (), (), 256, 2, 0)


def test_the_costliest_step_must_be_more_than_chance() -> None:
    step = waterfall((0.0, 0.0), (0.4, 0.1), (0.9, 0.3), (-2.0, 0.1)).costliest
    assert step is not None and step.name == "adc"
    assert waterfall((0.0, 0.0), (0.4, 0.1), (0.9, 0.5)).costliest is None
    assert waterfall((0.0, 0.0), (0.0, 0.0)).costliest is None
    assert waterfall((0.0, 0.0), (-1.0, 0.1)).costliest is None


def test_a_waterfall_survives_json() -> None:
    made = waterfall((0.0, 0.0), (0.1 + 0.2, 0.1)).to_dict()
    assert json.loads(json.dumps(made)) == made


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"device.age_s": 86400.0}, "Dies: read 1 day after programming;"),
        ({"device.age_s": 0.0}, "Dies: first read, "),
        ({"device.read_noise": 0.0}, "; no read noise;"),
        ({"device.read_noise": 2.0}, "; read noise × 2;"),
        (
            {"wires.r_row_ohm": 2.5, "wires.r_sense_ohm": 50.0},
            "wires: 2.5 Ω (rows) and 1 Ω (columns) a cell, 50 Ω a",
        ),
        ({"device.stuck_on": 0.01, "device.stuck_off": 0.02}, "; 1 % of cells stuck on and 2 % off."),
    ],
)
def test_conditions_are_those_of_the_spec(changes: dict[str, float], words: str) -> None:
    assert words in conditions(load_hardware("imc-rram-65nm", {"device": "rram-neurram", **changes}))


def test_times_are_written_for_people() -> None:
    assert [duration(t) for t in (20.0, 7200.0, 86400.0 * 3, 3.2e7)] == [
        "20.0 s",
        "2 hours",
        "3 days",
        "1.01 years",
    ]


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
    words = {"verdict": "90 %", "notes": ["a"], "rows": [{"notes": [], "x": 1}]}
    assert differences(
        words, {"verdict": "90 % in float", "notes": [], "rows": [{"notes": ["b"], "x": 2}]}
    ) == {"rows.0.x": (1, 2)}
    assert differences({"a": 1}, {}) == {"a": (1, None)}
