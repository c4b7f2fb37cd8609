"""Exact solutions: their residuals by automatic differentiation, and the traps that others fell into."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from axbar.nn.pinn import PROBLEMS, PointField, box_points, exact

BURGERS_FILE = Path(os.environ.get("AXBAR_DATA", "")) / "pinns/burgers_shock.mat"


def _largest(values: Tensor) -> float:
    return float(values.detach().abs().max())


@pytest.mark.parametrize("name", sorted(PROBLEMS))
def test_exact_solution_has_no_residual(name: str) -> None:
    problem = PROBLEMS[name]
    points = box_points(problem.box, 300, seed=1)
    if problem.axes[-1] == "t":
        points = points[points[:, -1] > 1e-3]
    field = PointField(problem.exact, points)
    for residual in problem.residual(field):
        assert _largest(residual) < (
            1e-11 if name == "wave" else 1e-12
        )  # of terms of 5e3 in the wave problem


@pytest.mark.parametrize("name", sorted(PROBLEMS))
def test_residual_sees_a_wrong_solution(name: str) -> None:
    problem = PROBLEMS[name]
    points = box_points(problem.box, 100, seed=1)
    bent = PointField(lambda x: problem.exact(x) * (1 + 0.1 * x[:, :1] ** 2), points)
    assert max(_largest(residual) for residual in problem.residual(bent)) > 1e-2


@pytest.mark.parametrize("name", sorted(PROBLEMS))
def test_exact_solution_keeps_shape_and_type(name: str) -> None:
    problem = PROBLEMS[name]
    points = box_points(problem.box, 7, seed=2)
    single = problem.exact(points.float())
    assert single.dtype == torch.float32
    assert single.shape == (7, len(problem.outputs))
    torch.testing.assert_close(single.double(), problem.exact(points), rtol=1e-3, atol=1e-3)


def test_burgers_is_that_of_the_published_file() -> None:
    scipy_io = pytest.importorskip("scipy.io")
    if not BURGERS_FILE.exists():
        pytest.skip("pinns/burgers_shock.mat is not under AXBAR_DATA")
    table = scipy_io.loadmat(BURGERS_FILE)
    x, t = (torch.from_numpy(np.asarray(table[key], dtype=np.float64).ravel()) for key in ("x", "t"))
    points = torch.stack([m.flatten() for m in torch.meshgrid(x, t, indexing="ij")], -1)
    wanted = torch.from_numpy(np.asarray(table["usol"], dtype=np.float64)).flatten()
    found = exact.burgers(points)[:, 0]
    assert float((found - wanted).norm() / wanted.norm()) < 1e-10


def test_burgers_starts_at_its_initial_condition() -> None:
    x = torch.linspace(-1, 1, 41, dtype=torch.float64)
    start = exact.burgers(torch.stack([x, torch.zeros_like(x)], -1))[:, 0]
    assert torch.equal(start, -torch.sin(math.pi * x))
    soon = exact.burgers(torch.stack([x, torch.full_like(x, 1e-9)], -1))[:, 0]
    assert float((soon - start).abs().max()) < 1e-7
    assert bool(exact.burgers(torch.tensor([[-1.0, 0.5], [0.3, 0.99]])).isfinite().all())


def test_pressure_of_beltrami_decays_twice_as_fast_as_the_velocity() -> None:
    place = box_points([(-1, 1)] * 3, 20, seed=3)
    start, late = (
        exact.beltrami(torch.cat([place, torch.full((20, 1), t, dtype=torch.float64)], 1)) for t in (0.0, 0.7)
    )
    torch.testing.assert_close(late[:, :3], start[:, :3] * math.exp(-0.7))
    torch.testing.assert_close(late[:, 3], start[:, 3] * math.exp(-1.4))


def test_momentum_refuses_a_pressure_that_decays_with_the_velocity() -> None:
    points = box_points(PROBLEMS["beltrami"].box, 100, seed=4)

    def slow(x: Tensor) -> Tensor:
        return exact.beltrami(x) * torch.cat([x[:, :3] * 0 + 1, torch.exp(x[:, 3:])], 1)

    residuals = PROBLEMS["beltrami"].residual(PointField(slow, points))
    assert max(_largest(r) for r in residuals[:3]) > 1
    assert _largest(residuals[3]) < 1e-12


@pytest.mark.parametrize(("a", "d", "nu"), [(1.0, 1.0, 0.01), (0.7, 1.3, 0.2)])
def test_beltrami_of_other_constants_is_a_solution(a: float, d: float, nu: float) -> None:
    points = box_points(PROBLEMS["beltrami"].box, 50, seed=5)
    field = PointField(lambda x: exact.beltrami(x, nu=nu, a=a, d=d), points)
    for i in range(3):
        moved = sum(field[j].value * field[i].d(j) - nu * field[i].dd(j, j) for j in range(3))
        assert _largest(field[i].d(3) + moved + field[3].d(i)) < 1e-11


def test_vortex_is_free_of_divergence_and_its_curl_obeys_the_forced_equation() -> None:
    points = box_points([(0, 2 * math.pi)] * 3 + [(0, 5)], 60, seed=6)
    flow, spin = PointField(exact.vortex_velocity, points), PointField(exact.vortex_vorticity, points)
    assert _largest(flow[0].d(0) + flow[1].d(1) + flow[2].d(2)) < 1e-12
    force = exact.vortex_force(points)
    for i, (j, k) in enumerate(((1, 2), (2, 0), (0, 1))):
        assert _largest(spin[i].value - flow[k].d(j) + flow[j].d(k)) < 1e-12
        carried = sum(
            flow[m].value * spin[i].d(m) - spin[m].value * flow[i].d(m) - exact.NU_VORTEX * spin[i].dd(m, m)
            for m in range(3)
        )
        assert _largest(spin[i].d(3) + carried - force[:, i]) < 1e-11
