"""The space of designs to search: chip, network and techniques together, as parameters with conditions.

A point is a plain mapping of path to value, of those parameters only that count for it. The grid of a space numbers all
combinations of values, the last parameter fastest; combinations that differ only in what does not count are one
design, of which ``canonical`` keeps the first. ``distinct`` numbers designs without such copies: a space over three
kinds of chips has the sum of their designs, its grid the product.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from axbar.errors import SpecError, UsageError
from axbar.search.space.checking import bind, is_of_chip
from axbar.search.space.conditions import Clause, Condition, check_condition, order_of, parse_condition
from axbar.search.space.domains import Choices, Digits, Domain, Integers, Reals
from axbar.search.space.grid import Grid
from axbar.search.space.parts import (
    QUANTITIES,
    Columns,
    Constraint,
    Objective,
    Parameter,
    Point,
    PointParts,
    technique_of,
)
from axbar.search.space.points import encode, split
from axbar.search.space.reading import Read, read_domain, read_space
from axbar.spec import HardwareSpec, load_hardware
from axbar.spec._tree import CALL, Faults

__all__ = [
    "QUANTITIES",
    "Choices",
    "Clause",
    "Columns",
    "Condition",
    "Constraint",
    "Domain",
    "Integers",
    "Objective",
    "Parameter",
    "Point",
    "PointParts",
    "Reals",
    "Space",
    "check_space",
    "load_space",
    "parse_condition",
    "point_hash",
    "read_domain",
]

#: a chip, its preset, or its file
Base: TypeAlias = HardwareSpec | str | os.PathLike[str]


@dataclass(frozen=True)
class Space:
    """Parameters to search, what is wanted of designs, and what they must keep.

    ``load_space`` and ``check_space`` make the conditions that follow from the chips and techniques explicit; a space
    put together by hand has only the conditions that were given until it is checked.

    Args:
        parameters: in the order of the file; the last one varies fastest.
        objectives, constraints: may be empty.
        name: of the study.
        fidelity: settings of the ladder, as they were given.

    Raises:
        UsageError: there is no parameter, a path stands twice, or a condition makes no sense.
    """

    parameters: tuple[Parameter, ...]
    objectives: tuple[Objective, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    name: str = "space"
    fidelity: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", tuple(self.parameters))
        object.__setattr__(self, "objectives", tuple(self.objectives))
        object.__setattr__(self, "constraints", tuple(self.constraints))
        if not self.parameters:
            raise UsageError(
                "the space is empty; give at least one path and its values, as crossbar.rows: [64, 128]."
            )
        for path, often in Counter(self.paths).items():
            if often > 1:
                raise UsageError(f"the path '{path}' stands twice in the space; give it once.")
        for quantity, often in Counter(o.quantity for o in self.objectives).items():
            if often > 1:
                raise UsageError(f"the objective {quantity} stands twice; give it once.")
        for parameter in self.parameters:
            if parameter.when is not None:
                check_condition(parameter.path, parameter.when, self._grid.domains)
        order_of({p.path: p.when for p in self.parameters})

    @cached_property
    def _grid(self) -> Grid:
        return Grid(self.parameters)

    @property
    def paths(self) -> tuple[str, ...]:
        """Paths of all parameters, in order."""
        return tuple(p.path for p in self.parameters)

    @property
    def size(self) -> int | None:
        """Points of the grid, copies included; None if a parameter takes all real numbers of a range."""
        return self._grid.size

    @property
    def count(self) -> int | None:
        """Different designs, copies not counted; None if endless, or if conditions depend on too many values."""
        return self._grid.count

    @property
    def techniques(self) -> tuple[str, ...]:
        """Names of the techniques in the order in which they run: that of their first parameters."""
        names = (technique_of(path) for path in self.paths)
        return tuple(dict.fromkeys(name for name, _ in names if name))

    def columns(self, index: Digits) -> Columns:
        """Return grid points by number, ``[N]`` int64 in 0..size-1; the last parameter varies fastest."""
        return self._grid.columns(index)

    def distinct(self, index: Digits) -> Columns:
        """Return different designs by number, ``[N]`` int64 in 0..count-1; what does not count has its first value."""
        return self._grid.distinct(index)

    def decode(self, unit: NDArray[np.float64]) -> Columns:
        """Return the points at ``[N, D]`` in 0..1, one column a parameter; what does not count has its first value."""
        return self._grid.decode(unit)

    def canonical(self, columns: Columns) -> NDArray[np.bool_]:
        """Return which grid points are the first of their design, ``[N]``: what does not count has its first value."""
        return self._grid.canonical(columns)

    def index(self, columns: Columns) -> Digits:
        """Return the number of each point's design in the grid, ``[N]``: that of its first copy."""
        return self._grid.index(columns)

    def point(self, columns: Columns, i: int) -> Point:
        """Return point ``i`` as a plain mapping of what counts."""
        return {path: column[i].item() for path, column in columns.values.items() if columns.active[path][i]}

    def never(self) -> tuple[str, ...]:
        """Return paths that count for no point, as far as that can be listed."""
        return self._grid.never()

    def encode(self, points: Sequence[Mapping[str, Any]]) -> Columns:
        """Return plain points as columns, the opposite of ``point``; what does not count has its first value.

        Raises:
            UsageError: a path or value is none of the space, or what counts for a point is not what it holds.
        """
        return encode(self._grid, points)

    def split(self, point: Mapping[str, Any]) -> PointParts:
        """Return what of a point is chip, network and technique."""
        return split(point, self.techniques)


