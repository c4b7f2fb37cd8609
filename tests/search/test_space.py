"""Spaces: grids, designs without copies, conditions, single points and their hashes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from axbar.errors import AxbarError, UsageError
from axbar.search.space import (
    Choices,
    Clause,
    Columns,
    Condition,
    Constraint,
    Integers,
    Objective,
    Parameter,
    Reals,
    Space,
    load_space,
    parse_condition,
    point_hash,
)

#: what is tested is the result: the first example of a busy machine may take seconds
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


BY_HAND: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda value, wanted: value == wanted[0],
    "!=": lambda value, wanted: value != wanted[0],
    "in": lambda value, wanted: value in wanted,
    "<": lambda value, wanted: value < wanted[0],
    "<=": lambda value, wanted: value <= wanted[0],
    ">": lambda value, wanted: value > wanted[0],
    ">=": lambda value, wanted: value >= wanted[0],
}


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """Small discrete spaces whose conditions may point to parameters before and behind."""
    n = draw(st.integers(1, 5))
    sizes = [draw(st.integers(1, 4)) for _ in range(n)]
    rank = draw(st.permutations(range(n)))  # conditions point to a lower rank only, so never in a circle
    kinds = [draw(st.sampled_from(["text", "whole", "real", "list"])) for _ in range(n)]
    domains = [_domain(kind, size) for kind, size in zip(kinds, sizes, strict=True)]
    parameters: list[Parameter] = []
    for k in range(n):
        clauses: list[Clause] = []
        for other in range(n):
            if rank[other] < rank[k] and draw(st.integers(0, 2)) == 0:
                values = domains[other].at(np.arange(sizes[other])).tolist()
                ordered = ["<", "<=", ">", ">="] if kinds[other] != "text" else []
                op = draw(st.sampled_from(["==", "!=", "in", *ordered]))
                few = draw(st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True))
                clause = Clause(f"p{other}", op, tuple(few if op == "in" else few[:1]))
                if op in ("<", ">"):  # one that no value keeps is refused
                    limit = max(values) + 1 if op == "<" else min(values) - 1
                    clause = clause if draw(st.booleans()) else replace(clause, values=(limit,))
                    extreme = min(values) if op == "<" else max(values)
                    clause = replace(clause, values=(limit,)) if clause.values == (extreme,) else clause
                clauses.append(clause)
        parameters.append(Parameter(f"p{k}", domains[k], Condition(tuple(clauses)) if clauses else None))
    return Space(tuple(parameters))


def _domain(kind: str, size: int) -> Any:
    if kind == "text":
        return Choices(tuple("dcba"[:size]))
    if kind == "whole":
        return Integers(3, 3 + 2 * (size - 1), 2)
    return Reals(0.1, 0.1 * size, step=0.1) if kind == "real" else Choices((7, 2, 9, 5)[:size])


def _all(space: Space) -> Columns:
    assert space.size is not None
    return space.columns(np.arange(space.size))


def _points(space: Space, columns: Columns) -> list[dict[str, Any]]:
    return [space.point(columns, i) for i in range(len(columns))]


def _key(point: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(point.items())


@given(spaces())
@UNHURRIED
def test_the_grid_goes_round(space: Space) -> None:
    columns = _all(space)
    kept = np.flatnonzero(space.canonical(columns))
    np.testing.assert_array_equal(space.index(columns)[kept], kept)
    # every copy leads to the first of its design
    first = space.index(columns)
    assert space.canonical(space.columns(first)).all()
    assert _points(space, columns) == _points(space, space.columns(first))


@given(spaces())
@UNHURRIED
def test_canonical_points_are_all_designs_once(space: Space) -> None:
    columns = _all(space)
    every = {_key(point) for point in _points(space, columns)}
    kept = [_key(point) for point in _points(space, columns.take(space.canonical(columns)))]
    assert len(kept) == len(set(kept))
    assert set(kept) == every
    firsts: dict[Any, int] = {}
    for i, point in enumerate(_points(space, columns)):
        firsts.setdefault(_key(point), i)
    assert np.flatnonzero(space.canonical(columns)).tolist() == sorted(firsts.values())


@given(spaces())
@UNHURRIED
def test_distinct_designs_are_the_canonical_ones(space: Space) -> None:
    columns = _all(space)
    every = {_key(point) for point in _points(space, columns)}
    assert space.count == len(every)
    distinct = space.distinct(np.arange(space.count))
    assert {_key(point) for point in _points(space, distinct)} == every
    assert space.canonical(distinct).all()


@given(spaces())
@UNHURRIED
def test_conditions_hold_as_one_would_work_them_out_by_hand(space: Space) -> None:
    columns = _all(space)
    whens = {p.path: p.when for p in space.parameters}

    def counts(path: str, i: int) -> bool:
        when = whens[path]
        for clause in when.clauses if when else ():
            if not counts(clause.path, i):
                return False
            value = columns.values[clause.path][i].item()
            if not BY_HAND[clause.op](value, clause.values):
                return False
        return True

    for i in range(len(columns)):
        for path in space.paths:
            assert bool(columns.active[path][i]) == counts(path, i)


@given(spaces(), st.integers(0, 2**32))
@UNHURRIED
def test_points_go_to_columns_and_back(space: Space, seed: int) -> None:
    assert space.size is not None
    columns = space.columns(np.random.default_rng(seed).integers(0, space.size, 20))
    points = _points(space, columns)
    back = space.encode(points)
    assert _points(space, back) == points
    assert space.canonical(back).all()
    for path in space.paths:
        assert back.values[path].dtype.kind == columns.values[path].dtype.kind


@given(spaces())
@settings(UNHURRIED, max_examples=40)
def test_decoding_covers_every_design(space: Space) -> None:
    sizes = [p.domain.size or 1 for p in space.parameters]
    cells = np.stack(np.meshgrid(*[(np.arange(n) + 0.5) / n for n in sizes], indexing="ij"), axis=-1)
    columns = space.decode(cells.reshape(-1, len(sizes)))
    assert {_key(p) for p in _points(space, columns)} == {_key(p) for p in _points(space, _all(space))}
    assert space.canonical(columns).all()
    corners = space.decode(np.array([[0.0] * len(sizes), [1.0] * len(sizes)]))
    for p in space.parameters:
        if p.when is None:
            assert (
                corners.values[p.path].tolist()
                == p.domain.at(np.array([0, (p.domain.size or 1) - 1])).tolist()
            )


def test_the_last_parameter_is_the_fastest() -> None:
    space = Space((Parameter("a", Choices(("x", "y"))), Parameter("b", Integers(1, 3))))
    columns = _all(space)
    assert columns.values["a"].tolist() == ["x"] * 3 + ["y"] * 3
    assert columns.values["b"].tolist() == [1, 2, 3] * 2
    assert columns.values["b"].dtype == np.int64


def test_values_are_drawn_evenly() -> None:
    space = Space((Parameter("a", Choices(("x", "y", "z"))), Parameter("b", Reals(1e-4, 1.0, log=True))))
    u = np.random.default_rng(0).random((30_000, 2))
    columns = space.decode(u)
    _, often = np.unique(columns.values["a"], return_counts=True)
    assert abs(often - 10_000).max() < 400  # five standard deviations
    decades, _ = np.histogram(np.log10(columns.values["b"]), bins=4, range=(-4, 0))
    assert abs(decades - 7_500).max() < 400


def test_kinds_of_chips_add_up_instead_of_multiplying() -> None:
    space = load_space(
        {
            "space": {
                "hardware": ["imc-rram-65nm", "sata", "loas"],
                "crossbar.rows": [32, 64, 128, 256],
                "adc.bits": "3..8",
                "array.rows": [8, 16, 32],
                "pe.steps": [4, 8],
            }
        }
    )
    assert space.size == 3 * 4 * 6 * 3 * 2
    assert space.count == 4 * 6 + 3 + 2
    columns = space.distinct(np.arange(space.count))
    chips, often = np.unique(columns.values["hardware"], return_counts=True)
    assert dict(zip(chips.tolist(), often.tolist(), strict=True)) == {
        "imc-rram-65nm": 24,
        "sata": 3,
        "loas": 2,
    }


def test_what_depends_on_what_does_not_count_does_not_count() -> None:
    chip, on = Choices(("imc", "sata")), Choices((True, False))
    space = Space(
        (
            Parameter("level", Integers(1, 3), parse_condition("switch != false")),
            Parameter("switch", on, parse_condition("hardware == imc")),
            Parameter("hardware", chip),
        )
    )
    columns = _all(space)
    np.testing.assert_array_equal(
        columns.active["level"], columns.values["switch"] & (columns.values["hardware"] == "imc")
    )
    assert space.count == 3 + 1 + 1


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("hardware == sata", (Clause("hardware", "==", ("sata",)),)),
        ("adc.bits!=4", (Clause("adc.bits", "!=", (4,)),)),
        ("technique.early-exit == true", (Clause("technique.early-exit", "==", (True,)),)),
        (
            "hardware in [sata, loas] and read.t_read_s == 10 ns",
            (Clause("hardware", "in", ("sata", "loas")), Clause("read.t_read_s", "==", (1e-8,))),
        ),
        ("adc.bits<=5 and adc.bits > 3", (Clause("adc.bits", "<=", (5,)), Clause("adc.bits", ">", (3,)))),
        ("read.t_read_s >= 5 ns", (Clause("read.t_read_s", ">=", (5e-9,)),)),
        ("technique.prune.sparsity<0.5", (Clause("technique.prune.sparsity", "<", (0.5,)),)),
    ],
)
def test_conditions_are_read_and_written(text: str, clauses: tuple[Clause, ...]) -> None:
    assert parse_condition(text).clauses == clauses
    assert parse_condition(str(parse_condition(text))).clauses == clauses


@pytest.mark.parametrize(
    "text",
    [
        "", "hardware", "hardware = sata", "hardware in sata", "a == 1 or b == 2", "a == 1 and", "a == [1]",
        "a =< 3", "a <> 3", "a == 3 <4", "a < sata", "a >= true", "1 < a < 3", "a < = 3", "a <",
    ],
)  # fmt: skip
def test_what_is_no_condition_is_said(text: str) -> None:
    with pytest.raises(UsageError, match=r"write|is no list of values|is no number; compare words with =="):
        parse_condition(text)


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ({"a": "c == 1"}, r"unknown parameter of the space 'c'"),
        ({"a": "b == 9"}, r"b is never 9; its values: 1\.\.3"),
        ({"a": "a == 1"}, "asks for its own value"),
        ({"a": "b == 1", "b": "a == 1"}, "go in a circle"),
        ({"a": "r == 0.5"}, "meets no single value; give it a step"),
        ({"a": "b == true"}, "b is never True"),
        ({"a": "b > 3"}, r"b is never > 3; its values: 1\.\.3"),
        ({"a": "b < 1"}, "b is never < 1"),
        ({"a": "r > 1"}, r"r is never > 1; its values: 0\.0\.\.1\.0"),
        ({"a": "w >= 2"}, "w has no order, its values are x, y; compare it with =="),
    ],
)
def test_conditions_that_make_no_sense_are_refused(when: dict[str, str], said: str) -> None:
    domains = {"a": Integers(1, 3), "b": Integers(1, 3), "r": Reals(0.0, 1.0), "w": Choices(("x", "y"))}
    with pytest.raises(UsageError, match=said):
        Space(
            tuple(
                Parameter(path, domain, parse_condition(when[path]) if path in when else None)
                for path, domain in domains.items()
            )
        )


def test_conditions_on_all_reals_of_a_range_compare_them() -> None:
    space = Space(
        (
            Parameter("level", Integers(1, 3), parse_condition("share > 0.5")),
            Parameter("share", Reals(0.0, 1.0), parse_condition("on == true")),
            Parameter("on", Choices((True, False))),
        )
    )
    unit = np.random.default_rng(0).random((200, 3))
    columns = space.decode(unit)
    by_hand = (unit[:, 1] > 0.5) & (unit[:, 2] < 0.5)
    np.testing.assert_array_equal(columns.active["level"], by_hand)
    assert 20 < by_hand.sum() < 100
    back = space.encode(_points(space, columns))
    np.testing.assert_array_equal(back.active["level"], by_hand)


def test_hashes_see_values_and_not_order_or_dress() -> None:
    point = {"hardware": "sata", "adc.bits": 4, "read.t_read_s": 1e-8, "technique.prune": True}
    assert point_hash(point) == point_hash(dict(reversed(list(point.items()))))
    dressed = point | {
        "adc.bits": np.int64(4),
        "read.t_read_s": np.float64(1e-8),
        "technique.prune": np.True_,
    }
    assert point_hash(dressed) == point_hash(point)
    assert len(point_hash(point)) == 16
    others = [
        point | {"adc.bits": 5},
        point | {"technique.prune": 1},
        point | {"read.t_read_s": 1.0000000000000002e-8},
    ]
    assert len({point_hash(p) for p in [point, *others]}) == 4
    # fixed for ever: stores on disk are keyed by it
    assert point_hash({"adc.bits": 4, "hardware": "sata"}) == "924df74a884aba38"


@given(spaces())
@settings(UNHURRIED, max_examples=40)
def test_no_two_designs_share_a_hash(space: Space) -> None:
    columns = space.distinct(np.arange(space.count or 0))
    assert len({point_hash(p) for p in _points(space, columns)}) == space.count


def test_endless_spaces_are_drawn_and_not_listed() -> None:
    space = Space((Parameter("a", Reals(0.0, 1.0)), Parameter("b", Integers(1, 3), None)))
    assert space.size is None
    assert space.count is None
    with pytest.raises(UsageError, match="no list of grid points"):
        space.columns(np.arange(3))
    columns = space.decode(np.array([[0.25, 0.9], [0.75, 0.1]]))
    assert columns.values["a"].tolist() == [0.25, 0.75]
    points = _points(space, columns)
    assert _points(space, space.encode(points)) == points


def test_spaces_too_large_to_number_are_said() -> None:
    space = Space(tuple(Parameter(f"p{k}", Integers(0, 9_999)) for k in range(5)))
    assert space.size == 10**20
    assert space.count == 10**20
    with pytest.raises(UsageError, match="than can be numbered"):
        space.columns(np.arange(3))
    assert len(space.decode(np.full((4, 5), 0.5))) == 4


def test_conditions_on_too_many_values_leave_designs_uncounted() -> None:
    space = Space(
        (Parameter("a", Integers(0, 10**7)), Parameter("b", Integers(1, 2), parse_condition("a == 5")))
    )
    assert space.size == 2 * (10**7 + 1)
    assert space.count is None
    columns = space.columns(np.array([10, 11, 12, 13]))
    assert columns.active["b"].tolist() == [True, True, False, False]
    assert space.canonical(columns).tolist() == [True, True, True, False]


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ([6], "no number 6 among 6 grid points"),
        ([-1], "no number -1"),
        ([[0]], "one list"),
        ([0.5], "whole numbers"),
    ],
)
def test_numbers_outside_the_grid_are_refused(index: Any, said: str) -> None:
    space = Space((Parameter("a", Choices(("x", "y"))), Parameter("b", Integers(1, 3))))
    with pytest.raises(UsageError, match=said):
        space.columns(np.array(index))


@pytest.mark.parametrize(
    ("unit", "said"),
    [(np.zeros((3, 1)), r"shape \[3, 1\], expected \[points, 2\]"), (np.full((1, 2), 1.1), "unit cube"),
     (np.full((1, 2), np.nan), "unit cube")],
)  # fmt: skip
def test_what_is_no_unit_cube_is_refused(unit: Any, said: str) -> None:
    space = Space((Parameter("a", Choices(("x", "y"))), Parameter("b", Integers(1, 3))))
    with pytest.raises(UsageError, match=said):
        space.decode(unit)


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ({"a": "x", "bb": 1}, "did you mean 'b'"),
        ({"a": "z"}, r"point 1: a = 'z' is none of the values of the space: x, y"),
        ({"a": 3}, "a = 3 is none"),
        ({"a": "x", "b": True}, "b = True is none"),
        ({"a": "x"}, "point 1: b is missing"),
        ({"a": "y", "b": 1}, "b is given but does not count"),
    ],
)
def test_points_of_another_space_are_refused(point: dict[str, Any], said: str) -> None:
    space = Space(
        (Parameter("a", Choices(("x", "y"))), Parameter("b", Integers(1, 3), parse_condition("a == x")))
    )
    with pytest.raises(UsageError, match=said):
        space.encode([{"a": "x", "b": 2}, point])


def test_no_points_are_no_columns() -> None:
    space = Space(
        (Parameter("a", Choices(("x", "y"))), Parameter("b", Integers(1, 3), parse_condition("a == x")))
    )
    assert len(space.encode([])) == 0
    assert len(space.columns(np.zeros(0, dtype=np.int64))) == 0
    assert len(space.distinct(np.zeros(0, dtype=np.int64))) == 0
    assert len(space.decode(np.zeros((0, 2)))) == 0


def test_points_are_sorted_by_who_reads_them() -> None:
    on = Choices((True, False))
    space = Space(
        (
            Parameter("technique.mint.bits", Integers(2, 8)),
            Parameter(
                "technique.prune.sparsity",
                Reals(0.0, 0.9, step=0.1),
                parse_condition("technique.prune == true"),
            ),
            Parameter("hardware", Choices(("sata",))),
            Parameter("technique.prune", on),
            Parameter("technique.fold-norms", on),
            Parameter("clock_Hz", Choices((1e9,))),
            Parameter("model", Choices(("spiking-vgg9",))),
            Parameter("model.steps", Integers(2, 4)),
        )
    )
    assert space.techniques == ("mint", "prune", "fold-norms")
    point = {
        "hardware": "sata",
        "clock_Hz": 1e9,
        "model": "spiking-vgg9",
        "model.steps": 3,
        "technique.mint.bits": 4,
    }
    off = space.split(point | {"technique.prune": False, "technique.fold-norms": True})
    assert (off.hardware, off.changes, off.model, off.arguments) == (
        "sata", {"clock_Hz": 1e9}, "spiking-vgg9", {"steps": 3},
    )  # fmt: skip
    assert list(off.techniques.items()) == [("mint", {"bits": 4}), ("fold-norms", {})]
    on_too = space.split({"technique.prune.sparsity": 0.5, "technique.prune": True} | point)
    assert list(on_too.techniques.items()) == [("mint", {"bits": 4}), ("prune", {"sparsity": 0.5})]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Space(()), "the space is empty"),
        (lambda: Space((Parameter("a", Integers(1, 2)),) * 2), "'a' stands twice"),
        (
            lambda: Space((Parameter("a", Integers(1, 2)),), (Objective("energy_J", "min"),) * 2),
            "energy_J stands twice",
        ),
        (lambda: Objective("enrgy_J", "min"), "did you mean 'energy_J'"),
        (lambda: Objective("energy_J", "low"), "neither min nor max"),  # pyright: ignore[reportArgumentType]
        (lambda: Constraint("area_m2", "<", 1e-6), "neither <= nor >="),  # pyright: ignore[reportArgumentType]
        (lambda: Constraint("area_m2", "<=", float("nan")), "not finite"),
    ],
)
def test_spaces_by_hand_are_checked_too(make: Any, said: str) -> None:
    with pytest.raises(AxbarError, match=said):
        make()


def test_constraints_drop_what_is_not_a_number() -> None:
    assert Constraint("accuracy", ">=", 0.9).holds(np.array([0.9, 0.89, np.nan])).tolist() == [
        True,
        False,
        False,
    ]
    assert Constraint("area_m2", "<=", 1e-5).holds(np.array([1e-5, 2e-5, np.nan])).tolist() == [
        True,
        False,
        False,
    ]


def test_a_million_points_at_once() -> None:
    chips = Choices(("imc", "sata", "loas"))
    space = Space(
        (
            Parameter("hardware", chips),
            *(
                Parameter(f"crossbar.p{k}", Integers(1, 6), parse_condition("hardware == imc"))
                for k in range(6)
            ),
            *(
                Parameter(f"array.p{k}", Integers(1, 6), parse_condition("hardware == sata"))
                for k in range(2)
            ),
            Parameter("clock_Hz", Reals(1e8, 1e9, step=1e8)),
        )
    )
    index = np.random.default_rng(0).integers(0, space.size, 1_000_000)
    columns = space.columns(index)
    assert int(space.canonical(columns).sum()) < len(index)
    assert space.count == 10 * (6**6 + 6**2 + 1)


def test_the_face_imports_nothing_heavy(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from axbar.search import load_space; "
        "load_space({'space': {'hardware': ['sata', 'imc-rram-65nm'], 'adc.bits': '3..8'}}); "
        "assert 'torch' not in sys.modules and 'optuna' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
