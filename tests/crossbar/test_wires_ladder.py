"""Effective conductance against Kirchhoff's law solved node by node, closed forms, gradients, errors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from nodal import effective
from numpy.typing import NDArray

from axbar.crossbar import effective_conductance, read_currents
from axbar.errors import ModelError, UsageError

NO_WIRES = (0.0, 0.0, 0.0, 0.0)
SOME_WIRES = [
    (200.0, 300.0, 1000.0, 500.0), (0.0, 300.0, 0.0, 0.0), (200.0, 0.0, 0.0, 0.0), (0.0, 0.0, 100.0, 0.0),
    (0.0, 0.0, 0.0, 50.0), (0.0, 20.0, 70.0, 0.0), (30.0, 0.0, 0.0, 60.0), (5.0, 7.0, 0.0, 0.0),
]  # fmt: skip


def array(rows: int, cols: int, open_share: float = 0.0, seed: int = 0) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    G = rng.uniform(1e-6, 1e-4, (rows, cols))
    G[rng.random(G.shape) < open_share] = 0.0
    return G


def kernel(G: NDArray[np.float64], wires: tuple[float, float, float, float]) -> NDArray[np.float64]:
    """Small arrays by one dense solve of c + G R c = G v, with every resistance free to be zero."""
    (m, n), (row, col, driver, sense) = G.shape, wires
    i, j = np.arange(m), np.arange(n)
    along = driver + row * (np.minimum.outer(j, j) + 1)
    down = sense + col * (m - np.maximum.outer(i, i))
    R = np.kron(np.eye(m), along) + np.kron(down, np.eye(n))
    drive = np.kron(np.eye(m), np.ones((n, 1)))
    cells = np.linalg.solve(np.eye(m * n) + G.reshape(-1, 1) * R, G.reshape(-1, 1) * drive)
    return cells.reshape(m, n, m).sum(0).T


@pytest.mark.parametrize(("rows", "cols"), [(5, 7), (8, 6), (20, 33), (33, 20), (64, 40), (64, 64)])
@pytest.mark.parametrize(
    ("wires", "open_share"),
    [
        ((1.0, 1.0, 0.001, 0.001), 0.0),
        ((1.0, 1.0, 0.001, 0.001), 0.4),
        ((5.0, 2.0, 0.0, 0.0), 0.0),
        ((200.0, 300.0, 1000.0, 500.0), 0.4),
        ((0.3, 2.0, 50.0, 100.0), 0.4),
        ((1e4, 3e4, 0.0, 1e5), 0.0),
    ],
)
def test_every_entry_is_that_of_the_nodal_solution(
    rows: int, cols: int, wires: tuple[float, float, float, float], open_share: float
) -> None:
    G = array(rows, cols, open_share)
    exact = effective(G, *wires)
    np.testing.assert_allclose(effective_conductance(G, *wires), exact, rtol=5e-13, atol=0)
    single = effective_conductance(G.astype(np.float32), *wires)
    assert single.dtype == np.float32
    assert np.abs(single - exact).max() <= 1e-5 * exact.max()


def test_large_array_in_both_precisions() -> None:
    G = array(40, 150)  # more columns than rows: many factors of the series at its shortest
    exact = effective(G, 1.0, 1.0)
    np.testing.assert_allclose(effective_conductance(G, 1.0, 1.0), exact, rtol=1e-12)
    single = effective_conductance(G.astype(np.float32), 1.0, 1.0)
    assert np.abs(single - exact).max() <= 1e-5 * exact.max()


@pytest.mark.parametrize("wires", SOME_WIRES)
@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (1, 6), (6, 1), (5, 7), (7, 5)])
def test_any_resistance_may_be_zero(wires: tuple[float, float, float, float], rows: int, cols: int) -> None:
    G = array(rows, cols, 0.2 if rows * cols > 6 else 0.0)
    np.testing.assert_allclose(effective_conductance(G, *wires), kernel(G, wires), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_without_wires_the_array_comes_back_bit_for_bit(dtype: type) -> None:
    G = np.random.default_rng(0).uniform(0, 1, (2, 9, 4)).astype(dtype)
    out = effective_conductance(G, *NO_WIRES)
    assert out.dtype == G.dtype
    assert np.array_equal(out, G)
    assert out is not G
    V = np.ones((2, 3, 9), dtype)
    assert np.array_equal(read_currents(G, V, *NO_WIRES, method="ladder"), read_currents(G, V, *NO_WIRES))


def test_one_cell_and_one_row() -> None:
    assert effective_conductance(np.array([[5e-5]]), 2, 3, 10, 20)[0, 0] == pytest.approx(
        4.991265285749938e-05, rel=1e-15
    )
    row, (r_row, r_col, r_driver, r_sense) = array(1, 40), (20.0, 3.0, 10.0, 70.0)
    branch = row[0] / (1 + row[0] * (r_col + r_sense))
    share, seen = np.zeros(40), 0.0  # a continued fraction from the open end
    for j in reversed(range(40)):
        seen = branch[j] + seen
        passed = 1 / (1 + (r_row + r_driver * (j == 0)) * seen)
        share[j], seen = passed, seen * passed
    expected = branch * np.cumprod(share)
    np.testing.assert_allclose(
        effective_conductance(row, r_row, r_col, r_driver, r_sense)[0], expected, rtol=4e-15
    )


@pytest.mark.parametrize("rows", [20, 60])
def test_wires_that_lose_everything(rows: int) -> None:
    """A factor of 100 per cell, 10^-120 in all: float32 holds the result, though not the attenuations."""
    G = np.full((rows, 60), 1e-4)
    exact = effective(G, 1e6, 1e6)
    np.testing.assert_allclose(effective_conductance(G, 1e6, 1e6), exact, rtol=0, atol=1e-14 * exact.max())
    single = effective_conductance(G.astype(np.float32), 1e6, 1e6)
    assert np.abs(single - exact).max() <= 2e-6 * exact.max()
    assert (single >= 0).all()


def test_arrays_are_independent_and_batches_of_any_size_agree() -> None:
    G = torch.from_numpy(np.stack([array(6, 9, seed=s) for s in range(6)])).reshape(2, 3, 6, 9)
    whole = effective_conductance(G, 3.0, 4.0, 5.0, 6.0)
    for i in range(2):
        for j in range(3):
            torch.testing.assert_close(
                whole[i, j], effective_conductance(G[i, j], 3.0, 4.0, 5.0, 6.0), rtol=1e-14, atol=0
            )
    assert effective_conductance(G[:0], 1.0, 1.0).shape == (0, 3, 6, 9)


@pytest.mark.parametrize("wires", SOME_WIRES)
@pytest.mark.parametrize(("rows", "cols"), [(4, 5), (5, 3)])
def test_gradients(wires: tuple[float, float, float, float], rows: int, cols: int) -> None:
    G = torch.from_numpy(array(rows, cols) * 1e4).requires_grad_()
    assert torch.autograd.gradcheck(lambda g: effective_conductance(g * 1e-4, *wires) * 1e4, G)


def test_gradient_of_an_open_cell_is_what_closing_it_a_little_changes() -> None:
    G = torch.from_numpy(array(5, 6, 0.4, seed=3))
    where = tuple(int(i) for i in (G == 0).nonzero()[0])
    G.requires_grad_()
    effective_conductance(G, 20.0, 30.0, 40.0, 50.0).sum().backward()
    assert G.grad is not None
    closed = G.detach().clone()
    closed[where] = step = 1e-9
    before, after = (effective_conductance(g, 20.0, 30.0, 40.0, 50.0).sum() for g in (G.detach(), closed))
    assert float(G.grad[where]) == pytest.approx(float(after - before) / step, rel=1e-6)


def test_gradient_without_wires() -> None:
    G = torch.ones(2, 3, requires_grad=True)
    effective_conductance(G, *NO_WIRES).sum().backward()
    assert G.grad is not None
    assert torch.equal(G.grad, torch.ones(2, 3))


@pytest.mark.parametrize(
    ("G", "wires", "says"),
    [
        (np.array([[1.0, -2e-6]]), (1.0, 1.0), r"G\[0, 1\] = -2e-06 S.*0 or more"),
        (np.array([[np.nan]]), (1.0, 1.0), r"G\[0, 0\] = nan S"),
        (np.array([[[np.inf]]]), (1.0, 1.0), r"G\[0, 0, 0\] = inf S"),
        (np.ones(3), (1.0, 1.0), r"G has shape \(3,\)"),
        (np.ones((2, 0)), (1.0, 1.0), r"at least one cell"),
        (np.ones((2, 2), int), (1.0, 1.0), r"G is int64.*floating-point"),
        ([[1.0]], (1.0, 1.0), r"G is list"),
        (np.ones((2, 2)), (-1.0, 1.0), r"r_row_ohm = -1.0.*0 or more"),
        (np.ones((2, 2)), (1.0, float("nan")), r"r_col_ohm = nan"),
        (np.ones((2, 2)), (1.0, 1.0, float("inf")), r"r_driver_ohm = inf"),
        (np.ones((2, 2)), (1.0, 1.0, 0.0, "2"), r"r_sense_ohm = 2"),
    ],
)
def test_errors(G: object, wires: tuple[float, ...], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        effective_conductance(G, *wires)  # type: ignore[type-var]


def test_resistances_beyond_the_number_format() -> None:
    G = array(30, 40).astype(np.float32)
    with pytest.raises(ModelError, match="float32 can hold: use float64"):
        effective_conductance(G, 1e15, 1.0, 0.0, 1e15)
