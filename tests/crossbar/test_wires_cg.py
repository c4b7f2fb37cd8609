"""Currents for given inputs: conjugate gradients, Newton's method, their gradients, the choice of solver, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from nodal import effective, kcl, network
from numpy.typing import NDArray
from scipy.optimize import root

from axbar.crossbar import _currents, effective_conductance, read_currents
from axbar.errors import ModelError, UsageError

WIRES = (200.0, 300.0, 1000.0, 500.0)


def arrays(rows: int, cols: int, *lead: int, inputs: int = 4, open_share: float = 0.0) -> tuple[Any, Any]:
    rng = np.random.default_rng(rows)
    G = rng.uniform(1e-6, 1e-4, (*lead, rows, cols))
    G[rng.random(G.shape) < open_share] = 0.0
    return G, rng.uniform(-0.2, 0.2, (*lead, inputs, rows))


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (5, 7), (33, 20), (64, 64), (12, 140), (260, 5)])
@pytest.mark.parametrize("wires", [(1.0, 1.0, 0.001, 0.001), WIRES, (5.0, 2.0, 0.0, 0.0)])
@pytest.mark.parametrize("open_share", [0.0, 0.4])
def test_currents_are_those_of_the_nodal_solution(
    rows: int, cols: int, wires: tuple[float, float, float, float], open_share: float
) -> None:
    G, V = arrays(rows, cols, open_share=open_share * (rows > 1))
    exact = V @ effective(G, *wires)
    largest = np.abs(exact).max()
    assert np.abs(read_currents(G, V, *wires, method="cg") - exact).max() <= 1e-12 * largest
    single = read_currents(G.astype(np.float32), V.astype(np.float32), *wires, method="cg")
    assert single.dtype == np.float32
    assert np.abs(single - exact).max() <= (1e-6 if wires != WIRES else 5e-6) * largest


@pytest.mark.parametrize(
    "wires", [(0.0, 0.0, 0.0, 0.0), (0.0, 5.0, 0.0, 0.0), (5.0, 0.0, 0.0, 0.0), (0.0, 0.0, 9.0, 0.0), WIRES]
)
def test_ladder_and_iteration_agree(wires: tuple[float, float, float, float]) -> None:
    G, V = arrays(6, 5, 3)
    expected = V @ effective_conductance(G, *wires)
    for method in ("cg", "ladder", "auto"):
        np.testing.assert_allclose(read_currents(G, V, *wires, method=method), expected, rtol=1e-11)


def test_arrays_in_any_layout() -> None:
    G, V = arrays(6, 5)
    expected = read_currents(G, V, *WIRES)
    frozen = np.asfortranarray(np.flip(G)).astype(">f8")
    frozen.flags.writeable = False
    assert np.array_equal(read_currents(np.flip(frozen), V[:, ::-1][:, ::-1], *WIRES), expected)
    one = np.flip(np.array([[5e-5]]))
    assert effective_conductance(one, *WIRES).shape == (1, 1)
    half = read_currents(G.astype(np.float16), V, *WIRES)
    assert half.dtype == np.float64


def test_tiny_inputs_and_no_input_in_float32() -> None:
    G, V = arrays(8, 8)
    exact = V @ effective(G, *WIRES)
    V[1], exact[1] = 0.0, 0.0
    small = (1e-12 * G).astype(np.float32), (1e-18 * V).astype(np.float32)
    currents = read_currents(*small, *(1e12 * np.array(WIRES)), method="cg")
    assert np.abs(1e30 * currents.astype(np.float64) - exact).max() <= 1e-6 * np.abs(exact).max()


def test_leading_axes_broadcast_and_cutting_the_work_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    G, V = arrays(6, 5, 3)
    many = np.random.default_rng(1).uniform(0, 0.2, (2, 3, 7, 6))
    whole = read_currents(G, many, *WIRES, method="cg")
    assert whole.shape == (2, 3, 7, 5)
    np.testing.assert_allclose(whole, many @ effective_conductance(G, *WIRES), rtol=1e-11)
    one = read_currents(G[0], many, *WIRES)
    np.testing.assert_allclose(one, many @ effective_conductance(G[0], *WIRES), rtol=1e-11)
    bent = read_currents(G, many, *WIRES, iv=(0.0, 5 * G))
    monkeypatch.setattr(_currents, "_FIELD_BYTES", 4 * 6 * 5 * 8)
    np.testing.assert_allclose(read_currents(G, many, *WIRES, method="cg"), whole, rtol=1e-12)
    np.testing.assert_allclose(read_currents(G, many, *WIRES, iv=(0.0, 5 * G)), bent, rtol=1e-11)
    assert read_currents(G, V[:, :0], *WIRES, method="ladder").shape == (3, 0, 5)
    assert read_currents(G, V[:, :0], *WIRES, method="cg").shape == (3, 0, 5)


@pytest.mark.parametrize("wires", [WIRES, (0.0, 30.0, 0.0, 0.0), (30.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0)])
@pytest.mark.parametrize("method", ["cg", "ladder"])
def test_gradients(wires: tuple[float, float, float, float], method: str) -> None:
    G, V = arrays(4, 5, 2, inputs=2)
    leaves = torch.from_numpy(G * 1e4).requires_grad_(), torch.from_numpy(V).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda g, v: 1e4 * read_currents(g * 1e-4, v, *wires, method=method), leaves
    )


def test_second_derivatives() -> None:
    G, V = arrays(3, 2, inputs=2)
    leaves = torch.from_numpy(G * 1e4).requires_grad_(), torch.from_numpy(V).requires_grad_()
    assert torch.autograd.gradgradcheck(
        lambda g, v: 1e4 * read_currents(g * 1e-4, v, *WIRES, method="cg"), leaves
    )


def test_gradient_of_open_cells_is_that_of_the_ladder() -> None:
    G, V = arrays(6, 7, 2, open_share=0.4)
    slopes = []
    for method in ("cg", "ladder"):
        g = torch.from_numpy(G.copy()).requires_grad_()
        (read_currents(g, torch.from_numpy(V), *WIRES, method=method) ** 2).sum().backward()
        assert g.grad is not None
        slopes.append(g.grad)
    assert (slopes[0][torch.from_numpy(G == 0)] != 0).all()
    torch.testing.assert_close(slopes[0], slopes[1], rtol=1e-9, atol=1e-9 * float(slopes[0].abs().max()))


def bent_oracle(
    G: Any, V: Any, wires: tuple[float, float, float, float], a2: Any, a3: Any
) -> NDArray[np.float64]:
    """Kirchhoff's law at every node with cells of G v + a2 v^2 + a3 v^3, by scipy's root finder."""
    m, n = G.shape
    net = network(np.zeros_like(G), *wires)
    x, z = np.arange(m * n), m * n + np.arange(m * n)
    fixed = np.concatenate([V, np.zeros(n)])[:, None]

    def into(potential: NDArray[Any]) -> NDArray[Any]:
        across = potential[x] - potential[z]
        cell = ((a3.ravel() * across + a2.ravel()) * across + G.ravel()) * across
        flow = kcl(net, potential[:, None], fixed)[:, 0]
        flow[x] -= cell
        flow[z] += cell
        return flow * (wires[0] + wires[1])

    found = root(into, np.concatenate([np.repeat(V, n), np.zeros(m * n)]), method="hybr", tol=1e-14)
    assert np.abs(into(found.x)).max() < 1e-13
    return found.x[z].reshape(m, n)[-1] / (wires[1] + wires[3])


@pytest.mark.parametrize("wires", [WIRES, (20.0, 10.0, 0.0, 0.0)])
def test_bent_cells_are_those_of_a_nonlinear_nodal_solution(wires: tuple[float, float, float, float]) -> None:
    G, V = arrays(5, 7, inputs=3)
    rng = np.random.default_rng(0)
    a2, a3 = G * rng.uniform(0, 1, G.shape), G * rng.uniform(0, 20, G.shape)
    exact = np.stack([bent_oracle(G, v, wires, a2, a3) for v in V])
    linear = V @ effective_conductance(G, *wires)
    assert np.abs(exact - linear).max() > 0.01 * np.abs(exact).max()
    np.testing.assert_allclose(read_currents(G, V, *wires, iv=(a2, a3)), exact, rtol=1e-9)
    single = read_currents(G.astype(np.float32), V.astype(np.float32), *wires, iv=(a2, a3))
    assert single.dtype == np.float32
    assert np.abs(single - exact).max() <= 2e-6 * np.abs(exact).max()


def test_cells_given_as_functions() -> None:
    G, V = arrays(5, 7, 2, inputs=3)
    wide = G[:, None]

    def current(v: Any) -> Any:
        assert isinstance(v, np.ndarray)
        return wide * np.sinh(8 * v) / 8

    def slope(v: Any) -> Any:
        return wide * np.cosh(8 * v)

    numpy = read_currents(G, V, *WIRES, iv=(current, slope))
    g = torch.from_numpy(wide)
    torch_pair = (lambda v: g * torch.sinh(8 * v) / 8, lambda v: g * torch.cosh(8 * v))
    tensors = read_currents(torch.from_numpy(G), torch.from_numpy(V), *WIRES, iv=torch_pair)
    np.testing.assert_allclose(numpy, tensors.numpy(), rtol=1e-12)
    ideal = read_currents(G, V, 0.0, 0.0, iv=(current, slope))
    np.testing.assert_allclose(ideal, current(V[..., None]).sum(-2), rtol=1e-12)
    straight = read_currents(G, V, *WIRES, iv=(lambda v: wide * v, lambda v: wide + 0 * v))
    np.testing.assert_allclose(straight, V @ effective_conductance(G, *WIRES), rtol=1e-12)


def test_gradients_through_bent_cells() -> None:
    G, V = arrays(4, 3, inputs=2)
    leaves = [
        torch.from_numpy(a).requires_grad_() for a in (G * 1e4, V, np.full((4, 3), 0.2), np.full((1, 3), 3.0))
    ]

    def scaled(g: Any, v: Any, a2: Any, a3: Any) -> Any:
        return 1e4 * read_currents(g * 1e-4, v, *WIRES, iv=(a2 * 1e-4, a3 * 1e-4))

    assert torch.autograd.gradcheck(scaled, leaves)


def test_what_does_not_converge_says_so() -> None:
    G, V = arrays(5, 7)
    wide = G[None] * 1e3
    with pytest.raises(ModelError, match="did not converge in 50 Newton steps"):
        read_currents(G, V, *WIRES, iv=(lambda v: -wide * v, lambda v: wide + 0 * v))
    with pytest.raises(ModelError, match="did not converge in 50 Newton steps"):
        read_currents(G, V, *WIRES, iv=(lambda v: v * np.nan, lambda v: wide + 0 * v))


def test_auto_takes_the_ladder_for_many_inputs_and_the_iteration_for_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[str] = []
    for name in ("ladder", "cell_currents"):
        real = getattr(_currents, name)
        monkeypatch.setattr(
            _currents, name, lambda *a, _name=name, _real=real: taken.append(_name) or _real(*a)
        )
    G, _ = arrays(16, 16)
    for inputs in (1, 500):
        read_currents(G, np.ones((inputs, 16)), 1.0, 1.0)
    read_currents(G, np.ones((250, 2, 16)), 1.0, 1.0)
    assert taken == ["cell_currents", "ladder", "ladder"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"method": "cgs"}, "unknown method of reading an array 'cgs'; did you mean 'cg'.*auto, cg, ladder"),
        ({"method": "ladder", "iv": (0.0, 0.0)}, "'ladder' needs linear cells"),
        ({"V": np.ones((3, 4))}, r"V \(3, 4\) and G \(5, 7\) don't fit.*\[..., inputs, rows\]"),
        ({"V": np.ones(5)}, r"V \(5,\) and G"),
        ({"V": np.full((1, 5), np.nan)}, r"V\[0, 0\] = nan V"),
        ({"V": torch.ones(1, 5)}, "both be numpy arrays or both torch tensors"),
        ({"G": np.ones((2, 5, 7)), "V": np.ones((3, 1, 5))}, "axes before the last two must broadcast"),
        ({"G": -np.ones((5, 7))}, r"G\[0, 0\] = -1 S"),
        ({"r_row_ohm": -1.0}, "r_row_ohm = -1.0"),
        ({"iv": (0.0, np.inf)}, "coefficients of iv must be finite"),
        ({"iv": (0.0, np.ones((2, 7)))}, r"shape \(2, 7\), which does not broadcast to G, \(5, 7\)"),
        ({"iv": (0.0, abs)}, "iv must be a pair"),
        ({"iv": 3.0}, "iv must be a pair"),
    ],
)
def test_errors(changes: dict[str, Any], says: str) -> None:
    call: dict[str, Any] = {
        "G": np.ones((5, 7)),
        "V": np.ones((3, 5)),
        "r_row_ohm": 1.0,
        "r_col_ohm": 1.0,
        **changes,
    }
    with pytest.raises(UsageError, match=says):
        read_currents(**call)
