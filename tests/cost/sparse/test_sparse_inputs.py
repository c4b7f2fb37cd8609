"""Bad and extreme operands of ``simulate``: one sentence, or a result, never an assertion."""

from __future__ import annotations

import re

import numpy as np
import pytest

from axbar.cost.sparse import DATAFLOWS, simulate, simulate_layers
from axbar.errors import DataError, UsageError
from axbar.workload import shapes

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


@pytest.mark.parametrize(
    ("place", "value", "shown"),
    [
        ((0, 3, 7), 2, "x[0,3,7] = 2"),
        ((2, 5, 9), 0.5, "x[2,5,9] = 0.5"),
        ((1, 0, 0), -1, "x[1,0,0] = -1"),
        ((0, 0, 1), np.nan, "x[0,0,1] = nan"),
    ],
)
def test_what_is_neither_0_nor_1_is_named_with_its_place(place, value, shown: str) -> None:
    x = X.astype(float)
    x[place] = value
    with pytest.raises(DataError, match=re.escape(f"{shown}; present a real-valued input")):
        simulate(x, W)
    x[2, 5] = 7
    with pytest.raises(DataError, match=r"and \d+ more"):
        simulate(x, W)
    with pytest.raises(DataError, match=re.escape("x[5,0] = 7 and")):
        simulate(x[2], W)


def test_swapped_operands_are_guessed() -> None:
    spikes, w = X[0], np.rint(W * 4)
    with pytest.raises(DataError, match="x and w look swapped"):
        simulate(w.T, spikes.T)
    with pytest.raises(DataError, match="they look swapped"):
        simulate(w, X)


@pytest.mark.parametrize(
    ("w", "shown"),
    [(np.rint(W * 4) * 1e12, "e+12"), (W, "0."), (np.full((10, 4), 128), "w[0,0] = 128")],
    ids=["huge", "fractions", "128"],
)
def test_weights_that_are_no_codes_are_noted(w: np.ndarray, shown: str) -> None:
    (note,) = [n for n in simulate(X, w).notes if "8-bit codes" in n]
    assert shown in note and "from -128 to 127" in note
    assert not [n for n in simulate(X, np.sign(w).astype(int) * 127).notes if "codes" in n]


@pytest.mark.parametrize("level", ["published", "join", "pipeline"])
def test_an_empty_layer_says_so_once(level: str) -> None:
    notes = simulate(np.zeros((2, 0, 3)), np.ones((3, 2)), "loas", level).notes
    assert len([note for note in notes if "empty" in note]) == 1


@pytest.mark.parametrize(
    ("flow", "level", "words", "said"),
    [
        ("loas", "join", {"prefix": "two-fast"}, "nothing at fidelity 'join'.*use 'pipeline'"),
        ("sparten", "pipeline", {"prefix": "two-fast"}, "in dataflow 'sparten'.*two-laggy on sparten"),
        ("gospa", "pipeline", {"prefix": "two-laggy"}, "in dataflow 'gospa'"),
        ("loas", "pipeline", {"adders": 300}, "adders is 300; give a whole number from 1 to 128"),
        ("loas", "pipeline", {"adders": 2.5}, r"adders is 2\.5"),
        ("loas", "published", {"adders": 32}, "adders = 32 changes nothing at fidelity 'published'"),
        ("loas", "pipeline", {"adders": 32, "prefix": "two-fast"}, "adders = 32 changes nothing"),
        ("loas-nmtk", "pipeline", {"hold_addresses": True}, "hold_addresses = True changes nothing"),
        ("loas", "pipeline", {"check": "some"}, "check is 'some'; give True"),
    ],
)
def test_words_that_would_change_nothing_are_refused(flow: str, level: str, words: dict, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        simulate(X, W, flow, level, **words)


@pytest.mark.parametrize(
    ("flow", "words"),
    [
        ("loas", {"adders": 32}),
        ("loas", {"prefix": "two-laggy"}),
        ("loas", {"prefix": "two-fast"}),
        ("loas", {"hold_addresses": True}),
        ("sparten", {"prefix": "two-laggy"}),
        ("sparten", {"prefix": "two-laggy", "adders": 32}),
    ],
)
def test_words_that_change_something_are_taken(flow: str, words: dict) -> None:
    """Each one matters somewhere: the refusals above would be wrong for these."""
    rng = np.random.default_rng(2)
    x, w = rng.random((4, 40, 300)) < 0.1, rng.integers(-9, 10, (300, 70)) * (rng.random((300, 70)) < 0.2)
    base = {"prefix": words["prefix"]} if len(words) > 1 else {}
    assert simulate(x, w, flow, **words).cycles != simulate(x, w, flow, **base).cycles


@pytest.mark.parametrize(
    ("workload", "words", "said"),
    [
        ("w.npz", {}, "a workload is needed, got str 'w.npz'"),
        (object(), {}, "a workload is needed, got object"),
        (None, {"weight_bits": 0}, "weight_bits is 0; give a whole number from 2"),
        (None, {"weight_bits": "8"}, "weight_bits is '8'"),
        (None, {"input_bits": 8.5}, r"input_bits is 8\.5"),
        (None, {"sample": "a"}, "sample 'a' was not recorded"),
        (None, {"pes": "a"}, "pes is 'a'"),
        (None, {"fidelity": "join", "prefix": "two-fast"}, "changes nothing at fidelity 'join'"),
    ],
)
def test_simulate_layers_names_what_is_wrong(workload, words: dict, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        simulate_layers(shapes.cnn(width=4) if workload is None else workload, **words)
