"""A recurrent network of adaptive neurons for spoken digits (Spiking Heidelberg Digits), 700-128-128-20.

    axbar trace examples/networks/srnn_shd.py:srnn --weights DATA/weights/srnn_shd_90.7.npz \\
        --data examples/networks/srnn_shd.py:bursts --out srnn.npz
    axbar estimate srnn.npz

B. Yin, F. Corradi, S. M. Bohté, "Accurate and efficient time-domain classification with adaptive spiking recurrent
neural networks", Nature Machine Intelligence 3, 2021. With input current x, spikes s, potential u and adaptation η of
each neuron:

    η[t] = ρ η[t−1] + (1 − ρ) s[t−1],         ρ = exp(−Δt / τ_adp)
    θ[t] = b + β η[t],                        b = 0.01, β = 1.8
    u[t] = α u[t−1] + (1 − α) x[t] − θ[t] s[t−1],   α = exp(−Δt / τ_m)
    s[t] = 1 if u[t] > θ[t]

Both layers also see their own spikes of the step before. The read-out integrates, o[t] = α_o o[t−1] + (1 − α_o) x[t],
and sums its softmax over the steps after the eleventh. Each neuron has its own time constants, in units of Δt = 4 ms.

Readings, not told by the equations and as in the program that trained these weights: the threshold that is taken off is
the new one, u > θ is strict, β = 1.8, η starts at b, the read-out leaves out eleven steps. Not as there: potentials
start at 0 and not at random, so that two runs agree. A recording of the data set lasts 250 steps; at most 64 are
traced, as many as a ``Workload`` holds. A chip is charged for one potential per neuron, not for the adaptation.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

BASELINE, ADAPTATION = 0.01, 1.8
#: steps at the start that the read-out leaves out
SETTLE = 11


class AdaptiveState(NamedTuple):
    """Potential, spikes and adaptation of one step, ``[B, N]``."""

    potential: Tensor
    spikes: Tensor
    adaptation: Tensor


class AdaptiveLIF(nn.Module):
    """Neurons whose threshold rises with each spike.

    Args:
        tau_m, tau_adp: time constants ``[N]`` in steps; the network's own parameters, under whose names the file has
            them.
    """

    is_neuron: ClassVar[bool] = True
    per_neuron: ClassVar[bool] = True
    reset: ClassVar[str] = "subtract_unleaked"  # one step later and after the leak
    strict: ClassVar[bool] = True
    threshold: ClassVar[float] = BASELINE

    def __init__(self, tau_m: Tensor, tau_adp: Tensor) -> None:
        super().__init__()
        self._constants = (tau_m, tau_adp)  # in a tuple, which does not register them a second time

    @property
    def beta(self) -> Tensor:
        """Decay of the potential per step, ``[N]``."""
        return torch.exp(-1 / self._constants[0])

    @property
    def input_scale(self) -> Tensor:
        """Factor on the input, ``[N]``."""
        return 1 - self.beta

    def step(self, x: Tensor, state: AdaptiveState | None = None) -> tuple[Tensor, AdaptiveState]:
        """Advance by one step ``x[B, N]``, from rest without a state; return spikes and state."""
        if state is None:
            rest = torch.zeros_like(x)
            state = AdaptiveState(rest, rest, torch.full_like(x, BASELINE))
        rho = torch.exp(-1 / self._constants[1])
        adaptation = rho * state.adaptation + (1 - rho) * state.spikes
        theta = BASELINE + ADAPTATION * adaptation
        potential = self.beta * state.potential + self.input_scale * x - theta * state.spikes
        spikes = (potential > theta).to(x.dtype)
        return spikes, AdaptiveState(potential, spikes, adaptation)

    def forward(self, x: Tensor) -> Tensor:
        """Return the spikes of a sequence ``x[T, B, N]``."""
        spikes, state = [], None
        for current in x:
            fired, state = self.step(current, state)
            spikes.append(fired)
        return torch.stack(spikes)


class SRNN(nn.Module):
    """Spikes ``[B, T, 1, 1, 700]`` to class scores ``[T, B, 20]``."""

    classes = 20

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps, self.input_shape = steps, (steps, 1, 1, 700)
        self.i_2_h1, self.h1_2_h1 = nn.Linear(700, 128), nn.Linear(128, 128)
        self.h1_2_h2, self.h2_2_h2 = nn.Linear(128, 128), nn.Linear(128, 128)
        self.h2o = nn.Linear(128, 20)
        for name, size in (("h1", 128), ("h2", 128), ("o", 20)):
            self.register_parameter(f"tau_m_{name}", nn.Parameter(torch.full((size,), 20.0)))
            self.register_parameter(f"tau_adp_{name}", nn.Parameter(torch.full((size,), 150.0)))
        # what the last batch of the training left of its adaptation: in the file, without use
        self.register_buffer("b_h1", torch.zeros(24, 128))
        self.register_buffer("b_h2", torch.zeros(24, 128))
        self.neurons1 = AdaptiveLIF(self.get_parameter("tau_m_h1"), self.get_parameter("tau_adp_h1"))
        self.neurons2 = AdaptiveLIF(self.get_parameter("tau_m_h2"), self.get_parameter("tau_adp_h2"))

    def forward(self, x: Tensor) -> Tensor:
        spikes_in = x.transpose(0, 1).flatten(2)
        fired1 = fired2 = spikes_in.new_zeros(x.shape[0], 128)
        state1 = state2 = None
        fired_last = []
        for spikes in spikes_in:
            fired1, state1 = self.neurons1.step(self.i_2_h1(spikes) + self.h1_2_h1(fired1), state1)
            fired2, state2 = self.neurons2.step(self.h1_2_h2(fired1) + self.h2_2_h2(fired2), state2)
            fired_last.append(fired2)
        return self._read_out(torch.stack(fired_last))

    def _read_out(self, spikes: Tensor) -> Tensor:
        """Return the scores ``[T, B, 20]`` of ``spikes[T, B, 128]``."""
        decay = torch.exp(-1 / self.get_parameter("tau_m_o"))
        charges = (1 - decay) * self.h2o(spikes)
        potential, potentials = torch.zeros_like(charges[0]), []
        for charge in charges:
            potential = decay * potential + charge
            potentials.append(potential)
        counts = (torch.arange(len(potentials)) >= SETTLE).to(spikes.dtype)
        return torch.softmax(torch.stack(potentials), -1) * counts.to(spikes.device)[:, None, None]


def srnn(input_shape: tuple[int, ...] = (64, 1, 1, 700)) -> SRNN:
    """Return the network for ``input_shape[0]`` steps."""
    return SRNN(input_shape[0])


def bursts(
    steps: int = 64, samples: int = 40, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return made-up recordings ``[samples, steps, 1, 1, 700]`` and labels.

    Each class has three bands of channels that fire in turn over a quiet background, about as dense as a cochlea's
    response to speech, 3 % of all channels and steps; labels that a network trained on speech can't know.
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(samples) % 20
    bands = rng.integers(0, 650, (20, 3))
    onset = rng.integers(0, steps // 2, (20, 3))
    rate = np.full((samples, steps, 700), 0.01)
    for sample, label in enumerate(labels):
        for band, begin in zip(bands[label], onset[label], strict=True):
            rate[sample, begin : begin + steps // 3, band : band + 50] = 0.3
    spikes = rng.random(rate.shape) < rate
    return spikes.reshape(samples, steps, 1, 1, 700).astype(np.float32), labels.astype(np.int64)
