"""What all converters share: how many are built, how many take turns, and their leakage."""

from __future__ import annotations

import numpy as np

from axbar.cost._types import Context, Floats, Term
from axbar.cost.components._digital import logic_leakage

__all__ = [
    "AT_RATE", "BUILT", "BUILT_EVENTS", "BUILT_PATHS", "LEAKAGE", "TURN", "TURN_EVENTS", "TURN_PATHS",
    "conversions", "converters", "turns",
]  # fmt: skip

#: what ``converters`` reads, and its formula
BUILT_EVENTS, BUILT_PATHS = ("arrays_built",), ("crossbar.cols", "adc.cols_per_adc")
BUILT = "converters = arrays_built · ⌈cols / cols_per_adc⌉"
#: what ``turns`` reads, and its formula
TURN_EVENTS, TURN_PATHS = ("reads", "used_columns"), ("adc.cols_per_adc",)
TURN = "reads · min(used_columns, cols_per_adc)"


def converters(x: Context) -> Floats:
    """Return the number of converters built, ``[L, P]``."""
    return x.n("arrays_built") * np.ceil(x.p("crossbar.cols") / x.p("adc.cols_per_adc"))


def conversions(x: Context) -> Floats:
    """Return the number of conversions, ``[L, P]``."""
    return x.n("conversions")


def turns(x: Context) -> Floats:
    """Return the conversions that one converter makes one after the other, ``[L, P]``."""
    return x.n("reads") * np.minimum(x.n("used_columns"), x.p("adc.cols_per_adc"))


def _at_rate(x: Context) -> Floats:
    return turns(x) * (1.0 / x.p("adc.sample_rate_Hz"))


LEAKAGE = logic_leakage("adc")
AT_RATE = Term(f"{TURN} / sample_rate", _at_rate, TURN_EVENTS, (*TURN_PATHS, "adc.sample_rate_Hz"))
