"""Spikes as bits."""

from __future__ import annotations

import numpy as np
import pytest

from axbar.errors import DataError
from axbar.workload import pack, popcount, unpack


@pytest.mark.parametrize(
    "steps, kind",
    [(1, "u1"), (8, "u1"), (9, "u2"), (16, "u2"), (17, "u4"), (32, "u4"), (33, "u8"), (64, "u8")],
)
def test_the_smallest_word_that_holds_all_steps(steps, kind):
    spikes = np.zeros((steps, 2, 3), dtype=bool)
    spikes[-1, 1, 2] = True
    words = pack(spikes)
    assert words.dtype == np.dtype(kind) and words.shape == (2, 3)
    assert words[1, 2] == 2 ** (steps - 1) and words[0, 0] == 0


def test_bit_t_is_step_t():
    assert pack(np.array([[1.0], [1.0], [0.0], [1.0]]))[0] == 0b1011


def test_unpack_of_fewer_steps_and_of_scalars():
    words = pack([[1, 0], [0, 1], [1, 1]])
    assert unpack(words, 2).astype(int).tolist() == [[1, 0], [0, 1]]
    assert unpack(pack([1, 0, 1]), 3).tolist() == [True, False, True]
    assert unpack(np.zeros((0, 2), dtype=np.uint8), 3).shape == (3, 0, 2)


def test_transposed_words():
    spikes = np.random.default_rng(0).random((12, 3, 5)) < 0.5
    assert np.array_equal(unpack(pack(spikes.swapaxes(1, 2)).T, 12), spikes)


def test_popcount():
    spikes = np.random.default_rng(0).random((40, 7)) < 0.3
    assert np.array_equal(popcount(pack(spikes)), spikes.sum(axis=0))


@pytest.mark.parametrize(
    "spikes, words",
    [
        (np.full((2, 2), 2), "holds other values"),
        (np.full((2, 2), np.nan), "holds other values"),
        (np.zeros((65, 2)), "65 time steps"),
        (np.zeros((0, 2)), "0 time steps"),
        (np.array(1), "leading time axis"),
    ],
)
def test_what_can_not_be_packed(spikes, words):
    with pytest.raises(DataError, match=words):
        pack(spikes)


@pytest.mark.parametrize(
    "words, steps", [(np.zeros(2, np.uint8), 9), (np.zeros(2, np.uint8), 0), (np.zeros(2), 1)]
)
def test_what_can_not_be_unpacked(words, steps):
    with pytest.raises(DataError, match="can't be unpacked"):
        unpack(words, steps)
