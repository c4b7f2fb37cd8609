"""fit_device finds a planted truth, keeps spreads apart, and says what the data can't determine."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from fit_cells_made import G_ON_S, TRUTH, made

from axbar import load_hardware
from axbar.devices.fit import DeviceFit, fit_device
from axbar.errors import DataError, UsageError
from axbar.spec.imc import CustomLaws


def covered(trials: int, start: int) -> Counter[str]:
    """Count for every parameter how often its interval holds the truth."""
    held: Counter[str] = Counter()
    for seed in range(start, start + trials):
        fit = fit_device(made(seed))
        for name, (low, high) in fit.intervals.items():
            held[name] += low <= TRUTH.get(name, 0.0) <= high
        for name in CustomLaws.model_fields:  # what the data need not is 0 exactly
            held[name] += name not in fit.intervals and fit.law[name] == TRUTH.get(name, 0.0)
    return held


def test_intervals_hold_a_planted_truth() -> None:
    held = covered(trials=8, start=1000)
    assert all(held[name] >= 6 for name in TRUTH), held
    assert sum(held[name] for name in TRUTH) >= 0.9 * 8 * len(TRUTH), held


@pytest.mark.slow
def test_intervals_hold_a_planted_truth_in_nine_of_ten_trials() -> None:
    held = covered(trials=300, start=0)
    assert all(held[name] >= 270 for name in TRUTH), held


def test_many_cells_give_the_truth_itself() -> None:
    fit = fit_device(made(5, cells=300))
    for name in ("bias_c0", "bias_c1", "read_c0", "read_c1", "drift_nu0", "drift_nu1", "drift_nu_sigma"):
        assert fit.law[name] == pytest.approx(TRUTH[name], abs=0.004), name
    x = np.array([level.target_S for level in fit.levels]) / G_ON_S
    law = TRUTH["program_c0"] + TRUTH["program_c1"] * x + TRUTH["program_c2"] * x**2
    np.testing.assert_allclose([level.program_sigma_S / G_ON_S for level in fit.levels], law, rtol=0.08)
    assert all(abs(r.mean) < 0.2 and 0.85 < r.std < 1.15 for r in fit.residuals)


def test_read_noise_is_taken_off_the_spread_of_first_reads() -> None:
    noisy = {"program_c0": 0.02, "program_c1": 0.0, "program_c2": 0.0, "read_c0": 0.03, "read_c1": 0.0}
    fit = fit_device(made(2, cells=100, times_s=(1.0,), repeats=2, bias_c1=0.0, **noisy))
    low, high = fit.intervals["program_c0"]
    assert low < 0.02 < high
    total = np.mean([level.std_S for level in fit.levels]) / G_ON_S
    assert total == pytest.approx(np.hypot(0.02, 0.03 / np.sqrt(2)), rel=0.1)
    assert np.mean([level.program_sigma_S for level in fit.levels]) / G_ON_S < 0.8 * total


def test_a_course_over_time_gives_read_noise_without_repeats() -> None:
    fit = fit_device(made(4, times_s=(1.0, 10.0, 100.0, 1e3, 1e4), repeats=1))
    for name in ("read_c0", "read_c1", "drift_nu0", "drift_nu_sigma"):
        low, high = fit.intervals[name]
        assert low <= TRUTH[name] <= high, name
    assert not any("can't be told apart" in sentence for sentence in fit.undetermined)


def test_one_time_gives_no_drift() -> None:
    fit = fit_device(made(0, times_s=(1.0,)))
    assert fit.law["drift_nu0"] == fit.law["retention_c0"] == 0
    assert "drift_nu0" not in fit.intervals
    assert any("no cell was read at two times" in sentence for sentence in fit.undetermined)


def test_no_time_column_gives_no_drift() -> None:
    columns = made(0, times_s=(1.0,))
    del columns["time_s"]
    fit = fit_device(columns)
    assert any("hold no times" in sentence for sentence in fit.undetermined)
    assert fit.law["t0_s"] == 1.0


def test_two_times_do_not_tell_relaxation_from_the_spread_of_nu() -> None:
    fit = fit_device(made(0, targets=(1.0,), cells=100, times_s=(1.0, 1e4)))
    assert any("relaxation and a spread of nu" in sentence for sentence in fit.undetermined)
    assert (fit.law["drift_nu_sigma"] == 0) != (fit.law["retention_c0"] == 0)
    assert fit.intervals["drift_nu_sigma"][0] == fit.intervals["retention_c0"][0] == 0  # either may be absent


def test_no_repeats_give_no_read_noise() -> None:
    fit = fit_device(made(0, times_s=(1.0,), repeats=1))
    assert fit.law["read_c0"] == fit.law["read_c1"] == 0
    assert any("can't be told apart" in sentence for sentence in fit.undetermined)


def test_one_target_gives_no_dependence_on_conductance() -> None:
    fit = fit_device(made(0, targets=(1.0,), cells=60))
    assert {"program_c0", "bias_c0", "drift_nu0"} <= fit.intervals.keys()
    assert not {"program_c1", "bias_c1", "drift_nu1", "read_c1", "retention_c1"} & fit.intervals.keys()
    assert any(sentence.startswith("one target:") for sentence in fit.undetermined)
    assert fit.g_off_S == 0


def test_targets_bound_the_degree() -> None:
    fit = fit_device(made(0, targets=(0.3, 1.0), cells=40))
    assert "program_c2" not in fit.intervals
    assert any("degree 1 at most" in sentence for sentence in fit.undetermined)


def test_exact_reads_give_no_noise_at_all() -> None:
    columns = made(0)
    columns["read_S"] = columns["target_S"]
    fit = fit_device(columns)
    assert all(abs(fit.law[name]) < 1e-4 for name in fit.law if name != "t0_s"), fit.law


def test_cells_that_read_nothing_are_below_zero() -> None:
    wide = {"program_c0": 0.08, "program_c1": 0.0, "program_c2": 0.0}
    fit = fit_device(made(4, cells=120, times_s=(1.0,), repeats=1, **wide))
    assert fit.levels[0].std_S < 0.07 * G_ON_S  # cut off at 0
    assert fit.levels[0].program_sigma_S == pytest.approx(0.08 * G_ON_S, rel=0.15)
    assert any("read 0 S" in note for note in fit.notes)


def test_a_law_that_does_not_hold_is_noted() -> None:
    columns = made(0, cells=40)
    strange = np.flatnonzero(columns["cell"] == 90)
    columns["read_S"][strange] = 1e-7
    fit = fit_device(columns)
    assert any("cell 90" in note and "does not hold" in note for note in fit.notes)


def test_the_order_of_rows_and_the_names_of_cells_do_not_matter() -> None:
    columns = made(7)
    mixed = np.random.default_rng(0).permutation(len(columns["cell"]))
    other = {key: column[mixed] for key, column in columns.items()}
    other["cell"] = np.array([f"die3/{c}" for c in other["cell"]])
    first, second = fit_device(columns), fit_device(other)
    for name, (low, high) in first.intervals.items():
        assert second.law[name] == pytest.approx(first.law[name], abs=2e-3)
        assert second.intervals[name] == pytest.approx((low, high), abs=5e-3)


def test_a_fit_is_the_same_every_time() -> None:
    assert fit_device(made(8)).to_dict() == fit_device(made(8)).to_dict()


def written(fit: DeviceFit, folder: Path) -> Path:
    path = folder / "my.yaml"
    path.write_text(fit.to_yaml(), encoding="utf-8")
    return path


def test_the_hardware_file_holds_the_fit(tmp_path: Path) -> None:
    fit = fit_device(made(9))
    chip = load_hardware(written(fit, tmp_path))
    assert chip.device.name == "custom"
    assert chip.device.custom.model_dump() == fit.law
    assert (chip.device.g_on_S, chip.device.g_off_S) == (fit.g_on_S, fit.g_off_S)
    assert chip.device.age_s == fit.law["t0_s"]
    low, high = fit.intervals["drift_nu0"]
    source = chip.sources["device.custom.drift_nu0"]
    assert f"{low:.4g} .. {high:.4g}" in source.source and source.confidence == "run"
    assert chip.sources["device.cell_area_F2"].confidence == "assumed"
    assert chip.crossbar == load_hardware("imc-rram-65nm").crossbar


def test_what_is_not_determined_is_assumed_in_the_file(tmp_path: Path) -> None:
    chip = load_hardware(written(fit_device(made(0, times_s=(1.0,), repeats=1)), tmp_path))
    assert chip.confidence_of("device.custom.read_c0") == "assumed"
    assert chip.confidence_of("device.custom.drift_nu0") == "assumed"
    assert chip.confidence_of("device.custom.program_c0") == "run"


def test_a_file_is_named_without_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "my cells.csv"
    columns = made(0, times_s=(1.0,), repeats=1)
    rows = zip(columns["target_S"] * 1e6, columns["read_S"] * 1e6, columns["cell"], strict=True)
    path.write_text("target_uS,read_uS,cell\n" + "".join(f"{t:.6g},{r:.9g},{c}\n" for t, r, c in rows))
    fit = fit_device(path)
    text = fit.to_yaml()
    assert "my cells.csv" in text and str(tmp_path) not in text and fit.digest in text
    assert 'name: "my-cells"' in text and "g_on_S: {value: 100 uS" in text
    for level, x in zip(fit.levels, (5e-6, 25e-6, 50e-6, 75e-6, 100e-6), strict=True):
        assert level.target_S == pytest.approx(x) and level.cells == 24


@pytest.mark.parametrize(("on", "off"), [(0.0, 0.0), (1e-5, 2e-5), (1.0, 0.0), (float("nan"), 0.0)])
def test_a_range_that_is_none_is_refused(on: float, off: float) -> None:
    with pytest.raises(UsageError, match="g_off < g_on"):
        fit_device(made(0), g_on_S=on, g_off_S=off)


def test_targets_beyond_the_range_are_refused() -> None:
    with pytest.raises(UsageError, match="below the largest target"):
        fit_device(made(0), g_on_S=0.5 * G_ON_S, g_off_S=0.0)


def test_too_few_cells_are_refused_with_the_number() -> None:
    with pytest.raises(DataError, match=r"15 cells.*at least 20"):
        fit_device(made(0, cells=3))
    with pytest.raises(DataError, match=r"5 cells.*at least 8"):
        fit_device(made(0, cells=5))


def test_stuck_cells_are_named() -> None:
    table = made(3, times_s=(1.0,))
    stuck = np.isin(
        table["cell"], [f for f in np.unique(table["cell"][np.isclose(table["target_S"], 0.75e-4)])[:4]]
    )
    clean = fit_device(table)
    assert not any("look stuck" in note for note in clean.notes)
    table["read_S"] = np.where(stuck, 1e-7, table["read_S"])
    (note,) = (note for note in fit_device(table).notes if "look stuck" in note)
    assert note.startswith("4 of 24 cells at 75.0 µS")
