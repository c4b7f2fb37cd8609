"""Proposers: the same again from the same answers, nothing twice, conditions, constraints, failures, bad calls."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from axbar.errors import AxbarError, UsageError
from axbar.search.propose import proposer
from axbar.search.space import (
    Choices,
    Columns,
    Constraint,
    Integers,
    Objective,
    Parameter,
    Reals,
    Space,
    parse_condition,
    point_hash,
)

SAMPLERS = ("grid", "sobol", "evolve", "nsga2", "tpe")
#: grid can't list reals
DRAWN = SAMPLERS[1:]

SPACE = Space(
    (
        Parameter("kind", Choices(("x", "y", "z"))),
        Parameter("rows", Choices((16, 32, 64, 128))),
        Parameter("bits", Integers(3, 8), parse_condition("kind == x")),
        Parameter("on", Choices((True, False)), parse_condition("kind != x")),
        Parameter("deep", Integers(0, 9), parse_condition("kind == y and on == true")),
    ),
    (Objective("energy_J", "min"), Objective("accuracy", "max")),
)
ENDLESS = Space(
    (*SPACE.parameters, Parameter("time", Reals(1e-6, 1.0, log=True)), Parameter("share", Reals(0.0, 0.9))),
    SPACE.objectives,
)
FINE = Space((*SPACE.parameters, Parameter("more", Integers(0, 999))), SPACE.objectives)


def worth(columns: Columns) -> tuple[np.ndarray, np.ndarray]:
    """Values and violations; one design of seven fails, rows of 128 break a bound."""
    v = columns.values
    bits = np.where(columns.active["bits"], v["bits"], 9)
    deep = np.where(columns.active["deep"], v["deep"], 4)
    values = np.stack([bits + deep + v["rows"] / 16, bits * 1.5 - deep + np.sqrt(v["rows"])], axis=1)
    values[(bits + deep + v["rows"]) % 7 == 0] = np.nan
    return values, (v["rows"] / 64 - 1)[:, None]


def asked(sampler: str, space: Space = FINE, seed: int = 3, sizes: tuple[int, ...] = (12, 1, 30, 12)) -> list:
    """Points of a search of some generations, as plain mappings."""
    proposing = proposer(space, sampler, seed=seed, budget=100)
    points = []
    for size in sizes:
        columns = proposing.ask(size)
        proposing.tell(columns, *worth(columns))
        points += [space.point(columns, i) for i in range(len(columns))]
    return points


@pytest.mark.parametrize("sampler", DRAWN)
@pytest.mark.parametrize("space", [FINE, ENDLESS], ids=["fine", "endless"])
def test_a_study_goes_on_bit_for_bit_after_being_rebuilt(sampler: str, space: Space) -> None:
    first = proposer(space, sampler, seed=5, budget=200)
    told: list[tuple[list, np.ndarray, np.ndarray]] = []
    for size in (9, 20, 13):
        columns = first.ask(size)
        first.tell(columns, *worth(columns))
        told.append(([space.point(columns, i) for i in range(len(columns))], *worth(columns)))
    told = [
        (json.loads(json.dumps(points)), values, broken) for points, values, broken in told
    ]  # as a store keeps them
    again = proposer(space, sampler, seed=5, budget=200)
    for points, values, broken in told:
        columns = again.ask(len(points))
        assert [space.point(columns, i) for i in range(len(columns))] == points
        again.tell(space.encode(points), values, broken)
    ours, theirs = first.ask(25), again.ask(25)
    for path in space.paths:
        assert ours.values[path].tobytes() == theirs.values[path].tobytes()
        assert (ours.active[path] == theirs.active[path]).all()


@pytest.mark.parametrize("sampler", DRAWN)
def test_seeds_differ(sampler: str) -> None:
    assert asked(sampler, seed=1) != asked(sampler, seed=2)


def test_proposals_do_not_depend_on_how_a_process_hashes_strings() -> None:
    code = (
        "import sys, json; sys.path.insert(0, sys.argv[1]); import test_proposals as t; "
        "print(json.dumps([t.asked(s, sizes=(12, 30)) for s in ('nsga2', 'tpe', 'evolve')]))"
    )
    answers = [
        subprocess.run(
            [sys.executable, "-c", code, str(Path(__file__).parent)],
            env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True, timeout=100,
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert answers[0] == answers[1]
    assert json.loads(answers[0])[0] == asked("nsga2", sizes=(12, 30))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_design_once_and_then_none(sampler: str) -> None:
    assert SPACE.count == 4 * (6 + 11 + 2)
    points = asked(sampler, SPACE, sizes=(30, 30, 30, 5))
    assert len(points) == SPACE.count
    assert len({point_hash(point) for point in points}) == SPACE.count


@pytest.mark.parametrize("sampler", DRAWN)
def test_points_hold_what_counts_and_what_was_told_is_not_proposed(sampler: str) -> None:
    proposing = proposer(SPACE, sampler, seed=0, budget=60)
    given = SPACE.distinct(np.arange(0, SPACE.count or 0, 2))
    proposing.tell(given, *worth(given))
    columns = proposing.ask(20)
    assert SPACE.canonical(columns).all()
    numbers = SPACE.index(columns)
    assert len(set(numbers.tolist())) == 20
    assert not set(numbers.tolist()) & set(SPACE.index(given).tolist())
    encoded = SPACE.encode([SPACE.point(columns, i) for i in range(20)])
    assert (SPACE.index(encoded) == numbers).all()


@pytest.mark.parametrize("sampler", ["evolve", "nsga2"])
def test_survivors_of_a_cheaper_look_are_parents(sampler: str) -> None:
    """Front points deep in one corner draw what comes next to it; without them proposals are spread."""
    near: list[float] = []
    for told in (False, True):
        proposing = proposer(FINE, sampler, seed=0, budget=400)
        if told:
            corner = {"kind": "y", "rows": 32, "on": True, "deep": 7}
            given = FINE.encode([{**corner, "more": 100 + i} for i in range(50)])
            steps = np.arange(50.0)
            proposing.tell(given, np.stack([steps, steps], axis=1), np.zeros((50, 0)))
        columns = proposing.ask(40)
        near.append(float(np.mean((columns.values["kind"] == "y") & (columns.values["rows"] == 32))))
    assert 0 < near[0] < 0.3
    assert near[1] > 3 * near[0]


@pytest.mark.parametrize("sampler", ["evolve", "nsga2", "tpe"])
def test_samplers_turn_away_from_failures_and_broken_bounds(sampler: str) -> None:
    space = Space((Parameter("a", Integers(0, 99)), Parameter("b", Integers(0, 99))), SPACE.objectives)
    proposing = proposer(space, sampler, seed=0, budget=150)
    bad: list[float] = []
    for _ in range(6):
        columns = proposing.ask(25)
        a, b = (columns.values[name].astype(float) for name in "ab")
        values = np.stack([a + b, a - b], axis=1)
        values[a < 50] = np.nan  # fails where energy is least
        proposing.tell(columns, values, (b / 50 - 1)[:, None])  # and breaks the bound where accuracy is worst
        bad.append(float(np.mean((a < 50) | (b > 50))))
    assert bad[0] > 0.5
    assert bad[-1] < 0.6 * bad[0]


@pytest.mark.parametrize("sampler", ["evolve", "nsga2", "tpe"])
def test_a_space_where_nothing_works_is_searched_all_the_same(sampler: str) -> None:
    proposing = proposer(FINE, sampler, seed=0, budget=100)
    for values in (np.nan, np.inf, 1.0):
        columns = proposing.ask(15)
        assert len(columns) == 15
        proposing.tell(columns, np.full((15, 2), values), np.full((15, 1), 2.0))


def test_auto_lists_a_space_that_the_budget_covers() -> None:
    columns = proposer(SPACE, "auto", seed=0, budget=SPACE.count or 0).ask(SPACE.count or 0)
    assert (SPACE.index(columns) == SPACE.index(SPACE.distinct(np.arange(SPACE.count or 0)))).all()
    other = proposer(SPACE, "auto", seed=0, budget=(SPACE.count or 0) - 1).ask(20)
    same = proposer(SPACE, "evolve", seed=0, budget=(SPACE.count or 0) - 1).ask(20)
    assert (SPACE.index(other) == SPACE.index(same)).all()


@pytest.mark.parametrize("sampler", ["nsga2", "tpe"])
def test_optuna_is_silent_and_stays_as_it_was(sampler: str, capfd: pytest.CaptureFixture[str]) -> None:
    import optuna

    level = optuna.logging.get_verbosity()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asked(sampler, ENDLESS, sizes=(12, 5))
    assert optuna.logging.get_verbosity() == level
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("sampler", ["nsga2", "tpe"])
def test_optuna_sees_which_parameters_count_above_a_real_number(sampler: str) -> None:
    space = Space(
        (
            Parameter("share", Reals(10.0, 20.0)),
            Parameter("deep", Integers(0, 9), parse_condition("share > 14")),
        ),
        SPACE.objectives,
    )
    proposing = proposer(space, sampler, seed=0, budget=60)
    deep, counts = list[int](), list[bool]()
    for _ in range(3):
        columns = proposing.ask(20)
        v = columns.values
        np.testing.assert_array_equal(columns.active["deep"], v["share"] > 14)
        values = np.stack([v["share"], v["deep"]], axis=1).astype(np.float64)
        proposing.tell(columns, values, np.zeros((20, 0)))
        deep += v["deep"][columns.active["deep"]].tolist()
        counts += columns.active["deep"].tolist()
    assert 0 < sum(counts) < 60
    assert len(set(deep)) >= 4


def test_without_optuna_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(AxbarError, match=r"optuna, which is not installed: pip install 'axbar\[explore\]'"):
        proposer(SPACE, "tpe", seed=0, budget=10)
    assert len(proposer(SPACE, "evolve", seed=0, budget=10).ask(3)) == 3


def test_wrong_calls_are_named() -> None:
    with pytest.raises(UsageError, match="nsga2"):
        proposer(SPACE, "nsga", seed=0, budget=10)
    with pytest.raises(UsageError, match="seed = -1"):
        proposer(SPACE, "sobol", seed=-1, budget=10)
    with pytest.raises(UsageError, match="no step"):
        proposer(ENDLESS, "grid", seed=0, budget=10)
    with pytest.raises(UsageError, match="no objectives"):
        proposer(Space(SPACE.parameters), "sobol", seed=0, budget=10)
    proposing = proposer(SPACE, "sobol", seed=0, budget=10)
    with pytest.raises(UsageError, match=r"\[2, 2\]"):
        proposing.tell(proposing.ask(2), np.zeros((2, 3)), np.zeros((2, 0)))
    with pytest.raises(UsageError, match="-1"):
        proposing.ask(-1)
    assert len(proposing.ask(0)) == 0


def test_a_constraint_of_the_space_is_only_told_by_the_driver() -> None:
    limited = Space(SPACE.parameters, SPACE.objectives, (Constraint("area_m2", "<=", 1.0),))
    assert len(proposer(limited, "evolve", seed=0, budget=20).ask(5)) == 5
