"""A design as numbers that a search can recombine: one gene a parameter, whether it counts or not.

The gene of a parameter with a list of values is the number of the value; of a range of reals it is the share of the
range in 0..1, by the logarithm where the range has one. A gene that does not count is carried along, so that a child
whose chip makes it count again has a value that once was good. Designs that differ only in such genes have equal keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from axbar.search.space import Space
from axbar.search.space.domains import Choices, Domain, Reals
from axbar.search.space.parts import Columns

__all__ = ["Floats", "Genes", "Key"]

Floats: TypeAlias = NDArray[np.float64]
#: what equal designs share
Key: TypeAlias = bytes


@dataclass(frozen=True)
class Genes:
    """The genes of the designs of a space, ``[N, D]`` float64, D parameters in order."""

    space: Space

    @property
    def domains(self) -> tuple[Domain, ...]:
        """Of the parameters, in order."""
        return tuple(p.domain for p in self.space.parameters)

    @cached_property
    def sizes(self) -> tuple[int | None, ...]:
        """How many values each gene has; None for a share of a range."""
        return tuple(domain.size for domain in self.domains)

    @cached_property
    def ordered(self) -> tuple[bool, ...]:
        """Whether values of a gene that stand side by side are alike: numbers in order are, words are not."""
        return tuple(_is_ordered(domain) for domain in self.domains)

    def columns(self, genes: Floats) -> Columns:
        """Return the designs."""
        unit = np.empty_like(genes)
        for k, size in enumerate(self.sizes):
            # the middle of the share that decode gives to a value, safe from rounding
            unit[:, k] = genes[:, k] if size is None else (genes[:, k] + 0.5) / size
        return self.space.decode(np.clip(unit, 0.0, 1.0))

    def from_unit(self, unit: Floats) -> Floats:
        """Return genes at the points of the unit cube that ``Space.decode`` turns into the same designs."""
        genes = unit.copy()
        for k, size in enumerate(self.sizes):
            if size is not None:
                genes[:, k] = np.minimum(np.floor(unit[:, k] * size), size - 1)
        return genes

    def of(self, columns: Columns) -> Floats:
        """Return the genes of designs; what does not count has its first value."""
        genes = np.zeros((len(columns), len(self.domains)))
        for k, (path, domain) in enumerate(zip(self.space.paths, self.domains, strict=True)):
            column = columns.values[path]
            whole = domain.digits(column) if self.sizes[k] is not None else _shares(domain, column)
            genes[:, k] = np.where(columns.active[path], whole, 0.0)
        return genes

    def active(self, columns: Columns) -> NDArray[np.bool_]:
        """Return which genes count, ``[N, D]``."""
        return np.stack([columns.active[path] for path in self.space.paths], axis=1)

    def keys(self, columns: Columns) -> list[Key]:
        """Return what tells designs apart, ``[N]``."""
        marks = np.empty((len(columns), len(self.domains)), dtype=np.int64)
        for k, (path, domain) in enumerate(zip(self.space.paths, self.domains, strict=True)):
            column = columns.values[path]
            if self.sizes[k] is None:
                digits = np.asarray(column, dtype=np.float64).view(np.int64)
            else:
                digits = domain.digits(column)
            marks[:, k] = np.where(columns.active[path], digits, -1)
        return [row.tobytes() for row in marks]


def joined(parts: Sequence[Columns], space: Space) -> Columns:
    """Return designs one behind the other; of none the space's empty columns."""
    if not parts:
        return space.decode(np.empty((0, len(space.parameters))))
    return Columns(
        {path: np.concatenate([part.values[path] for part in parts]) for path in space.paths},
        {path: np.concatenate([part.active[path] for part in parts]) for path in space.paths},
    )


def _is_ordered(domain: Domain) -> bool:
    if not isinstance(domain, Choices):
        return True
    table: NDArray[Any] = domain.table
    if table.dtype.kind not in "if":
        return False
    steps = np.diff(table)
    return bool((steps > 0).all() or (steps < 0).all())


def _shares(domain: Domain, column: NDArray[Any]) -> Floats:
    """Return where reals lie in their range, 0..1."""
    assert isinstance(domain, Reals), "only reals are endless"
    values = np.clip(np.asarray(column, dtype=np.float64), domain.low, domain.high)
    if domain.log:
        return np.log(values / domain.low) / np.log(domain.high / domain.low)
    return (values - domain.low) / (domain.high - domain.low)
