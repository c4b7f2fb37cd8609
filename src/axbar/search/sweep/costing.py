"""Costs of many designs of one chip and one workload, in one vectorised estimate, whatever is wrong with some of them.

An estimate refuses a sweep if one of its points can't even be counted (weights fixed to other bits by a technique).
Such points are found and set aside, with the sentence that they would have alone:

1. bits: one look for each combination in the columns that hold bits;
2. if the sweep is still refused: one look for each structural choice;
3. then halves, until what is refused stands alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar import registry
from axbar.cost import estimate
from axbar.cost._countable import MEMBRANE_PATH, WEIGHT_PATHS, check_fixed_bits
from axbar.cost._grouped import Grouped, estimate_groups
from axbar.cost._reasons import reason_kinds
from axbar.cost._types import QUANTITIES
from axbar.errors import AxbarError
from axbar.search.sweep.codes import alike
from axbar.search.sweep.costs import SHARED, Costs, CostsBuilder, Floats, Indices
from axbar.spec import HardwareSpec
from axbar.spec.kind import HardwareKind
from axbar.workload import Workload

__all__ = ["Chips", "costs_of"]

_BIT_PATHS = (*WEIGHT_PATHS, MEMBRANE_PATH)


def costs_of(workload: Workload, base: HardwareSpec, changes: Sequence[Mapping[str, Any]]) -> Costs:
    """Return the costs of a few designs of one chip, equal to the estimate of each, bit for bit.

    Args:
        workload: of the network.
        base: the chip before the changes.
        changes: path -> value in SI, as in a point.

    Returns:
        One row a change; a change that is refused is a row without figures, with the reason.

    >>> from axbar.spec import load_hardware
    >>> from axbar.workload import shapes
    >>> costs = costs_of(shapes.vgg9(), load_hardware("imc-rram-65nm"), [{"adc.bits": 4}, {"crossbar.rows": 128}])
    >>> costs.feasible.tolist()
    [True, True]
    """
    builder = CostsBuilder(len(changes), merge=False)
    by_paths: dict[tuple[str, ...], list[int]] = {}
    for i, change in enumerate(changes):
        by_paths.setdefault(tuple(sorted(change)), []).append(i)
    for paths, rows in by_paths.items():
        columns: dict[str, NDArray[Any]] = {
            path: np.array([changes[i][path] for i in rows]) for path in paths
        }
        builder.put(np.array(rows), Chips(workload, base, columns, len(rows), exact=True).costs())
    return builder.done()


@dataclass(frozen=True)
class Chips:
    """Designs of one chip for one workload.

    Args:
        workload: of the network.
        base: what the columns change.
        columns: path -> ``[rows]``; may be empty, then all rows are the chip itself.
        rows: how many.
        shares: whether to keep who has which share.
        exact: whether to give every design its own reason; else one example for all that break the same rules.
    """

    workload: Workload
    base: HardwareSpec
    columns: Mapping[str, NDArray[Any]]
    rows: int
    shares: bool = True
    exact: bool = False

    def costs(self) -> Costs:
        """Return one row a design."""
        builder = CostsBuilder(self.rows, merge=not self.exact)
        left = self._sieve(np.arange(self.rows), self._bit_columns(), self._check_bits, builder)
        try:
            self._estimate(left, builder)
        except AxbarError:
            left = self._sieve(left, self._structural(), self._check_alone, builder)
            self._halve(left, builder)
        return builder.done()

    def _at(self, rows: Indices) -> dict[str, NDArray[Any]]:
        return {path: column[rows] for path, column in self.columns.items()}

    def _bit_columns(self) -> list[NDArray[Any]]:
        return [column for path, column in self.columns.items() if path in _BIT_PATHS]

    def _structural(self) -> list[NDArray[Any]]:
        kind: HardwareKind = registry.get("hardware", self.base.kind)
        structural = kind.structural
        return [c for path, c in self.columns.items() if path in structural or f"{path}.name" in structural]

    def _check_bits(self, row: Indices) -> None:
        own = {path: value for path, value in self.base.values().items() if path in _BIT_PATHS}
        given = {path: column[row].item() for path, column in self.columns.items() if path in _BIT_PATHS}
        check_fixed_bits(self.workload, [(self.base.name, own | given)])

    def _check_alone(self, row: Indices) -> None:
        estimate(self.workload, self.base, self._at(row))

    def _sieve(
        self,
        rows: Indices,
        by: Sequence[NDArray[Any]],
        check: Callable[[Indices], None],
        builder: CostsBuilder,
    ) -> Indices:
        """Look at one row of each combination in ``by``, set aside those that are refused, and return the others."""
        first, which = alike([column[rows] for column in by], len(rows))
        fine = np.ones(len(first), dtype=np.bool_)
        for number, at in enumerate(first):
            try:
                check(rows[at : at + 1])
            except AxbarError as error:
                fine[number] = False
                refused = rows[which == number]
                builder.put(refused, Costs.impossible(len(refused), str(error)))
        return rows[fine[which]]

    def _halve(self, rows: Indices, builder: CostsBuilder) -> None:
        try:
            self._estimate(rows, builder)
        except AxbarError as error:
            if len(rows) == 1:
                builder.put(rows, Costs.impossible(1, str(error)))
                return
            for half in np.array_split(rows, 2):
                self._halve(half, builder)

    def _estimate(self, rows: Indices, builder: CostsBuilder) -> None:
        """Estimate rows together.

        Raises:
            AxbarError: one of them is refused.
        """
        if not len(rows):
            return
        asked = SHARED if self.shares else ()
        found = estimate_groups(self.workload, self.base, self._at(rows), asked)
        builder.put(rows, self._taken(found, 1 if not self.columns else len(rows)))

    def _taken(self, found: Grouped, points: int) -> Costs:
        """Return the costs of an estimate; one point alone stands for all rows."""
        result = found.estimate
        values: dict[str, Floats] = {str(quantity): result.total(quantity) for quantity in QUANTITIES}
        values |= {"edp_Js": result.edp_Js, "throughput_Hz": result.throughput_Hz}
        shares = {
            str(quantity): {name: _share(part, result.total(quantity)) for name, part in groups.items()}
            for quantity, groups in found.groups.items()
        }
        if not self.exact:
            return Costs(values, shares, *reason_kinds(result))
        own = np.where(result.feasible, 0, 1 + np.arange(points)).astype(np.int32)
        return Costs(values, shares, own, ((), *((reason,) for reason in result.reasons)))


def _share(part: Floats, total: Floats) -> NDArray[np.float32]:
    return np.divide(part, total, out=np.zeros_like(part), where=total > 0).astype(np.float32)
