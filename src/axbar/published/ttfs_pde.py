"""A partial differential equation with first spikes: the solution of Poisson's equation as a function of its place.

    -∇²u = 8 π² sin(2πx) sin(2πy) on the unit square, u = 0 at its border:    u = sin(2πx) sin(2πy).

Three layers of 64 neurons of constant slope read x and y as spike times and are fitted to u at random places; the error
is the relative L2 norm on a grid of 64 × 64, also with times in few bits. Supervised regression: what is asked is how
fine a function spike times can carry, not how the equation is solved.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from axbar.nn.models._options import seeded
from axbar.nn.ttfs import FirstSpike

__all__ = ["regression", "solution"]

_HIDDEN, _LAYERS, _BATCH, _LR = 64, 3, 1024, 3e-3
BITS = (4, 6, 8, 10)


def solution(places: Tensor) -> Tensor:
    """Return u at ``places[N, 2]`` in the unit square, ``[N, 1]``."""
    return (torch.sin(2 * math.pi * places[:, :1])) * torch.sin(2 * math.pi * places[:, 1:])


def regression(steps: int, seed: int = 0) -> dict[str, Any]:
    """Fit and return relative L2 errors: continuous times, and by bits of a time; and spikes per neuron."""
    with seeded(seed):
        sizes = [2, *[_HIDDEN] * _LAYERS]
        layers: list[nn.Module] = [FirstSpike(1.0)]
        for a, b in pairwise(sizes):
            layers += [nn.Linear(a, b), FirstSpike(16.0)]
        network = nn.Sequential(*layers, nn.Linear(_HIDDEN, 1))
        _fit(network, steps)
    axis = (torch.arange(64) + 0.5) / 64
    grid = torch.cartesian_prod(axis, axis)
    exact = solution(grid)
    neurons = [module for module in network if isinstance(module, FirstSpike)]
    with torch.no_grad():
        _fit_windows(network, grid)
        error, spikes = _error(network, grid, exact), _spikes(network, grid)
        by_bits: list[dict[str, float]] = []
        for bits in BITS:
            for neuron in neurons:
                neuron.bits = bits
            by_bits.append({"bits": bits, "error": _error(network, grid, exact)})
    return {"error": error, "spikes_per_neuron": spikes, "bits": by_bits}


def _fit(network: nn.Module, steps: int) -> None:
    optimizer = torch.optim.Adam(network.parameters(), lr=_LR)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        places = torch.rand(_BATCH, 2)
        loss = (network(places) - solution(places)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


def _fit_windows(network: nn.Sequential, places: Tensor) -> None:
    x = places
    for number, module in enumerate(network):
        if isinstance(module, FirstSpike) and number:
            module.window.fill_(float(x.max()))
        x = module(x)


def _error(network: nn.Module, grid: Tensor, exact: Tensor) -> float:
    return float((network(grid) - exact).norm() / exact.norm())


def _spikes(network: nn.Sequential, grid: Tensor) -> float:
    x, fired, neurons = grid, 0.0, 0
    for number, module in enumerate(network):
        x = module(x)
        if isinstance(module, FirstSpike) and number:
            fired, neurons = fired + float((x > 0).sum()), neurons + x.numel()
    return fired / neurons
