"""The likelihood of reads over time behind ``fit_device``: drift and relaxation.

In shares of g_on (x), Gaussian. A cell whose state was X when it was first read, at t_f >= t_0, reads

    y_j = X exp(-nu l_j) + s_d(X) w_j z + s_r e_j / sqrt(k_j),      l_j = ln(t_j / t_f),
    w_j = sqrt(ln(t_j / t_0)) - sqrt(ln(t_f / t_0)),
    nu ~ N(nu0 + nu1 ln X, nu_sigma^2),      s_d = d0 + d1 x,       s_r = r0 + r1 x.

nu and z are drawn once per cell, as the device law does; e_j anew by every read. Reads enter as
``y_j - y_f E[exp(-nu l_j)]``, whose mean is 0 whatever the cell was programmed to, with covariance

    E_j E_k (X^2 (exp(nu_sigma^2 l_j l_k) - 1) + s_r^2 / k_f) + s_d^2 w_j w_k + [j = k] s_r^2 / k_j:

the first two moments of the decay are exact (log-normal), not linearised.
Reads cut off at 0 are no part of this likelihood: targets at which they occur are left out before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["DriftLoss", "DriftSeries"]

Floats = NDArray[np.float64]

_FLOOR = 1e-12  # variance, shares of g_on squared


@dataclass(frozen=True)
class DriftSeries:
    """Reads over time; ``n`` cells, ``L`` later times.

    Args:
        state: estimate of the state at the first read, > 0 ``[n]``.
        first: first read ``[n]``.
        first_repeats: reads behind it ``[n]``.
        later: later reads ``[n, L]``; anything where there is none.
        repeats: reads behind each ``[n, L]``; 0 where there is none.
        elapsed: ln(t / own first time) ``[n, L]``.
        relaxed: w, sqrt(ln(t / t_0)) - sqrt(ln(own first time / t_0)) ``[n, L]``.
        level: state at each later time, for the size of read noise ``[n, L]``.
    """

    state: Floats
    first: Floats
    first_repeats: Floats
    later: Floats
    repeats: Floats
    elapsed: Floats
    relaxed: Floats
    level: Floats


@dataclass(frozen=True)
class _Parts:
    """What value and gradient share, all for one set of parameters."""

    decay: Floats  # E  [n, L]
    residual: Floats  # [n, L]
    joint: Floats  # exp(nu_variance l l')  [n, L, L]
    outer: Floats  # E E'
    spread: Floats  # X^2 (joint - 1) + s_r^2 / k_f
    sigma: Floats  # s_d  [n]
    noise: Floats  # s_r of later reads  [n, L]
    noise_first: Floats  # s_r of the first  [n]
    covariance: Floats  # [n, L, L]


class DriftLoss:
    """Negative log-likelihood of the parameters named in ``layout``, with its gradient.

    Args:
        data: the reads.
        layout: some of nu0, nu1, nu_variance, d0, d1, r0, r1; what is left out is 0. ``nu_variance`` is
            nu_sigma^2, in which the likelihood is smooth at 0.
        read: estimate of (r0[, r1]) from repeats; None if there is none.
        read_information: its information matrix, which ties r to that estimate.
    """

    def __init__(
        self,
        data: DriftSeries,
        layout: tuple[str, ...],
        read: Floats | None = None,
        read_information: Floats | None = None,
    ) -> None:
        self.data, self.layout = data, layout
        self.read, self.read_information = read, read_information
        self.at_read = np.array([i for i, name in enumerate(layout) if name in ("r0", "r1")], dtype=np.int64)
        have = data.repeats > 0
        eye = np.eye(have.shape[1])
        self.have = have.astype(np.float64)
        self.both = self.have[:, :, None] * self.have[:, None, :]
        self.fixed = eye * (_FLOOR + 1.0 - self.both)  # absent reads: variance 1, so that they drop out
        self.log_x = np.log(data.state)
        self.x2 = (data.state**2)[:, None, None]
        self.l_product = data.elapsed[:, :, None] * data.elapsed[:, None, :] * self.both
        self.l_sum = data.elapsed[:, :, None] + data.elapsed[:, None, :]
        self.w_product = data.relaxed[:, :, None] * data.relaxed[:, None, :] * self.both
        self.per_read = eye * (self.have / np.maximum(data.repeats, 1))[:, :, None]

    def __call__(self, theta: Floats) -> tuple[float, Floats]:
        """Return the loss and its gradient ``[p]``."""
        parts = self._parts(dict(zip(self.layout, theta.tolist(), strict=True)))
        try:
            lower = np.linalg.cholesky(parts.covariance)
        except np.linalg.LinAlgError:
            return np.inf, np.zeros_like(theta)
        half = np.linalg.inv(lower)
        inverse = np.swapaxes(half, 1, 2) @ half
        weighted = np.einsum("njk,nk->nj", inverse, parts.residual)
        log_det = 2 * float(np.sum(np.log(np.diagonal(lower, axis1=1, axis2=2))))
        value = 0.5 * (log_det + float(np.sum(weighted * parts.residual)))
        by_v = 0.5 * (inverse - weighted[:, :, None] * weighted[:, None, :]) * self.both
        slopes = self._slopes(parts, weighted, by_v)
        gradient = np.array([slopes[name] for name in self.layout])
        if self.read is not None and self.read_information is not None:
            away = theta[self.at_read] - self.read
            pull = self.read_information @ away
            value += 0.5 * float(away @ pull)
            gradient[self.at_read] += pull
        return value, gradient

    def whitened(self, values: Mapping[str, float]) -> Floats:
        """Return residuals made independent and of variance 1 ``[n, L]``; NaN where there is no read."""
        parts = self._parts(values)
        half = np.linalg.inv(np.linalg.cholesky(parts.covariance))
        return np.where(self.have > 0, np.einsum("njk,nk->nj", half, parts.residual), np.nan)

    def _parts(self, values: Mapping[str, float]) -> _Parts:
        data = self.data
        s = values.get("nu_variance", 0.0)
        mu = values["nu0"] + values.get("nu1", 0.0) * self.log_x
        decay = np.exp(np.clip(-mu[:, None] * data.elapsed + 0.5 * s * data.elapsed**2, -50.0, 50.0))
        residual = (data.later - data.first[:, None] * decay) * self.have
        joint = np.exp(np.minimum(s * self.l_product, 50.0))
        outer = decay[:, :, None] * decay[:, None, :]
        sigma = values.get("d0", 0.0) + values.get("d1", 0.0) * data.state
        r0, r1 = values.get("r0", 0.0), values.get("r1", 0.0)
        noise, noise_first = r0 + r1 * data.level, r0 + r1 * data.state
        spread = self.x2 * (joint - 1) + (noise_first**2 / data.first_repeats)[:, None, None]
        covariance = outer * spread * self.both + (sigma**2)[:, None, None] * self.w_product + self.fixed
        covariance = covariance + self.per_read * (noise**2)[:, :, None]
        return _Parts(decay, residual, joint, outer, spread, sigma, noise, noise_first, covariance)

    def _slopes(self, parts: _Parts, weighted: Floats, by_v: Floats) -> dict[str, float]:
        """Return the derivative by every parameter from those by residual and covariance."""
        data = self.data
        outer_v = by_v * parts.outer
        moved = data.first[:, None] * parts.decay * self.have * weighted
        by_mu = np.sum(moved * data.elapsed, 1) - np.sum(outer_v * parts.spread * self.l_sum, (1, 2))
        halves = 0.5 * data.elapsed**2
        grown = (
            halves[:, :, None] + halves[:, None, :]
        ) * parts.spread + self.x2 * self.l_product * parts.joint
        by_sigma = 2 * parts.sigma * np.sum(by_v * self.w_product, (1, 2))
        by_noise = 2 * parts.noise * np.einsum("njj,njj->nj", by_v, self.per_read)
        by_first = 2 * parts.noise_first / data.first_repeats * np.sum(outer_v, (1, 2))
        return {
            "nu0": float(np.sum(by_mu)),
            "nu1": float(by_mu @ self.log_x),
            "nu_variance": float(np.sum(outer_v * grown) - np.sum(moved * halves)),
            "d0": float(np.sum(by_sigma)),
            "d1": float(by_sigma @ data.state),
            "r0": float(np.sum(by_noise) + np.sum(by_first)),
            "r1": float(np.sum(by_noise * data.level) + by_first @ data.state),
        }
