"""The shapes that published device laws come in: small frozen functions of x = g / g_on.

A law of the *level* maps x (any shape, no unit) to a number without unit: a sigma in shares of g_on, a drift
exponent, a noise coefficient. ``Scaled`` lets the numbers stand as published, in uS or nA.

Laws in time say how a conductance changes from the first read at t_0 to a time t:

    drift       g(t) = g (t / t_0)^-nu,            nu = |N(mu(x), s(x))| per cell, or unfolded
    retention   g(t) = g + m(x, t) + s(x, t) N     in shares of g_on; m = s = 0 at t_0
    1/f noise   g(t) + g(t) Q(x) sqrt(ln((t + t_r) / (2 t_r))) N;   or g_on instead of the factor g(t)

(1/f: Nandakumar et al., ICECS 2019; t_r is the length of one read.) Where the spread of a population was
published at several times, the *added* variance is ``s(x, t)^2 = sigma(x, t)^2 - sigma(x, t_0)^2``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["BentCurve", "ClippedLog", "Drift", "Flicker", "Law", "LogRelaxation", "Piecewise", "Polynomial", "PowerLaw",
           "Retention", "RootLogRelaxation", "RootSumOfSquares", "Saturating", "Scaled", "SquareRoot",
           "TabledRelaxation", "Within"]  # fmt: skip

Values = NDArray[np.float64]
#: x = g / g_on -> a number without unit, same shape
Law = Callable[[Values], Values]

_LEAST_X = 1e-9  # where a logarithm or a negative power of an empty cell would be infinite


@dataclass(frozen=True)
class Polynomial:
    """``c_0 + c_1 x + c_2 x^2 + ...``.

    >>> Polynomial((1.0, 2.0))(np.array([0.5])).tolist()
    [2.0]
    """

    coefficients: tuple[float, ...]

    def __call__(self, x: Values) -> Values:
        """Return the sum, shape of ``x``."""
        result: Any = np.polynomial.polynomial.polyval(x, self.coefficients)
        return result


@dataclass(frozen=True)
class Scaled:
    """A law in units of its own: ``law(x full_scale) / full_scale``, e.g. sigma in uS of a g in uS.

    Args:
        law: in its own unit.
        full_scale: g_on in that unit.
    """

    law: Law
    full_scale: float

    def __call__(self, x: Values) -> Values:
        """Return the value in shares of full scale."""
        return self.law(x * self.full_scale) / self.full_scale


@dataclass(frozen=True)
class Within:
    """A law held at its ends: ``law(clip(x, low, high))``, for fits that explode outside the fitted range."""

    law: Law
    low: float
    high: float

    def __call__(self, x: Values) -> Values:
        """Return the law at the nearest argument of the range."""
        return self.law(np.clip(x, self.low, self.high))


@dataclass(frozen=True)
class ClippedLog:
    """``clip(slope ln x + offset, low, high)``."""

    slope: float
    offset: float
    low: float = -np.inf
    high: float = np.inf

    def __call__(self, x: Values) -> Values:
        """Return the clipped logarithm; an empty cell counts as 1e-9 of the range."""
        return np.clip(self.slope * np.log(np.maximum(x, _LEAST_X)) + self.offset, self.low, self.high)


@dataclass(frozen=True)
class Piecewise:
    """``below`` where x < split, else ``above``."""

    split: float
    below: Law
    above: Law

    def __call__(self, x: Values) -> Values:
        """Return the piece that holds at each x."""
        return np.where(x < self.split, self.below(x), self.above(x))


@dataclass(frozen=True)
class PowerLaw:
    """``min(scale / max(x^exponent, floor), high)``."""

    scale: float
    exponent: float
    floor: float
    high: float

    def __call__(self, x: Values) -> Values:
        """Return the bounded power."""
        power = np.maximum(np.maximum(x, 0.0) ** self.exponent, self.floor)
        return np.minimum(self.scale / power, self.high)


@dataclass(frozen=True)
class Saturating:
    """``height (1 - exp(-x / width))``."""

    height: float
    width: float

    def __call__(self, x: Values) -> Values:
        """Return the rise towards ``height``."""
        return -self.height * np.expm1(-x / self.width)


@dataclass(frozen=True)
class SquareRoot:
    """``scale sqrt((x - x_off) (1 - x_off))``, 0 below x_off: noise that grows with the root of the level."""

    scale: float
    x_off: float

    def __call__(self, x: Values) -> Values:
        """Return the root."""
        return self.scale * np.sqrt(np.maximum(x - self.x_off, 0.0) * (1 - self.x_off))


@dataclass(frozen=True)
class BothEnds:
    """``scale sqrt((x - x_off) (1 - x))``, 0 outside: noise that vanishes at both ends of the range."""

    scale: float
    x_off: float

    def __call__(self, x: Values) -> Values:
        """Return the root."""
        return self.scale * np.sqrt(np.maximum((x - self.x_off) * (1 - x), 0.0))


@dataclass(frozen=True)
class RootSumOfSquares:
    """Independent errors together: the root of the sum of the squares of two laws."""

    first: Law
    second: Law

    def __call__(self, x: Values) -> Values:
        """Return the joint sigma."""
        return np.hypot(self.first(x), self.second(x))


@dataclass(frozen=True)
class Drift:
    """``g (t / t_0)^-nu`` with an exponent per cell.

    Args:
        mean, sigma: of nu as laws of x.
        folded: nu = abs(N(mean, sigma)), so that no cell drifts upwards.
    """

    mean: Law
    sigma: Law
    folded: bool = True

    def exponents(self, x: Values, normal: Values) -> Values:
        """Return nu of every cell from its standard normal draw."""
        nu = self.mean(x) + self.sigma(x) * normal
        return np.abs(nu) if self.folded else nu


@dataclass(frozen=True)
class Flicker:
    """1/f noise gathered since programming: sigma = g Q(x) sqrt(ln((t + t_r) / (2 t_r))).

    Args:
        q: coefficient Q as a law of x.
        t_read_s: length t_r of one read.
        of_range: Q is in shares of g_on, not of the conductance g of the cell.
    """

    q: Law
    t_read_s: float
    of_range: bool = False

    def sigma(self, x: Values, t_s: float) -> Values:
        """Return the sigma in shares of g, or of g_on."""
        gathered = np.log((t_s + self.t_read_s) / (2 * self.t_read_s))
        return self.q(x) * np.sqrt(max(float(gathered), 0.0))


class Retention(Protocol):
    """How a population of cells shifts and widens after its first read, in shares of g_on."""

    def mean(self, x: Values, t_s: float) -> Values:
        """Return the mean shift; 0 at the first read."""
        ...

    def sigma(self, x: Values, t_s: float) -> Values:
        """Return the sigma of the added spread; 0 at the first read."""
        ...


@dataclass(frozen=True)
class RootLogRelaxation:
    """Spread that grows as a random walk in ln t: ``s(x) sqrt(ln(t / t_0))``, no shift."""

    t0_s: float
    law: Law

    def mean(self, x: Values, t_s: float) -> Values:
        """Return no shift."""
        return np.zeros_like(x)

    def sigma(self, x: Values, t_s: float) -> Values:
        """Return the added sigma."""
        return np.maximum(self.law(x), 0.0) * np.sqrt(np.log(t_s / self.t0_s))


@dataclass(frozen=True)
class LogRelaxation:
    """Shift and spread linear in ln t, the same at every level: ``m = shift ln(t / t_0)``.

    Args:
        t0_s: first read.
        shift: mean shift per unit of ln t, shares of g_on.
        sigma_0, sigma_slope: published sigma(t) = sigma_0 + sigma_slope ln(t / t_0), shares of g_on.
    """

    t0_s: float
    shift: float
    sigma_0: float
    sigma_slope: float

    def mean(self, x: Values, t_s: float) -> Values:
        """Return the mean shift."""
        return np.full_like(x, self.shift * np.log(t_s / self.t0_s))

    def sigma(self, x: Values, t_s: float) -> Values:
        """Return the sigma added to that of the first read."""
        now = self.sigma_0 + self.sigma_slope * np.log(t_s / self.t0_s)
        return np.full_like(x, np.sqrt(max(now**2 - self.sigma_0**2, 0.0)))


@dataclass(frozen=True)
class TabledRelaxation:
    """Spread, and shift if any, published at a few times.

    Added variance and shift are interpolated linearly between the times, in t or in ln t.

    Args:
        times_s: ascending, the first read first.
        sigmas: sigma of the population at each time, laws of x.
        means: shift at each time, or none.
        in_log_time: interpolate in ln t.
        extend: beyond the last time go on along the last piece; else hold the last value.
    """

    times_s: tuple[float, ...]
    sigmas: tuple[Law, ...]
    means: tuple[Law, ...] = ()
    in_log_time: bool = True
    extend: bool = True

    def _place(self, t_s: float) -> tuple[int, float]:
        """Return the piece and the place in it: 0 at its start, 1 at its end, more beyond the table."""
        times = np.asarray(self.times_s)
        now, knots = (np.log(t_s), np.log(times)) if self.in_log_time else (t_s, times)
        piece = int(np.clip(np.searchsorted(knots, now, side="right") - 1, 0, len(knots) - 2))
        share = float((now - knots[piece]) / (knots[piece + 1] - knots[piece]))
        return piece, share if self.extend else min(share, 1.0)

    def mean(self, x: Values, t_s: float) -> Values:
        """Return the mean shift."""
        if not self.means:
            return np.zeros_like(x)
        piece, share = self._place(t_s)
        return (1 - share) * self.means[piece](x) + share * self.means[piece + 1](x)

    def sigma(self, x: Values, t_s: float) -> Values:
        """Return the sigma added to that of the first read."""
        piece, share = self._place(t_s)
        now = (1 - share) * self.sigmas[piece](x) ** 2 + share * self.sigmas[piece + 1](x) ** 2
        return np.sqrt(np.maximum(now - self.sigmas[0](x) ** 2, 0.0))


class BentCurve(Protocol):
    """A current that is not proportional to the voltage: ``I = g V (1 + bend(g, V))``."""

    @property
    def v_max_V(self) -> float:
        """Return the largest voltage that the curve was measured at."""
        ...

    def bend(self, g_S: Values, v_V: Values) -> Values:
        """Return the relative departure from Ohm's law; 0 at 0 V; arguments broadcast."""
        ...
