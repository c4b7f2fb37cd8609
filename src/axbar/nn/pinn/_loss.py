"""The training loss: weighted mean squares of residuals inside and of conditions on the faces.

    L = λ_r Σ_e mean r_e² + Σ_c λ_c Σ_k mean (u_k - u_k*)²      over one draw of points

An adaptive draw picks its points from ten times as many, with probability 1 + |r| / mean |r| over a constant, so that
fronts get more of them (Wu et al., Comput. Methods Appl. Mech. Eng. 403, 2023: RAD with k = c = 1).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from axbar.nn.pinn._config import SolveConfig
from axbar.nn.pinn._points import axis_points, axis_points_on, box_points, face_points
from axbar.nn.pinn._taylor import known_layers
from axbar.nn.pinn.fields import Field, PointField, Points, TaylorField, grid_points, known
from axbar.nn.pinn.networks import PinnNet
from axbar.nn.pinn.problems import Condition, Problem
from axbar.nn.pinn.separable import SeparableNet

__all__ = ["Loss", "draw_loss", "field_of"]

#: points that an adaptive draw picks one of
_CANDIDATES = 10
#: from a network's present weights to a scalar
Loss = Callable[[], Tensor]


def field_of(problem: Problem, network: nn.Module, points: Points) -> Field:
    """Return how the residual of ``problem`` sees a network: forward mode where there are rules for its layers."""
    return _fields(problem, network, points)()


def draw_loss(problem: Problem, network: nn.Module, config: SolveConfig, draw: int) -> Loss:
    """Return the loss on one draw of points.

    Args:
        problem: gives residual and conditions.
        network: as it is at each call of the loss; its float type must not change in between.
        config: numbers of points and seed.
        draw: number of the draw; the same number and seed give the same points.
    """
    seed = config.seed * 1_000_003 + draw * 1009
    kind = next((w.dtype for w in network.parameters()), torch.float64)
    if isinstance(network, SeparableNet):
        inside: Points = tuple(a.to(kind) for a in axis_points(problem.box, config.axis_points, seed))
    elif config.adaptive and draw:
        inside = _adapted(problem, network, config.points, seed, kind)
    else:
        inside = box_points(problem.box, config.points, seed).to(kind)
    terms = [_residual_term(problem, network, inside)]
    if getattr(network, "constraint", None) is None:
        for number, condition in enumerate(problem.conditions):
            terms += _condition_terms(problem, network, condition, config, seed + 101 * (number + 1))
    return lambda: torch.stack([term() for term in terms]).sum()


def _adapted(problem: Problem, network: nn.Module, count: int, seed: int, kind: torch.dtype) -> Tensor:
    """Return points ``[count, D]`` that are denser where the network's residual is large."""
    candidates = box_points(problem.box, _CANDIDATES * count, seed).to(kind)
    residuals = problem.residual(field_of(problem, network, candidates))
    size = torch.stack([r.detach().square() for r in residuals]).sum(0).sqrt()
    generator = torch.Generator().manual_seed(seed)
    picked = torch.multinomial(1 + size / size.mean(), count, generator=generator)
    return candidates[picked]


def _residual_term(problem: Problem, network: nn.Module, points: Points) -> Loss:
    make_field = _fields(problem, network, points)

    def term() -> Tensor:
        squares = [residual.square().mean() for residual in problem.residual(make_field())]
        return problem.residual_weight * torch.stack(squares).sum()

    return term


def _fields(problem: Problem, network: nn.Module, points: Points) -> Callable[[], Field]:
    """Return a maker of fields at fixed points, for which the constraint is worked out once."""
    forward = isinstance(network, SeparableNet) and not isinstance(points, Tensor)
    if isinstance(network, PinnNet):
        forward = known_layers(network.perceptron)
    if not forward:
        flat = points if isinstance(points, Tensor) else grid_points(points)
        return lambda: PointField(network, flat)
    assert isinstance(network, PinnNet | SeparableNet)
    parts = None if network.constraint is None else known(network.constraint, points)
    return lambda: TaylorField(network, points, problem.seconds, parts)


def _condition_terms(
    problem: Problem, network: nn.Module, condition: Condition, config: SolveConfig, seed: int
) -> list[Loss]:
    """Return one term per set of points: one of all faces, or one per face on the grids of a separable network."""
    kind = next((w.dtype for w in network.parameters()), torch.float64)
    if not isinstance(network, SeparableNet):
        points = face_points(problem.box, condition.faces, config.condition_points, seed).to(kind)
        return [_condition_term(problem, network, condition, points, condition.weight)]
    return [
        _condition_term(
            problem,
            network,
            condition,
            tuple(a.to(kind) for a in axis_points_on(problem.box, face, config.axis_points, seed + number)),
            condition.weight / len(condition.faces),
        )
        for number, face in enumerate(condition.faces)
    ]


def _condition_term(
    problem: Problem, network: nn.Module, condition: Condition, points: Points, weight: float
) -> Loss:
    picked = list(condition.outputs)
    if condition.along is not None:
        make_field, axis = _fields(problem, network, points), condition.along

        def slopes() -> Tensor:
            found = make_field()
            return weight * torch.stack([found[k].d(axis).square().mean() for k in picked]).sum()

        return slopes
    flat = points if isinstance(points, Tensor) else grid_points(points)
    target = problem.exact(flat)[:, picked].detach()

    def values() -> Tensor:
        if isinstance(network, SeparableNet) and not isinstance(points, Tensor):
            outputs = network.grid(points).flatten(0, -2)
        else:
            outputs = network(flat)
        return weight * (outputs[:, picked] - target).square().mean(0).sum()

    return values
