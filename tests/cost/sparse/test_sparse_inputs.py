"""Bad and extreme operands of ``simulate``: one sentence, or a result, never an assertion."""

from __future__ import annotations

import numpy as np
import pytest

from axbar.cost.sparse import DATAFLOWS, simulate
from axbar.errors import DataError, UsageError

X = (np.random.default_rng(0).random((3, 6, 10)) < 0.5).astype(np.uint8)
W = np.random.default_rng(1).normal(size=(10, 4))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", sorted(DATAFLOWS))
@pytest.mark.parametrize(
    "w",
    [
        W * 1e300, W * 1e-310, np.rint(W * 4) * 1e307, np.rint(W * 4) * 2.0**60, np.rint(W * 4) * 5e-324,
        (np.rint(W * 4) * 2**59).astype(np.int64), W.astype(np.float32) * np.float32(1e-40),
        np.full((10, 4), 1.5e308),
    ],
    ids=["huge", "denormal", "huge whole", "2^60", "smallest", "int64", "float32", "sums overflow"],
)  # fmt: skip
def test_the_size_of_weights_does_not_matter(name: str, w: np.ndarray) -> None:
    found = simulate(X, w, name, check="all")
    assert found.checked_outputs == 3 * 6 * 4
    assert found.cycles == simulate(X, w != 0, name).cycles


@pytest.mark.parametrize("level", ["published", "join", "pipeline"])
@pytest.mark.parametrize("name", sorted(DATAFLOWS))
def test_an_unknown_prefix_is_refused_at_every_level(name: str, level: str) -> None:
    with pytest.raises(UsageError, match="prefix 'three-fast' is unknown"):
        simulate(X, W, name, level, prefix="three-fast")


@pytest.mark.parametrize(
    ("x", "w", "words"),
    [
        (X + 0j, W, "complex numbers"),
        (X.astype(str), W, "text"),
        ([["a"]], [[1]], "text"),
        (X.astype(object), W, "Python objects"),
        ([[1], [1, 0]], [[1]], "differ in length"),
        (X[:0], W, "no time step"),
        (X, W.astype(str), "weights hold text"),
        (X, W + 0j, "weights hold complex"),
    ],
)
def test_what_is_no_spike_is_named(x, w, words: str) -> None:
    with pytest.raises(DataError, match=words):
        simulate(x, w)
