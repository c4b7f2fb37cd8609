"""Survivors: fronts first, ends always, spread out and rich in hypervolume, the same for the same seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from axbar.errors import UsageError
from axbar.search.front import survivors
from axbar.search.front.pareto import hypervolume, nondominated
from axbar.search.front.survivors import spread_choice

#: no deadline: how long an example takes says more about the machine than about the law
law = settings(deadline=None, max_examples=60)
SEEDS = st.integers(0, 2**32 - 1)


@law
@given(SEEDS, st.integers(0, 60), st.integers(1, 4), st.integers(0, 30))
def test_what_is_chosen(seed: int, n: int, m: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 5, size=(n, m)) + rng.integers(0, 2) * rng.random((n, m))
    odd = rng.random((n, m)) < 0.05
    values[odd] = rng.choice([np.nan, np.inf, -np.inf], size=int(odd.sum()))
    maximise = [bool(sense) for sense in rng.integers(0, 2, m)]
    chosen = spread_choice(values, maximise, k)
    known = ~np.isnan(values).any(axis=1)
    assert len(set(chosen.tolist())) == len(chosen) == min(k, int(known.sum()))
    assert known[chosen].all()
    front = nondominated(values, maximise)
    distinct = len(np.unique(values[front] + 0.0, axis=0))
    # no dominated row while there is another one of the front
    assert int(front[chosen].sum()) >= min(k, distinct)
    assert len(np.unique(values[chosen], axis=0)) == min(k, len(np.unique(values[known], axis=0)))


def _sphere(n: int, m: int, seed: int = 0) -> np.ndarray:
    directions = np.abs(np.random.default_rng(seed).normal(size=(n, m)))
    return 1 - directions / np.linalg.norm(directions, axis=1, keepdims=True)


@pytest.mark.parametrize("m", [2, 3, 4])
def test_ends_are_chosen_and_the_choice_beats_chance(m: int, monkeypatch: pytest.MonkeyPatch) -> None:
    values, senses = _sphere(600, m), [False] * m
    chosen = spread_choice(values, senses, 20)
    assert set(values.argmin(axis=0).tolist()) <= set(chosen.tolist())
    rng = np.random.default_rng(1)
    guesses = [rng.choice(600, 20, replace=False) for _ in range(40)]
    reach = [_cover(values, guess) for guess in guesses]
    volumes = [hypervolume(values[guess], senses, [1.1] * m) for guess in guesses]
    volume = hypervolume(values[chosen], senses, [1.1] * m)
    assert volume > np.quantile(volumes, 0.9)
    assert _cover(values, chosen) < np.quantile(reach, 0.1)
    # distance and ends cost little of what hypervolume alone would reach
    monkeypatch.setattr(survivors, "_TURN", 10**9)
    greedy = spread_choice(values, senses, 20)
    assert volume > 0.94 * hypervolume(values[greedy], senses, [1.1] * m)
    assert greedy.tolist() != chosen.tolist()


def _cover(values: np.ndarray, chosen: np.ndarray) -> float:
    """How far the row lies that is farthest from all chosen ones."""
    return float(np.linalg.norm(values[:, None] - values[chosen][None], axis=2).min(axis=1).max())


def test_the_first_turn_is_the_greatest_gain_in_hypervolume() -> None:
    values, senses = _sphere(80, 3), [False] * 3
    low, span = values.min(axis=0), np.ptp(values, axis=0)
    chosen = spread_choice(values, senses, 4).tolist()
    ends, scaled = chosen[:3], (values - low) / span
    reached = [hypervolume(scaled[[*ends, row]], senses, [1.1] * 3) for row in range(80)]
    assert reached[chosen[3]] == pytest.approx(max(reached), rel=1e-12)


def test_units_do_not_matter() -> None:
    values = _sphere(300, 3)
    same = spread_choice(values * [2.0**-40, 2.0**10, 1.0] + [0.0, 2.0**10, 0.0], [False] * 3, 25)
    assert same.tolist() == spread_choice(values, [False] * 3, 25).tolist()


def test_a_large_front_is_thinned_by_the_seed_and_keeps_its_ends() -> None:
    values = _sphere(10_000, 3)
    first, again, other = (spread_choice(values, [False] * 3, 12, seed=seed).tolist() for seed in (4, 4, 5))
    assert first == again != other
    assert set(values.argmin(axis=0).tolist()) <= set(first) & set(other)


def test_equal_rows_come_last() -> None:
    assert spread_choice([[1.0, 2.0], [1.0, 2.0], [3.0, 3.0]], [False, False], 2).tolist() == [0, 2]
    assert spread_choice([[1.0, 2.0], [1.0, 2.0], [3.0, 3.0]], [False, False], 3).tolist() == [0, 2, 1]


@pytest.mark.parametrize("k", [-1, 2.5, "3", None])
def test_a_wrong_number_of_survivors_is_named(k: Any) -> None:
    with pytest.raises(UsageError, match="survivors can't be chosen; give a whole number from 0"):
        spread_choice([[1.0]], [False], k)
