"""Derivatives in reverse and in forward mode are the same, with and without hard constraints."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from axbar.errors import ModelError
from axbar.nn.pinn import (
    PROBLEMS,
    Constraint,
    Field,
    PinnNet,
    PointField,
    SeparableNet,
    TaylorField,
    axis_points,
    box_points,
    field_of,
    grid_points,
)

BOX = ((-1.0, 2.0), (0.0, 1.0), (0.5, 4.0))
CURVED = Constraint(
    lambda x: torch.sin(x[:, :1] * x[:, 1:2]) * torch.ones(1, 2, dtype=x.dtype),
    lambda x: x[:, :1] ** 2 * x[:, 1:2] * torch.exp(x[:, 2:]),
)


def _assert_same(forward: Field, reverse: Field, outputs: int, dimension: int) -> None:
    for i in range(dimension):
        shape = forward[0].value.shape
        torch.testing.assert_close(forward.x(i).expand(shape).flatten(), reverse.x(i), rtol=0, atol=0)
    for k in range(outputs):
        _close(forward[k].value, reverse[k].value)
        for i in range(dimension):
            _close(forward[k].d(i), reverse[k].d(i))
            for j in range(dimension):
                _close(forward[k].dd(i, j), reverse[k].dd(i, j))


def _close(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found.flatten(), wanted, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("activation", ["tanh", "sin", "gelu", "silu", "relu"])
@pytest.mark.parametrize("constraint", [None, CURVED], ids=["free", "constrained"])
def test_forward_mode_is_reverse_mode_on_scattered_points(
    activation: str, constraint: Constraint | None
) -> None:
    net = PinnNet(BOX, (7, 5), 2, activation=activation, constraint=constraint, seed=3).double()
    points = box_points(BOX, 11, seed=0)
    _assert_same(TaylorField(net, points, seconds=(1,)), PointField(net, points), 2, 3)


def test_forward_mode_knows_fourier_features() -> None:
    net = PinnNet(BOX, (6,), 2, fourier=((1.0,), (1.0, 3.0), (0.5,)), features=4, seed=1).double()
    points = box_points(BOX, 9, seed=0)
    assert net.inner_inputs(points).shape == (9, 16)
    _assert_same(TaylorField(net, points), PointField(net, points), 2, 3)
    separable = SeparableNet(BOX, (6,), 2, rank=3, fourier=((1.0,), (1.0, 3.0), (0.5,)), features=4).double()
    axes = axis_points(BOX, 3, seed=0)
    assert [separable.inner_inputs(i, axis).shape for i, axis in enumerate(axes)] == [(3, 8), (3, 16), (3, 8)]
    _assert_same(TaylorField(separable, axes), PointField(separable, grid_points(axes)), 2, 3)


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("constrained", [False, True])
def test_separable_grid_is_reverse_mode_on_its_points(dimension: int, constrained: bool) -> None:
    box = BOX[:dimension]
    constraint = Constraint(lambda x: x[:, :1] ** 3, lambda x: torch.cos(x).prod(1, keepdim=True))
    net = SeparableNet(box, (6, 5), 2, rank=3, constraint=constraint if constrained else None).double()
    axes = axis_points(box, 4, seed=0)[:-1] + axis_points(box, 3, seed=1)[-1:]
    _assert_same(TaylorField(net, axes), PointField(net, grid_points(axes)), 2, dimension)
    torch.testing.assert_close(net.grid(axes).flatten(0, -2), net(grid_points(axes)), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", sorted(PROBLEMS))
def test_residuals_of_plain_and_separable_networks_need_one_function(name: str) -> None:
    problem = PROBLEMS[name]
    axes = axis_points(problem.box, 3, seed=0)
    flat = grid_points(axes)
    net = problem.separable_network(seed=1).double()
    plain = problem.network(seed=1).double()
    for network, points in ((net, axes), (plain, flat)):
        fast = problem.residual(field_of(problem, network, points))
        slow = problem.residual(PointField(network, flat))
        for found, wanted in zip(fast, slow, strict=True):
            scale = float(wanted.detach().abs().max())
            assert float((found.detach().flatten() - wanted.detach()).abs().max()) < 1e-10 * max(scale, 1.0)


def test_gradients_reach_the_weights_through_both_modes() -> None:
    problem = PROBLEMS["burgers"]
    net = problem.network(seed=0).double()
    points = box_points(problem.box, 20, seed=0)
    found = []
    for field in (TaylorField(net, points, problem.seconds), PointField(net, points)):
        loss = problem.residual(field)[0].square().mean()
        found.append(torch.autograd.grad(loss, list(net.parameters())[:-1]))
    for forward, reverse in zip(*found, strict=True):
        assert float(reverse.abs().max()) > 0
        torch.testing.assert_close(forward, reverse, rtol=1e-9, atol=1e-12)


def test_a_layer_without_a_rule_falls_back_to_reverse_mode() -> None:
    problem = PROBLEMS["poisson"]
    net = problem.network(seed=0).double()
    points = box_points(problem.box, 5, seed=0)
    wrapped = net.carried(nn.Sequential(net.perceptron, nn.Tanh(), nn.Softsign()))
    with pytest.raises(ModelError, match=r"type Softsign has no rule .* take PointField"):
        TaylorField(wrapped, points)
    assert isinstance(field_of(problem, wrapped, points), PointField)
    assert isinstance(field_of(problem, net, points), TaylorField)


def test_points_that_do_not_fit_are_refused() -> None:
    plain, separable = PinnNet(BOX, (4,)), SeparableNet(BOX, (4,))
    with pytest.raises(ModelError, match=r"points \(5, 2\) do not fit a network of 3 inputs; give \[P, 3\]"):
        plain(torch.zeros(5, 2))
    with pytest.raises(ModelError, match=r"points \(5, 2\) do not fit a network of 3 axes"):
        separable(torch.zeros(5, 2))
    with pytest.raises(ModelError, match=r"takes scattered points .* grid_points"):
        TaylorField(plain, axis_points(BOX, 3, seed=0))
    with pytest.raises(
        ModelError, match=r"a grid of axes \[\(3,\), \(3,\)\] does not fit a network of 3 axes"
    ):
        separable.grid(axis_points(BOX[:2], 3, seed=0))
    with pytest.raises(ModelError, match="take PointField for scattered points"):
        TaylorField(separable, torch.zeros(5, 3))
