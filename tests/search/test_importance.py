"""Shares of variance, against problems whose shares are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from axbar.errors import UsageError
from axbar.search import load_space
from axbar.search.space.parts import Columns
from axbar.search.study._importance import importance


def uniform(points: int, dimensions: int, seed: int = 0) -> Columns:
    """Random points in the unit cube, all parameters real."""
    drawn = np.random.default_rng(seed).random((points, dimensions))
    values = {f"x{d + 1}": drawn[:, d] for d in range(dimensions)}
    return Columns(values, {path: np.ones(points, bool) for path in values})


def shares(found: dict[str, float]) -> np.ndarray:
    return np.array(list(found.values()))


def test_a_complete_grid_of_a_sum_is_exact() -> None:
    grid = load_space({"space": {"model.a": [0, 1], "model.b": [0, 2], "model.c": [0, 3]}})
    columns = grid.columns(np.arange(8))
    y = sum(column.astype(float) for column in columns.values.values())
    assert shares(importance(columns, y)) == pytest.approx(np.array([1, 4, 9]) / 14, abs=1e-12)


def test_a_product_of_signs_belongs_to_no_parameter_alone() -> None:
    grid = load_space({"space": {"model.a": [-1, 1], "model.b": [-1, 1]}})
    columns = grid.columns(np.arange(4))
    y = (columns.values["model.a"] * columns.values["model.b"]).astype(float)
    assert shares(importance(columns, y)) == pytest.approx([0, 0], abs=1e-15)


@pytest.mark.parametrize("seed", range(3))
def test_ishigami(seed: int) -> None:
    """a = 7, b = 0.1: S1 = 0.3139, S2 = 0.4424, S3 = 0 (Ishigami and Homma 1990)."""
    columns = uniform(40_000, 3, seed)
    x1, x2, x3 = (np.pi * (2 * x - 1) for x in columns.values.values())
    found = importance(columns, np.sin(x1) + 7 * np.sin(x2) ** 2 + 0.1 * x3**4 * np.sin(x1))
    assert shares(found) == pytest.approx([0.3139, 0.4424, 0.0], abs=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_the_g_function_of_sobol(seed: int) -> None:
    """prod (|4 x - 2| + a) / (1 + a): V_i = 1 / (3 (1 + a_i)^2), V = prod (1 + V_i) - 1."""
    a = np.array([0.0, 1.0, 4.5, 9.0])
    columns = uniform(40_000, 4, seed)
    y = np.prod(
        [(abs(4 * x - 2) + s) / (1 + s) for x, s in zip(columns.values.values(), a, strict=True)], axis=0
    )
    parts = 1 / (3 * (1 + a) ** 2)
    assert shares(importance(columns, y)) == pytest.approx(parts / (np.prod(1 + parts) - 1), abs=0.02)


def test_noise_is_no_importance_even_on_few_points() -> None:
    """Without the correction 12 bins of 200 points would explain 5.5 % of noise."""
    found = [
        shares(importance(uniform(200, 2, seed), np.random.default_rng(99 - seed).normal(size=200)))
        for seed in range(40)
    ]
    assert np.mean(found) < 0.02


def test_costs_are_weighed_by_ratios() -> None:
    columns = uniform(20_000, 2)
    a, b = columns.values.values()
    y = 10 ** (3 * a) * 10**b  # in logarithms 3 a + b: shares 0.9 and 0.1
    assert shares(importance(columns, y, log=True)) == pytest.approx([0.9, 0.1], abs=0.01)
    assert importance(columns, y)["x1"] < 0.75


def test_a_conditional_parameter_is_not_credited_with_what_decides_that_it_counts() -> None:
    """Chip a: 10 + x with x = -1, 1; chip b: 0. Var = 25.5, of which the chip 25 and x half of 1."""
    chip = np.array(["a", "a", "b", "b"] * 500)
    x = np.array([-1.0, 1.0, 0.0, 0.0] * 500)
    active = chip == "a"
    columns = Columns({"hardware": chip, "x": x}, {"hardware": np.ones(2000, bool), "x": active})
    found = importance(columns, np.where(active, 10 + x, 0.0))
    assert found["hardware"] == pytest.approx(25 / 25.5, abs=1e-3)
    assert found["x"] == pytest.approx(0.5 / 25.5, abs=1e-3)


def test_rows_that_are_missing_are_left_out() -> None:
    columns = uniform(5_000, 2)
    y = 2 * columns.values["x1"] + columns.values["x2"]
    hole = np.random.default_rng(1).random(5_000) < 0.3
    assert importance(columns, np.where(hole, np.nan, y)) == importance(columns.take(~hole), y[~hole])


@pytest.mark.parametrize("values", [[], [1.0], [np.nan] * 3, [2.0] * 3, [1e-9 / 3] * 3])
def test_nothing_to_explain_is_zero(values: list[float]) -> None:
    columns = Columns({"a": np.arange(len(values))}, {"a": np.ones(len(values), bool)})
    assert importance(columns, np.array(values)) == {"a": 0.0}


@pytest.mark.parametrize("kind", [np.array(["u", "v"]), np.array([False, True]), np.array([3, 5])])
def test_words_switches_and_numbers(kind: np.ndarray) -> None:
    pick = np.random.default_rng(0).integers(0, 2, 300)
    columns = Columns({"a": kind[pick]}, {"a": np.ones(300, bool)})
    assert importance(columns, 5.0 * pick)["a"] == pytest.approx(1.0)


def test_a_parameter_of_which_every_value_is_seen_once_says_nothing() -> None:
    words = np.array([f"w{i}" for i in range(50)])
    columns = Columns({"a": words, "b": np.arange(50) % 2}, dict.fromkeys("ab", np.ones(50, bool)))
    found = importance(columns, np.random.default_rng(0).random(50))
    assert found["a"] == 0.0


def test_bad_input_is_named() -> None:
    columns: Any = uniform(4, 1)
    with pytest.raises(UsageError, match=r"\(3,\) values for 4 points"):
        importance(columns, np.ones(3))
    with pytest.raises(UsageError, match="a logarithm of -1 is asked for"):
        importance(columns, np.array([1.0, 2.0, -1.0, 3.0]), log=True)
