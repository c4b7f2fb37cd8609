"""Numbers as a user would write them, exact: ``6.5e-08`` m is ``65 nm``."""

from __future__ import annotations

import math

from axbar.units import parse_quantity

__all__ = ["show", "write_quantity"]

_PREFIXES = {-18: "a", -15: "f", -12: "p", -9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}


def write_quantity(value: float, unit: str) -> str:
    """Return the shortest text with an SI prefix that reads back as the same number.

    Args:
        value: in the SI unit ``unit`` (``""`` for a pure number).

    >>> write_quantity(6.5e-8, "m"), write_quantity(0.1, "V"), write_quantity(40, "")
    ('65 nm', '100 mV', '40')
    """
    if not unit or not math.isfinite(value):
        return f"{value} {unit}".strip()
    if value == 0:
        return f"0 {unit}"
    if unit == "m2":  # prefixes of an area are squared: 4.2e-6 m2 = 4.2 mm2
        power = 6 * math.floor(math.log10(abs(value)) / 6 + 1e-9)
        prefix = {-18: "n", -12: "u", -6: "m"}.get(power)
    else:
        power = 3 * math.floor(math.log10(abs(value)) / 3 + 1e-9)
        prefix = _PREFIXES.get(power)
    if prefix is not None:
        text = f"{value / 10.0**power:.12g} {prefix}{unit}"
        if "e" not in text and parse_quantity(text, unit) == value:
            return text
    return f"{value!r} {unit}"


def show(value: object, unit: str) -> str:
    """Return a value for an error message: numbers with their unit, texts as they were typed."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return write_quantity(value, unit)
    text = str(value)
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
