"""How sure a measured share is."""

from __future__ import annotations

import math

__all__ = ["wilson"]

#: the 97.5 % point of the normal distribution
_Z = 1.959963984540054


def wilson(share: float, n: int) -> tuple[float, float]:
    """Return the interval of a binomial share at 95 %, 0..1: (p + z²/2n ± z √(p(1 - p)/n + z²/4n²)) / (1 + z²/n).

    Wilson, JASA 22, 1927.

    Args:
        share: of successes, 0..1.
        n: trials; without any, nothing is known.

    >>> low, high = wilson(0.9, 100)
    >>> round(low, 3), round(high, 3)
    (0.826, 0.945)
    """
    if n <= 0:
        return 0.0, 1.0
    centre, half = share + _Z**2 / (2 * n), _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n * n))
    scale = 1 + _Z**2 / n
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)
