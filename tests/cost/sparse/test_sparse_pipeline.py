"""Level pipeline: the vectorised recursion against PEs that are stepped cycle by cycle."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sparse_cases import layers, small, tensors

from axbar.cost.sparse import pipeline
from axbar.cost.sparse.dataflow import find
from axbar.cost.sparse.join import Tiling
from axbar.cost.sparse.levels import level_counts
from axbar.cost.sparse.pipeline import PREFIXES, Circuit, pipeline_cycles, scan
from axbar.errors import UsageError


@dataclass
class Pe:
    """Registers of one PE: the job under way, what the FIFO holds (jobs), when addresses stand."""

    left: int
    job: int = 0
    finished: bool = False
    handed: bool = False
    held: int | None = None
    laggy_free: int = 0
    fifo: deque[int] = field(default_factory=deque)
    ready: dict[int, int] = field(default_factory=dict)


def _cycle(pe: Pe, found: int, now: int, laggy: int, circuit: Circuit) -> None:
    """One clock of one PE: pop, start the slow prefix sum, push."""
    if pe.fifo and pe.ready.get(pe.fifo[0], now + 1) <= now:
        pe.fifo.popleft()
    if pe.finished:
        return
    if found and not pe.handed:
        if circuit.hold_addresses and pe.held is not None:
            pe.ready[pe.job], pe.handed = pe.held, True
        elif pe.laggy_free <= now:
            pe.ready[pe.job] = pe.held = pe.laggy_free = now + laggy
            pe.handed = True
    if pe.left and len(pe.fifo) < circuit.fifo_depth:
        pe.fifo.append(pe.job)
        pe.left -= 1
    pe.finished = not pe.left and (not found or pe.handed)


def _stepped(matches: np.ndarray, last_of_tile: np.ndarray, laggy: int, circuit: Circuit) -> int:
    """Cycles of one set of PEs, ``matches[joins, lanes]``; they wait for each other after a tile."""
    joins, lanes = matches.shape
    pes = [Pe(int(matches[0, lane])) for lane in range(lanes)]
    now = 0
    while any(pe.job < joins or pe.fifo for pe in pes):
        for lane, pe in enumerate(pes):
            _cycle(pe, int(matches[min(pe.job, joins - 1), lane]), now, laggy, circuit)
        go = [pe.finished and not last_of_tile[min(pe.job, joins - 1)] for pe in pes]
        if all(pe.finished and last_of_tile[min(pe.job, joins - 1)] for pe in pes):
            go = [True] * lanes
            for pe in pes:
                pe.held = None
        for lane, pe in enumerate(pes):
            if go[lane] and pe.job < joins:
                pe.job += 1
                if pe.job < joins:
                    pe.left, pe.finished, pe.handed = int(matches[pe.job, lane]), False, False
        now += 1
    return now


@st.composite
def runs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int, int]:
    joins, sets, lanes = draw(st.integers(1, 14)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    most = draw(st.sampled_from([1, 3, 20]))
    matches = rng.integers(0, most + 1, (joins, sets, lanes)) * (
        rng.random((joins, sets, lanes)) < draw(st.floats(0, 1))
    )
    last = rng.random(joins) < draw(st.floats(0, 1))
    last[-1] = True
    return matches.astype(np.int64), last, draw(st.integers(1, 10)), draw(st.integers(1, 10))


#: addresses that are long known, and a match that must still spend a cycle in the FIFO
LATE = np.array([[5, 0], [0, 0], [0, 0], [0, 5], [5, 0], [0, 0], [0, 19]])[:, np.newaxis]


@settings(max_examples=150, deadline=None)
@given(runs(), st.booleans())
@example((LATE, np.array([0, 0, 1, 0, 0, 0, 1], dtype=bool), 1, 3), True)
def test_recursion_equals_stepping_every_cycle(
    run: tuple[np.ndarray, np.ndarray, int, int], hold: bool
) -> None:
    matches, last, laggy, depth = run
    circuit = Circuit(fifo_depth=depth, hold_addresses=hold)
    stepped = [_stepped(matches[:, i], last, laggy, circuit) for i in range(matches.shape[1])]
    assert scan(matches, last, laggy, circuit).tolist() == stepped


@settings(max_examples=60, deadline=None)
@given(runs())
def test_better_circuits_are_never_slower(run: tuple[np.ndarray, np.ndarray, int, int]) -> None:
    matches, last, laggy, depth = run
    base = scan(matches, last, laggy, Circuit(fifo_depth=depth))
    assert (scan(matches, last, laggy, Circuit("two-fast")) <= base).all()
    assert (base <= scan(matches, last, laggy, Circuit("two-laggy"))).all()
    assert (scan(matches, last, laggy, Circuit(fifo_depth=depth + 1)) <= base).all()
    assert (base <= scan(matches, last, laggy + 1, Circuit(fifo_depth=depth))).all()
    assert (scan(matches, last, laggy, Circuit(fifo_depth=depth, hold_addresses=True)) <= base).all()


@settings(max_examples=40, deadline=None)
@given(layers(), st.sampled_from(PREFIXES), st.sampled_from(["loas", "loas-nmtk"]))
def test_cycles_of_a_layer_follow_the_loops(
    layer: tuple[np.ndarray, np.ndarray], prefix: pipeline.Prefix, name: str
) -> None:
    """Tiles of columns (rows), then chunks, then the items of a tile; sets one after the other."""
    x, w = layer
    flow, circuit = small(name), Circuit(prefix, adders=2, fifo_depth=3, stages=0)
    fires = x.any(axis=0)
    lanes, items = (fires, w.T) if flow.split == "row" else (w.T, fires)
    total = 0
    for first in range(0, len(lanes), 3):
        joins, ends = [], []
        for item in range(0, len(items), 2):
            for chunk in range(0, w.shape[0], 4):
                k = slice(chunk, chunk + 4)
                tile = items[item : item + 2]
                joins += [
                    [int((lane[k] & each[k]).sum()) for lane in lanes[first : first + 3]] for each in tile
                ]
                ends += [False] * (len(tile) - 1) + [True]
        matches = np.array(joins)
        if prefix == "fast-laggy":
            total += _stepped(matches, np.array(ends), 2, circuit)
        else:
            cost = np.where(matches > 0, matches + (2 if prefix == "two-laggy" else 0), 1)
            tiles = np.split(cost, np.flatnonzero(ends)[:-1] + 1)
            total += sum(int(tile.sum(axis=0).max()) for tile in tiles)
    tiling = Tiling(4, 3, 2, flow.split == "row")
    assert pipeline_cycles(fires, w, tiling, circuit) == total


def test_one_join_by_hand() -> None:
    """Ten matches, addresses after 8 cycles, 8 places: pushes 0..7, then one per pop; last pop in cycle 17."""
    assert scan(np.array([[[10]]]), np.array([True]), 8, Circuit()).tolist() == [18]
    assert scan(np.array([[[10]]]), np.array([True]), 8, Circuit("two-fast")).tolist() == [10]
    assert scan(np.array([[[10]]]), np.array([True]), 8, Circuit("two-laggy")).tolist() == [18]


def test_short_joins_run_at_the_pace_of_the_laggy_circuit() -> None:
    matches = np.full((50, 1, 1), 2)
    last = np.zeros(50, dtype=bool)
    last[-1] = True
    assert scan(matches, last, 8, Circuit())[0] == pytest.approx(50 * 8, abs=4)
    assert scan(matches, last, 8, Circuit(hold_addresses=True))[0] == pytest.approx(50 * 2, abs=12)


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    spikes, mask = rng.random((50, 200)) < 0.3, rng.random((200, 40)) < 0.1
    for by_row in (True, False):
        tiling = Tiling(64, 8, 16, by_row)
        monkeypatch.setattr(pipeline, "_BLOCK", 1 << 22)
        whole = pipeline_cycles(spikes, mask, tiling, Circuit())
        monkeypatch.setattr(pipeline, "_BLOCK", 1)
        assert pipeline_cycles(spikes, mask, tiling, Circuit()) == whole


def test_two_fast_takes_nothing_back() -> None:
    rng = np.random.default_rng(5)
    operands = tensors(rng.random((4, 20, 60)) < 0.3, rng.random((60, 20)) < 0.2)
    laggy, fast = (
        level_counts(operands, find("loas"), "pipeline", prefix=p) for p in ("fast-laggy", "two-fast")
    )
    join = level_counts(operands, find("loas"), "join")
    assert laggy.corrections == 4 * laggy.ops - laggy.acs > 0
    assert fast.corrections == 0
    assert fast.cycles == join.cycles + 3 * 2  # fill and drain of two sets of rows


def test_sparten_pays_for_a_laggy_weight_address() -> None:
    rng = np.random.default_rng(6)
    operands = tensors(rng.random((2, 20, 60)) < 0.3, rng.random((60, 20)) < 0.2)
    fast, slow = (
        level_counts(operands, find("sparten"), "pipeline", prefix=p).cycles
        for p in ("fast-laggy", "two-laggy")
    )
    assert fast == level_counts(operands, find("sparten"), "join").cycles + 3 * 2
    assert slow > fast
    join, paired = (
        level_counts(operands, find("sparten"), f, balance="greedy").cycles for f in ("join", "pipeline")
    )
    assert paired == join + 3  # both sets of columns at once


def test_circuits_that_cannot_be_are_refused() -> None:
    operands = tensors(np.ones((1, 2, 3), dtype=bool), np.ones((3, 2)))
    with pytest.raises(UsageError, match="prefix 'slow' is unknown; use one of fast-laggy"):
        level_counts(operands, find("loas"), "pipeline", prefix="slow")
    with pytest.raises(UsageError, match="fifo_depth of the inner-join unit is 0"):
        level_counts(operands, find("loas"), "pipeline", fifo_depth=0)
    with pytest.raises(UsageError, match="row split"):
        level_counts(operands, find("loas-nmtk"), "pipeline", hold_addresses=True)
