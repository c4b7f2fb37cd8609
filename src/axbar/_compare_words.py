"""Which chip wins, and why, in a sentence each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from axbar.cost.metrics import merit_text
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
    least = [i for i in order if _equal(values[i], values[order[0]])]
    rest = order[len(least) :]
    best, amount = least[0], _amount(values[order[0]], quantity)
    if len(least) > 1:
        text = f"least {_NAMES[quantity]}: {' and '.join(names[i] for i in least)} are equal, {amount} each"
    else:
        text = f"least {_NAMES[quantity]}: {names[best]}, {amount}"
    if not rest:
        return text if len(least) > 1 else f"{text}; it is {_only(found)}"
    other = rest[0]
    text += f"; {names[other]} takes {_times(values[other], values[best])} as much"
    if quantity == "edp_Js":
        energy, time = (found.values(q) for q in ("energy_J", "latency_s"))
        return f"{text}: {_share(energy[other], energy[best], 'energy')}, {_share(time[other], time[best], 'time')}"
    return f"{text}: {_difference(found, quantity, best, other)}"


def _only(found: Comparison) -> str:
    return "the only chip compared" if len(found.reports) == 1 else "the only one on which the network fits"


def _difference(found: Comparison, quantity: str, best: int, other: int) -> str:
    """Name the component groups in which the two differ most, one for either side."""
    gaps = {group: v[other] - v[best] for group, v in found.by_group(quantity).items()}
    saved, spent = max(gaps, key=lambda g: gaps[g]), min(gaps, key=lambda g: gaps[g])
    text = f"{_amount(gaps[saved], quantity)} more in {saved}"
    if gaps[spent] < 0.0:
        text += f", {_amount(-gaps[spent], quantity)} less in {spent}"
    return text


def where(found: Comparison, quantity: str) -> dict[str, list[str]]:
    """Return chip -> the layers of which it alone takes least."""
    names = found.names
    fits = set(found.ranked(quantity))
    won: dict[str, list[str]] = {}
    for layer, values in found.by_layer(quantity).items():
        least = [i for i in fits if _equal(values[i], min(values[j] for j in fits))]
        if len(least) == 1:
            won.setdefault(names[least[0]], []).append(layer)
    return won


def _amount(value: float, quantity: str) -> str:
    return merit_text(value, "Js") if quantity == "edp_Js" else format_quantity(value, unit_of(quantity))


def _equal(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-9)


def _share(more: float, less: float, what: str) -> str:
    return f"as much {what}" if _equal(more, less) else f"{_times(more, less)} the {what}"


def _times(more: float, less: float) -> str:
    if less <= 0:
        return "infinitely"
    ratio = more / less
    if ratio >= 10:
        return f"{ratio:,.0f} times"
    apart = abs(ratio - 1)
    digits = 2 if apart >= 0.005 or not apart else 1 - math.floor(math.log10(apart))
    return f"{ratio:.{digits}f} times"
