"""The likelihoods behind ``fit_device``: read noise and programming.

All in shares of g_on (x), all Gaussian. With a writing's target x, its first read at t_0, and its state X:

    repeats        sum of squares about their mean ~ s_r(X)^2 chi^2(k - 1),         s_r = r0 + r1 x
    first read     y_0 - x ~ N(b0 + b1 x, s_p(x)^2 + s_r(x)^2 / k),                 s_p = c0 + c1 x + c2 x^2 + c3 x^3

A first read of exactly 0 is taken as a state of 0 or below, that no device can show (Tobin, Econometrica 26,
24, 1958).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

__all__ = ["FirstReads", "Repeats", "program_loss", "read_loss"]

Floats = NDArray[np.float64]
Loss = Callable[[Floats], tuple[float, Floats]]

_FLOOR = 1e-12  # variance, shares of g_on squared: identical reads must not make a likelihood infinite


@dataclass(frozen=True)
class Repeats:
    """Scatter of repeated reads, gathered per target and time ``[groups]``.

    Args:
        x: mean state.
        freedom: degrees of freedom.
        squares: sum of squares about the means.
    """

    x: Floats
    freedom: Floats
    squares: Floats


@dataclass(frozen=True)
class FirstReads:
    """Errors of first reads, gathered per target and number of repeats ``[groups]``.

    Args:
        x: target.
        repeats: reads behind each mean.
        count: cells that read above 0.
        total, squares: sum and sum of squares of their errors ``y_0 - x``.
        empty: cells that read exactly 0.
    """

    x: Floats
    repeats: Floats
    count: Floats
    total: Floats
    squares: Floats
    empty: Floats


def read_loss(data: Repeats) -> Loss:
    """Return the loss of (r0, r1), or of (r0,) alone."""

    def loss(theta: Floats) -> tuple[float, Floats]:
        basis = data.x[:, None] ** np.arange(len(theta))
        sigma = basis @ theta
        v = sigma**2 + _FLOOR
        value = 0.5 * np.sum(data.freedom * np.log(v) + data.squares / v)
        by_v = 0.5 * (data.freedom / v - data.squares / v**2)
        return float(value), (by_v * 2 * sigma) @ basis

    return loss


def program_loss(
    data: FirstReads,
    n_bias: int,
    n_sigma: int,
    read: Floats | None = None,
    read_information: Floats | None = None,
) -> Loss:
    """Return the loss of (b0[, b1], c0[, c1, ...][, r0[, r1]]).

    Args:
        data: first reads.
        n_bias, n_sigma: number of coefficients.
        read: estimate of (r0[, r1]) from elsewhere; None: no read noise.
        read_information: its information matrix; ties r to that estimate, so that intervals of c know of it.
    """
    n_read = 0 if read is None else len(read)
    powers = data.x[:, None] ** np.arange(max(n_bias, n_sigma, n_read))
    bias_basis, basis, read_basis = powers[:, :n_bias], powers[:, :n_sigma], powers[:, :n_read]

    def loss(theta: Floats) -> tuple[float, Floats]:
        b, c, r = np.split(theta, [n_bias, n_bias + n_sigma])
        sigma, noise = basis @ c, read_basis @ r
        v = sigma**2 + noise**2 / data.repeats + _FLOOR
        bias = bias_basis @ b
        squares = data.squares - 2 * bias * data.total + data.count * bias**2
        z = -(data.x + bias) / np.sqrt(v)
        log_below = log_ndtr(z)
        value = 0.5 * np.sum(data.count * np.log(v) + squares / v) - np.sum(data.empty * log_below)
        hazard = data.empty * np.exp(-0.5 * z**2 - 0.5 * np.log(2 * np.pi) - log_below)
        by_bias = (data.count * bias - data.total) / v + hazard / np.sqrt(v)
        by_v = 0.5 * (data.count / v - squares / v**2) + 0.5 * hazard * z / v
        by_read = (by_v * 2 * noise / data.repeats) @ read_basis
        if read is not None and read_information is not None:
            pull = read_information @ (r - read)
            value += 0.5 * float((r - read) @ pull)
            by_read = by_read + pull
        return float(value), np.concatenate([by_bias @ bias_basis, (by_v * 2 * sigma) @ basis, by_read])

    return loss
