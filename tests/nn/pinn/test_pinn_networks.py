"""Networks: hard constraints, seeds, the perceptron inside and what may take its place; points; bad options."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from axbar.errors import ModelError, OptionError, UsageError
from axbar.nn.pinn import (
    PROBLEMS,
    PinnNet,
    PointField,
    SeparableNet,
    Sine,
    axis_points,
    box_points,
    face_points,
)

BOX = ((-1.0, 1.0), (0.0, 2.0))
CONSTRAINED = sorted(name for name, problem in PROBLEMS.items() if problem.constraint is not None)


@pytest.mark.parametrize("name", CONSTRAINED)
@pytest.mark.parametrize("separable", [False, True])
def test_hard_constraint_holds_whatever_the_weights(name: str, separable: bool) -> None:
    problem = PROBLEMS[name]
    net = (problem.separable_network if separable else problem.network)(seed=5).double()
    with torch.no_grad():
        for weight in net.parameters():
            weight.mul_(3)
    for condition in problem.conditions:
        points = face_points(problem.box, condition.faces, 40, seed=1)
        field = PointField(net, points)
        if condition.along is None:
            torch.testing.assert_close(field[0].value[:, None], problem.exact(points), rtol=0, atol=1e-12)
        else:
            assert float(field[0].d(condition.along).detach().abs().max()) < 1e-12
    inside = box_points(problem.box, 40, seed=2)
    assert float((net(inside) - problem.exact(inside)).detach().abs().max()) > 1e-2


def test_perceptron_reads_inputs_scaled_to_one() -> None:
    net = PinnNet(BOX, (4,), outputs=2)
    corners = torch.tensor([[-1.0, 0.0], [1.0, 2.0], [0.0, 1.0]])
    assert torch.equal(net.inner_inputs(corners), torch.tensor([[-1.0, -1.0], [1.0, 1.0], [0.0, 0.0]]))
    assert torch.equal(net(corners), net.perceptron(net.inner_inputs(corners)))
    assert [type(layer) for layer in net.perceptron.children()] == [nn.Linear, nn.Tanh, nn.Linear]


@pytest.mark.parametrize("activation", ["tanh", "sin", "gelu", "silu", "relu"])
def test_activations_are_modules_of_the_perceptron(activation: str) -> None:
    kinds = {"tanh": nn.Tanh, "sin": Sine, "gelu": nn.GELU, "silu": nn.SiLU, "relu": nn.ReLU}
    net = PinnNet(BOX, (4, 4), activation=activation)
    assert sum(isinstance(layer, kinds[activation]) for layer in net.perceptron.children()) == 2


def test_weights_are_those_of_the_seed_and_no_generator_is_touched() -> None:
    before = torch.random.get_rng_state()
    for make in (PinnNet, SeparableNet):
        first, again, other = make(BOX, (8,), seed=1), make(BOX, (8,), seed=1), make(BOX, (8,), seed=2)
        points = box_points(BOX, 6, seed=0).float()
        assert torch.equal(first(points), again(points))
        assert not torch.equal(first(points), other(points))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_another_module_takes_the_perceptrons_place_in_a_copy() -> None:
    problem = PROBLEMS["burgers"]
    net = problem.network(seed=0)
    points = box_points(problem.box, 6, seed=0)
    outputs = net(points)
    twin = net.carried(nn.Sequential(*net.perceptron.children()))
    assert torch.equal(twin(points), outputs)
    silent = nn.Linear(2, 1).double()
    nn.init.zeros_(silent.weight)
    nn.init.zeros_(silent.bias)
    replaced = net.carried(silent)
    assert replaced.perceptron is silent
    assert replaced(points).dtype == torch.float64  # the rest takes the float type of what it carries
    torch.testing.assert_close(replaced(points)[:, 0], -torch.sin(math.pi * points[:, 0]), rtol=0, atol=1e-12)
    assert net(points).dtype == torch.float32
    assert torch.equal(net(points), outputs)


def test_other_modules_take_the_axis_perceptrons_places() -> None:
    net = SeparableNet(BOX, (4,), outputs=2, rank=3)
    points = box_points(BOX, 6, seed=0)
    halved = [nn.Sequential(inner, _Half()) for inner in net.perceptrons]
    torch.testing.assert_close(net.carried(halved)(points), net(points) / 4)
    with pytest.raises(ModelError, match="1 modules for 2 axes; give one per axis"):
        net.carried(halved[:1])


class _Half(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / 2


def test_points_are_those_of_the_seed_and_inside() -> None:
    points = box_points(BOX, 64, seed=3)
    assert torch.equal(points, box_points(BOX, 64, seed=3))
    assert not torch.equal(points, box_points(BOX, 64, seed=4))
    for axis, (low, high) in enumerate(BOX):
        assert low <= float(points[:, axis].min()) and float(points[:, axis].max()) <= high
        # a Sobol sequence puts as many points into each eighth of an axis
        counts = torch.histc(points[:, axis], 8, low, high)
        assert counts.tolist() == [8.0] * 8


def test_points_on_faces_and_axes_are_where_they_belong() -> None:
    points = face_points(BOX, ((0, 0), (0, 1), (1, 1)), 10, seed=0)
    assert points.shape == (12, 2)
    assert points[:4, 0].eq(-1).all() and points[4:8, 0].eq(1).all() and points[8:, 1].eq(2).all()
    assert [len(axis) for axis in axis_points(BOX, (3, 5), seed=0)] == [3, 5]
    for axis, (low, high) in zip(axis_points(BOX, 10, seed=0), BOX, strict=True):
        cells = ((axis - low) / (high - low) * 10).floor()
        assert cells.tolist() == list(range(10))


def test_bad_options_are_refused_in_one_sentence() -> None:
    with pytest.raises(UsageError, match="unknown activation 'tan'; did you mean 'tanh'"):
        PinnNet(BOX, activation="tan")
    with pytest.raises(OptionError, match=r"layer widths \[2, 0, 1\] are out of range"):
        PinnNet(BOX, (0,))
    with pytest.raises(OptionError, match=r"a box of \[\(1.0, 1.0\)\] has no volume"):
        PinnNet([(1.0, 1.0)])
    with pytest.raises(OptionError, match="each axis needs one or more"):
        PinnNet(BOX, fourier=((1.0,), ()))
    with pytest.raises(OptionError, match=r"spreads .* must be one list per axis"):
        PinnNet(BOX, fourier=((1.0,),))
    with pytest.raises(OptionError, match="0 Fourier features"):
        PinnNet(BOX, fourier=((1.0,), (1.0,)), features=0)
    with pytest.raises(OptionError, match="rank 0 or outputs 1 are out of range"):
        SeparableNet(BOX, rank=0)
    with pytest.raises(OptionError, match=r"spreads .* must be one list per axis; give 2"):
        SeparableNet(BOX, fourier=((1.0,),))
    with pytest.raises(OptionError, match="1 counts of points for 2 axes"):
        axis_points(BOX, (3,), seed=0)
    with pytest.raises(OptionError, match="0 points can't be drawn"):
        box_points(BOX, 0, seed=0)
