"""Reads are named by image and step, however images are cut into batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from axbar.crossbar._clock import ReadClock


def places(clock: ReadClock, shape: tuple[int, ...], vectors: int) -> list[tuple[int, int]]:
    sample, step = clock.places(torch.zeros(shape), "layer", vectors)
    return list(zip(sample.tolist(), step.tolist(), strict=True))


@pytest.mark.parametrize(("shape", "vectors"), [((6, 5), 6), ((6, 2, 3, 3), 6), ((2, 3, 5), 6)])
def test_time_is_outermost(shape: tuple[int, ...], vectors: int) -> None:
    clock = ReadClock()
    with clock.call(3):
        assert places(clock, shape, vectors) == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]
    assert clock.seen == 3


def test_steps_may_come_one_by_one() -> None:
    clock = ReadClock()
    with clock.call(2):
        assert places(clock, (2, 5), 2) == [(0, 0), (1, 0)]
        assert places(clock, (2, 5), 2) == [(0, 1), (1, 1)]
    with clock.call(2):
        assert places(clock, (2, 5), 2) == [(2, 0), (3, 0)]
    clock.rewind()
    with clock.call(1):
        assert places(clock, (1, 5), 1) == [(0, 0)]


def test_tokens_count_within_their_sample() -> None:
    clock = ReadClock()
    with clock.call(2):
        assert places(clock, (2, 3, 5), 6) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]


def test_any_cut_names_the_same_reads() -> None:
    whole, cut, seen = ReadClock(), ReadClock(), []
    with whole.call(7):
        expected = sorted(places(whole, (28, 5), 28))
    for size in (3, 1, 3):
        with cut.call(size):
            seen += places(cut, (4 * size, 5), 4 * size)
    assert sorted(seen) == expected


def test_a_layer_by_itself_and_an_empty_batch() -> None:
    clock = ReadClock()
    assert places(clock, (2, 5), 2) == [(0, 0), (1, 0)]
    assert places(clock, (2, 5), 2) == [(2, 0), (3, 0)]
    assert places(clock, (0, 5), 0) == []
    with clock.call(2), clock.call(9):
        assert len(places(clock, (4, 5), 4)) == 4
    assert clock.seen == 4 + 2 and np.all(clock.places(torch.zeros(5), "layer", 1)[1] == 0)
