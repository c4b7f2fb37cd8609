"""Packed spikes: nothing is lost, sizes are as stated, and runs in DRAM are counted one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from axbar.cost.sparse import bursts, check_inputs, pack, unpack
from axbar.cost.sparse.codec import coordinate_bits, csr_bits
from axbar.errors import DataError, UsageError

SPIKES = hnp.arrays(bool, hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=20))


@settings(max_examples=50, deadline=None)
@given(SPIKES)
def test_packing_loses_nothing_and_stores_what_it_says(x: np.ndarray) -> None:
    packed = pack(x)
    assert np.array_equal(unpack(packed), x)
    T, M, K = x.shape
    assert packed.stored_bits == M * K + T * int(x.any(axis=0).sum())


@pytest.mark.parametrize(("steps", "word"), [(1, 1), (8, 1), (9, 2), (33, 8), (64, 8)])
def test_words_are_the_smallest_that_hold_all_steps(steps: int, word: int) -> None:
    x = np.ones((steps, 2, 3), dtype=np.uint8)
    assert pack(x).words.itemsize == word
    assert np.array_equal(unpack(pack(x)), x)


def test_what_can_not_be_packed() -> None:
    with pytest.raises(DataError, match="65"):
        pack(np.ones((65, 1, 1)))
    with pytest.raises(DataError, match="other values"):
        pack(np.full((1, 1, 1), 2))
    with pytest.raises(UsageError, match="shape"):
        pack(np.ones((2, 2)))


def test_other_formats_by_hand() -> None:
    x = np.zeros((2, 2, 5), dtype=bool)
    x[0, 0, 1] = x[1, 0, 1] = x[1, 1, 4] = True
    layer = check_inputs(x, np.ones((5, 1)))
    assert csr_bits(layer) == 3 * 3 + 2 * 3 * 4  # 3 bits tell 5 columns, 4 bits count to 10
    assert coordinate_bits(layer) == 3 * (1 + 3)
    assert csr_bits(layer, index_bits=8, pointer_bits=16) == 3 * 8 + 2 * 3 * 16


def test_bursts_by_hand() -> None:
    x = np.zeros((4, 2, 8), dtype=bool)
    x[:, 0, :3] = True  # three words of four bits in the first row, none in the second
    layer = check_inputs(x, np.ones((8, 1)))
    packed = bursts(layer, "packed", chunk=4, burst_bits=8)
    # masks: 4 runs of 4 bits, each in one burst; words: one run of 12 bits in two bursts
    assert (packed.bursts, packed.runs, packed.useful_bits) == (4 + 2, 5, 16 + 12)
    assert packed.efficiency == pytest.approx(28 / 48)
    coordinates = bursts(layer, "coordinate", chunk=4, burst_bits=8)
    assert (coordinates.bursts, coordinates.runs) == (4 * 2, 4)  # four steps, each 3 * (1 + 3) bits
    with pytest.raises(UsageError, match="did you mean 'packed'"):
        bursts(layer, "paked")


@settings(max_examples=50, deadline=None)
@given(SPIKES, st.sampled_from(["packed", "csr", "coordinate"]), st.integers(1, 30))
def test_longer_bursts_are_fewer_and_nothing_is_fetched_twice(x: np.ndarray, form: str, chunk: int) -> None:
    layer = check_inputs(x, np.ones((x.shape[2], 1)))
    short, long = (bursts(layer, form, chunk=chunk, burst_bits=bits) for bits in (16, 256))
    assert long.bursts <= short.bursts
    assert short.runs <= short.bursts
    assert short.useful_bits == long.useful_bits
    stored = {
        "packed": pack(x).stored_bits, "coordinate": coordinate_bits(layer),
        # both pointers of a row are read
        "csr": csr_bits(layer) + x.shape[0] * (x.shape[1] - 1) * (x.shape[1] * x.shape[2]).bit_length(),
    }  # fmt: skip
    assert long.useful_bits == stored[form]
