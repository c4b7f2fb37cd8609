"""What an export is made from: the recorded figures of one run, and what can be said about where they come from.

The figures are those that were recorded, never recomputed ones. Spreads and sources of constants belong to the cost
model that made them: they stand only where the installed axbar prices the run alike (``Record.alike``).

The spread of a total adds the deviations of its components in quadrature, as ``Estimate.spread`` does: with factors
s_c of published silicon around the model, ``low = total - sqrt(sum (v_c (1 - 1/s_c))^2)`` and
``high = total + sqrt(sum (v_c (s_c - 1))^2)``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from axbar import registry
from axbar._report import QUANTITIES
from axbar.cost.metrics import work_on

if TYPE_CHECKING:
    from axbar.cost import Estimate
    from axbar.spec import HardwareSpec
    from axbar.workload import Workload

__all__ = ["Cells", "Record"]

#: layer -> component -> SI value
Cells = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Record:
    """One run, as the formats read it.

    Args:
        facts: ``Report.to_dict()``; of an estimate the keys that it knows, the rest None or empty.
        run: command, versions, arguments and input hashes; empty if not recorded.
        spec: the chip with its sources; None if not recorded or not readable.
        workload: the traced network; None if not recorded.
        estimate: the same question answered by the installed axbar; None if that can't be done.
        alike: whether the installed axbar prices the run as recorded.
        cells: quantity -> ``[layer][component]`` as recorded in an estimate; empty if not recorded.
        origin: what it was read from, for messages.
        folder: of the run; None if there is none.
        title: registered name of the network, where that is known for certain.
        warnings: what a reader of the exported files must know, as sentences.
    """

    facts: Mapping[str, Any]
    run: Mapping[str, Any]
    spec: HardwareSpec | None = None
    workload: Workload | None = None
    estimate: Estimate | None = None
    alike: bool = False
    cells: Mapping[str, Cells] | None = None
    origin: str = ""
    folder: Path | None = None
    title: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def chip(self) -> str:
        """Name of the chip."""
        return str(self.facts["hardware"]["name"])

    @property
    def network(self) -> str:
        """The network's registered name where known, else how the user named it."""
        return self.title or str(self.facts["model"])

    @property
    def version(self) -> str:
        """Version of axbar that made the figures; ``not recorded`` if nobody wrote it down."""
        return str(self.run.get("versions", {}).get("axbar", "not recorded"))

    @property
    def components(self) -> tuple[str, ...]:
        """Components in signal order."""
        return tuple(self.facts["breakdown"]["energy_J"]["component"])

    @property
    def work(self) -> str:
        """What the costs are per, see ``Report.work``."""
        values = self.facts["hardware"].get("values") if self.spec is None else self.spec.values()
        return work_on(values or {})

    def total(self, quantity: str) -> float:
        """Return a total per ``work``, SI (``energy_J``, ..., ``edp_Js``)."""
        return float(self.facts[quantity])

    def by_component(self, quantity: str) -> Mapping[str, float]:
        """Return component -> SI value."""
        return self.facts["breakdown"][quantity]["component"]

    def by_layer(self, quantity: str) -> Mapping[str, float]:
        """Return layer -> SI value."""
        return self.facts["breakdown"][quantity]["layer"]

    @property
    def merits(self) -> dict[str, tuple[str, float, str]]:
        """Figures of merit that were recorded: name -> (label, value, unit); what a total says already is left out."""
        found: Mapping[str, Mapping[str, Any]] = self.facts.get("metrics") or {}
        return {
            name: (str(merit["label"]), float(merit["value"]), str(merit["unit"]))
            for name, merit in found.items()
            if name not in self.facts and merit.get("value") is not None
        }

    def cells_of(self, quantity: str) -> Cells | None:
        """Return layer -> component -> SI value; None where they were not recorded and can't be had again."""
        if self.cells:
            return self.cells[quantity]
        if self.estimate is None or not self.alike:
            return None
        cube = getattr(self.estimate, quantity)[0]
        return {
            layer: dict(zip(self.estimate.components, map(float, row), strict=True))
            for layer, row in zip(self.estimate.layers, cube, strict=True)
        }

    def factor(self, component: str, quantity: str) -> float | None:
        """Return the factor x/÷ within which published silicon lies around a component; None if unknown."""
        found = self.model(component)
        return None if found is None or self.unchecked else float(found.spread_of(quantity))

    @property
    def unchecked(self) -> bool:
        """Whether models of the chip's kind were never compared with silicon, so that nobody knows a spread."""
        kind = self.facts["hardware"].get("kind")
        return kind in registry.names("hardware") and registry.get("hardware", kind).checked is None

    def model(self, component: str) -> Any:
        """Return the component of the cost model; None where the figures are not those of the installed one."""
        kind = self.facts["hardware"].get("kind")
        if not self.alike or kind not in registry.names("hardware"):
            return None
        return next((c for c in registry.get("hardware", kind).components if c.name == component), None)

    def within(self, quantity: str, values: Mapping[str, float]) -> tuple[float, float] | None:
        """Return low and high of the sum of components' values; None where a factor is unknown."""
        below = above = 0.0
        for component, value in values.items():
            factor = self.factor(component, quantity)
            if factor is None:
                return None
            below += (value * (1.0 - 1.0 / factor)) ** 2
            above += (value * (factor - 1.0)) ** 2
        total = sum(values.values())
        return total - math.sqrt(below), total + math.sqrt(above)

    def spread(self, quantity: str) -> tuple[float, float] | None:
        """Return low and high of a total; None where they are unknown (as of the energy-delay product)."""
        if quantity not in QUANTITIES:
            return None
        return self.within(quantity, self.by_component(quantity))
