"""Waves on a square membrane, stepped in time: u_tt = c² ∇²u with u = 0 at the border.

Leap-frog in time, five points in space (Courant, Friedrichs and Lewy, Math. Ann. 100:32, 1928), with λ = c Δt / Δx:

    u⁺ = 2 u - u⁻ + λ² (u_N + u_S + u_E + u_W - 4 u),        stable for λ <= 1 / √2.

A source is a bump u⁰ = exp(-r² / 2σ²) at rest: the first step is u¹ = u⁰ + ½ λ² ∇²u⁰ (second order in Δt) or u¹ = u⁰,
as if it had stood there before (first order).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from axbar.errors import UsageError

__all__ = ["LAMBDA_MAX", "Progress", "smooth_noise", "waves"]

Array = NDArray[np.float32]
#: called with samples done and in all
Progress = Callable[[int, int], None]

LAMBDA_MAX = 1 / math.sqrt(2)
_BLOCK = 64  # samples stepped side by side: their fields stay in the cache


def waves(
    at: NDArray[np.float64], lam: Array | float, steps: int, *, size: int = 64, width: float = 2.0,
    receivers: NDArray[np.int64] | None = None, start: Literal["first", "second"] = "second",
    progress: Progress | None = None,
) -> Array:  # fmt: skip
    """Step fields of single sources.

    Args:
        at: ``[B, 2]`` rows and columns of the sources, in cells.
        lam: λ, a number or ``[B, size, size]`` where the medium differs from place to place.
        steps: time steps.
        size: cells of each side.
        width: σ of the source, in cells.
        receivers: ``[R, 2]`` whole rows and columns that are listened at.
        start: order of the first step.

    Returns:
        displacements at the receivers ``[B, R, steps]``; without receivers the last field ``[B, size, size]``.

    Raises:
        UsageError: λ is not in (0, 1 / √2], or there is no step.
    """
    low, high = float(np.min(lam)), float(np.max(lam))
    if not 0 < low <= high <= LAMBDA_MAX:
        raise UsageError(
            f"λ from {low:g} to {high:g} is unstable or no speed; keep it in (0, {LAMBDA_MAX:.4f}]."
        )
    if steps < 1:
        raise UsageError(f"{steps} time steps make no wave; give at least 1.")
    medium = np.broadcast_to(np.asarray(lam, np.float32), (len(at), size, size))
    parts: list[Array] = []
    for first in range(0, len(at), _BLOCK):
        block = slice(first, first + _BLOCK)
        parts.append(_stepped(at[block], medium[block], steps, width, receivers, start))
        if progress is not None:
            progress(min(first + _BLOCK, len(at)), len(at))
    return np.concatenate(parts)


def _stepped(
    at: NDArray[np.float64],
    lam: Array,
    steps: int,
    width: float,
    receivers: NDArray[np.int64] | None,
    start: str,
) -> Array:
    inner = (slice(None), slice(1, -1), slice(1, -1))
    before, square = _bumps(at, lam.shape[-1], width), lam[inner] ** 2
    now = before.copy()
    if start == "second":
        now[inner] += 0.5 * square * _laplacian(before)
    heard = [] if receivers is None else [now[:, receivers[:, 0], receivers[:, 1]]]
    for _ in range(steps - 1):
        before[inner] = 2 * now[inner] - before[inner] + square * _laplacian(now)
        before, now = now, before
        if receivers is not None:
            heard.append(now[:, receivers[:, 0], receivers[:, 1]])
    return np.stack(heard, -1) if heard else now


def _laplacian(u: Array) -> Array:
    found = u[:, 2:, 1:-1] + u[:, :-2, 1:-1]
    found += u[:, 1:-1, 2:]
    found += u[:, 1:-1, :-2]
    found -= 4 * u[:, 1:-1, 1:-1]
    return found


def _bumps(at: NDArray[np.float64], size: int, width: float) -> Array:
    cells = np.arange(size)
    rows, columns = (np.exp(-((cells - at[:, axis, None]) ** 2) / (2 * width**2)) for axis in (0, 1))
    field = (rows[:, :, None] * columns[:, None, :]).astype(np.float32)
    field[:, [0, -1]] = 0
    field[:, :, [0, -1]] = 0
    return field


def smooth_noise(count: int, size: int, correlation: float, rng: np.random.Generator) -> Array:
    """Return ``[count, size, size]`` Gaussian fields of mean 0 and deviation 1, smooth over ``correlation`` cells.

    White noise through a Gaussian filter; the field goes on periodically beyond its border.
    """
    rows, columns = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None]
    kept = np.exp(-2 * (math.pi * correlation) ** 2 * (rows**2 + columns**2))
    kept[0, 0] = 0
    white = rng.standard_normal((count, size, size))
    field = np.fft.irfft2(np.fft.rfft2(white) * kept, s=(size, size))
    return (field / field.std(axis=(1, 2), keepdims=True)).astype(np.float32)
