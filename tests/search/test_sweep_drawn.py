"""Sweeps of spaces that are too large to keep, to list, or to make all networks of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sweep_cases import BASE, alone, by_pairs, by_steps, network, points_of, space_of

from axbar.search.sweep import Swept, sweep
from axbar.search.sweep import class_fronts as _class_fronts
from axbar.search.sweep import draws as _draws
from axbar.search.sweep import kept as _kept
from axbar.search.sweep.class_fronts import ClassFronts, class_fronts
from axbar.search.sweep.codes import alike, mixed
from axbar.search.sweep.kept import Keeper
from axbar.search.sweep.variants import variant_of

#: 184 designs of two kinds
MANY = {
    "hardware": ["imc-rram-65nm", "sata"],
    "crossbar.rows": [32, 64, 128],
    "adc.bits": "3..6",
    "adc.cols_per_adc": [1, 2, 4, 8, 16],
    "array.rows": [8, 16, 32, 64],
    "array.cols": [8, 16],
    "clock_Hz": {"values": ["100 MHz", "200 MHz", "300 MHz", "400 MHz"], "when": "hardware == sata"},
    "model.steps": [2, 4],
}
ASKED = ("accuracy max", "energy_J min", "latency_s min", "area_m2 min")


def rows(space: Any, found: Swept, flags: np.ndarray) -> set[str]:
    """The flagged points with what they cost and whose class they are in."""
    return {
        f"{space.point(found.columns, int(i))} {[v[i] for v in found.costs.values.values()]}"
        for i in np.flatnonzero(flags)
    }


@pytest.mark.parametrize("block", [16, 64])
def test_blocks_and_what_is_kept_change_no_front(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    space = space_of(MANY, *ASKED, constraints=["latency_s <= 3 ms"])
    whole = sweep(space, None, by_steps)
    assert whole.looked_at == len(whole) == 184
    monkeypatch.setattr(_draws, "BLOCK", block)
    monkeypatch.setattr(_class_fronts, "_WAITING", 10)
    for keep in (whole.candidate.sum(), whole.candidate.sum() + 5, 180):
        found = sweep(space, None, by_steps, keep=int(keep))
        assert len(found) == keep and found.looked_at == 184
        assert found.infeasible == whole.infeasible
        assert rows(space, found, found.front) == rows(space, whole, whole.front)
        assert rows(space, found, found.candidate) == rows(space, whole, whole.candidate)
        every = rows(space, whole, np.ones(len(whole), dtype=bool))
        mine = rows(space, found, np.ones(len(found), dtype=bool))
        assert mine <= every and len(mine) == keep


def test_the_sample_is_the_same_in_any_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    space = space_of(MANY, "energy_J min")
    one = sweep(space, None, by_steps, keep=120, seed=3)
    other_seed = sweep(space, None, by_steps, keep=120, seed=4)
    monkeypatch.setattr(_draws, "BLOCK", 32)
    two = sweep(space, None, by_steps, keep=120, seed=3)
    assert points_of(space, one) == points_of(space, two)
    assert points_of(space, one) != points_of(space, other_seed)


def test_too_large_a_front_is_thinned_and_said() -> None:
    space = space_of(MANY, *ASKED)
    whole = sweep(space, None, by_steps)
    assert whole.candidate.sum() > 20 > 5
    found = sweep(space, None, by_steps, keep=20)
    assert len(found) == 20 and found.candidate.all()
    assert any("more candidates than the 20 designs" in note for note in found.notes)
    energy = whole.costs.values["energy_J"]
    assert found.costs.values["energy_J"].min() == energy.min()  # the ends of the front stay


def test_endless_spaces_are_drawn_evenly_and_the_same_again() -> None:
    parameters = {**MANY, "technology.vdd_V": {"values": "0.8..1.2", "when": "hardware == imc-rram-65nm"}}
    space = space_of(parameters, *ASKED)
    assert space.count is None
    found = sweep(space, None, by_steps, points=512)
    assert found.of is None and found.looked_at == len(found)
    assert (
        256 + 40 < found.looked_at < 512
    )  # half have a supply of their own, the other half of 64 designs repeat
    points = points_of(space, found)
    assert len({str(p) for p in points}) == len(points)
    supplies = found.columns.values["technology.vdd_V"][found.columns.active["technology.vdd_V"]]
    assert len(supplies) == 256
    np.testing.assert_allclose(np.histogram(supplies, 8, (0.8, 1.2))[0], 32, atol=3)
    assert "looked at" in found.notes[-1] and "endlessly many" in found.notes[-1]
    again = sweep(space, None, by_steps, points=512)
    assert points == points_of(space, again)
    assert points != points_of(space, sweep(space, None, by_steps, points=512, seed=1))
    for i in range(0, len(points), 37):
        assert found.costs.values["energy_J"][i] == alone(space, points[i]).total("energy_J")[0]


def test_a_drawn_sweep_streams_too(monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = {**MANY, "technology.vdd_V": {"values": "0.8..1.2", "when": "hardware == imc-rram-65nm"}}
    space = space_of(parameters, *ASKED)
    whole = sweep(space, None, by_steps, points=300)
    monkeypatch.setattr(_draws, "BLOCK", 32)
    found = sweep(space, None, by_steps, points=300, keep=int(whole.candidate.sum()) + 3)
    assert found.looked_at == whole.looked_at
    assert rows(space, found, found.candidate) == rows(space, whole, whole.candidate)


def test_a_space_larger_than_the_points_asked_for_is_drawn() -> None:
    space = space_of(MANY, *ASKED)
    found = sweep(space, None, by_steps, points=100)
    assert found.of == 184 and 50 < found.looked_at <= 100
    assert len({str(p) for p in points_of(space, found)}) == found.looked_at


def test_more_networks_than_can_be_made_are_drawn() -> None:
    asked: list[Any] = []

    def counts(variant: Any, spec: Any) -> Any:
        asked.append(variant)
        return network()

    parameters = {
        "technique.prune": [True, False],
        "technique.prune.sparsity": "0.1..0.9",
        "model.steps": "1..8",
        "adc.bits": [4, 5],
    }
    space = space_of(parameters, *ASKED)
    found = sweep(space, BASE, counts, variants=6, points=1000)
    assert len(asked) == len(set(asked)) == 6
    assert found.looked_at == 12  # all of each network
    assert "6 of them were drawn" in found.notes[0]
    variants = [variant_of(space.split(p)) for p in points_of(space, found)]
    assert {v: variants.count(v) for v in variants} == dict.fromkeys(asked, 2)


def test_networks_are_remembered_from_block_to_block(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def counts(variant: Any, spec: Any) -> Any:
        asked.append((variant, spec.name))
        return by_steps(variant, spec)

    monkeypatch.setattr(_draws, "BLOCK", 16)
    sweep(space_of(MANY, *ASKED), None, counts, keep=20)
    assert len(asked) == len(set(asked)) == 2 * 2


def test_few_enough_networks_are_all_asked_for() -> None:
    space = space_of({"model.steps": "1..8", "adc.bits": [4, 5]}, *ASKED)
    found = sweep(space, BASE, by_steps, variants=8)
    assert found.looked_at == 16 and found.notes == ()
    some = sweep(space, BASE, by_steps, variants=3)
    assert len(set(some.columns.values["model.steps"].tolist())) == 3 and some.looked_at == 6
    assert "8 different networks; 3 of them" in some.notes[0]


def test_networks_that_depend_on_the_chip_are_drawn_with_it() -> None:
    parameters = {**MANY, "technique.prune": {"values": [True, False], "when": "hardware == sata"}}
    parameters["model.steps"] = "1..4"
    space = space_of(parameters, *ASKED)
    found = sweep(space, None, by_steps, variants=3)
    variants = {variant_of(space.split(p)) for p in points_of(space, found)}
    assert len(variants) == 3
    every = sweep(space, None, by_steps)
    assert every.looked_at == space.count
    assert rows(space, found, np.ones(len(found), bool)) <= rows(space, every, np.ones(len(every), bool))


@st.composite
def tables(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Objectives with ties and gaps, and classes from one to as many as rows."""
    n, m = draw(st.integers(0, 90)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = rng.integers(0, draw(st.sampled_from([2, 5, 100])), (n, m)).astype(np.float64)
    values[rng.random((n, m)) < draw(st.sampled_from([0.0, 0.1]))] = np.nan
    classes = mixed(rng.integers(0, draw(st.sampled_from([1, 3, 90])), n).astype(np.uint64))
    return values, classes


@settings(deadline=None)
@given(tables(), st.data())
def test_class_fronts_are_those_of_all_pairs(
    table: tuple[np.ndarray, np.ndarray], data: st.DataObject
) -> None:
    values, classes = table
    maximise = [data.draw(st.booleans()) for _ in range(values.shape[1])]
    expected = by_pairs(values * np.where(maximise, -1, 1), classes) & ~np.isnan(values).any(axis=1)
    assert class_fronts(values, classes, maximise).tolist() == expected.tolist()
    stream = ClassFronts(maximise, most=1000)
    for part in np.array_split(np.arange(len(values)), data.draw(st.integers(1, 5))):
        stream.add(values[part], classes[part], part)
        stream.rows()
    assert stream.rows()[1].tolist() == np.flatnonzero(expected).tolist()
    assert not stream.given_up


def test_too_many_candidates_give_up_whole_classes() -> None:
    rng = np.random.default_rng(0)
    values = rng.random((3000, 2))
    classes = mixed(rng.integers(0, 100, 3000).astype(np.uint64))
    stream = ClassFronts([False, False], most=200)
    for part in np.array_split(np.arange(3000), 10):
        stream.add(values[part], classes[part], part)
        stream.rows()
    _, found = stream.rows()
    expected = np.flatnonzero(class_fronts(values, classes, [False, False]))
    assert stream.given_up and 0 < len(found) <= 200 < len(expected)
    assert found.tolist() == expected[np.isin(classes[expected], classes[found])].tolist()


def test_the_front_is_kept_whatever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_kept, "_HELD", 10)
    rng = np.random.default_rng(1)
    values = rng.random((2000, 2))
    keeper = Keeper([False, False], True, keep=40, seed=0)
    numbers = np.arange(2000)
    keeper.add(values, mixed(rng.integers(0, 400, 2000).astype(np.uint64)), np.ones(2000, bool), numbers)
    front = np.flatnonzero(by_pairs(values))
    assert keeper.front.tolist() == front.tolist()
    chosen = keeper.chosen()
    assert keeper.given_up and len(chosen) == 40
    assert set(front.tolist()) <= set(chosen.tolist())


@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(0, 40))
def test_alike_groups_rows_that_agree(seed: int, width: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    columns = [rng.integers(0, 3, n) for _ in range(width)]
    first, group = alike(columns, n)
    for i in range(n):
        assert all(column[i] == column[first[group[i]]] for column in columns)
    assert len(first) == len({tuple(column[i] for column in columns) for i in range(n)})
