"""Draws depend on what is drawn, not on when."""

from __future__ import annotations

import numpy as np
import pytest

from axbar.devices import SeededDraws, stream


def normal(shape: tuple[int, ...], seed: int, *key: object) -> np.ndarray:
    *place, effect = key
    return SeededDraws(shape, seed, *place).normal(str(effect))


def test_same_key_same_bits_in_any_order() -> None:
    first = {k: normal((4, 3), 5, "conv", k) for k in range(6)}
    for k in reversed(range(6)):
        assert np.array_equal(normal((4, 3), 5, "conv", k), first[k])


@pytest.mark.parametrize(
    "other",
    [
        (6, "conv", 0, 1, "program"),
        (5, "fc", 0, 1, "program"),
        (5, "conv", 1, 0, "program"),
        (5, "conv", 0, 1, "age"),
    ],
)
def test_every_part_of_the_key_counts(other: tuple) -> None:
    assert not np.array_equal(normal((8,), 5, "conv", 0, 1, "program"), normal((8,), *other))


def test_keys_do_not_run_together() -> None:
    assert not np.array_equal(normal((8,), 1, "a", 12, 3), normal((8,), 1, "a", 1, 23))


def test_the_stream_is_pinned() -> None:
    """A change of these bits would change every stored result."""
    assert stream(0, "layer", 0).bit_generator.random_raw(2).tolist() == [
        2490528438403167513,
        1629042142717609472,
    ]
