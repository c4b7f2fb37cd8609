"""LIF neurons whose threshold and bias change from step to step: a BNTT worked into the neurons.

Behind y[t] = a[t]·x[t] + b[t] (``axbar.nn.bntt``, per channel) a LIF of decay β and threshold θ computes, for reset A,

    h[t] = β·v[t−1] + a[t]·x[t] + b[t];      s[t] = [h[t] ≥ θ];      v[t] = h[t] − θ·s[t].

Divide each step by a[t] > 0 and write u = h/a, w = v/a, θ[t] = θ/a[t], c[t] = b[t]/a[t]:

    u[t] = β·(a[t−1]/a[t])·w[t−1] + x[t] + c[t];     s[t] = [u[t] ≥ θ[t]];     w[t] = u[t] − θ[t]·s[t],

and a[t−1]/a[t] = θ[t]/θ[t−1]: potentials are counted in units of the threshold, which moves. So the input needs no
multiplication any more, but the leak becomes β·θ[t]/θ[t−1], which is no power of two even where β is, and may exceed 1.
The same holds for resets B (h − θs₋ becomes u − θ[t]s₋) and C (v = h(1 − s)), and with ≥ or >.

Exact: for a[t] > 0 at all steps, for any β, all resets. A threshold by step *alone*, with the leak left at β, is exact
only where β = 0 or a[t] is the same at all steps; then it is tdBN, and goes into the weights. A channel of a[t] < 0 at
all steps becomes one of a[t] > 0 when the signs of its weights are turned; one whose signs change has no such form.

Checked: float64 spikes equal those of BNTT and LIF on trained networks, no mismatch.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from axbar.errors import ModelError
from axbar.nn._recurrence import Reset, _Spike
from axbar.nn.neurons import IF, LIF, _sequence, drop_single_spikes
from axbar.nn.surrogate import Surrogate

__all__ = ["PerStepLIF", "PerStepState"]


class PerStepState(NamedTuple):
    """What a neuron carries: potential in units of the threshold of step ``t``, last spikes, and the next step."""

    v: Tensor
    spikes: Tensor
    t: int


class _Crossing(NamedTuple):
    """What the spike needs of a neuron when the threshold has been subtracted already."""

    surrogate: Surrogate
    strict: bool
    threshold: float = 0.0


class PerStepLIF(LIF):
    """LIF with a threshold and a bias per step and channel; axis 2 of ``[T, B, C, ...]`` are the channels.

    Buffers ``thresholds`` (θ at first) and ``biases`` (0), both ``[T, C]``, in the scale of the input.

    Args:
        features, steps: C and T.
        beta, threshold, reset, strict, surrogate, detach_reset, mask_single_spikes: as in ``LIF``, of the neuron
            that is rescaled.

    Raises:
        ModelError: a constant is out of range.

    >>> PerStepLIF(3, steps=4)(torch.rand(4, 2, 3)).shape
    torch.Size([4, 2, 3])
    """

    thresholds: Tensor
    biases: Tensor

    def __init__(
        self,
        features: int,
        steps: int,
        beta: float = 0.5,
        threshold: float = 1.0,
        reset: Reset = "subtract",
        strict: bool | None = None,
        surrogate: str | Surrogate = "atan",
        detach_reset: bool = True,
        mask_single_spikes: bool = False,
    ) -> None:
        super().__init__(
            beta, threshold, reset, 1.0, strict, surrogate, detach_reset, False, mask_single_spikes
        )
        self.register_buffer("thresholds", torch.full((steps, features), float(threshold)))
        self.register_buffer("biases", torch.zeros(steps, features))

    @staticmethod
    def can_replace(neuron: nn.Module) -> bool:
        """Whether ``like`` takes these neurons: LIF or IF, the constants of a layer equal for all."""
        return type(neuron) in (LIF, IF) and isinstance(neuron, LIF) and neuron.params.uniform

    @classmethod
    def like(cls, neuron: LIF, features: int, steps: int) -> PerStepLIF:
        """Return the same neurons with thresholds and biases to be set.

        Raises:
            ModelError: the neurons are no plain LIF or IF, or have constants of their own each.
        """
        if not cls.can_replace(neuron):
            raise ModelError(
                f"a {type(neuron).__name__} has no form with a threshold per step; that is for LIF and IF with one "
                "beta, threshold and input_scale for all neurons of a layer."
            )
        p = neuron.params
        assert isinstance(p.beta, float | int) and isinstance(p.threshold, float | int)
        return cls(
            features, steps, p.beta, p.threshold, p.reset, p.strict, p.surrogate, p.detach_reset,
            neuron.mask_single_spikes,
        )  # fmt: skip

    def take_in(self, scale: Tensor, shift: Tensor) -> None:
        """Set thresholds and biases so that ``x`` gives the spikes that ``scale·x + shift`` gave, in place.

        Args:
            scale: a ``[T, C]``, above 0.
            shift: b ``[T, C]``.

        Raises:
            ModelError: a scale is not above 0.
        """
        if not bool((scale > 0).all()):
            raise ModelError(
                f"{int((~(scale > 0)).sum())} of {scale.numel()} scales are not above 0 (least "
                f"{float(scale.min()):g}); a threshold per step needs all of them above 0."
            )
        theta: Any = self.threshold
        self.thresholds.copy_(theta / scale.double())
        self.biases.copy_(shift.double() / scale.double())

    def keep_steps(self, steps: int) -> None:
        """Forget thresholds and biases of later steps, in place."""
        self.thresholds, self.biases = self.thresholds[:steps], self.biases[:steps]

    def forward(self, x: Tensor) -> Tensor:
        """Return the spikes of ``x[T, B, C, ...]``.

        Raises:
            ModelError: the steps or channels of ``x`` are others.
        """
        x = _sequence(x)
        self._check(x.shape[0], x.shape[1:])
        state, spikes = None, list[Tensor]()
        for part in x.unbind(0):
            fired, state = self._advance(part, state)
            spikes.append(fired)
        found = torch.stack(spikes)
        return drop_single_spikes(found) if self.mask_single_spikes else found

    def step(  # pyright: ignore[reportIncompatibleMethodOverride]  # the state has one more field
        self, x: Tensor, state: PerStepState | None = None
    ) -> tuple[Tensor, PerStepState]:
        """Advance by one step ``x[B, C, ...]``; the state counts the steps."""
        self._need_no_mask()
        self._check(1 + (0 if state is None else state.t), x.shape, least=True)
        return self._advance(x, state)

    def _check(self, steps: int, shape: torch.Size, least: bool = False) -> None:
        total, features = self.thresholds.shape
        if (steps > total if least else steps != total) or len(shape) < 2 or shape[1] != features:
            raise ModelError(
                f"neurons with thresholds for {total} steps and {features} channels got step {steps} of shape "
                f"{tuple(shape)}; run the network on the steps that its norms were trained for."
            )

    def _advance(self, x: Tensor, state: PerStepState | None) -> tuple[Tensor, PerStepState]:
        t = 0 if state is None else state.t
        axes = (-1, *[1] * (x.ndim - 2))
        theta, bias = self.thresholds[t].view(axes), self.biases[t].view(axes)
        u = x + bias
        if state is not None:
            leak = self.beta * (theta / self.thresholds[t - 1].view(axes))
            u = state.v * leak + u
            if self.reset == "subtract_unleaked":
                u = u - self._gate(state.spikes) * theta
        # u − θ[t] has the sign that decides; × θ/θ[t] makes it h − θ, where the surrogate is defined
        above = (u - theta) * (self.threshold / theta)
        spikes: Any = _Spike.apply(above, _Crossing(self.surrogate, self.strict))
        gate = self._gate(spikes)
        v = u - gate * theta if self.reset == "subtract" else u * (1.0 - gate) if self.reset == "zero" else u
        return spikes, PerStepState(v, spikes, t + 1)

    def _gate(self, spikes: Tensor) -> Tensor:
        return spikes.detach() if self.detach_reset else spikes

    def extra_repr(self) -> str:
        """Show the sizes in ``print(model)``."""
        return f"{self.thresholds.shape[1]}, steps={len(self.thresholds)}, {super().extra_repr()}"
