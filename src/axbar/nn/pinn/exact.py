"""Exact solutions of the problems, as functions of points ``x[N, D]`` in any float type; time is the last coordinate.

    poisson             u = sin πx sin πy on [-1, 1]²
    diffusion-reaction  u = e^-t (sin x + ½ sin 2x + ⅓ sin 3x + ¼ sin 4x + ⅛ sin 8x) on [-π, π] × [0, 1]
    wave                u = sin πx cos 10πt + sin 2πx cos 20πt on [0, 1]²
    burgers             by Cole-Hopf, as below, on [-1, 1] × [0, 0.99], ν = 0.01/π
    beltrami            Navier-Stokes in three dimensions and time (Ethier and Steinman, 1994), Re = 1
    vortex              forced decaying vortex in velocity and vorticity, [0, 2π]³ × [0, 5], ν = 0.05

Burgers: u = -∫ sin π(x-y) F(x-y) e^(-y²/4νt) dy / ∫ F(x-y) e^(-y²/4νt) dy with F(y) = exp(-cos πy / 2πν), by 100
Gauss-Hermite nodes (3e-12 against a published table; 50 nodes leave 1e-8).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
import torch
from torch import Tensor

__all__ = [
    "EXACT",
    "NU_BURGERS",
    "NU_VORTEX",
    "beltrami",
    "burgers",
    "diffusion_reaction",
    "poisson",
    "vortex_force",
    "vortex_velocity",
    "vortex_vorticity",
    "wave",
]

NU_BURGERS: Final = 0.01 / math.pi
NU_VORTEX: Final = 0.05
_NODES: Final = 100
#: wave number -> amplitude of the diffusion-reaction problem
MODES: Final = {1: 1.0, 2: 1 / 2, 3: 1 / 3, 4: 1 / 4, 8: 1 / 8}


def poisson(x: Tensor) -> Tensor:
    """Return u ``[N, 1]`` at ``x[N, 2]``."""
    return torch.sin(math.pi * x[:, :1]) * torch.sin(math.pi * x[:, 1:])


def diffusion_reaction(x: Tensor) -> Tensor:
    """Return u ``[N, 1]`` at ``(x, t)[N, 2]``."""
    place, time = x[:, :1], x[:, 1:]
    return torch.exp(-time) * sum(a * torch.sin(k * place) for k, a in MODES.items())


def wave(x: Tensor) -> Tensor:
    """Return u ``[N, 1]`` at ``(x, t)[N, 2]``."""
    place, time = math.pi * x[:, :1], 10 * math.pi * x[:, 1:]
    return torch.sin(place) * torch.cos(time) + torch.sin(2 * place) * torch.cos(2 * time)


def burgers(x: Tensor) -> Tensor:
    """Return u ``[N, 1]`` at ``(x, t)[N, 2]``; differentiable."""
    nodes, weights = np.polynomial.hermite.hermgauss(_NODES)
    z, w = x.new_tensor(nodes), x.new_tensor(weights)
    place, time = x[:, :1], x[:, 1:].clamp(min=0)
    at = place - torch.sqrt(4 * NU_BURGERS * time + torch.finfo(x.dtype).tiny) * z
    log = -torch.cos(math.pi * at) / (2 * math.pi * NU_BURGERS)
    share = w * torch.exp(log - log.amax(1, keepdim=True))
    u = -(torch.sin(math.pi * at) * share).sum(1, keepdim=True) / share.sum(1, keepdim=True)
    return torch.where(time > 0, u, -torch.sin(math.pi * place))


def beltrami(x: Tensor, nu: float = 1.0, a: float = 1.0, d: float = 1.0) -> Tensor:
    """Return (u, v, w, p) ``[N, 4]`` at ``(x, y, z, t)[N, 4]``; the pressure decays twice as fast as the velocity."""
    px, py, pz, time = x.split(1, 1)
    decay = torch.exp(-nu * d * d * time)
    velocity = [
        -a
        * (torch.exp(a * p) * torch.sin(a * q + d * r) + torch.exp(a * r) * torch.cos(a * p + d * q))
        * decay
        for p, q, r in ((px, py, pz), (py, pz, px), (pz, px, py))
    ]
    squares = torch.exp(2 * a * px) + torch.exp(2 * a * py) + torch.exp(2 * a * pz)
    products = sum(
        2 * torch.sin(a * p + d * q) * torch.cos(a * r + d * p) * torch.exp(a * (q + r))
        for p, q, r in ((px, py, pz), (py, pz, px), (pz, px, py))
    )
    return torch.cat([*velocity, -0.5 * a * a * (squares + products) * decay**2], 1)


def vortex_velocity(x: Tensor) -> Tensor:
    """Return the velocity ``[N, 3]`` at ``(x, y, z, t)[N, 4]``."""
    (sx, sy, sz), (cx, cy, cz), decay = _vortex(x)
    return torch.cat([2 * cx * sy * sz, -sx * cy * sz, -2 * sx * sy * cz], 1) * decay


def vortex_vorticity(x: Tensor) -> Tensor:
    """Return the curl of the velocity ``[N, 3]``."""
    (sx, sy, sz), (cx, cy, cz), decay = _vortex(x)
    return torch.cat([-3 * sx * cy * cz, 6 * cx * sy * cz, -6 * cx * cy * sz], 1) * decay


def vortex_force(x: Tensor) -> Tensor:
    """Return the force f ``[N, 3]`` of w_t + (u·∇)w - (w·∇)u - ν∇²w = f."""
    px, py, pz, _ = x.split(1, 1)
    decay = _vortex(x)[2] ** 2
    s4x, s4y, s2z = torch.sin(4 * px), torch.sin(4 * py), torch.sin(2 * pz)
    return torch.cat([-6 * s4y * s2z, -6 * s4x * s2z, 6 * s4x * s4y], 1) * decay


def _vortex(x: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...], Tensor]:
    """Return sines and cosines of 2x, 2y, z, and the decay."""
    angles = [factor * p for factor, p in zip((2, 2, 1), x[:, :3].split(1, 1), strict=True)]
    return (
        tuple(torch.sin(p) for p in angles),
        tuple(torch.cos(p) for p in angles),
        torch.exp(-9 * NU_VORTEX * x[:, 3:]),
    )


#: problem -> its solution
EXACT: Final[dict[str, Callable[[Tensor], Tensor]]] = {
    "poisson": poisson,
    "diffusion-reaction": diffusion_reaction,
    "wave": wave,
    "burgers": burgers,
    "beltrami": beltrami,
}
