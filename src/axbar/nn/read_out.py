"""Read-outs: how logits over time ``[T, B, K]`` become one answer.

**Mean over time**: f = (1/T) sum_t o[t].

**Early exit** (DT-SNN: Li, Moitra, Geller and Panda, DAC 2023): after each step the answer so far is weighed, and the
sample leaves as soon as it is sure,

    f_t = (1/t) sum_{i<=t} o[i],    p = softmax(f_t),    E_t = - sum_k p_k ln p_k / ln K   (0..1)

    t_exit = min { t : E_t < threshold },  T where there is none;   scores f_{t_exit}.

With threshold 0 no sample leaves early; the mean of t_exit never rises with the threshold. Steps are computed in order,
so a sample that left at t saw exactly the first t steps of what it would have seen without the exit.

A network carries its read-out as the attribute ``read_out`` (mean over time where there is none). Converted networks
keep it; a trace turns it into the ``exit_step`` of its samples, by which every hardware model charges.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from axbar.errors import ModelError

__all__ = ["EarlyExit", "ExitingReadOut", "MeanOverTime", "ReadOut", "entropy_so_far", "read_out_of"]


class ReadOut(Protocol):
    """Turns logits over time ``[T, B, K]`` into scores ``[B, K]``; the largest is the answer."""

    def __call__(self, logits: Tensor) -> Tensor: ...


@runtime_checkable
class ExitingReadOut(Protocol):
    """A read-out that does not need all steps of every sample."""

    def exit_step(self, logits: Tensor) -> Tensor:
        """Return the steps ``[B]`` that each sample runs, 1..T."""
        ...

    def __call__(self, logits: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class MeanOverTime:
    """Mean of the logits over all steps."""

    def __call__(self, logits: Tensor) -> Tensor:
        """Return ``[B, K]`` of ``[T, B, K]``."""
        return logits.mean(0)


@dataclass(frozen=True)
class EarlyExit:
    """Leave once the entropy of the answer so far is below ``threshold``, a share of ln K.

    Args:
        threshold: 0 (never) to 1 (at the first step, unless the answer is even).

    Raises:
        ModelError: the threshold is out of range.

    >>> sure, unsure = [9.0, 0.0], [0.1, 0.0]
    >>> EarlyExit(0.5).exit_step(torch.tensor([[sure, unsure], [sure, unsure]])).tolist()
    [1, 2]
    """

    threshold: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.threshold <= 1.0:
            raise ModelError(
                f"early exit at entropy {self.threshold} is out of range; give 0 (never) to 1 (at the first step)."
            )

    def exit_step(self, logits: Tensor) -> Tensor:
        """Return the steps ``[B]`` after which each sample leaves, 1..T, of logits ``[T, B, K]``.

        Raises:
            ModelError: there are fewer than two classes.
        """
        sure = entropy_so_far(logits) < self.threshold
        sure[-1] = True
        return sure.to(torch.int8).argmax(0) + 1

    def __call__(self, logits: Tensor) -> Tensor:
        """Return the scores ``[B, K]`` with which each sample leaves."""
        at = self.exit_step(logits) - 1
        return _mean_so_far(logits)[at, torch.arange(logits.shape[1], device=logits.device)]


def read_out_of(model: nn.Module) -> ReadOut:
    """Return the read-out that a network carries; the mean over time if it carries none."""
    found: Any = getattr(model, "read_out", None)
    return MeanOverTime() if found is None else found


def entropy_so_far(logits: Tensor) -> Tensor:
    """Return the entropy of the answer after 1..T steps as a share of ln K, ``[T, B]`` of ``[T, B, K]``.

    Raises:
        ModelError: there are fewer than two classes.
    """
    if logits.shape[-1] < 2:
        raise ModelError(
            f"early exit weighs classes against each other; the network has {logits.shape[-1]} output."
        )
    log_p = torch.log_softmax(_mean_so_far(logits.float()), dim=-1)
    return -(log_p.exp() * log_p).sum(-1) / math.log(logits.shape[-1])


def _mean_so_far(logits: Tensor) -> Tensor:
    counts = torch.arange(1, len(logits) + 1, device=logits.device, dtype=logits.dtype)
    so_far = logits.cumsum(0) / counts[:, None, None]
    so_far[-1] = logits.mean(0)  # the sum in another order would not be that of MeanOverTime to the last bit
    return so_far
