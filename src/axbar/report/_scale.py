"""From numbers to axes: unit prefix, ticks, shares."""

from __future__ import annotations

import math
from dataclasses import dataclass

from axbar.intervals import wilson

__all__ = ["Scale", "accuracy_interval", "percent", "scale_for", "ticks"]

_PREFIXES = {-18: "a", -15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}


@dataclass(frozen=True)
class Scale:
    """One unit for all figures of an axis: ``shown = value / factor``.

    Args:
        factor: SI value of one shown unit.
        unit: the unit with its prefix (``µJ``).
        top: the largest shown figure; bars of that length fill the plot.
    """

    factor: float
    unit: str
    top: float

    def show(self, value: float, digits: int = 3) -> str:
        """Write an SI value as a plain number of this unit with ``digits`` significant digits."""
        shown = value / self.factor
        if shown == 0 or not math.isfinite(shown):
            return f"{shown:.0f}" if shown == 0 else "not finite"
        decimals = max(0, digits - 1 - math.floor(math.log10(abs(shown))))
        return f"{shown:.{decimals}f}" if decimals <= 4 else f"{shown:.1e}"

    def column(self, value: float) -> str:
        """Write an SI value with the decimals of its column, so that points stand below each other.

        The largest figure has three significant digits; smaller ones than the last decimal say so.
        """
        if not math.isfinite(value):
            return "not finite"
        decimals = max(0, 2 - math.floor(math.log10(self.top))) if self.top else 0
        shown, least = value / self.factor, 10.0**-decimals
        return f"<{least:g}" if 0 < shown < least / 2 else f"{shown:,.{decimals}f}"

    def percent(self, value: float) -> float:
        """Return where a value stands on the axis, 0..100."""
        return 100 * value / self.factor / self.top if self.top else 0.0


def scale_for(largest: float, unit: str) -> Scale:
    """Return the scale on which ``largest`` reads between 1 and 1000.

    >>> scale_for(3.2e-6, "J").unit
    'µJ'
    """
    if not math.isfinite(largest) or largest <= 0:
        return Scale(1.0, unit.replace("m2", "m²"), 0.0)
    if unit == "m2":
        factor, name = (1e-6, "mm²") if largest >= 1e-9 else (1e-12, "µm²")
        return Scale(factor, name, largest / factor)
    exponent = max(-18, min(12, 3 * math.floor(math.log10(largest) / 3 + 1e-12)))
    return Scale(10.0**exponent, f"{_PREFIXES[exponent]}{unit}", largest / 10.0**exponent)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return about ``count`` round numbers within ``[low, high]``.

    >>> ticks(0.0, 3.1)
    [0.0, 1.0, 2.0, 3.0]
    """
    if not high > low:
        return [low]
    raw = (high - low) / max(1, count)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def percent(share: float, digits: int = 1) -> str:
    """Write a share as a percentage; tiny ones say so instead of 0.0 %."""
    value = 100 * share
    floor = 10.0**-digits
    if 0 < value < floor:
        return f"<{floor:g} %"
    return f"{value:.{digits}f} %"


def accuracy_interval(share: float, images: int) -> str:
    """Return an accuracy with the interval that a test set of this size leaves open.

    >>> accuracy_interval(0.9, 100)
    '90.0 % on 100 images (95 % interval 82.6 to 94.5 %)'
    """
    low, high = wilson(share, images)
    return f"{100 * share:.1f} % on {images:,} images (95 % interval {100 * low:.1f} to {100 * high:.1f} %)"
