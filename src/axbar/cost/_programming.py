"""Programming: what it takes to write the weights of a network into the arrays, and how long the cells bear it.

Per layer, arrays of ``rows x cols`` cells, n of them in use (copies of the layer included), a share u of whose cells
holds a weight; every cell of a differential pair is written, also the one at level 0:

    cells    = n rows cols u
    E_write  = sum over layers of cells * writes * device.write_energy_J
    t_write  = max over layers of rows_used * ceil(cols_used / at_once) * writes * device.write_time_s
    wear     = writes / device.endurance                 share of a cell's life that one programming takes
    lifetime = 1 / (wear * programmings per day)

One *write* of a cell is one draw from the device's programming law, with the pulses and reads of its own
verification, as the sources of ``device.write_*`` count it. With ``device.verify_tolerance`` cells off their target
are written again: ``writes`` is the mean number per cell (``axbar.devices.expected_writes``), 1 without; a row takes
as long as its mean cell, which is a lower bound.
Written at once are ``at_once`` cells of a row in every array, all arrays of the chip alike; None: a whole row, which
asks much of the supply (see ``power_W``); 1 is the other end, cell by cell. Either is an assumption: HERMES has 32
write heads for a core of 256 x 256 weights (third-party notes).

The write side is the least known of all: spread x/÷ 4 for the energy, 10 and more for endurance. Nothing of it is
part of ``energy_J`` of an inference, whose weights stand. What is written at run time, as keys and values of attention,
is no part of programming: the component ``writes`` of every inference, and ``axbar.cost.wear``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from axbar import registry
from axbar.cost._device import device_of
from axbar.cost._engine import Plan, make_plan
from axbar.cost._sweep import read_sweep
from axbar.cost._types import Floats, add_up
from axbar.devices import expected_writes
from axbar.errors import UsageError
from axbar.spec import HardwareSpec, load_hardware
from axbar.spec.kind import HardwareKind
from axbar.units import format_quantity
from axbar.workload import Workload

__all__ = ["Programming", "programming", "programming_of"]

_PATHS: Final = ("device.write_energy_J", "device.write_time_s", "device.endurance")
_DAYS_A_YEAR: Final = 365.25
_NO_WEAR: Final = 1e-17  # share of a life that is none: devices without known wear


@dataclass(frozen=True)
class Programming:
    """What one programming of the whole network takes, on P design points with L layers.

    Args:
        layers: names.
        cells: written, ``[P, L]``.
        energy_J, time_s: ``[P]``.
        writes: of each cell, mean; more than 1 only with ``device.verify_tolerance``, ``[P]``.
        endurance: writes that a cell survives, ``[P]``.
        at_once: cells of a row of an array that are written at once; None: all.
        reprograms_per_day: how often; None: not said.
    """

    layers: tuple[str, ...]
    cells: Floats
    energy_J: Floats
    time_s: Floats
    writes: Floats
    endurance: Floats
    at_once: int | None = None
    reprograms_per_day: float | None = None

    @property
    def power_W(self) -> Floats:
        """Mean power while writing, ``[P]``; 0 where writing takes no time."""
        return np.divide(self.energy_J, self.time_s, out=np.zeros_like(self.energy_J), where=self.time_s > 0)

    @property
    def wear(self) -> Floats:
        """Share of a cell's life that one programming takes, ``[P]``."""
        return self.writes / self.endurance

    @property
    def lifetime_years(self) -> Floats | None:
        """Years until the cells are worn out, ``[P]``; None if nobody said how often they are written."""
        if self.reprograms_per_day is None:
            return None
        return 1.0 / (self.wear * self.reprograms_per_day * _DAYS_A_YEAR)

    @property
    def notes(self) -> tuple[str, ...]:
        """Assumptions."""
        which = "all cells of a row" if self.at_once is None else f"{self.at_once} cells of a row"
        return (
            f"{which} of every array are written at once, row by row (assumed)",
            "every cell of a weight is written, also those at level 0",
        )

    def text(self, point: int = 0) -> str:
        """Return one point as a sentence."""
        energy, time = (
            format_quantity(float(v[point]), u) for v, u in ((self.energy_J, "J"), (self.time_s, "s"))
        )
        cells, wear = float(add_up(self.cells[point])), float(self.wear[point])
        worn = "" if wear <= _NO_WEAR else f", {wear:.1g} of their endurance"
        return f"Writing all weights once: {energy}, {time}, {cells:,.0f} cells{worn}."

    def to_dict(self, point: int = 0) -> dict[str, Any]:
        """Return one point as plain JSON values."""
        life = self.lifetime_years
        return {
            "cells": round(float(add_up(self.cells[point]))),
            "cells_by_layer": dict(
                zip(self.layers, (round(float(c)) for c in self.cells[point]), strict=True)
            ),
            "writes_per_cell": float(self.writes[point]),
            "energy_J": float(self.energy_J[point]),
            "time_s": float(self.time_s[point]),
            "power_W": float(self.power_W[point]),
            "wear": float(self.wear[point]),
            "endurance": float(self.endurance[point]),
            "reprograms_per_day": self.reprograms_per_day,
            "lifetime_years": None if life is None else float(life[point]),
            "notes": list(self.notes),
        }


