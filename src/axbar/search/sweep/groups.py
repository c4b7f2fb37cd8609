"""Designs of a block, sorted into groups of one chip and one network, and the costs of each group.

What a group needs is made once and remembered: the chip, what its techniques need of it, and the workload. Where one
of them can't be made, that is the reason of all designs of the group, and the sweep goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from axbar.errors import AxbarError, UsageError
from axbar.search.space import Space
from axbar.search.space.checking import is_of_chip
from axbar.search.space.parts import Columns, PointParts, technique_of
from axbar.search.sweep.codes import alike, columns_of
from axbar.search.sweep.costing import Chips
from axbar.search.sweep.costs import Costs, CostsBuilder
from axbar.search.sweep.variants import Variant, variant_of, variant_paths
from axbar.spec import HardwareSpec, load_hardware
from axbar.workload import Workload

__all__ = ["Groups", "SettingsOf", "WorkloadOf", "chip_settings"]

#: makes the workload of a network on a chip (before the changes of a design)
WorkloadOf = Callable[[Variant, HardwareSpec], Workload]

#: what the techniques of a point need of a chip: path -> value
SettingsOf = Callable[[PointParts, HardwareSpec], Mapping[str, Any]]


def chip_settings(parts: PointParts, base: HardwareSpec) -> dict[str, Any]:
    """Return what the techniques of a point say that a chip must be set to (``mint``: bits of weights and membranes).

    Raises:
        UsageError: a technique or one of its settings is unknown or out of range.
    """
    found: dict[str, Any] = {}
    for name, own in parts.techniques.items():
        ask = _asks(name)
        if ask is not None:
            from axbar.techniques import parse_technique  # imports torch

            pairs = ",".join(f"{key}={value}" for key, value in own.items())
            found |= ask(base, parse_technique(f"{name}:{pairs}")[1])
    return found


def _asks(technique: str) -> Any:
    from axbar.techniques import get_technique  # imports torch

    return getattr(get_technique(technique), "chip_settings", None)


@dataclass(frozen=True)
class Groups:
    """Costs of designs of a space.

    Args:
        space: whose designs they are.
        base: the chip where the space names none.
        workload_of: makes workloads; called once for each network and chip.
        settings_of: what techniques need of a chip, where the space does not search that itself.
    """

    space: Space
    base: HardwareSpec | None
    workload_of: WorkloadOf
    settings_of: SettingsOf = chip_settings
    _made: dict[tuple[Variant, str | None], Workload | str] = field(
        default_factory=dict[tuple[Variant, str | None], "Workload | str"]
    )
    _bases: dict[str, HardwareSpec] = field(default_factory=dict[str, HardwareSpec])

    def costs(self, columns: Columns, *, shares: bool) -> Costs:
        """Return the costs of designs, in their order."""
        builder = CostsBuilder(len(columns))
        agree = columns_of(columns, self._group_paths)
        agree += [columns.active[path] for path in self._chip_paths]
        first, group = alike(agree, len(columns))
        order = np.argsort(group, kind="stable")
        ends = np.cumsum(np.bincount(group, minlength=len(first)))
        for rows, at in zip(np.split(order, ends[:-1]), first.tolist(), strict=True):
            parts = self.space.split(self.space.point(columns, at))
            builder.put(rows, self._group(parts, columns.take(rows), shares))
        return builder.done()

    @cached_property
    def _chip_paths(self) -> tuple[str, ...]:
        return tuple(path for path in self.space.paths if is_of_chip(path))

    @cached_property
    def _group_paths(self) -> tuple[str, ...]:
        """Paths that decide chip, network, and what techniques need of the chip."""
        asking = [name for name in self.space.techniques if _asks(name) is not None]
        wanted = {"hardware", *variant_paths(self.space)}
        return tuple(p for p in self.space.paths if p in wanted or technique_of(p)[0] in asking)

    @cached_property
    def _repeats(self) -> bool:
        """Whether designs may differ in what costs nothing: settings of techniques of a programmed chip."""
        known = {*self._group_paths, *self._chip_paths}
        return any(path not in known for path in self.space.paths)

    def _group(self, parts: PointParts, columns: Columns, shares: bool) -> Costs:
        """Return the costs of designs of one chip and network in which the same paths of the chip count."""
        rows = len(columns)
        try:
            base = self._base(parts.hardware)
            needed = self.settings_of(parts, base)
            workload = self._workload(variant_of(parts), parts.hardware, base, needed)
            chip = base.replace({path: v for path, v in needed.items() if path not in parts.changes})
        except AxbarError as error:
            return Costs.impossible(rows, str(error))
        if isinstance(workload, str):
            return Costs.impossible(rows, workload)
        table = {path: columns.values[path] for path in parts.changes}
        if not self._repeats:
            return Chips(workload, chip, table, rows, shares).costs()
        first, which = alike(list(table.values()), rows)
        once = {path: column[first] for path, column in table.items()}
        return Chips(workload, chip, once, len(first), shares).costs().take(which)

    def _base(self, hardware: str | None) -> HardwareSpec:
        if hardware is None:
            if self.base is None:
                raise UsageError(
                    "the space has no chip; add 'hardware: NAME' to it or name the chip in the call."
                )
            return self.base
        if hardware not in self._bases:
            self._bases[hardware] = load_hardware(hardware)
        return self._bases[hardware]

    def _workload(
        self, variant: Variant, hardware: str | None, base: HardwareSpec, needed: Mapping[str, Any]
    ) -> Workload | str:
        """Return the workload, or why there is none."""
        key = (variant, hardware)
        if key not in self._made:
            try:
                self._made[key] = self.workload_of(variant, base.replace(needed))
            except AxbarError as error:
                self._made[key] = str(error)
        return self._made[key]
