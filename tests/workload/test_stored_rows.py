"""Rows without weights: which ones an array need not have."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from axbar.workload import stored_rows

#: the five taps of a 3x3 cross
CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=bool)


def weights(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Weights of which none is zero."""
    rng = np.random.default_rng(seed)
    return (rng.uniform(0.1, 1.0, shape) * rng.choice([-1.0, 1.0], shape)).astype(np.float32)


@pytest.mark.parametrize("layout", ["flattened", "kernel_split"])
def test_a_cross_keeps_five_of_nine_rows_of_every_channel(layout: str) -> None:
    kept = stored_rows(weights((4, 6, 3, 3)) * CROSS, layout)  # type: ignore[arg-type]
    assert kept.tolist() == CROSS.ravel().tolist() * 6


def test_an_empty_channel_goes_where_positions_share_arrays_alone() -> None:
    w = weights((4, 3, 2, 2))
    w[:, 1] = 0.0
    assert np.flatnonzero(~stored_rows(w)).tolist() == [4, 5, 6, 7]
    assert stored_rows(w, "kernel_split").all()


def test_a_position_that_one_channel_needs_keeps_all_channels() -> None:
    w = weights((4, 2, 3, 3)) * CROSS
    w[2, 1, 0, 0] = 1e-30
    flat = CROSS.ravel().copy()
    assert stored_rows(w).tolist() == [*flat, True, *flat[1:]]
    flat[0] = True
    assert stored_rows(w, "kernel_split").tolist() == [*flat, *flat]


def test_groups_keep_one_geometry() -> None:
    """Two groups of one channel: what one of them needs both store."""
    w = np.zeros((2, 1, 1, 3), dtype=np.float32)
    w[0, 0, 0, 0], w[1, 0, 0, 2] = 1.0, -1.0
    assert stored_rows(w).tolist() == [True, False, True]


def test_removed_weights_do_not_count() -> None:
    w, mask = weights((3, 5)), np.ones((3, 5), dtype=bool)
    mask[:, 2] = False
    assert stored_rows(w, mask=mask).tolist() == [True, True, False, True, True]
    assert stored_rows(w, "kernel_split", mask).all()  # a vector has one position
    assert w.all() and not mask[:, 2].any()  # nothing is changed


@pytest.mark.parametrize(("layout", "kept"), [("flattened", [0]), ("kernel_split", [0, 4, 8])])
def test_a_layer_without_any_weight_keeps_one_row_or_position(layout: str, kept: list[int]) -> None:
    found = stored_rows(np.zeros((4, 3, 2, 2)), layout)  # type: ignore[arg-type]
    assert np.flatnonzero(found).tolist() == kept


@given(arrays(np.float32, (3, 2, 2, 3), elements=st.sampled_from([0.0, 0.0, 0.0, -1.5, 1e-20])))
def test_no_weight_is_lost_and_split_stores_whole_positions(w: np.ndarray) -> None:
    flat, split = stored_rows(w), stored_rows(w, "kernel_split")
    rows = w.reshape(3, -1)
    assert not rows[:, ~flat].any() and not rows[:, ~split].any()
    assert (split >= flat).all() and flat.any()
    by_position = split.reshape(2, 6)
    assert (by_position[0] == by_position[1]).all()
    if w.any():
        assert flat.tolist() == rows.any(axis=0).tolist()
