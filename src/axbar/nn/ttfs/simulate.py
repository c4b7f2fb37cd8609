"""First spikes step by step: both kinds of neurons integrated over time, against which their closed forms are checked.

Slow and plain: potentials are stepped from one time to the next, and a spike is where one first reaches its threshold.
"""

from __future__ import annotations

import torch
from torch import Tensor

from axbar.errors import ModelError

__all__ = ["simulate_exact", "simulate_slope"]


def simulate_exact(times: Tensor, weight: Tensor, window: float, dt: float = 1e-3) -> Tensor:
    """Return first-spike times ``[B, O]`` of dV_j/dt = Σ_{i: t_i < t} w_ji e^{-(t - t_i)}, V(0) = 0, threshold 1.

    Each step takes the exact integral over it, so times are late by less than ``dt``.

    Args:
        times: ``[B, F]``, 0 or later, infinite where silent.
        weight: ``[O, F]``.
        window: t at which to stop.
        dt: step.

    Raises:
        ModelError: a step that is not positive.
    """
    steps = _steps(window, dt)
    fired = torch.full((times.shape[0], weight.shape[0]), torch.inf, dtype=times.dtype)
    for k in range(1, steps + 1):
        t = k * dt
        kernel = torch.where(times < t, 1 - torch.exp(-(t - times)), 0.0)
        above = kernel @ weight.T >= 1
        fired = torch.where(above & fired.isinf(), torch.full_like(fired, t), fired)
    return fired


def simulate_slope(
    times: Tensor, weight: Tensor, bias: Tensor, end: float, window: float, dt: float = 1e-3
) -> Tensor:
    """Return first-spike times ``[B, O]`` of neurons of constant slope.

    Args:
        times: ``[B, F]`` in the window that ends at ``end``, infinite where silent.
        weight, bias: ``[O, F]``, ``[O]``.
        end: of the inputs' window; the neurons' own is the ``window`` after it.
        window: W.
        dt: step; times are late by less.

    Raises:
        ModelError: a step that is not positive.
    """
    arriving = _steps(end, dt)
    potential = torch.zeros(times.shape[0], weight.shape[0], dtype=times.dtype)
    for k in range(arriving):
        potential += (times <= k * dt).to(times.dtype) @ weight.T * dt
    fired = torch.full_like(potential, torch.inf)
    for k in range(_steps(window, dt)):
        above = potential + k * dt >= window - bias
        fired = torch.where(above & fired.isinf(), torch.full_like(fired, end + k * dt), fired)
    return fired


def _steps(window: float, dt: float) -> int:
    if not dt > 0:
        raise ModelError(f"a time step of {dt} leads nowhere; give a number above 0.")
    return round(window / dt)
