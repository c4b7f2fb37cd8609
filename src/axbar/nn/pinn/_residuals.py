"""Residuals of the differential equations, each in the shape of the field's points; ``exact`` gives the equations."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from axbar.nn.pinn import exact
from axbar.nn.pinn.fields import Field

__all__ = ["beltrami", "burgers", "diffusion_reaction", "poisson", "wave"]


def poisson(f: Field) -> list[Tensor]:
    """Return Δu + 2π² sin πx sin πy."""
    u, x, y = f[0], f.x(0), f.x(1)
    source = 2 * math.pi**2 * torch.sin(math.pi * x) * torch.sin(math.pi * y)
    return [u.dd(0, 0) + u.dd(1, 1) + source]


def diffusion_reaction(f: Field) -> list[Tensor]:
    """Return u_t - u_xx less the source."""
    u, x, t = f[0], f.x(0), f.x(1)
    # mode k of the solution, e^-t sin kx, needs a source of k² - 1 times itself
    waves = [a * (k**2 - 1) * torch.sin(k * x) for k, a in exact.MODES.items()]
    return [u.d(1) - u.dd(0, 0) - torch.exp(-t) * torch.stack(waves).sum(0)]


def wave(f: Field) -> list[Tensor]:
    """Return u_tt - 100 u_xx."""
    u = f[0]
    return [u.dd(1, 1) - 100 * u.dd(0, 0)]


def burgers(f: Field) -> list[Tensor]:
    """Return u_t + u u_x - ν u_xx."""
    u = f[0]
    return [u.d(1) + u.value * u.d(0) - exact.NU_BURGERS * u.dd(0, 0)]


def beltrami(f: Field) -> list[Tensor]:
    """Return momentum along x, y and z at Re = 1, and continuity."""
    velocity, p = [f[k] for k in range(3)], f[3]
    residuals = []
    for i, w in enumerate(velocity):
        carried = torch.stack([velocity[j].value * w.d(j) for j in range(3)]).sum(0)
        spread = w.dd(0, 0) + w.dd(1, 1) + w.dd(2, 2)
        residuals.append(w.d(3) + carried + p.d(i) - spread)
    return [*residuals, torch.stack([velocity[i].d(i) for i in range(3)]).sum(0)]
