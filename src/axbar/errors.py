"""What a user can get wrong, said in one sentence.

Every error names what is wrong, where, the value, what is allowed, and how to mend it. The command
line prints the sentence without a traceback and ends with ``exit_code``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "AxbarError",
    "DataError",
    "InfeasibleError",
    "ModelError",
    "SpecError",
    "TraceError",
    "UsageError",
    "suggest",
    "unknown_name",
]


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


class TraceError(AxbarError):
    """A network holds an operation that can't be traced."""


class InfeasibleError(AxbarError):
    """A caller insisted on a design that does not fit; plain estimates return a reason instead."""

    exit_code = 3


def suggest(name: str, options: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest option, or an empty string."""
    close = difflib.get_close_matches(str(name), [str(o) for o in options], n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else ""


def unknown_name(what: str, name: str, options: Iterable[str]) -> str:
    """Return the sentence for a name that is not in ``options``, with the closest one and all of them."""
    known = sorted(str(o) for o in options)
    hint = suggest(name, known)
    listed = ", ".join(known) if known else "none"
    return f"unknown {what} '{name}'{hint or '.'} Known: {listed}."
