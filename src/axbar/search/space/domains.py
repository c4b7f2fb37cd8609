"""What one parameter of a search may be: a list of values, whole numbers, or real numbers.

A domain numbers its values from 0: ``at(digits)`` gives values, ``digits(values)`` their numbers, so that a grid over
many domains is a number system with one digit a domain. Nothing of the size of the domain is ever built, so a million
million values cost no memory. ``from_unit`` takes what a quasi-random sequence draws in [0, 1].

Grids of reals are exact: the third value of ``0..0.9 step 0.1`` is 0.3 as a decimal reads, not 3 · 0.1 as a float
rounds, so equal points have equal hashes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from axbar.errors import UsageError, is_whole

__all__ = ["Choices", "Column", "Digits", "Domain", "Integers", "Reals", "Value"]

Value: TypeAlias = str | bool | int | float
#: values of one parameter: float64, int64, str or bool, ``[N]``
Column: TypeAlias = NDArray[Any]
#: numbers of values within a domain, int64 ``[N]``
Digits: TypeAlias = NDArray[np.int64]

#: powers of ten that a float holds exactly, and whole numbers too
_EXACT_POWER, _EXACT_WHOLE = 22, 2**53
#: the widest whole numbers of a column
_WIDEST = 2**62


@dataclass(frozen=True)
class Choices:
    """Some values of one kind, in the order given: texts, booleans, whole or real numbers.

    Raises:
        UsageError: there is none, one stands twice, kinds are mixed, or a number is not finite.

    >>> Choices(("sar", "flash")).at(np.array([1, 0])).tolist()
    ['flash', 'sar']
    """

    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", _one_kind(self.values))

    @property
    def size(self) -> int:
        """How many values there are."""
        return len(self.values)

    @cached_property
    def table(self) -> Column:
        """All values in order, ``[size]``."""
        return np.asarray(self.values)

    def at(self, digits: Digits) -> Column:
        """Return the values with these numbers, ``[N]``."""
        return self.table[digits]

    def digits(self, values: Column) -> Digits:
        """Return the numbers of values ``[N]``; -1 for what is none of them."""
        if not _comparable(self.table, values):
            return np.full(len(values), -1, dtype=np.int64)
        order = np.argsort(self.table, kind="stable")
        place = np.searchsorted(self.table[order], values)
        found = order[np.minimum(place, self.size - 1)]
        return np.where(self.table[found] == values, found, -1).astype(np.int64)

    def __str__(self) -> str:
        return ", ".join(str(v).lower() if isinstance(v, bool) else str(v) for v in self.values)


@dataclass(frozen=True)
class Integers:
    """Whole numbers from ``low`` up to ``high``, both allowed.

    >>> Integers(8, 64, 8).size
    8
    """

    low: int
    high: int
    step: int = 1

    def __post_init__(self) -> None:
        for name in ("low", "high", "step"):
            value = getattr(self, name)
            if not is_whole(value, 1 if name == "step" else -_WIDEST, _WIDEST):
                least = "a whole number of at least 1" if name == "step" else "a whole number"
                raise UsageError(f"{name} = {value!r} of a range of whole numbers; give {least}.")
            object.__setattr__(self, name, int(value))
        _check_order(self.low, self.high)

    @property
    def size(self) -> int:
        """How many values there are."""
        return (self.high - self.low) // self.step + 1

    def at(self, digits: Digits) -> Column:
        """Return the values with these numbers, ``[N]`` int64."""
        return self.low + self.step * digits

    def digits(self, values: Column) -> Digits:
        """Return the numbers of values ``[N]``; -1 for what is none of them."""
        if values.dtype.kind not in "iuf":
            return np.full(len(values), -1, dtype=np.int64)
        inside = (values >= self.low) & (values <= self.high) & (values == np.rint(values))
        whole = np.where(inside, values, self.low).astype(np.int64) - self.low
        return np.where(inside & (whole % self.step == 0), whole // self.step, -1)

    def __str__(self) -> str:
        return f"{self.low}..{self.high}" + (f" step {self.step}" if self.step != 1 else "")


@dataclass(frozen=True)
class Reals:
    """Real numbers from ``low`` to ``high``: all of them, evenly or by their logarithm, or every ``step`` from ``low``.

    Raises:
        UsageError: bounds are not finite or in the wrong order, a logarithm starts at 0, or both ways are asked for.

    >>> Reals(0.0, 0.9, step=0.1).at(np.array([3])).item()
    0.3
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def __post_init__(self) -> None:
        for name in ("low", "high", "step"):
            value: Any = getattr(self, name)
            if value is None and name == "step":
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise UsageError(f"{name} = {value!r} of a range of numbers; give a finite number.")
            object.__setattr__(self, name, float(value))
        _check_order(self.low, self.high)
        if self.log and self.low <= 0:
            raise UsageError(f"a range by its logarithm starts at {self.low:g}; start it above 0.")
        if self.step is not None and (self.log or self.step <= 0):
            raise UsageError(
                f"a range from {self.low:g} to {self.high:g} has the step {self.step:g}"
                + (
                    " and a logarithm; leave one away or list the values."
                    if self.log
                    else "; give one above 0."
                )
            )

    @property
    def size(self) -> int | None:
        """How many values there are; None if all real numbers of the range."""
        if self.step is None:
            return 1 if self.low == self.high else None
        spread = Decimal(repr(self.high)) - Decimal(repr(self.low))
        return int(spread // Decimal(repr(self.step))) + 1

    def at(self, digits: Digits) -> Column:
        """Return the values with these numbers, ``[N]`` float64; of a range without a step there is only the first."""
        if self.step is None:
            return np.full(len(digits), self.low)
        power, low, step = _common_power(self.low, self.step)
        most = abs(low) + step * (self.size or 1)
        if power <= _EXACT_POWER and most <= _EXACT_WHOLE:
            return (low + step * digits) / 10.0**power  # one rounding: what the decimal would read as
        return self.low + self.step * digits

    def digits(self, values: Column) -> Digits:
        """Return the numbers of values ``[N]``; -1 for what is none of them, 0 for all of a range without a step."""
        if values.dtype.kind not in "iuf":
            return np.full(len(values), -1, dtype=np.int64)
        inside = (values >= self.low) & (values <= self.high)
        if self.step is None:
            return np.where(inside, 0, -1).astype(np.int64)
        near = np.rint((np.where(inside, values, self.low) - self.low) / self.step).astype(np.int64)
        near = np.clip(near, 0, (self.size or 1) - 1)
        return np.where(inside & (self.at(near) == values), near, -1)

    def from_unit(self, unit: NDArray[np.float64]) -> Column:
        """Return the numbers at shares ``[N]`` in 0..1 of a range without a step."""
        if self.log:
            spread = self.low * (self.high / self.low) ** unit
        else:
            spread = self.low + (self.high - self.low) * unit
        return np.clip(spread, self.low, self.high)  # a rounding may miss the upper bound

    def __str__(self) -> str:
        tail = " log" if self.log else "" if self.step is None else f" step {self.step!r}"
        return f"{self.low!r}..{self.high!r}{tail}"


Domain: TypeAlias = Choices | Integers | Reals


def _check_order(low: float, high: float) -> None:
    if low > high:
        raise UsageError(f"a range runs from {low:g} down to {high:g}; write {high:g}..{low:g}.")


def _common_power(low: float, step: float) -> tuple[int, int, int]:
    """Return n, and low and step as whole numbers of 10^-n."""
    exact = Decimal(repr(low)), Decimal(repr(step))
    power = max(0, *(-cast(int, number.normalize().as_tuple().exponent) for number in exact))
    return power, int(exact[0].scaleb(power)), int(exact[1].scaleb(power))


def _comparable(table: Column, values: Column) -> bool:
    numbers = "iuf"
    if table.dtype.kind in numbers:
        return values.dtype.kind in numbers
    return table.dtype.kind == values.dtype.kind


def _one_kind(given: Iterable[Any]) -> tuple[Value, ...]:
    """Return values of one kind, whole and real numbers joined as reals."""
    values = [value.item() if callable(getattr(value, "item", None)) else value for value in given]
    if not values:
        raise UsageError("the list of values is empty; give at least one.")
    for value in values:
        if not isinstance(value, str | bool | int | float):
            raise UsageError(f"{value!r} is no value to search; give texts, numbers, or true and false.")
        if isinstance(value, float) and not math.isfinite(value):
            raise UsageError(f"{value!r} is no value to search; give a finite number.")
        if isinstance(value, int) and abs(value) > _WIDEST:
            raise UsageError(f"{value} is too large for a whole number; write it with a dot.")
    kinds = {_kind(value) for value in values}
    if len(kinds) > 1:
        raise UsageError(
            f"the values {values} mix {' and '.join(sorted(kinds))}; give values of one kind in one list."
        )
    if any(isinstance(value, float) for value in values):
        values = [float(value) for value in values]
    for value, often in Counter(values).items():
        if often > 1:
            raise UsageError(f"the value {value!r} stands twice; give it once.")
    return tuple(values)


def _kind(value: Value) -> str:
    return "texts" if isinstance(value, str) else "booleans" if isinstance(value, bool) else "numbers"
