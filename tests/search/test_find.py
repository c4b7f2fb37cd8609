"""Searching against the whole truth: how much of the true front's hypervolume few evaluations find.

The hypervolume counts from a tenth of the front's range beyond it, so a design far from the front adds nothing.
"""

from __future__ import annotations

import numpy as np
import pytest
from fronts import Problem, chip, mixed, zdt

from axbar.errors import UsageError
from axbar.search.front.pareto import nondominated
from axbar.search.propose import find
from axbar.search.space import Choices, Constraint, Integers, Objective, Parameter, Reals, Space

#: what the true front's hypervolume is found of, and with which part of the grid
SHARE, PART = 0.95, 0.05

SEEDS = range(5)


def found_share(problem: Problem, seed: int, part: float, sampler: str = "auto") -> float:
    """Share of the hypervolume after a part of the grid, in generations of 20."""
    generations = int(problem.count * part) // 20
    found = find(
        problem.space, problem.evaluate, sampler=sampler, generations=generations, batch=20, seed=seed
    )
    assert len(found.columns) == generations * 20 <= PART * problem.count
    assert len(np.unique(problem.space.index(found.columns))) == len(found.columns)
    return problem.share(found.values)


@pytest.mark.parametrize("number", [1, 2])
def test_zdt(number: int) -> None:
    problem = zdt(number)
    assert len(problem.front) == 32
    assert min(found_share(problem, seed, 0.02) for seed in SEEDS) >= SHARE


def test_mixed_kinds_with_conditions_and_three_objectives() -> None:
    problem, seeds = mixed(), (5, 6)  # 4,000 designs each
    assert len(problem.front) == 144
    radius = np.sqrt((problem.front**2).sum(axis=1))
    assert radius == pytest.approx(np.ones(144))
    assert min(found_share(problem, seed, PART) for seed in seeds) >= SHARE


@pytest.mark.parametrize("quantities", [("energy_J", "latency_s"), ("energy_J", "latency_s", "area_m2")])
def test_costs_of_a_real_chip(quantities: tuple[str, ...]) -> None:
    problem = chip(*quantities)
    assert problem.count == 62_208
    assert min(found_share(problem, seed, 0.015) for seed in SEEDS) >= SHARE


def test_a_search_is_better_than_spreading_points() -> None:
    problem = chip("energy_J", "latency_s")
    spread = max(found_share(problem, seed, 0.01, "sobol") for seed in SEEDS)
    assert min(found_share(problem, seed, 0.01) for seed in SEEDS) > spread


def test_reals_reach_a_known_front() -> None:
    """Schaffer's problem: x² and (x - 2)²; front 0 <= x <= 2 at y = 0."""
    space = Space(
        (Parameter("x", Reals(-10.0, 10.0)), Parameter("y", Reals(1e-6, 1.0, log=True))),
        (Objective("energy_J", "min"), Objective("latency_s", "min")),
    )

    def evaluate(columns):
        x, y = columns.values["x"], columns.values["y"]
        return np.stack([x**2 + y, (x - 2) ** 2 + y], axis=1)

    found = find(space, evaluate, sampler="evolve", generations=15, batch=20, seed=0)
    x = found.columns.values["x"][found.front]
    assert len(x) >= 20
    assert -0.05 <= x.min() < 0.2
    assert 1.8 < x.max() <= 2.05
    assert found.columns.values["y"][found.front].max() < 0.05


def test_the_front_is_of_what_keeps_the_constraints_and_works() -> None:
    space = Space(
        (Parameter("a", Integers(0, 30)), Parameter("b", Choices((1, 2, 4, 8)))),
        (Objective("energy_J", "min"), Objective("accuracy", "max")),
        (Constraint("energy_J", "<=", 25.0), Constraint("accuracy", ">=", 3.0)),
    )

    def evaluate(columns):
        a, b = columns.values["a"].astype(float), columns.values["b"]
        values = np.stack([a + b, a / b], axis=1)
        values[a == 20] = np.nan
        return values

    found = find(space, evaluate, generations=31, batch=4)
    assert len(found.columns) == space.count
    kept = (found.values[:, 0] <= 25) & (found.values[:, 1] >= 3)
    truth = np.zeros(len(found.values), dtype=bool)
    truth[kept] = nondominated(found.values[kept], [False, True])
    assert (found.front == truth).all()
    assert found.front.any()


def test_wrong_calls_are_named() -> None:
    space = Space((Parameter("a", Integers(0, 3)),), (Objective("energy_J", "min"),))
    with pytest.raises(UsageError, match="batch = 0"):
        find(space, lambda columns: np.zeros((len(columns), 1)), batch=0)
    with pytest.raises(UsageError, match=r"\[4, 2\]"):
        find(space, lambda columns: np.zeros((len(columns), 2)))
    limited = Space(space.parameters, space.objectives, (Constraint("area_m2", "<=", 1.0),))
    with pytest.raises(UsageError, match="no objective"):
        find(limited, lambda columns: np.zeros((len(columns), 1)))