def written_cells(arrays: Floats, rows: Floats, cols: Floats, utilisation: Floats) -> Floats:
    """Return the cells that hold a weight, whole numbers; arguments broadcast.

    >>> written_cells(np.array(2.0), np.array(64.0), np.array(64.0), np.array(0.75)).item()
    6144.0
    """
    return np.rint(arrays * rows * cols * utilisation)


def write_turns(rows_used: Floats, cols_used: Floats, at_once: int | None) -> Floats:
    """Return the writes that an array makes one after the other; arguments broadcast.

    >>> write_turns(np.array(64.0), np.array(60.0), 32).item(), write_turns(np.array(64.0), np.array(60.0), None).item()
    (128.0, 64.0)
    """
    return rows_used * (1.0 if at_once is None else np.ceil(cols_used / at_once))


def programming(
    workload: Workload,
    hardware: HardwareSpec | str,
    sweep: Mapping[str, ArrayLike] | None = None,
    *,
    reprograms_per_day: float | None = None,
    at_once: int | None = None,
) -> Programming:
    """Return what writing the weights of a network into the arrays of a chip takes.

    Args:
        workload: recorded, or built from shapes and rates.
        hardware: a spec, a preset's name or a YAML file.
        sweep: path -> P values, as in ``axbar.estimate``.
        reprograms_per_day: how often the chip gets new weights; gives a lifetime.
        at_once: cells of a row of each array that are written at once; None: all of them.

    Raises:
        UsageError: a chip that has no arrays to program, or a number out of range.

    >>> from axbar.workload import shapes
    >>> p = programming(shapes.vgg9(), "imc-rram-65nm", reprograms_per_day=24)
    >>> bool(p.lifetime_years[0] > 100)
    True
    """
    spec = load_hardware(hardware) if isinstance(hardware, str) else hardware
    kind: HardwareKind = registry.get("hardware", spec.kind)
    plan = make_plan(kind, workload, spec, read_sweep(spec, sweep))
    found = programming_of(plan, reprograms_per_day=reprograms_per_day, at_once=at_once)
    if found is None:
        raise UsageError(
            f"'{spec.name}' is of the kind '{spec.kind}', which writes no weights into cells; "
            "give a chip of kind 'imc'."
        )
    return found


def programming_of(
    plan: Plan, *, reprograms_per_day: float | None = None, at_once: int | None = None
) -> Programming | None:
    """Return the programming of a plan's points; None for a kind of hardware without arrays of devices.

    Raises:
        UsageError: a number out of range.
    """
    if reprograms_per_day is not None and not (0.0 < reprograms_per_day < float("inf")):
        raise UsageError(f"reprograms_per_day is {reprograms_per_day!r}; give a number above 0.")
    if at_once is not None and at_once < 1:
        raise UsageError(
            f"at_once is {at_once!r}; give a whole number of at least 1, or None for a whole row."
        )
    if not all(path in plan.sweep.numbers for path in _PATHS):
        return None
    cells, turns = (values[plan.choice] for values in _by_choice(plan, at_once))
    energy, time, endurance = (plan.sweep.numbers[path] for path in _PATHS)
    points, writes = plan.sweep.points, _writes(plan)
    return Programming(
        layers=plan.events[0].layers,
        cells=cells,
        energy_J=add_up(cells.T) * writes * energy,
        time_s=turns.max(axis=1) * writes * time,
        writes=writes,
        endurance=np.broadcast_to(endurance, points),
        at_once=at_once,
        reprograms_per_day=reprograms_per_day,
    )


def _by_choice(plan: Plan, at_once: int | None) -> tuple[Floats, Floats]:
    """Cells written and writes in turn, ``[structural choice, L]``."""
    shape = (len(plan.events), len(plan.events[0].layers))
    cells, turns = np.empty(shape), np.empty(shape)
    first = np.unique(plan.choice, return_index=True)[1]
    stored = np.array([not layer.at_run_time for layer in plan.workload.matmuls])
    for i, events in enumerate(plan.events):
        m = events.mapping
        rows, cols = (_at(plan, f"crossbar.{name}", int(first[i])) for name in ("rows", "cols"))
        # a weight wider than an array has one of its own all the same, see axbar.cost.imc
        width = np.maximum(cols, m["cols_used"])
        cells[i] = stored * written_cells(m["arrays"], rows, width, m["utilisation"])
        turns[i] = stored * write_turns(m["rows_used"], m["cols_used"], at_once)
    return cells, turns


def _writes(plan: Plan) -> Floats:
    """Mean writes of a cell, ``[P]``; worked out once per device block and width of its cells."""
    points, tolerance = plan.sweep.points, plan.sweep.numbers["device.verify_tolerance"]
    if not tolerance.any():
        return np.ones(points)
    numbers = plan.sweep.numbers
    read = [path for path in numbers if path.startswith("device.") or path == "crossbar.cell_bits"]
    varied = [numbers[path] for path in read if len(numbers[path]) > 1]
    table = np.stack([np.asarray(plan.group, dtype=np.float64), *varied])
    first, which = np.unique(table, axis=1, return_index=True, return_inverse=True)[1:]
    each = np.empty(len(first))
    for i, point in enumerate(first):
        x = plan.context(np.array([point]))
        each[i] = expected_writes(device_of(x), int(x.p("crossbar.cell_bits").item()))
    return each[which.reshape(-1)]


def _at(plan: Plan, path: str, point: int) -> Floats:
    column = plan.sweep.numbers[path]
    return column[point] if len(column) > 1 else column[0]
