"""Encoders: shapes, ranges, and what each conserves."""

from __future__ import annotations

import numpy as np
import pytest
from event_makers import bar
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from axbar.data import delta, event_frames, population
from axbar.data._encoders import delta_events
from axbar.data._events import pack_events
from axbar.errors import DataError, UsageError

VALUES = arrays(np.float64, (9, 3), elements=st.floats(-40, 40).map(lambda v: round(v, 3)))


@given(count=st.integers(1, 300), frames=st.integers(1, 64), by=st.sampled_from(["time", "count"]))
def test_frames_hold_each_event_once(count: int, frames: int, by: str) -> None:
    events = bar(10, count)
    counts = event_frames(events, frames, (34, 34), by=by)  # pyright: ignore[reportArgumentType]
    assert counts.shape == (frames, 2, 34, 34)
    expected = np.zeros((2, 34, 34), dtype=np.int64)
    np.add.at(expected, (events["p"], events["y"], events["x"]), 1)
    assert np.array_equal(counts.sum(axis=0), expected)
    if by == "count":
        each = counts.sum(axis=(1, 2, 3))
        assert each.max() - each.min() <= 1


def test_frames_by_hand() -> None:
    events = pack_events([10, 19, 20, 39], [0, 1, 2, 0], [0, 1, 0, 1], [1, 0, 1, 1])
    frames = event_frames(events, 3, (2, 3))  # bins [10, 20), [20, 30), [30, 40)
    assert [tuple(int(i) for i in place) for place in np.argwhere(frames)] == [
        (0, 0, 1, 1), (0, 1, 0, 0), (1, 1, 0, 2), (2, 1, 1, 0),
    ]  # fmt: skip


def test_a_span_leaves_out_what_lies_outside() -> None:
    events = pack_events([0, 5, 10, 15], [0, 1, 2, 3], [0] * 4, [1] * 4)
    frames = event_frames(events, 2, (1, 4), span=(5, 15))
    assert frames[:, 1, 0].tolist() == [[0, 1, 0, 0], [0, 0, 1, 0]]


def test_no_events_are_empty_frames() -> None:
    none = pack_events([], [], [], [])
    assert event_frames(none, 3, (2, 2)).sum() == event_frames(none, 3, (2, 2), by="count").sum() == 0


@given(VALUES, st.floats(0.1, 5))
def test_delta_counts_the_changes_above_the_threshold(x: np.ndarray, threshold: float) -> None:
    spikes = delta(x, threshold)
    assert spikes.shape == (9, 2, 3)
    assert not spikes[0].any()
    assert set(np.unique(spikes)) <= {0, 1}
    changes = np.diff(x, axis=0)
    assert np.array_equal(spikes[1:, 1], (changes > threshold).astype(int))
    assert np.array_equal(spikes[1:, 0], (-changes > threshold).astype(int))


@given(VALUES, st.floats(0.1, 5))
def test_sent_spikes_follow_the_value_to_within_a_threshold(x: np.ndarray, threshold: float) -> None:
    spikes = delta(x, threshold, "sent", start=0.0)
    assert spikes.min() >= 0
    assert not (spikes[:, 0] * spikes[:, 1]).any()
    level = threshold * (spikes[:, 1] - spikes[:, 0]).cumsum(axis=0)
    assert np.abs(level - x).max() < threshold * (1 + 1e-9)
    events = delta_events(spikes)
    assert len(events) == spikes.sum()
    assert np.array_equal(event_frames(events, 9, (1, 3), span=(0, 9))[:, :, 0], spikes)


@given(st.floats(-2, 3), st.integers(2, 12))
def test_a_population_answers_most_at_the_nearest_centre(value: float, neurons: int) -> None:
    answer = population([value], neurons)
    assert answer.shape == (1, neurons)
    assert answer.dtype == np.float32
    assert 0 <= answer.min() <= answer.max() <= 1
    centres = np.linspace(0, 1, neurons)
    near = np.abs(np.clip(value, 0, 1) - centres)
    assert near[answer[0].argmax()] == pytest.approx(near.min(), abs=1e-3)


def test_a_population_at_a_centre_and_one_width_from_it() -> None:
    assert population([[2.0]], 3, 0, 4)[0, 0].tolist() == pytest.approx([np.exp(-0.5), 1, np.exp(-0.5)])


def test_bad_arguments() -> None:
    with pytest.raises(UsageError, match="frames = 0"):
        event_frames(bar(3), 0, (34, 34))
    with pytest.raises(UsageError, match=r"span = \(5, 5\) is empty"):
        event_frames(bar(3), 2, (34, 34), span=(5, 5))
    with pytest.raises(UsageError, match="threshold = 0"):
        delta([1.0], 0)
    with pytest.raises(DataError, match="finite"):
        delta([1.0, np.nan], 1)
    with pytest.raises(UsageError, match="1 neurons"):
        population([0.5], 1)
    with pytest.raises(UsageError, match="width = 0"):
        population([0.5], 3, width=0)
