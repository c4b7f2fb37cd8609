"""Thresholds and initial charges of converted neurons.

    threshold       V = argmin E (a - q_V(a))² over V in {1.00, 0.99, ... 0.06} max|a|,
                    q_V(a) = (V/T) clip(round(a T/V), -T, T)
    initial charge  v₀ = T (E a - E s/T), mean over samples, kept per neuron

with a the activation of the reference and s what the neurons send in T steps. Li et al., "A free lunch from ANN", ICML
2021, search with the floor although their neurons round; here q rounds as the neurons do: to the nearest for θ = 1/2,
towards zero for θ = 1. A single threshold for all neurons of a layer wastes steps where they differ; per neuron (of
maps, per channel) each has its own.
"""

from __future__ import annotations

from typing import Literal, Protocol, get_args, runtime_checkable

import torch
from torch import Tensor, nn

from axbar.calibration._engine import Step, Unit
from axbar.errors import UsageError, unknown_name

__all__ = ["InitialCharge", "SendingNeurons", "Thresholds", "best_thresholds"]

Per = Literal["layer", "neuron"]
Method = Literal["mse", "max"]
_SHARES = tuple(share / 100 for share in range(100, 5, -1))
_MOST_VALUES = 2**18  # of a layer, for the search


@runtime_checkable
class SendingNeurons(Protocol):
    """Neurons that send an activation in spikes of ``threshold``."""

    threshold: Tensor
    start: Tensor
    theta: float

    def set_threshold(self, threshold: Tensor) -> None:
        """Set V, one value or one per neuron."""
        ...


class Thresholds(Step):
    """Fit V of each layer, or each neuron, to the activations of the reference.

    Args:
        per: ``neuron`` (of maps, a channel) or ``layer``.
        method: ``mse`` searches the least error; ``max`` takes the largest activation, which clips nothing.
    """

    name = "thresholds"

    def __init__(self, per: Per = "neuron", method: Method = "mse") -> None:
        if per not in get_args(Per):
            raise UsageError(unknown_name("extent of a threshold", per, get_args(Per)))
        if method not in get_args(Method):
            raise UsageError(unknown_name("threshold method", method, get_args(Method)))
        self._per, self._method = per, method

    def takes(self, module: nn.Module) -> bool:
        """Return whether these are converted neurons."""
        return isinstance(module, SendingNeurons)

    def fit(self, unit: Unit) -> float:
        """Set V; return the relative RMS error that T steps leave of the activations."""
        neurons, steps = unit.module, len(unit.x)
        assert isinstance(neurons, SendingNeurons)
        values = unit.wanted.movedim(1, 0).flatten(1) if self._per == "neuron" else unit.wanted.reshape(1, -1)
        values = values[:, :: 1 + values.numel() // _MOST_VALUES].double()
        found = (
            best_thresholds(values, steps, neurons.theta)
            if self._method == "mse"
            else _above_zero(values.abs().amax(1), values)
        )
        error = (values - _kept(values, found[:, None], steps, neurons.theta)).square().mean().sqrt()
        shape = (-1, *[1] * (unit.wanted.ndim - 2)) if self._per == "neuron" else ()
        neurons.set_threshold(found.view(shape))
        return float(error / values.square().mean().sqrt().clamp(min=torch.finfo(torch.float64).tiny))


class InitialCharge(Step):
    """Start each neuron with the charge that it lacks after T steps, mean over samples."""

    name = "initial-charge"

    def takes(self, module: nn.Module) -> bool:
        """Return whether these are converted neurons."""
        return isinstance(module, SendingNeurons)

    def fit(self, unit: Unit) -> float:
        """Set v₀; return the RMS of it in thresholds."""
        neurons = unit.module
        assert isinstance(neurons, SendingNeurons)
        neurons.start = torch.zeros_like(neurons.start)
        lacking = (unit.wanted - unit.module.forward(unit.x).mean(0)).mean(0)
        neurons.start = (lacking * len(unit.x)).to(neurons.threshold.dtype)
        return float((neurons.start / neurons.threshold).square().mean().sqrt())


def best_thresholds(values: Tensor, steps: int, theta: float = 0.5) -> Tensor:
    """Return the threshold of least squared error for each row of activations ``values[N, M]``: ``[N]``.

    >>> best_thresholds(torch.tensor([[0.5, 1.0, 1.5, 2.0]]), steps=4)
    tensor([2.])
    """
    largest = _above_zero(values.abs().amax(1), values)
    least = torch.full_like(largest, torch.inf)
    best = largest.clone()
    for share in _SHARES:  # ties go to the larger one, which clips less
        tried = share * largest
        error = (values - _kept(values, tried[:, None], steps, theta)).square().mean(1)
        best = torch.where(error < least, tried, best)
        least = torch.minimum(error, least)
    return best


def _kept(values: Tensor, threshold: Tensor, steps: int, theta: float) -> Tensor:
    """Return what T steps of neurons with a threshold keep of constant activations."""
    counts = values.abs() * steps / threshold
    whole = (counts + (1 - theta)).floor().clamp(max=steps)
    return values.sign() * whole * threshold / steps


def _above_zero(largest: Tensor, values: Tensor) -> Tensor:
    """Give neurons that were never driven the threshold of the largest, or 1."""
    fallback = values.abs().max()
    return torch.where(largest > 0, largest, torch.where(fallback > 0, fallback, torch.ones_like(fallback)))
