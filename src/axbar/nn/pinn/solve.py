"""Train a network on a differential equation: Adam, then L-BFGS.

Adam finds the basin, L-BFGS (Liu and Nocedal, Math. Program. 45, 1989; history 50, strong Wolfe line search) the
bottom. One L-BFGS run can stall far from the solution, so it is started anew, without its history, until the loss has
stopped falling over two runs. torch's L-BFGS drops curvature pairs with y·s below 1e-10, which for a loss of 1e-6 are
nearly all of them: each run therefore divides the loss by its first value.
"""

from __future__ import annotations

import copy
import math
import time
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from axbar.errors import ModelError
from axbar.nn.pinn._config import Progress, Record, SolveConfig
from axbar.nn.pinn._loss import Loss, draw_loss
from axbar.nn.pinn.gate import relative_errors
from axbar.nn.pinn.problems import Problem, find_problem

__all__ = ["Solved", "solve"]

_HISTORY = 50
#: L-BFGS steps between two looks at the clock
_CHUNK = 50
#: relative fall of the loss below which an L-BFGS run counts as stalled, and how many of them end the training
_SMALL_FALL, _STALLS = 0.01, 2


@dataclass(frozen=True)
class Solved:
    """A trained network and how it came about.

    Args:
        problem: what was solved.
        network: in float64 and evaluation mode.
        errors: relative L2 error per output on the held-out grid.
        history: loss along the way.
        seconds: wall time.
        in_time: whether training ended by itself, rather than by the time limit.
    """

    problem: Problem
    network: nn.Module
    errors: dict[str, float]
    history: tuple[Record, ...]
    seconds: float
    in_time: bool

    @property
    def loss(self) -> float:
        """Loss at the end."""
        return self.history[-1].loss if self.history else math.nan


@dataclass
class _Run:
    """What all phases of one training run share."""

    problem: Problem
    network: nn.Module
    config: SolveConfig
    progress: Progress | None
    start: float = field(default_factory=time.monotonic)
    history: list[Record] = field(default_factory=list)

    def note(self, phase: str, step: int, total: int, loss: float | None = None) -> None:
        if loss is not None:
            self.history.append(Record(phase, step, loss, self.seconds))
        if self.progress is not None:
            self.progress(phase, step, total)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.start

    @property
    def late(self) -> bool:
        return self.config.time_limit_s is not None and self.seconds > self.config.time_limit_s


def solve(
    problem: str | Problem,
    network: nn.Module | None = None,
    config: SolveConfig | None = None,
    progress: Progress | None = None,
) -> Solved:
    """Train a network in place.

    Args:
        problem: or its name.
        network: a ``PinnNet``, a ``SeparableNet`` or any module from ``[P, D]`` to ``[P, K]``; the problem's best
            one unless given. It ends in float64.
        config: settings; the problem's own unless given.
        progress: called after each Adam step and each 50 L-BFGS steps.

    Returns:
        The network with its errors against the exact solution; ``check_solved`` holds them against the gate.

    Raises:
        UsageError: the problem's name is unknown.
        ModelError: the loss is no longer a number.

    >>> solved = solve("poisson", config=SolveConfig(adam_steps=2, lbfgs_restarts=0, points=16))
    >>> [(record.phase, record.step) for record in solved.history]
    [('adam', 1), ('adam', 2)]
    """
    problem = find_problem(problem)
    config = config or problem.config
    network = network if network is not None else problem.best_network(config.seed)
    run = _Run(problem, network, config, progress)
    network.train()
    if config.adam_steps:
        _adam(run)
    network.double()
    _lbfgs_runs(run)
    network.eval()
    return Solved(
        problem, network, relative_errors(problem, network), tuple(run.history), run.seconds, not run.late
    )


def _adam(run: _Run) -> None:
    config = run.config
    run.network.to(getattr(torch, config.dtype))
    weights = list(run.network.parameters())
    optimizer = torch.optim.Adam(weights, lr=config.lr)
    loss_of = draw_loss(run.problem, run.network, config, draw=0)
    every = max(1, config.adam_steps // 100)
    for step in range(config.adam_steps):
        if config.redraw_every and step and step % config.redraw_every == 0:
            loss_of = draw_loss(run.problem, run.network, config, draw=step // config.redraw_every)
        for group in optimizer.param_groups:
            group["lr"] = _rate(config, step)
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        optimizer.step()
        done = step + 1
        ends = done == config.adam_steps or run.late
        if done % every == 0 or ends:
            run.note("adam", done, config.adam_steps, _finite(float(loss.detach()), done, config))
        else:
            run.note("adam", done, config.adam_steps)
        if ends:
            return


def _rate(config: SolveConfig, step: int) -> float:
    """Return the learning rate of an Adam step."""
    if config.decay == "cosine":
        return config.lr * (1 + math.cos(math.pi * step / config.adam_steps)) / 2
    return config.lr / (1 + 0.9 * step / 2000)


def _finite(loss: float, step: int, config: SolveConfig) -> float:
    if not math.isfinite(loss):
        raise ModelError(
            f"training diverged: the loss is {loss} at Adam step {step}; lower lr (now {config.lr:g})."
        )
    return loss


def _lbfgs_runs(run: _Run) -> None:
    """Start L-BFGS until the loss stops falling."""
    config = run.config
    stalls = 0
    loss_of = draw_loss(run.problem, run.network, config, draw=0)
    for number in range(1, config.lbfgs_restarts + 1):
        if config.redraw_every:
            loss_of = draw_loss(run.problem, run.network, config, draw=10**6 + number)
        fall = _lbfgs(run, loss_of, f"lbfgs {number}")
        stalls = stalls + 1 if fall < _SMALL_FALL else 0
        if stalls == _STALLS or run.late:
            return


def _lbfgs(run: _Run, loss_of: Loss, phase: str) -> float:
    """Run L-BFGS once and return by what share the loss fell; weights that end as no numbers are put back."""
    weights = list(run.network.parameters())
    kept = copy.deepcopy([w.detach() for w in weights])
    first = loss = float(loss_of().detach())
    scale = 1 / max(first, 1e-300)
    optimizer = torch.optim.LBFGS(
        weights,
        max_iter=_CHUNK,
        history_size=_HISTORY,
        tolerance_grad=0.0,
        tolerance_change=0.0,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss_of() * scale
        value.backward()
        return value

    total = run.config.lbfgs_steps
    for done in range(_CHUNK, total + _CHUNK, _CHUNK):
        optimizer.step(closure)
        now = float(loss_of().detach())
        if not math.isfinite(now):
            with torch.no_grad():
                for weight, old in zip(weights, kept, strict=True):
                    weight.copy_(old)
            return 0.0
        run.note(phase, min(done, total), total, now)
        stuck, loss = now >= loss * (1 - 1e-9), now
        if stuck or run.late:
            break
    return 1 - loss / first if first > 0 else 0.0
