"""Units: SI inside, prefixes at the edge.

The unit of a quantity stands at the end of its name (``adc_energy_J``, ``t_read_s``, ``area_m2``).
YAML and the command line also take ``"3.2 pJ"``; reports print with a prefix.
"""

from __future__ import annotations

import math
import re

__all__ = ["format_number", "format_quantity", "parse_quantity", "unit_of"]

_PREFIX = {
    "a": -18, "f": -15, "p": -12, "n": -9, "u": -6, "µ": -6, "μ": -6,
    "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12,
}  # fmt: skip  # powers of ten
_UNITS = ("ohm", "m2", "Hz", "Js", "Jm2", "J", "s", "S", "V", "A", "W", "F", "K", "m")
_NUMBER = re.compile(r"^\s*([-+]?(?:\d+\.?\d*|\.\d+))(?:[eE]([-+]?\d+))?\s*(.*?)\s*$")
_TIMES_s = {"min": 60.0, "h": 3600.0, "d": 86_400.0, "day": 86_400.0, "days": 86_400.0, "y": 31_557_600.0}
_ALIASES = {"Ω": "ohm", "Ohm": "ohm", "ohms": "ohm", "²": "2", "^2": "2", "·": "", "*": "", " ": ""}
_SHOWN = {"m2": "m²", "ohm": "Ω", "Js": "J·s", "Jm": "J·m"}


def unit_of(path: str) -> str:
    """Return the unit that a dotted path or field name ends in, or ``""`` for a pure number.

    >>> unit_of("read.t_read_s"), unit_of("crossbar.rows")
    ('s', '')
    """
    tail = path.rsplit(".", 1)[-1].rsplit("_", 1)
    return tail[1] if len(tail) == 2 and tail[1] in _UNITS else ""


def parse_quantity(text: str, unit: str) -> float:
    """Read ``"3.2 pJ"`` as 3.2e-12 when ``unit`` is ``"J"``; a bare number is already SI.

    Times may also be given in ``min``, ``h``, ``d`` and ``y``.

    Raises:
        ValueError: the text is no number, or its unit is another one.
    """
    match = _NUMBER.match(text)
    if match is None:
        raise ValueError(f"'{text}' is not a number" + (f" with the unit {unit}" if unit else ""))
    digits, exponent, suffix = match[1], int(match[2] or 0), match[3]
    if not suffix:
        return float(f"{digits}e{exponent}")
    if suffix == "%" and not unit:
        return float(f"{digits}e{exponent - 2}")
    if unit == "s" and suffix in _TIMES_s:
        return float(f"{digits}e{exponent}") * _TIMES_s[suffix]
    for alias, name in _ALIASES.items():
        suffix = suffix.replace(alias, name)
    prefix = suffix[: -len(unit)] if unit and suffix.endswith(unit) else None
    if prefix is not None and (prefix in _PREFIX or (prefix == "c" and unit.startswith("m"))):
        power = -2 if prefix == "c" else _PREFIX[prefix]
        # The power goes into the text: 180 * 1e-9 lies above 180e-9 and would fail an inclusive bound.
        return float(f"{digits}e{exponent + (2 * power if unit == 'm2' else power)}")
    wanted = f"the unit {unit}" if unit else "no unit"
    raise ValueError(f"'{text}' has the unit '{suffix}', expected {wanted}")


def format_number(value: float, digits: int = 6) -> str:
    """Write a number without a unit: counts in full, others with at least ``digits`` significant digits.

    >>> format_number(131072.0), format_number(2_508_000.5), format_number(0.25)
    ('131,072', '2,508,000', '0.25')
    """
    if float(value).is_integer() or abs(value) >= 10**digits:
        return f"{value:,.0f}"
    return f"{value:,.{digits}g}"


def format_quantity(value: float, unit: str, digits: int = 3) -> str:
    """Write a quantity with an SI prefix and ``digits`` significant digits.

    >>> format_quantity(3.2e-12, "J"), format_quantity(4.2e-6, "m2"), format_quantity(2.5e-9, "Js")
    ('3.20 pJ', '4.20 mm²', '2.50 nJ·s')
    """
    shown = unit
    for name, sign in _SHOWN.items():
        shown = shown.replace(name, sign)
    if not math.isfinite(value) or value == 0 or not unit:
        return f"{value:.{digits}g} {shown}".strip()
    if unit == "m2":
        scale, prefix = (1e-6, "m") if abs(value) >= 1e-9 else (1e-12, "µ")
    else:
        exponent = max(-18, min(12, 3 * math.floor(math.log10(abs(value)) / 3)))
        scale = 10.0**exponent
        prefix = "afpnµm kMGT"[exponent // 3 + 6].strip()
    scaled = value / scale
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(scaled)))) if scaled else 0
    return f"{scaled:.{decimals}f} {prefix}{shown}"
