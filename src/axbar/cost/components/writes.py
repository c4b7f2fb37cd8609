"""Writing operands of run time into the cells of arrays, before they are read: keys and values of attention.

Every cell of both columns of a pair is written, also at level 0, whatever it held before; the rows of an array one
after the other, each with all its cells at once (assumed), all arrays of a layer in parallel:

    nvm    E = cell_writes * v * device.write_energy_J        t = write_turns * v * device.write_time_s
    sram   E = cell_writes * E_sram                           t = write_turns * max(1 / clock, t_sram)

v is the mean number of writes per cell (1; more with ``device.verify_tolerance``, see ``axbar.cost.programming``), a
row taking as long as its mean cell, a lower bound. Both figures are those of the device, whose sources say what they
include; lines that a write charges count only as far as they do. E_sram, t_sram: registered device ``sram``. Write
drivers take no area of their own, as those of stored weights take none. Digital units write no cells
(``operand_memory``). Spread: x/÷ 4, as for programming.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._types import Component, Context, Count, Floats, Parts, Term
from axbar.cost._verify import VERIFY_PATHS, mean_writes
from axbar.cost.components import _sram_arrays as s
from axbar.cost.components import _vector as v

__all__ = ["WRITES"]

_SPREAD = 4.0


def _nvm_energy(x: Context) -> Floats:
    cells, each_J, again = x.n("cell_writes"), x.p("device.write_energy_J"), mean_writes(x)
    return cells * (again * each_J) if cells.any() else v.nothing(x)


def _nvm_latency(x: Context) -> Floats:
    turns, each_s, again = x.n("write_turns"), x.p("device.write_time_s"), mean_writes(x)
    return turns * (again * each_s) if turns.any() else v.nothing(x)


def _sram_energy(x: Context) -> Floats:
    cells, each_J = x.n("cell_writes"), x.c(s.WRITE_J)
    return cells * each_J if cells.any() else v.nothing(x)


def _sram_latency(x: Context) -> Floats:
    turns, each_s = x.n("write_turns"), np.maximum(1.0 / x.p("clock_Hz"), x.c(s.WRITE_S))
    return turns * each_s if turns.any() else v.nothing(x)


def _cells(x: Context) -> Floats:
    return x.n("cell_writes")


def _turns(x: Context) -> Floats:
    return x.n("write_turns")


_AGAIN = "v writes per cell: 1, or more with device.verify_tolerance"

WRITES = Component(
    name="writes",
    group="array",
    summary="writing operands of run time into cells: both columns, all levels, rows one after the other",
    parts={
        "nvm": Parts(
            energy_J=Term(
                f"cell_writes · v · write_energy, {_AGAIN}",
                _nvm_energy,
                ("cell_writes",),
                ("device.write_energy_J", *VERIFY_PATHS),
            ),
            latency_s=Term(
                f"write_turns · v · write_time, {_AGAIN}",
                _nvm_latency,
                ("write_turns",),
                ("device.write_time_s", *VERIFY_PATHS),
            ),
        ),
        "sram": Parts(
            energy_J=Term(
                "cell_writes · write energy of an SRAM cell", _sram_energy, ("cell_writes",), (), (s.WRITE_J,)
            ),
            latency_s=Term(
                "write_turns · max(1 / clock, write time of an SRAM cell)",
                _sram_latency,
                ("write_turns",),
                ("clock_Hz",),
                (s.WRITE_S,),
            ),
        ),
        "digital": Parts(),
    },
    choose="run_time.unit",
    event=Count("one written cell", _cells, ("cell_writes",)),
    turn=Count("one written row", _turns, ("write_turns",)),
    instance=None,
    spread=_SPREAD,
)
