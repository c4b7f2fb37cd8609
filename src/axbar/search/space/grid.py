"""Points of a space by number: a number system with one digit a parameter.

Grid point i has the digits d_1 ... d_D with i = (...(d_1 · n_2 + d_2) · n_3 + ...) + d_D, n_k values of parameter k.
Where a condition fails the digit means nothing, and n_k grid points are one design.

Designs without such copies are numbered by branches: a branch is one choice of values of all parameters on which
conditions depend; which others count is then fixed, so the branch holds the product of their sizes. Branches stand in
grid order, each behind the sum of the sizes of those before it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from axbar.errors import UsageError
from axbar.search.space.conditions import Condition, order_of, where
from axbar.search.space.domains import Column, Digits, Domain, Reals
from axbar.search.space.parts import Columns, Parameter

__all__ = ["Grid"]

Bools = NDArray[np.bool_]

#: branches that are listed at most, and the largest number of a point
_MOST_BRANCHES, _LARGEST = 1_000_000, 2**63 - 1


@dataclass(frozen=True)
class _Branches:
    """Choices of the parameters on which conditions depend.

    Args:
        digits: path -> ``[R]``, of those parameters.
        active: path -> ``[R]``, of all parameters.
    """

    digits: Mapping[str, Digits]
    active: Mapping[str, Bools]


@dataclass(frozen=True)
class Grid:
    """The arithmetic of a space; knows nothing of chips."""

    parameters: tuple[Parameter, ...]

    @cached_property
    def domains(self) -> dict[str, Domain]:
        """Path -> domain, in order."""
        return {p.path: p.domain for p in self.parameters}

    @cached_property
    def size(self) -> int | None:
        """Grid points, copies included; None if endless."""
        sizes = [p.domain.size for p in self.parameters]
        return None if None in sizes else math.prod(size or 0 for size in sizes)

    @cached_property
    def count(self) -> int | None:
        """Different designs; None if endless or if there are too many branches to list."""
        if self.size is None or self._branches is None:
            return None
        free = [path for path in self.domains if path not in self._branches.digits]
        patterns = np.stack([self._branches.active[path] for path in free] or [np.zeros(0)], axis=1)
        if not free:
            return len(next(iter(self._branches.digits.values())))
        kinds, often = np.unique(patterns, axis=0, return_counts=True)
        sizes = [self.domains[path].size or 1 for path in free]
        return sum(
            int(n) * math.prod(size for size, on in zip(sizes, kind, strict=True) if on)
            for kind, n in zip(kinds, often, strict=True)
        )

    def never(self) -> tuple[str, ...]:
        """Return paths that count for no point (none if there are too many branches to tell)."""
        if self._branches is None:
            return ()
        return tuple(path for path, mask in self._branches.active.items() if not mask.any())

    def columns(self, index: Digits) -> Columns:
        """Return grid points by number ``[N]``."""
        digits: dict[str, Digits] = {}
        rest = _numbers(index, self.size, "grid points")
        for parameter in reversed(self.parameters):
            size = parameter.domain.size or 1
            above = rest // size
            digits[parameter.path], rest = rest - above * size, above
        return self._from_digits(digits, where(self._conditions, self.domains, digits, len(rest), {}), {})

    def distinct(self, index: Digits) -> Columns:
        """Return different designs by number ``[N]``."""
        branches = self._branches
        rest = _numbers(index, self.count, "different designs")
        assert branches is not None, "a space with a count has branches"
        free = [path for path in self.domains if path not in branches.digits]
        ends = np.cumsum(self._lengths(branches, free))
        branch = np.searchsorted(ends, rest, side="right")
        rest = rest - np.where(branch > 0, ends[branch - 1], 0)
        digits = {path: column[branch] for path, column in branches.digits.items()}
        for path in reversed(free):
            size = np.where(branches.active[path], self.domains[path].size or 1, 1)[branch]
            above = rest // size
            digits[path], rest = rest - above * size, above
        return self._from_digits(digits, where(self._conditions, self.domains, digits, len(rest), {}), {})

    def decode(self, unit: NDArray[np.float64]) -> Columns:
        """Return the points at ``[N, D]`` in 0..1."""
        unit = np.asarray(unit, dtype=np.float64)
        if unit.ndim != 2 or unit.shape[1] != len(self.parameters):
            raise UsageError(
                f"the array to decode has the shape {list(unit.shape)}, expected [points, {len(self.parameters)}], "
                "one column a parameter."
            )
        if not ((unit >= 0) & (unit <= 1)).all():
            raise UsageError(
                "the array to decode holds what is not between 0 and 1; draw it from the unit cube."
            )
        digits: dict[str, Digits] = {}
        endless: dict[str, Column] = {}
        for k, (path, domain) in enumerate(self.domains.items()):
            if isinstance(domain, Reals) and domain.size is None:
                endless[path] = domain.from_unit(unit[:, k])
            size = domain.size or 1
            digits[path] = np.minimum((unit[:, k] * size).astype(np.int64), size - 1)
        active = where(self._conditions, self.domains, digits, len(unit), endless)
        digits = {
            path: column * active[path] for path, column in digits.items()
        }  # what does not count is first
        for path, column in endless.items():
            endless[path] = np.where(active[path], column, self._first(path))
        return self._from_digits(digits, active, endless)

    def canonical(self, columns: Columns) -> Bools:
        """Return where everything that does not count has its first value, ``[N]``."""
        found = np.ones(len(columns), dtype=np.bool_)
        for path, mask in columns.active.items():
            if not mask.all():
                found &= mask | (columns.values[path] == self._first(path))
        return found

    def index(self, columns: Columns) -> Digits:
        """Return the grid number of the first copy of each point, ``[N]``."""
        _numbers(np.zeros(0, dtype=np.int64), self.size, "grid points")
        found = np.zeros(len(columns), dtype=np.int64)
        for path, domain in self.domains.items():
            digits = np.where(columns.active[path], self._digits(path, columns.values[path]), 0)
            if (digits < 0).any():
                wrong = columns.values[path][int(np.argmax(digits < 0))].item()
                raise UsageError(f"{path} = {wrong!r} is none of the values of the space: {domain}.")
            found = found * (domain.size or 1) + digits
        return found

    def active(self, values: Mapping[str, Column], rows: int) -> dict[str, Bools]:
        """Return where each path counts, ``[N]``, from values of the domains."""
        digits = {path: self._digits(path, column) for path, column in values.items()}
        endless = {path: column for path, column in values.items() if self.domains[path].size is None}
        return where(self._conditions, self.domains, digits, rows, endless)

    @cached_property
    def _conditions(self) -> dict[str, Condition | None]:
        """Conditions, each behind those on which it depends."""
        found = {p.path: p.when for p in self.parameters}
        return {path: found[path] for path in order_of(found)}

    @cached_property
    def _controls(self) -> tuple[str, ...]:
        """Paths on which conditions depend, in order."""
        named = {c.path for p in self.parameters if p.when for c in p.when.clauses}
        return tuple(path for path in self.domains if path in named)

    @cached_property
    def _branches(self) -> _Branches | None:
        """All branches in grid order, copies left out; None if there are too many."""
        controls = Grid(tuple(p for p in self.parameters if p.path in self._controls))
        rows = controls.size if controls.parameters else 1
        if rows is None or rows > _MOST_BRANCHES:
            return None
        digits: dict[str, Digits] = {}
        rest = np.arange(rows, dtype=np.int64)
        for path in reversed(self._controls):
            size = self.domains[path].size or 1
            digits[path], rest = rest % size, rest // size
        active = where(self._conditions, self.domains, digits, rows, {})
        first = np.ones(rows, dtype=np.bool_)
        for path in self._controls:
            first &= active[path] | (digits[path] == 0)
        return _Branches(
            {path: digits[path][first] for path in self._controls},
            {path: mask[first] for path, mask in active.items()},
        )

    def _lengths(self, branches: _Branches, free: Sequence[str]) -> Digits:
        """Return the designs of each branch, ``[R]``."""
        lengths = np.ones(len(next(iter(branches.active.values()))), dtype=np.int64)
        for path in free:
            lengths = lengths * np.where(branches.active[path], self.domains[path].size or 1, 1)
        return lengths

    def _first(self, path: str) -> Column:
        return self.domains[path].at(np.zeros(1, dtype=np.int64))[0]

    def _digits(self, path: str, column: Column) -> Digits:
        return self.domains[path].digits(column)

    def _from_digits(
        self, digits: Mapping[str, Digits], active: Mapping[str, Bools], endless: Mapping[str, Column]
    ) -> Columns:
        values = {
            path: endless[path] if path in endless else domain.at(digits[path])
            for path, domain in self.domains.items()
        }
        return Columns(values, active)


def _numbers(index: Digits, size: int | None, what: str) -> Digits:
    """Return numbers of points as int64 once all of them lie within the space."""
    if size is None:
        raise UsageError(
            f"the space has no list of {what}: a range of reals has no step, or conditions depend on too many values; "
            "draw points with decode, or give steps and lists."
        )
    if size > _LARGEST:
        raise UsageError(
            f"the space has more {what} than can be numbered (2^63 - 1); draw points with decode."
        )
    numbers = np.asarray(index)
    if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
        raise UsageError(
            f"numbers of {what} come as one list of whole numbers, not as {numbers.dtype} {list(numbers.shape)}."
        )
    wrong = (numbers < 0) | (numbers >= size)
    if wrong.any():
        raise UsageError(
            f"there is no number {numbers[int(np.argmax(wrong))]} among {size:,} {what}, counted from 0."
        )
    return numbers.astype(np.int64)
