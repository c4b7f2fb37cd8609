"""What a user can get wrong, said in one sentence.

Every error names what is wrong, where, the value, what is allowed, and how to mend it. The command
line prints the sentence without a traceback and ends with ``exit_code``.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from numbers import Real

__all__ = [
    "AxbarError",
    "DataError",
    "InfeasibleError",
    "ModelError",
    "OptionError",
    "SpecError",
    "TraceError",
    "UsageError",
    "is_whole",
    "suggest",
    "unknown_name",
]


#: options of which a sentence names the closest only
_MANY = 10


class AxbarError(Exception):
    """Base of all errors that a user can mend. ``exit_code`` is what the command line returns."""

    exit_code = 1


class UsageError(AxbarError):
    """The words of a call are wrong: an unknown name or option, a path where nothing is."""

    exit_code = 2


class SpecError(AxbarError):
    """A hardware spec is wrong: unknown key, value out of range, contradiction between fields."""


class DataError(AxbarError):
    """A data set can't be read or does not fit the network."""


class ModelError(AxbarError):
    """A network or its weights can't be used."""


class OptionError(ModelError):
    """An argument of a built-in network is out of range, so the call is wrong rather than the network."""

    exit_code = 2


class TraceError(AxbarError):
    """A network holds an operation that can't be traced."""


class InfeasibleError(AxbarError):
    """A caller insisted on a design that does not fit; plain estimates return a reason instead."""

    exit_code = 3


def is_whole(value: object, low: float, high: float = math.inf) -> bool:
    """Whether a value of any type is a whole number within bounds, both allowed.

    >>> is_whole(3, 1, 8), is_whole(3.0, 1), is_whole("3", 1, 8), is_whole(True, 0, 1)
    (True, True, False, False)
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    number = float(value)
    return math.isfinite(number) and number == int(number) and low <= number <= high


def suggest(name: str, options: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest option, or an empty string."""
    close = difflib.get_close_matches(str(name), [str(o) for o in options], n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else ""


def unknown_name(what: str, name: str, options: Iterable[str], more: str = "") -> str:
    """Return the sentence for a name that is not in ``options``, with the closest one and all of them.

    Args:
        more: what lists all options, e.g. ``axbar ls paths``; of many, the ten closest are then enough.
    """
    known = sorted(str(o) for o in options)
    hint = suggest(name, known)
    if more and len(known) > _MANY:
        close = difflib.get_close_matches(str(name), known, n=_MANY, cutoff=0.3) or known[:_MANY]
        return f"unknown {what} '{name}'{hint or '.'} Closest: {', '.join(close)}; '{more}' lists all {len(known)}."
    listed = ", ".join(known) if known else "none"
    return f"unknown {what} '{name}'{hint or '.'} Known: {listed}."
