"""Kirchhoff's current law at every node of an array, solved by sparse LU: the oracle of the wire solvers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

Array = NDArray[np.float64]
Floats = NDArray[np.floating[Any]]


class Network(NamedTuple):
    """Branches between two nodes each, and to fixed potentials (row sources, then ground at the sense ends)."""

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    branch_S: Array
    ends: NDArray[np.int64]
    end_S: Array


def network(G: Array, r_row: float, r_col: float, r_driver: float = 0.0, r_sense: float = 0.0) -> Network:
    """Branches of an array; needs ``r_row, r_col > 0``. The cells come first.

    Node of row line (i, j): ``i n + j``; of column line (i, j): ``m n + i n + j``.
    """
    m, n = G.shape
    row = np.arange(m * n).reshape(m, n)
    col = row + m * n
    a = np.concatenate([row.ravel(), row[:, :-1].ravel(), col[:-1].ravel()])
    b = np.concatenate([col.ravel(), row[:, 1:].ravel(), col[1:].ravel()])
    branch = np.concatenate([G.ravel(), np.full(m * (n - 1), 1 / r_row), np.full((m - 1) * n, 1 / r_col)])
    ends = np.concatenate([row[:, 0], col[-1]])
    end = np.concatenate([np.full(m, 1 / (r_row + r_driver)), np.full(n, 1 / (r_col + r_sense))])
    return Network(a, b, branch, ends, end)


def kcl(net: Network, potential: Floats, fixed: Floats) -> Floats:
    """Current into every node ``[nodes, inputs]``, summed branch by branch; ``fixed [ends, inputs]``."""
    through = net.branch_S[:, None] * (potential[net.b] - potential[net.a])
    into = np.zeros_like(potential)
    np.add.at(into, net.a, through)
    np.subtract.at(into, net.b, through)
    np.add.at(into, net.ends, net.end_S[:, None] * (fixed - potential[net.ends]))
    return into


def matrix(net: Network, nodes: int) -> sp.csc_matrix:
    """Nodal conductance matrix."""
    i = np.concatenate([net.a, net.b, net.a, net.b, net.ends])
    j = np.concatenate([net.a, net.b, net.b, net.a, net.ends])
    v = np.concatenate([net.branch_S, net.branch_S, -net.branch_S, -net.branch_S, net.end_S])
    return sp.csc_matrix((v, (i, j)), shape=(nodes, nodes))


def solve(
    G: Array, r_row: float, r_col: float, r_driver: float = 0.0, r_sense: float = 0.0
) -> tuple[Array, Array, Array]:
    """Return G_eff ``[m, n]`` and the potentials of row and column nodes ``[m, n, inputs]`` for 1 V at each input.

    Kirchhoff's law is refined branch by branch in extended precision: a matrix diagonal in float64 would already
    have rounded small conductances beside short wires.
    """
    m, n = G.shape
    net = network(G, r_row, r_col, r_driver, r_sense)
    factor = splu(matrix(net, 2 * m * n))
    fixed = np.concatenate([np.eye(m), np.zeros((n, m))]).astype(np.longdouble)
    potential = np.zeros((2 * m * n, m), np.longdouble)
    for _ in range(4):
        potential = potential + factor.solve(kcl(net, potential, fixed).astype(np.float64))
    x, z = potential.reshape(2, m, n, m)
    currents = net.end_S[-1] * z[-1].T
    return currents.astype(np.float64), x.astype(np.float64), z.astype(np.float64)


def effective(G: Array, r_row: float, r_col: float, r_driver: float = 0.0, r_sense: float = 0.0) -> Array:
    """Return G_eff ``[m, n]`` with ``I = V @ G_eff``."""
    return solve(G, r_row, r_col, r_driver, r_sense)[0]
