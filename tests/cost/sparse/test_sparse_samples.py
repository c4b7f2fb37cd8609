"""Which samples are simulated, and that exits and levels are compared on the same ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from axbar.cost import estimate
from axbar.cost.sparse import _samples
from axbar.cost.sparse._samples import sampled
from axbar.spec import load_hardware
from axbar.workload import Geometry, LayerTrace, Operand, Workload, pack

LEVELS = ("published", "join", "pipeline")
SIZE = 40 * 12


def line(spikes: np.ndarray, exit_step: Any = None) -> Workload:
    """One linear layer on recorded spikes ``[T, B, 40]``."""
    steps, batch = spikes.shape[:2]
    weight = np.random.default_rng(9).normal(size=(12, 40)).astype(np.float32)
    operand = Operand((40,), steps=steps, words=pack(spikes))
    layer = LayerTrace(
        "fc", "linear", ("input",), Geometry((40,), (12,)), tuple(range(steps)), (operand,), weight=weight
    )
    return Workload("line", (layer,), steps, samples=batch, exit_step=exit_step)


def rising(batch: int = 12, steps: int = 4) -> np.ndarray:
    """Later samples fire more."""
    noise = np.random.default_rng(4).random((steps, batch, 40))
    return noise < np.linspace(0.05, 0.9, batch)[None, :, None]


def counts(work: Workload, name: str, level: str) -> Mapping[str, np.ndarray]:
    return estimate(work, load_hardware(name, {"fidelity": level})).plan.events[0].counts


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_samples.sampled, "__defaults__", (3.5 * SIZE,))


@pytest.mark.usefixtures("few")
def test_exits_are_those_of_all_samples() -> None:
    """The first samples leave late, the others early; samples are alike, so that the mean is known."""
    one = np.random.default_rng(2).random((4, 1, 40)) < 0.4
    same = np.repeat(one, 12, axis=1)
    stops = np.array([4, 4, 4, 1, 1, 1, 1, 1, 1, 1, 1, 2])
    for name in ("loas", "sparten", "gamma"):
        found = counts(line(same, stops), name, "join")
        each = [counts(line(same[:, :1], np.array([stop])), name, "join") for stop in stops]
        for event in ("cycles", "matches", "cache_bits", "dram_bits", "lif_updates"):
            expected = np.mean([one[event] for one in each], axis=0)
            assert found[event] == pytest.approx(expected), (name, event)
    notes = estimate(line(same, stops), load_hardware("loas")).notes
    assert any("counted on 3 of 12 recorded samples" in note and "weighted" in note for note in notes)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=60), st.integers(1, 70))
def test_the_mean_exit_is_kept(stops: list[int], allowed: int) -> None:
    layers = line(np.zeros((5, 1, 40), np.bool_)).layers
    found = sampled(layers, np.array(stops), allowed * SIZE)
    assert sum(found.weights) == pytest.approx(len(stops))
    assert found.mean([stops[i] for i in found.indices]) == pytest.approx(np.mean(stops))
    assert found.stops is not None and found.stops.tolist() == [stops[i] for i in found.indices]
    assert len(found.indices) <= max(allowed, len(set(stops))) and found.indices[0] == 0
    assert (not found.note) == (allowed >= len(stops))


def test_samples_are_spread_over_the_recording() -> None:
    layers = line(rising()).layers
    assert sampled(layers, None, 3.5 * SIZE).indices == (0, 4, 8)
    assert sampled(layers, None, 0.0).indices == (0,)
    assert sampled(layers, None).indices == tuple(range(12)) and not sampled(layers, None).note


def test_levels_and_dataflows_share_samples_and_never_invert() -> None:
    """A recording that no budget of a level of its own would cut at the same place."""
    layer = line(rising(64)).layers[0]
    wide = Geometry((40,), (200_000,))
    weight = np.random.default_rng(0).normal(size=(200_000, 40)).astype(np.float32)
    work = Workload("wide", (dataclasses.replace(layer, geometry=wide, weight=weight),), 4, samples=64)
    found = [estimate(work, load_hardware("gospa", {"fidelity": level})) for level in LEVELS]
    cycles = [each.plan.events[0].counts["cycles"][0] for each in found]
    matches = {each.plan.events[0].counts["matches"][0] for each in found}
    assert cycles == sorted(cycles) and len(matches) == 1
    assert all(any("counted on 31 of 64" in note for note in each.notes) for each in found)


@pytest.mark.usefixtures("few")
def test_a_sweep_says_what_was_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    from axbar.cli.estimate import _sweep

    _sweep(estimate(line(rising()), load_hardware("loas"), {"fidelity": ["join", "published"]}), None, False)
    told = capsys.readouterr().out
    assert "note: counted on 3 of 12 recorded samples, evenly spread" in told and "note: fidelity" not in told
