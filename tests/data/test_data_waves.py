"""Waves on a membrane: the physics against exact solutions, the task, its options and its cache."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from axbar.data import _wave_task, load_data
from axbar.data._linear import ridge_accuracy
from axbar.data._wave_task import CACHE, WaveOptions, make_waves
from axbar.data._waves import LAMBDA_MAX, smooth_noise, waves
from axbar.errors import AxbarError, UsageError


def test_a_field_stays_symmetric_and_bounded() -> None:
    middle = np.array([[31.5, 31.5]])
    field = waves(middle, 0.5, 100)[0]
    np.testing.assert_allclose(field, field.T, atol=1e-5)
    np.testing.assert_allclose(field, field[::-1], atol=1e-5)
    assert float(np.abs(field).max()) < 1
    assert np.all(field[[0, -1]] == 0)
    assert np.all(field[:, [0, -1]] == 0)


def test_a_wave_runs_at_its_speed() -> None:
    """The front of a bump that was at rest has come c t = λ · steps cells far."""
    lam, steps = 0.5, 60
    heard = waves(np.array([[32.0, 12.0]]), lam, steps, receivers=np.array([[32, 12 + 20]]))[0, 0]
    arrived = int(np.argmax(np.abs(heard) > 0.5 * np.abs(heard).max()))
    assert (20 - 4) / lam <= arrived <= (20 + 4) / lam


def test_the_start_of_second_order_keeps_the_order_of_the_scheme() -> None:
    """Time steps of a half and a quarter of a cell against ones of a fortieth, at the same moment."""
    at = np.array([[30.0, 34.0]])
    exact = waves(at, 0.025, 400, width=4.0)[0]

    def error(lam: float, start: Literal["first", "second"]) -> float:
        return float(np.abs(waves(at, lam, round(10 / lam), width=4.0, start=start)[0] - exact).max())

    assert error(0.5, "second") > 3.5 * error(0.25, "second")
    assert 1.5 < error(0.5, "first") / error(0.25, "first") < 2.6
    assert error(0.5, "second") < 0.2 * error(0.5, "first")


def test_a_slower_medium_is_heard_later() -> None:
    spot, at = np.array([[32, 50]]), np.array([[32.0, 12.0]])
    slow, fast = (waves(at, lam, 127, receivers=spot)[0, 0] for lam in (0.4, 0.6))
    late, soon = (int(np.argmax(np.abs(heard) > 0.02)) for heard in (slow, fast))
    assert late == pytest.approx(1.5 * soon, rel=0.05)


def test_smooth_noise_is_normal_and_smooth() -> None:
    noise = smooth_noise(50, 64, 8.0, np.random.default_rng(0))
    np.testing.assert_allclose(noise.mean((1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(noise.std((1, 2)), 1, rtol=1e-4)
    near = np.mean(noise * np.roll(noise, 2, axis=1))
    far = np.mean(noise * np.roll(noise, 30, axis=1))
    assert near > 0.9
    assert abs(far) < 0.3


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the default task."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE, str(folder))
        load_data("wave-3x3")
    return folder


def test_the_task_has_as_many_samples_as_published(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE, str(made))
    data = load_data("wave-3x3")
    assert len(data.train) + len(data.calibration) + len(data.test) == 44 * 44
    assert data.input_shape == (2, 8, 64)
    assert len(data.classes) == 9
    assert 0.1 < len(data.test) / 1936 < 0.25


def test_a_linear_classifier_does_not_solve_it(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE, str(made))
    note = load_data("wave-3x3").notes[0]
    share = float(note.split(" gets ")[1].split("%")[0])
    assert 50 < share < 80


def test_what_was_made_is_kept_and_made_again_where_damaged(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE, str(made))
    file = next(made.glob("waves-*.npz"))
    content = file.read_bytes()
    calls: list[WaveOptions] = []
    raw = _wave_task._from_cache(file)
    assert raw is not None

    def instead(options: WaveOptions, progress: object = None) -> object:
        calls.append(options)
        return raw

    monkeypatch.setattr(_wave_task, "make_waves", instead)
    load_data("wave-3x3")
    assert not calls
    file.write_bytes(content[:1000])
    load_data("wave-3x3")
    assert calls == [WaveOptions()]
    assert file.stat().st_size > 1000
    monkeypatch.setenv(CACHE, str(tmp_path / "file" / "below"))
    (tmp_path / "file").write_text("no folder")
    load_data("wave-3x3:noise=0.01")  # a place that can't be written keeps nothing, and that is all
    assert calls[-1].noise == 0.01


def test_test_blocks_are_never_heard_in_training() -> None:
    places = np.stack(np.meshgrid(np.arange(44), np.arange(44), indexing="ij"), -1).reshape(-1, 2)
    test = _wave_task._held_out(places, True, np.random.default_rng(0))
    blocks = places // 4
    number = blocks[:, 0] * 100 + blocks[:, 1]
    assert not set(number[test]) & set(number[~test])
    assert 0.15 < test.mean() < 0.25


@pytest.mark.slow
def test_the_plain_task_is_solved_by_a_linear_classifier() -> None:
    raw = make_waves(WaveOptions(plain=True))
    assert raw.train[0].shape[1:] == (2, 64, 64)
    assert float(raw.notes[0].split(" gets ")[1].split("%")[0]) > 97


def test_ridge_regression_finds_what_is_linear() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((400, 1, 4, 4), dtype=np.float32)
    y = (x[:, 0, 0, 0] > x[:, 0, 1, 1]).astype(np.int64)
    assert ridge_accuracy((x[:300], y[:300]), (x[300:], y[300:])) > 0.93
    assert ridge_accuracy((x[:10], y[:10]), (x[300:], y[300:])) > 0.5  # fewer samples than pixels
    shuffled = rng.permutation(y)
    assert ridge_accuracy((x[:300], shuffled[:300]), (x[300:], shuffled[300:])) < 0.65


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wave-3x3:noise=x", "noise = 'x' is no number"),
        ("wave-3x3:origin=1.5", "origin = '1.5' is no whole number"),
        ("wave-3x3:contrast=0.9", "contrast = 0.9 of the waves is out of range"),
        ("wave-3x3:held_out=rows", "rows"),
        ("wave-3x3:nois=1", "noise"),
    ],
)
def test_options_that_are_wrong_are_told(name: str, said: str) -> None:
    with pytest.raises(AxbarError, match=said):
        load_data(name)


def test_what_would_blow_up_is_refused() -> None:
    for lam in (0.0, LAMBDA_MAX + 0.01, math.nan):
        with pytest.raises(UsageError, match="unstable or no speed"):
            waves(np.zeros((1, 2)), lam, 3)
    with pytest.raises(UsageError, match="0 time steps"):
        waves(np.zeros((1, 2)), 0.5, 0)
