"""Which chip wins, and why, in a sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axbar.units import format_quantity, unit_of

if TYPE_CHECKING:
    from axbar._compare import Comparison

__all__ = ["where", "why"]

_NAMES = {
    "energy_J": "energy", "latency_s": "time", "area_m2": "area", "leakage_W": "leakage",
    "edp_Js": "energy × delay",
}  # fmt: skip


def why(found: Comparison, quantity: str) -> str:
    """Say which chip takes least of a quantity, how much less than the next, and what makes the difference."""
    order = found.ranked(quantity)
    if not order:
        return f"least {_NAMES[quantity]}: the network fits on none of these chips"
    values, names = found.values(quantity), found.names
    best = order[0]
    text = f"least {_NAMES[quantity]}: {names[best]}, {_amount(values[best], quantity)}"
    if len(order) < 2:
        return f"{text}; it is the only one on which the network fits"
    other = order[1]
    text += f"; {names[other]} takes {_times(values[other], values[best])} as much"
    if quantity == "edp_Js":
        energy, time = (found.values(q) for q in ("energy_J", "latency_s"))
        return (
            f"{text}: {_times(energy[other], energy[best])} the energy, "
            f"{_times(time[other], time[best])} the time"
        )
    return f"{text}: {_difference(found, quantity, best, other)}"


def _difference(found: Comparison, quantity: str, best: int, other: int) -> str:
    """Name the component groups in which the two differ most, one for either side."""
    gaps = {group: v[other] - v[best] for group, v in found.by_group(quantity).items()}
    saved, spent = max(gaps, key=lambda g: gaps[g]), min(gaps, key=lambda g: gaps[g])
    text = f"{_amount(gaps[saved], quantity)} more in {saved}"
    if gaps[spent] < 0.0:
        text += f", {_amount(-gaps[spent], quantity)} less in {spent}"
    return text


def where(found: Comparison, quantity: str) -> dict[str, list[str]]:
    """Return chip -> the layers of which it takes least."""
    names = found.names
    fits = set(found.ranked(quantity))
    won: dict[str, list[str]] = {}
    for layer, values in found.by_layer(quantity).items():
        best = min(fits, key=lambda i: values[i], default=None)
        if best is not None:
            won.setdefault(names[best], []).append(layer)
    return won


def _amount(value: float, quantity: str) -> str:
    return format_quantity(value, "J s" if quantity == "edp_Js" else unit_of(quantity))


def _times(more: float, less: float) -> str:
    if less <= 0:
        return "infinitely"
    ratio = more / less
    return f"{ratio:.2f} times" if ratio < 10 else f"{ratio:,.0f} times"
