"""Laws of linear resistive networks that the wire solvers keep on any array.

That an entry of G_eff is at most that of G is *not* one of them: currents sneak through neighbouring cells.
"""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from axbar.crossbar import effective_conductance, read_currents
from axbar.crossbar._cg import cell_currents
from axbar.crossbar._ladder import Wires

Array = NDArray[np.float64]
Resistances = tuple[float, float, float, float]
OHM = st.sampled_from([0.0, 1e-3, 0.7, 30.0, 4e3])


@st.composite
def arrays(draw: st.DrawFn) -> Array:
    """1x1 to 9x9 cells of 1 nS to 1 mS, some of them open."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    G = 10 ** rng.uniform(-9, -3, shape)
    return np.where(rng.random(shape) < draw(st.sampled_from([0.0, 0.4])), 0.0, G)


wires = st.tuples(OHM, OHM, OHM, OHM)
law = settings(max_examples=60, deadline=None)


def close(a: Array, b: Array, of: float = 1e-13) -> bool:
    return bool(np.abs(a - b).max() <= of * max(np.abs(b).max(), 1e-300))


@law
@given(arrays(), wires)
def test_no_input_gains_current(G: Array, r: Resistances) -> None:
    seen = effective_conductance(G, *r)
    assert (seen >= 0).all()
    assert (seen.sum(1) <= G.sum(1) * (1 + 1e-12)).all()
    assert seen.sum() <= G.sum() * (1 + 1e-12)


def test_single_entries_can_gain() -> None:
    G = np.random.default_rng(0).uniform(1e-6, 1e-4, (64, 64))
    assert (effective_conductance(G, 5.0, 5.0) > G).mean() > 0.005


@law
@given(arrays(), wires)
def test_reciprocity(G: Array, r: Resistances) -> None:
    """Sources and sense nodes may change places."""
    row, col, driver, sense = r
    turned = effective_conductance(np.ascontiguousarray(np.flip(G.T)), col, row, sense, driver)
    assert close(np.flip(turned).T, effective_conductance(G, *r))


@law
@given(arrays(), wires, st.sampled_from([1e-6, 0.3, 2.0, 1e5]))
def test_scaling(G: Array, r: Resistances, k: float) -> None:
    scaled = effective_conductance(k * G, *(x / k for x in r))
    assert close(scaled, k * effective_conductance(G, *r))


@law
@given(arrays(), wires, st.integers(0, 3), st.sampled_from([1e-2, 5.0, 1e4]))
def test_more_resistance_never_carries_more(G: Array, r: Resistances, which: int, more: float) -> None:
    """Rayleigh's monotonicity, for all rows driven alike."""
    longer = [x + more * (i == which) for i, x in enumerate(r)]
    assert effective_conductance(G, *longer).sum() <= effective_conductance(G, *r).sum() * (1 + 1e-12)


@law
@given(arrays(), wires, st.tuples(st.integers(0, 8), st.integers(0, 8)), st.sampled_from([1e-8, 1e-4]))
def test_a_better_cell_never_carries_less(
    G: Array, r: Resistances, where: tuple[int, int], more: float
) -> None:
    better = G.copy()
    better[where[0] % G.shape[0], where[1] % G.shape[1]] += more
    assert effective_conductance(better, *r).sum() >= effective_conductance(G, *r).sum() * (1 - 1e-12)


@law
@given(arrays(), wires, st.integers(0, 2**16))
def test_superposition_and_both_solvers(G: Array, r: Resistances, seed: int) -> None:
    V = np.random.default_rng(seed).uniform(-0.2, 0.2, (2, G.shape[0]))
    V = np.stack([V[0], V[1], 2 * V[0] - 3 * V[1]])
    by_iteration = read_currents(G, V, *r, method="cg")
    assert close(by_iteration, V @ effective_conductance(G, *r), 1e-11)
    assert close(by_iteration[2], 2 * by_iteration[0] - 3 * by_iteration[1], 1e-11)


@law
@given(arrays(), wires, st.integers(0, 2**16))
def test_charge_and_energy(G: Array, r: Resistances, seed: int) -> None:
    """What flows in flows out, and sources deliver what cells and wires turn into heat."""
    row, col, driver, sense = r
    V = np.random.default_rng(seed).uniform(-0.2, 0.2, G.shape[0])
    drive = torch.from_numpy(np.tile(V[:, None], G.shape[1]))
    cells = cell_currents(torch.from_numpy(G)[None, None], drive[None, None], Wires(*r))[0, 0].numpy()
    into, out = cells.sum(1), cells.sum(0)
    assert close(out, V @ effective_conductance(G, *r), 1e-11)
    in_row, in_col = np.cumsum(cells[:, ::-1], 1), np.cumsum(cells, 0)
    heat = float((cells[G > 0] ** 2 / G[G > 0]).sum())
    heat += (
        row * (in_row**2).sum() + driver * (into**2).sum() + col * (in_col**2).sum() + sense * (out**2).sum()
    )
    assert abs(V @ into - heat) <= 1e-11 * heat


@law
@given(arrays(), wires)
def test_open_rows_on_top_and_open_columns_on_the_right_change_nothing(G: Array, r: Resistances) -> None:
    padded = np.pad(G, ((2, 0), (0, 3)))
    seen = effective_conductance(padded, *r)
    assert close(seen[2:, : G.shape[1]], effective_conductance(G, *r))
    assert not seen[:2].any()
    assert not seen[:, G.shape[1] :].any()
