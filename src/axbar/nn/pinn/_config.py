"""Settings of a training run and what it leaves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from axbar.errors import OptionError, UsageError, is_whole, unknown_name

__all__ = ["Progress", "Record", "SolveConfig"]

#: called with what is running ("adam", "lbfgs 1", ...), steps done and steps in all
Progress = Callable[[str, int, int], None]

_CHOICES = {"dtype": ("float32", "float64"), "decay": ("cosine", "inverse-time")}
#: name -> smallest allowed whole number
_COUNTS = {
    "seed": 0,
    "adam_steps": 0,
    "points": 1,
    "condition_points": 1,
    "redraw_every": 0,
    "lbfgs_restarts": 0,
    "lbfgs_steps": 1,
}


@dataclass(frozen=True)
class SolveConfig:
    """How a network is trained: Adam first, then L-BFGS in float64.

    Args:
        seed: of the initial network and of all points.
        dtype: of the Adam steps, ``float32`` or ``float64``; L-BFGS and its result are float64.
        adam_steps: Adam steps. With fewer than 1,000 L-BFGS can stall far from the solution.
        lr: learning rate of the first Adam step.
        decay: ``cosine`` to 0, or ``inverse-time``: lr / (1 + 0.9 step / 2000).
        points: collocation points inside the domain, of a network of scattered points.
        condition_points: points of each initial or boundary condition of such a network.
        axis_points: points of each axis, of a separable network; one number for all, or one per axis.
        redraw_every: Adam steps after which all points are drawn anew, 0 for never; if not 0, each L-BFGS run draws
            its own, too.
        adaptive: draw points inside where the residual is large, see ``_loss``; of networks of scattered points, from
            the second draw on.
        lbfgs_restarts: L-BFGS runs at most; they end before that when two in a row lower the loss by less than 1 %.
        lbfgs_steps: steps of each run, with a history of 50 and strong Wolfe line search.
        time_limit_s: wall time after which training ends with what it has; None for none. A run that it ends depends
            on the machine.

    Raises:
        OptionError: a number is out of range.
        UsageError: a word is unknown.
    """

    seed: int = 0
    dtype: Literal["float32", "float64"] = "float64"
    adam_steps: int = 1000
    lr: float = 3e-3
    decay: Literal["cosine", "inverse-time"] = "cosine"
    points: int = 625
    condition_points: int = 100
    axis_points: int | tuple[int, ...] = 24
    redraw_every: int = 0
    adaptive: bool = False
    lbfgs_restarts: int = 10
    lbfgs_steps: int = 500
    time_limit_s: float | None = None

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise UsageError(unknown_name(f"{name} of SolveConfig", str(getattr(self, name)), choices))
        for name, low in _COUNTS.items():
            if not is_whole(getattr(self, name), low, 10**9):
                raise OptionError(
                    f"SolveConfig: {name} = {getattr(self, name)!r} is out of range; give a whole number from {low} "
                    "to 1e9."
                )
        counts = (self.axis_points,) if isinstance(self.axis_points, int) else self.axis_points
        if not counts or not all(is_whole(count, 2, 10**6) for count in counts):
            raise OptionError(
                f"SolveConfig: axis_points = {self.axis_points!r} is out of range; give a whole number from 2, or one "
                "per axis."
            )
        if not (math.isfinite(self.lr) and self.lr > 0):
            raise OptionError(
                f"SolveConfig: lr = {self.lr} is out of range; give a number above 0, e.g. 3e-3."
            )
        if self.time_limit_s is not None and not self.time_limit_s > 0:
            raise OptionError(
                f"SolveConfig: time_limit_s = {self.time_limit_s} is out of range; give seconds above 0, or None."
            )


@dataclass(frozen=True)
class Record:
    """Loss at the end of some steps of training.

    Args:
        phase: ``adam``, or ``lbfgs 1`` and so on.
        step: steps of the phase so far.
        loss: weighted mean squares of residual and conditions.
        seconds: wall time since the start.
    """

    phase: str
    step: int
    loss: float
    seconds: float
