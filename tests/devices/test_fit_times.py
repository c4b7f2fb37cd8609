"""fit_device with cells first read at several times, and with reads that fell to 0."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from fit_cells_made import made

from axbar.devices.fit import fit_device
from axbar.errors import DataError

G_ON_S = 40e-6


def rows(target_S: np.ndarray, reads: dict[float, np.ndarray], late: dict[int, float] | None = None) -> Any:
    """Return columns of one read per cell and time; ``late``: cell -> its own time in place of the first."""
    count, first = len(target_S), min(reads)
    time_s = np.repeat(list(reads), count)
    for cell, time in (late or {}).items():
        time_s[(np.tile(np.arange(count), len(reads)) == cell) & (time_s == first)] = time
    return {
        "target_S": np.tile(target_S, len(reads)),
        "read_S": np.concatenate(list(reads.values())),
        "time_s": time_s,
        "cell": np.tile(np.arange(count), len(reads)),
    }


def drifting(late_s: float, share: float = 0.5, nu: float = 0.1, cells: int = 60, seed: int = 0) -> Any:
    """Return cells that drift with ``nu``; a share of them is first read at ``late_s``, the others at 1 s."""
    rng = np.random.default_rng(seed)
    target = np.repeat([0.25, 0.5, 1.0], cells) * G_ON_S
    state = target + 0.01 * G_ON_S * rng.standard_normal(len(target))
    late = np.flatnonzero(np.arange(len(target)) % cells < share * cells)
    first = state.copy()
    first[late] *= late_s**-nu
    times = {t: state * t**-nu + 1e-4 * G_ON_S * rng.standard_normal(len(state)) for t in (1e6, 1e7, 1e8)}
    return rows(target, {1.0: first, **times}, dict.fromkeys(late.tolist(), late_s))


def relaxing(seed: int, targets: tuple[float, ...] = (0.025, 0.5, 1.0)) -> Any:
    """Return cells that relax by 0.02 g_on, reads cut off at 0, no read noise."""
    return made(
        seed,
        targets=targets,
        cells=60,
        read_c0=0.0,
        read_c1=0.0,
        retention_c0=0.02,
        retention_c1=0.0,
        drift_nu1=0.0,
    )


def test_cells_first_read_late_are_in_neither_levels_nor_residuals_of_programming() -> None:
    fit = fit_device(drifting(late_s=1e5))
    assert [level.cells for level in fit.levels] == [30, 30, 30]
    for level in fit.levels:
        assert level.mean_S == pytest.approx(level.target_S, abs=0.01 * G_ON_S)
    written = [r for r in fit.residuals if r.law == "programming"]
    assert [r.count for r in written] == [30, 30, 30]
    assert all(0.7 < r.std < 1.4 for r in written), written
    assert not any(note.startswith("programming") for note in fit.notes), fit.notes
    assert any("90 cells were first read later than twice t0" in note for note in fit.notes)


def test_a_target_first_read_late_does_not_raise_the_degree() -> None:
    columns = drifting(late_s=1.0)
    late = (columns["target_S"] == 0.25 * G_ON_S) & (columns["time_s"] == 1.0)
    columns["time_s"] = np.where(late, 1e5, columns["time_s"])
    fit = fit_device(columns)
    assert [level.target_S for level in fit.levels] == pytest.approx([0.5 * G_ON_S, G_ON_S])
    assert any(sentence.startswith("2 targets:") for sentence in fit.undetermined)
    assert any("no level is given for 10.0 µS" in note for note in fit.notes)


def test_too_few_cells_at_the_first_time_are_refused() -> None:
    with pytest.raises(
        DataError, match=r"9 of 180 cells were first read within twice t0 = 1.00 s.*at least 20"
    ):
        fit_device(drifting(late_s=1e5, share=0.95))


def test_reads_that_fell_to_0_bend_neither_drift_nor_relaxation() -> None:
    held: Counter[str] = Counter()
    for seed in range(8):
        fit = fit_device(relaxing(seed))
        for name, truth in {"retention_c0": 0.02, "retention_c1": 0.0, "drift_nu0": 0.03}.items():
            low, high = fit.intervals[name]
            held[name] += low <= truth <= high
    assert len(held) == 3 and min(held.values()) >= 7, held


def test_later_reads_of_0_are_counted_and_their_target_named() -> None:
    columns = relaxing(0)
    fit = fit_device(columns)
    many = int(((columns["read_S"] == 0) & (columns["time_s"] > 1)).sum())
    assert any(n.startswith(f"{many} later reads are 0 S") and "2.50 µS" in n for n in fit.notes), fit.notes
    assert {r.target_S for r in fit.residuals if r.law == "drift"} == {0.5e-4, 1e-4}


def test_reads_of_0_at_every_target_leave_drift_undetermined() -> None:
    fit = fit_device(relaxing(0, targets=(0.02, 0.025)), g_on_S=1e-4)
    assert fit.law["drift_nu0"] == fit.law["retention_c0"] == 0
    assert any("cells fell to 0 S at every target" in sentence for sentence in fit.undetermined), (
        fit.undetermined
    )


def test_one_target_left_says_nothing_of_the_dependence() -> None:
    fit = fit_device(relaxing(0, targets=(0.025, 1.0)))
    assert "drift_nu1" not in fit.intervals
    assert any("drift and relaxation rest on one target" in sentence for sentence in fit.undetermined)


def test_a_first_read_of_0_at_a_late_time_is_no_first_read() -> None:
    columns = drifting(late_s=1e5)
    zero = (columns["cell"] == 0) & (columns["time_s"] == 1e5)
    columns["read_S"] = np.where(zero, 0.0, columns["read_S"])
    notes = fit_device(columns).notes
    assert not any("cells read 0 S at first" in note for note in notes)
    assert any(note.startswith("1 later read is 0 S") for note in notes), notes


def test_a_read_equal_to_the_first_counts_for_the_exponent() -> None:
    target = np.full(24, 20e-6)
    rng = np.random.default_rng(0)
    first = target + 1e-6 * rng.standard_normal(24)
    last = 0.8 * first + 1e-7 * rng.standard_normal(24)
    fit = fit_device(rows(target, {1.0: first, 100.0: first, 1e4: last}))
    near, far = np.log(100.0), np.log(1e4)
    want = -np.log(last / first) * far / (near**2 + far**2)
    np.testing.assert_allclose(
        [nu for *_, nu in fit.exponents], want[[int(cell) for cell, *_ in fit.exponents]]
    )


def test_first_reads_up_to_2_t0_are_brought_back_to_t0() -> None:
    fit = fit_device(drifting(late_s=1.9, share=0.8))
    for name in ("bias_c0", "bias_c1"):
        low, high = fit.intervals[name]
        assert low <= 0.0 <= high, (name, low, high)
    assert all(level.cells == 60 for level in fit.levels)
    assert fit.levels[-1].mean_S == pytest.approx(G_ON_S, rel=0.01)
    assert any("144 cells were first read after t0" in note and "brought back" in note for note in fit.notes)


def test_first_reads_after_t0_without_drift_are_noted() -> None:
    columns = drifting(late_s=1.9, share=0.8)
    once = columns["time_s"] < 1e5
    fit = fit_device({name: column[once] for name, column in columns.items()})
    assert any("144 cells were first read after t0" in note and "counts as" in note for note in fit.notes)
