"""Neurons whose spikes add up to an activation: what a conventional network is converted to.

Over T steps a neuron of activation f is to send C = T f(I) of a constant input I, in spikes of the value V (its
threshold) that are positive, negative or none. With I[t] the current of step t and Ī[t] the mean of the first t:

    charge          C[t] = t f(Ī[t])                 the current is averaged before f
    accumulate      C[t] = Σ_{τ≤t} f(Ī[τ])           the same, but early wrong estimates are never forgotten
    instantaneous   C[t] = Σ_{τ≤t} f(I[τ])           no average: E[f(I)] ≠ f(E[I]) leaves an error that no T removes
    if              C[t] = Σ_{τ≤t} I[τ], no negative spikes; of a ReLU only

    e[t] = C[t] + v₀ - V Σ_{τ<t} s[τ],    s[t] = +1 where e ≥ θV, -1 where e ≤ -θV, else 0

For θ = 1/2 the error that stays, |e| ≤ V/2, is centred; for θ = 1 it is biased towards zero. ``if`` with θ = 1/2 is the
integrate-and-fire neuron whose membrane starts at V/2: for constant input it sends clip(⌊I T/V + 1/2⌋, 0, T) spikes (Li
et al., "A free lunch from ANN", ICML 2021). Charge tracking for any f after "Artificial to spiking neural networks
conversion for scientific machine learning", arXiv 2308.16372, whose own neuron is not known openly.
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from axbar.errors import ModelError, unknown_name

__all__ = ["Converted", "Rule", "sent"]

Rule = Literal["charge", "accumulate", "instantaneous", "if"]


class Converted(nn.Module):
    """Spiking neurons in place of an activation, element by element: ``x[T, ...]`` in, spikes of ±V out.

    Args:
        activation: f, element-wise.
        rule: how the charge follows the current, as above.
        theta: share of the threshold at which a neuron fires, above 0 and at most 1.
        threshold: V, above 0; one value, or a tensor that fits behind the time and batch axes.

    Attributes:
        start: v₀, in the unit of the charge; 0 at first.

    Raises:
        ModelError: an unknown rule, ``if`` of another activation than ReLU, θ or V out of range.

    >>> half = torch.full((4, 1), 0.5)
    >>> Converted(nn.ReLU(), "if", threshold=1.0)(half).flatten()
    tensor([1., 0., 1., 0.])
    >>> Converted(nn.Tanh())(-half).sum(0) / 4
    tensor([-0.5000])
    """

    is_neuron: ClassVar[bool] = True
    #: a current is added up and never leaks; what was sent is taken off
    beta: ClassVar[float] = 1.0
    reset: ClassVar[str] = "subtract"
    threshold: Tensor
    start: Tensor

    def __init__(
        self,
        activation: nn.Module,
        rule: Rule = "charge",
        theta: float = 0.5,
        threshold: float | Tensor = 1.0,
    ) -> None:
        super().__init__()
        if rule not in get_args(Rule):
            raise ModelError(unknown_name("rule of converted neurons", rule, get_args(Rule)))
        if rule == "if" and not isinstance(activation, nn.ReLU):
            raise ModelError(
                f"rule 'if' is that of a ReLU, not of {type(activation).__name__}; take rule = 'charge'."
            )
        if not (math.isfinite(theta) and 0 < theta <= 1):
            raise ModelError(
                f"theta = {theta} is no share of a threshold; give a number above 0 and at most 1."
            )
        self.activation, self.rule, self.theta = activation, rule, theta
        self.register_buffer("threshold", torch.as_tensor(threshold, dtype=torch.get_default_dtype()).clone())
        self.register_buffer("start", torch.zeros(()))
        self.set_threshold(self.threshold)

    def set_threshold(self, threshold: Tensor) -> None:
        """Set V from now on.

        Raises:
            ModelError: a threshold is not above 0.
        """
        if not bool((threshold.isfinite() & (threshold > 0)).all()):
            least = float(threshold.min())
            raise ModelError(
                f"a threshold of {least:g} is out of range; give finite numbers above 0, or calibrate on inputs that "
                "drive every layer."
            )
        self.threshold = threshold.to(self.threshold)

    def forward(self, x: Tensor) -> Tensor:
        """Return spikes ``[T, ...]``, each -V, 0 or V, of currents ``x[T, ...]``."""
        charge = self.charge(x) + self.start.to(x.dtype)
        return sent(charge, self.threshold.to(x.dtype), self.theta, signed=self.rule != "if")

    def charge(self, x: Tensor) -> Tensor:
        """Return C[t] ``[T, ...]``, what should have been sent until each step."""
        if self.rule == "if":
            return x.cumsum(0)
        if self.rule == "instantaneous":
            return self.activation(x).cumsum(0)
        steps = torch.arange(1, len(x) + 1, dtype=x.dtype, device=x.device).view(-1, *[1] * (x.ndim - 1))
        wanted = self.activation(x.cumsum(0) / steps)
        return wanted * steps if self.rule == "charge" else wanted.cumsum(0)

    def extra_repr(self) -> str:
        """Show the constants in ``print(model)``."""
        low, high = float(self.threshold.min()), float(self.threshold.max())
        span = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        return f"rule={self.rule}, theta={self.theta:g}, threshold={span}"


def sent(charge: Tensor, threshold: Tensor, theta: float, signed: bool = True) -> Tensor:
    """Return the spikes ``[T, ...]`` (-V, 0 or V) that follow ``charge[T, ...]``, one a step at most.

    >>> sent(torch.tensor([0.4, 0.8, 1.2, 1.6]), torch.tensor(1.0), 0.5)
    tensor([0., 1., 0., 1.])
    """
    spikes = torch.empty_like(charge)
    fire = theta * threshold
    so_far = torch.zeros_like(charge[0])
    for now, out in zip(charge, spikes, strict=True):
        error = now - so_far
        count = (error >= fire).to(charge.dtype)
        if signed:
            count -= (error <= -fire).to(charge.dtype)
        torch.mul(count, threshold, out=out)
        so_far += out
    return spikes