def load_space(
    source: str | os.PathLike[str] | Mapping[str, Any], base_hardware: Base | None = None
) -> Space:
    """Read a space from a YAML file or a mapping of the same form, and check it as far as its chips are known.

    Args:
        source: ``"space.yaml"``, or ``{"space": {"crossbar.rows": [64, 128]}, "objectives": ["energy_J min"]}``; in a
            mapping a domain may also stand as ``Integers(3, 8)``. Files of chips and models are looked for beside
            the YAML file first, then, and those of a mapping only, from the working folder.
        base_hardware: the chip of a space without ``hardware``. Without either, paths of a chip wait for
            ``check_space``.

    Raises:
        UsageError: a path or value of a mapping is wrong; one line per fault.
        SpecError: a file is wrong; one line per fault, with file and line.

    >>> load_space({"space": {"hardware": "imc-rram-65nm", "adc.bits": "3..8"}}).size
    6
    """
    faults = Faults()
    read = read_space(source, faults)
    faults.raise_any()
    space = _checked(
        lambda: Space(
            tuple(read.parameters), tuple(read.objectives), tuple(read.constraints), read.name, read.fidelity
        ),
        faults,
        read.file,
    )
    return _bound(space, _spec(base_hardware), faults, read)


def check_space(space: Space, base_hardware: Base | None = None) -> Space:
    """Check paths and values against chips and techniques, and return the space with all its conditions explicit.

    A checked space is returned as it is.

    Args:
        base_hardware: the chip of a space without ``hardware``.

    Raises:
        UsageError: a path is unknown (with the closest one), a value leaves the bounds of its field, a parameter never
            counts, or paths of a chip stand in a space that has none; one line per fault.
    """
    base = _spec(base_hardware)
    lost = [path for path in space.paths if is_of_chip(path)]
    if lost and base is None and "hardware" not in space.paths:
        raise UsageError(
            f"{lost[0]}: the space has no chip; add 'hardware: NAME' to it or name the chip in the call."
        )
    return _bound(space, base, Faults())


def point_hash(point: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits that depend on paths and values only, not on their order; 4 and 4.0 are equal.

    >>> point_hash({"adc.bits": 4, "hardware": "sata"}) == point_hash({"hardware": "sata", "adc.bits": 4.0})
    True
    """
    text = json.dumps({path: _plain(value) for path, value in point.items()}, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    """Return a number as JSON keeps it through any reader: 4.0 as 4, and no numpy scalar."""
    plain = value.item() if callable(getattr(value, "item", None)) else value
    return int(plain) if isinstance(plain, float) and plain.is_integer() and abs(plain) < 2**53 else plain


def _spec(base: Base | None) -> HardwareSpec | None:
    return base if base is None or isinstance(base, HardwareSpec) else load_hardware(base)


def _bound(space: Space, base: HardwareSpec | None, faults: Faults, read: Read | None = None) -> Space:
    """Return a space with all conditions, or raise what is wrong, where it was written."""
    origins = read.origins if read else {}
    parameters = bind(space.parameters, base, faults, origins)
    faults.raise_any()
    found = _checked(lambda: replace(space, parameters=parameters), faults, read.file if read else "")
    for path in found.never():
        when = next(p.when for p in found.parameters if p.path == path)
        faults.add(
            origins.get(path, CALL), f"{path}: counts for no point of the space: '{when}' never holds."
        )
    faults.raise_any()
    return space if found.parameters == space.parameters else found


def _checked(make: Callable[[], Space], faults: Faults, file: str) -> Space:
    """Return the space; what it refuses is a fault of the file, if there is one."""
    try:
        return make()
    except UsageError as error:
        if not file:
            raise
        raise SpecError(f"{file}: {error}") from None
