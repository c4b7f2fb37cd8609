"""Training: small problems reach their gates, the gate refuses what is not trained, seeds decide, limits hold."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import Tensor, nn

from axbar.errors import ModelError, OptionError, UsageError
from axbar.nn.pinn import (
    PROBLEMS,
    PinnNet,
    SolveConfig,
    check_solved,
    find_problem,
    held_out_points,
    relative_differences,
    relative_errors,
    solve,
)

SHORT = SolveConfig(
    adam_steps=5, points=32, condition_points=8, axis_points=4, lbfgs_restarts=1, lbfgs_steps=5
)
_MAKERS = {"plain": "network", "separable": "separable_network"}


def test_poisson_is_solved() -> None:
    seen: list[tuple[str, int, int]] = []
    config = SolveConfig(
        adam_steps=300, lr=5e-3, points=400, lbfgs_restarts=1, lbfgs_steps=200, dtype="float32"
    )
    solved = solve("poisson", config=config, progress=lambda *step: seen.append(step))
    assert solved.errors["u"] < 5e-3
    assert solved.errors == check_solved("poisson", solved.network)
    assert solved.in_time
    assert solved.loss == solved.history[-1].loss < solved.history[0].loss / 100
    assert [r.phase for r in solved.history if r.phase != "adam"] == ["lbfgs 1"] * 4
    assert seen[299] == ("adam", 300, 300)
    assert seen[-1] == ("lbfgs 1", 200, 200)
    assert next(solved.network.parameters()).dtype == torch.float64
    assert not solved.network.training


@pytest.mark.parametrize("separable", [False, True])
def test_seeds_decide_the_result(separable: bool) -> None:
    problem = PROBLEMS["poisson"]

    def weights(seed: int) -> Tensor:
        config = dataclasses.replace(SHORT, seed=seed, redraw_every=2)
        made = problem.separable_network(seed) if separable else None
        return nn.utils.parameters_to_vector(solve(problem, made, config).network.parameters())

    first = weights(0)
    assert torch.equal(first, weights(0))
    assert not torch.equal(first, weights(1))


@pytest.mark.parametrize("name", sorted(PROBLEMS))
@pytest.mark.parametrize("separable", [False, True])
def test_every_problem_takes_steps_downhill(name: str, separable: bool) -> None:
    problem = PROBLEMS[name]
    net = problem.separable_network(0) if separable else problem.network(0)
    solved = solve(problem, net, dataclasses.replace(SHORT, lbfgs_steps=10))
    assert set(solved.errors) == set(problem.outputs)
    assert all(math.isfinite(error) for error in solved.errors.values())
    assert solved.loss < solved.history[0].loss


@pytest.mark.parametrize("name", ["poisson", "wave"])
def test_conditions_are_learned_where_no_constraint_holds_them(name: str) -> None:
    problem = PROBLEMS[name]
    net = PinnNet(problem.box, (8,), seed=0)
    config = dataclasses.replace(SHORT, adam_steps=60, condition_points=40)
    one = solve(dataclasses.replace(problem, residual_weight=0.0), net, config)
    assert one.loss < one.history[0].loss / 2  # of the conditions alone


def test_a_module_of_ones_own_is_trained_too() -> None:
    solved = solve("poisson", nn.Sequential(nn.Linear(2, 8), nn.Softplus(), nn.Linear(8, 1)), SHORT)
    assert solved.loss < solved.history[0].loss


def test_the_gate_refuses_an_untrained_network_and_names_the_error() -> None:
    net = PROBLEMS["poisson"].network(0)
    error = relative_errors("poisson", net)["u"]
    with pytest.raises(
        ModelError, match=rf"'poisson' by {error:.3g} .* above the gate of 0.01.*train it with solve"
    ):
        check_solved("poisson", net)
    assert check_solved("poisson", net, gate=2 * error) == {"u": error}
    with pytest.raises(ModelError, match="by nan"):
        check_solved("poisson", lambda x: x[:, :1] * torch.nan)


def test_pressure_is_measured_without_its_mean_at_each_time() -> None:
    problem = PROBLEMS["beltrami"]

    def shifted(x: Tensor) -> Tensor:
        return problem.exact(x) + torch.tensor([0.0, 0.0, 0.0, 1.0]) * (3 + torch.sin(5 * x[:, 3:]))

    errors = relative_errors(problem, shifted, per_axis=6)
    assert max(errors.values()) < 1e-12
    worse = relative_errors(problem, lambda x: shifted(x) * (1 + 0.1 * x[:, :1]), per_axis=6)
    assert worse["p"] > 0.01 and worse["u"] > 0.01


def test_differences_are_relative_to_the_reference() -> None:
    points = held_out_points("burgers", 21)
    assert points.shape == (441, 2)
    exact = PROBLEMS["burgers"].exact
    found = relative_differences("burgers", lambda x: 0.9 * exact(x), exact, points)
    assert found["u"] == pytest.approx(0.1)
    with pytest.raises(
        ModelError, match=r"the network gives \(441, 2\) for 441 points .* outputs u; it must give"
    ):
        relative_differences("burgers", lambda x: x, exact, points)


def test_a_time_limit_ends_training_with_what_there_is() -> None:
    config = dataclasses.replace(SHORT, adam_steps=10**6, time_limit_s=0.2, lbfgs_steps=10**6)
    solved = solve("poisson", config=config)
    assert not solved.in_time
    assert solved.seconds < 10
    assert solved.history[-1].step < 10**6


def test_divergence_is_said() -> None:
    with pytest.raises(ModelError, match=r"training diverged: the loss is .* lower lr \(now 1e\+30\)"):
        solve("burgers", config=dataclasses.replace(SHORT, lr=1e30, dtype="float32"))


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ({"adam_steps": -1}, "adam_steps = -1 is out of range; give a whole number from 0"),
        ({"points": 1.5}, "points = 1.5 is out of range"),
        ({"seed": True}, "seed = True is out of range"),
        ({"axis_points": (4, 1)}, r"axis_points = \(4, 1\) is out of range"),
        ({"lr": 0.0}, "lr = 0.0 is out of range; give a number above 0"),
        ({"time_limit_s": 0.0}, "time_limit_s = 0.0 is out of range; give seconds above 0, or None"),
        ({"time_limit_s": math.nan}, "time_limit_s = nan is out of range"),
    ],
)
def test_bad_numbers_are_refused_in_one_sentence(option: dict[str, object], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        dataclasses.replace(SHORT, **option)  # pyright: ignore[reportArgumentType]


def test_unknown_words_are_refused_with_the_closest_one() -> None:
    with pytest.raises(UsageError, match="unknown problem 'burger'; did you mean 'burgers'"):
        find_problem("burger")
    with pytest.raises(UsageError, match="unknown decay of SolveConfig 'cosin'; did you mean 'cosine'"):
        SolveConfig(decay="cosin")  # pyright: ignore[reportArgumentType]
    with pytest.raises(UsageError, match="unknown dtype of SolveConfig 'float16'"):
        SolveConfig(dtype="float16")  # pyright: ignore[reportArgumentType]
    with pytest.raises(OptionError, match="1 points per axis is out of range"):
        relative_errors("poisson", PROBLEMS["poisson"].exact, per_axis=1)


def test_problems_fit_their_own_tables() -> None:
    for name, problem in PROBLEMS.items():
        assert problem.name == name
        assert problem.dimension == len(problem.box) == len(problem.axes)
        assert problem.network().forward(held_out_points(problem, 2)).shape[1] == len(problem.outputs)
        assert type(problem.best_network()) is type(getattr(problem, _MAKERS[problem.best])())
        assert set(problem.floating) <= set(problem.outputs)
        assert problem.config.adam_steps >= 1000
