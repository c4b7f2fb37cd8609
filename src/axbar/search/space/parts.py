"""What a space is made of: parameters, objectives, constraints; and what a set of points is: columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from axbar import registry
from axbar.errors import UsageError, unknown_name
from axbar.search.space.conditions import Condition
from axbar.search.space.domains import Column, Domain
from axbar.units import format_quantity

__all__ = [
    "QUANTITIES",
    "Columns",
    "Constraint",
    "Objective",
    "Parameter",
    "Point",
    "PointParts",
    "technique_of",
]

#: a design point: path -> value of the parameters that count for it, in the order of the space
Point = dict[str, Any]

#: what can be asked of a design -> its unit, and which way is better
QUANTITIES: Mapping[str, tuple[str, Literal["min", "max"]]] = {
    "accuracy": ("", "max"),
    "energy_J": ("J", "min"),
    "latency_s": ("s", "min"),
    "area_m2": ("m2", "min"),
    "edp_Js": ("Js", "min"),
    "leakage_W": ("W", "min"),
    "throughput_Hz": ("Hz", "max"),
}


def _check_quantity(what: str, quantity: str) -> None:
    if quantity not in QUANTITIES:
        raise UsageError(unknown_name(what, quantity, QUANTITIES))


@dataclass(frozen=True)
class Parameter:
    """One thing to search.

    Args:
        path: ``hardware``, ``crossbar.rows``, ``model``, ``model.steps``, ``technique.prune``,
            ``technique.prune.sparsity``.
        domain: what it may be.
        when: where it counts; None for everywhere.
    """

    path: str
    domain: Domain
    when: Condition | None = None


@dataclass(frozen=True)
class Objective:
    """A quantity in SI units and which way is better."""

    quantity: str
    sense: Literal["min", "max"]

    def __post_init__(self) -> None:
        _check_quantity("objective", self.quantity)
        if self.sense not in ("min", "max"):
            raise UsageError(f"objective {self.quantity}: the sense '{self.sense}' is neither min nor max.")

    def __str__(self) -> str:
        return f"{self.quantity} {self.sense}"


@dataclass(frozen=True)
class Constraint:
    """A bound on a quantity, in SI units: ``accuracy >= 0.9``."""

    quantity: str
    op: Literal["<=", ">="]
    limit: float

    def __post_init__(self) -> None:
        _check_quantity("constraint", self.quantity)
        if self.op not in ("<=", ">="):
            raise UsageError(f"constraint on {self.quantity}: '{self.op}' is neither <= nor >=.")
        if not np.isfinite(self.limit):
            raise UsageError(
                f"constraint on {self.quantity}: the limit {self.limit} is not finite; give a number."
            )

    def holds(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return where values ``[N]`` keep it; what is not a number does not."""
        return values <= self.limit if self.op == "<=" else values >= self.limit

    def __str__(self) -> str:
        return f"{self.quantity} {self.op} {format_quantity(self.limit, QUANTITIES[self.quantity][0])}"


@dataclass(frozen=True)
class Columns:
    """N points, one column a parameter, in the order of the space.

    Args:
        values: path -> float64, int64, str or bool, ``[N]``.
        active: path -> where the parameter counts, ``[N]``; elsewhere its value means nothing.
    """

    values: Mapping[str, Column]
    active: Mapping[str, NDArray[np.bool_]]

    def __len__(self) -> int:
        return len(next(iter(self.values.values())))

    def take(self, rows: NDArray[Any]) -> Columns:
        """Return some of the points, by a mask or by number."""
        return Columns(
            {path: column[rows] for path, column in self.values.items()},
            {path: mask[rows] for path, mask in self.active.items()},
        )


@dataclass(frozen=True)
class PointParts:
    """A point, sorted by who reads it.

    Args:
        hardware: preset or file; None if the space has none and the caller's chip is meant.
        changes: path of the spec -> value, for ``spec.replace``.
        model: name; None if the caller's network is meant.
        arguments: of the model's factory (``steps``, ``width``).
        techniques: name -> settings of those that run, in their order.
    """

    hardware: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    model: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    techniques: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])


def technique_of(path: str) -> tuple[str, str]:
    """Return technique and setting of a path; empty where it has none. A registered name may hold dots.

    >>> technique_of("technique.prune.sparsity"), technique_of("technique.prune"), technique_of("adc.bits")
    (('prune', 'sparsity'), ('prune', ''), ('', ''))
    """
    head, _, rest = path.partition(".")
    if head != "technique":
        return "", ""
    for name in registry.names("techniques"):
        if "." in name and f"{rest}.".startswith(f"{name}."):
            return name, rest[len(name) + 1 :]
    name, _, setting = rest.partition(".")
    return name, setting
