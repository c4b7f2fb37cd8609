"""Memory cells of the crossbar arrays.

Joule's law for a voltage-mode read: a row at ``V_read`` for ``t_read`` drives every cell on it, and the bit
lines are held at virtual ground, so that

    E = V_read^2 * t_read * sum_i a_i * sum_j G_ij,        G = g_off + level / (2^c - 1) * (g_on - g_off),

with ``a_i`` the number of times row i is active (spikes, or set bits of a real input) and j over the columns
in use that its array holds. Split by conductance, that is

    E = V_read^2 * t_read * (g_off * A + (g_on - g_off) * B),

``A`` the cells on active rows and ``B`` the same weighted by the level of each cell (0..1); both are counted from
the recorded spikes and the quantised weights, so the range of the device may be swept without counting again.
A real-valued input driven in digits of d bits puts its row at digit / (2^d - 1) of V_read, so each activation
counts with the square of that share (1 for spikes and for single bits): events ``cell_drive``, ``level_drive``.

Current-mode readout (``read.mode``: current) copies the current of a column by mirrors, which draw it from the
supply: the same current flows from V_DD to ground, and

    E = V_DD * V_read * t_read * (g_off * A' + (g_on - g_off) * B'),

V_DD / V_read times as much, several times on a low-voltage read. A' and B' weight a pulse by its share of V_read and
not by the square, as a current goes by the voltage: events ``cell_current``, ``level_current``. One mirror per
column is meant; each further copy of the current would cost as much again, and amplifiers that hold the bit lines
at their potential are in neither mode.

Rows that are on for as long as the time of a first spike says (``input.time_read``: pulse) draw current for c slots of
``input.t_slot_s`` at the full read voltage, and a read lasts all slots of the window:

    E += V_read^2 * t_slot * (g_off * A'' + (g_on - g_off) * B''),      t += slot_reads * t_slot,

A'' and B'' the cells on such rows for each slot: events ``slot_cells``, ``slot_levels``.

Array area is ``cell_area_F2 * node^2`` per cell. Cells of a volatile device (SRAM) leak like SRAM bits; others don't.
Arrays of SRAM cells that hold operands of run time (``sram_arrays``) have the conductances and area of the registered
device ``sram``, whatever the chip's own is. Cell energy never scales with the node. Spread: x/÷ 2 against silicon,
most of it wires and drivers.
"""

from __future__ import annotations

from axbar.cost._types import Component, Context, Count, Floats, Parts, Term
from axbar.cost.components import _sram_arrays as run_time
from axbar.cost.components import sram
from axbar.cost.components._digital import reads
from axbar.cost.constants import Constant

__all__ = ["CELLS", "cell_area_m2", "mirror_energy_J", "read_energy_J"]

JOULE = Constant(
    "array.cell_read",
    1.0,
    "1",
    "Joule's law E = V^2 G t; the same form in thu-nics/MNSIM-2.0",
    "inf",
    note="formula",
)


def read_energy_J(
    v_read_V: Floats, t_read_s: Floats, g_on_S: Floats, g_off_S: Floats, cells: Floats, levels: Floats
) -> Floats:
    """Return the energy of cell reads; arguments broadcast.

    Args:
        v_read_V, t_read_s: read pulse.
        g_on_S, g_off_S: conductance range.
        cells: number of (active row, cell) pairs.
        levels: the same, each weighted by the cell's level 0..1.
    """
    return v_read_V * v_read_V * t_read_s * (g_off_S * cells + (g_on_S - g_off_S) * levels)


def mirror_energy_J(
    vdd_V: Floats,
    v_read_V: Floats,
    t_read_s: Floats,
    g_on_S: Floats,
    g_off_S: Floats,
    cells: Floats,
    levels: Floats,
) -> Floats:
    """Return the energy of cell reads whose current comes from ``vdd_V``; the rest as in ``read_energy_J``."""
    return vdd_V * v_read_V * t_read_s * (g_off_S * cells + (g_on_S - g_off_S) * levels)


def cell_area_m2(cell_area_F2: Floats, node_m: Floats) -> Floats:
    """Return the area of one cell with its selector."""
    return cell_area_F2 * (node_m * node_m)


def _energy(x: Context) -> Floats:
    off_S, on_S = run_time.conductances(x)
    return read_energy_J(
        x.p("read.v_read_V"), x.p("read.t_read_s"), on_S, off_S,
        x.n("cell_drive"), x.n("level_drive"),
    ) * x.c(JOULE) + _timed(x, x.p("read.v_read_V"))  # fmt: skip


def _mirror_energy(x: Context) -> Floats:
    off_S, on_S = run_time.conductances(x)
    return mirror_energy_J(
        x.p("technology.vdd_V"), x.p("read.v_read_V"), x.p("read.t_read_s"), on_S,
        off_S, x.n("cell_current"), x.n("level_current"),
    ) * x.c(JOULE) + _timed(x, x.p("technology.vdd_V"))  # fmt: skip


def _timed(x: Context, supply_V: Floats) -> Floats:
    """Return the energy of pulses whose width is a time."""
    off_S, on_S = run_time.conductances(x)
    return mirror_energy_J(
        supply_V, x.p("read.v_read_V"), x.p("input.t_slot_s"), on_S, off_S, x.n("slot_cells"), x.n("slot_levels")
    ) * x.c(JOULE)  # fmt: skip


def _latency(x: Context) -> Floats:
    return x.n("pulse_reads") * x.p("read.t_read_s") + x.n("slot_reads") * x.p("input.t_slot_s")


def _area(x: Context) -> Floats:
    return x.n("built_cells") * cell_area_m2(run_time.cell_area_F2(x), x.p("technology.node_m"))


def _leakage(sram_class: str):  # a function per SRAM class, so that explain shows the right constants
    def leakage(x: Context) -> Floats:
        return x.n("volatile_cells") * sram.leakage_W_per_bit(sram_class, x.p("technology.node_m"))

    return Term(
        "volatile_cells · P_bit(node), CACTI 7 table of the SRAM class; 0 for non-volatile devices",
        leakage,
        events=("volatile_cells",),
        paths=("technology.node_m",),
        constants=sram.CLASSES[sram_class].leakage,
    )


_RANGE = ("read.v_read_V", "read.t_read_s", "input.t_slot_s", "device.g_on_S", "device.g_off_S")

#: by readout
_ENERGY = {
    "voltage": Term(
        "V_read² · t_read · (g_off · cell_drive + (g_on − g_off) · level_drive), Joule; the same with t_slot, "
        "slot_cells and slot_levels; SRAM cells where there are sram_arrays",
        _energy,
        events=("cell_drive", "level_drive", "slot_cells", "slot_levels", *run_time.EVENTS),
        paths=_RANGE,
        constants=(JOULE, run_time.ON_S),
    ),
    "current": Term(
        "V_DD · V_read · t_read · (g_off · cell_current + (g_on − g_off) · level_current), Joule; the same with "
        "t_slot, slot_cells and slot_levels; SRAM cells where there are sram_arrays",
        _mirror_energy,
        events=("cell_current", "level_current", "slot_cells", "slot_levels", *run_time.EVENTS),
        paths=("technology.vdd_V", *_RANGE),
        constants=(JOULE, run_time.ON_S),
    ),
}


def _parts(mode: str, sram_class: str) -> Parts:
    return Parts(
        energy_J=_ENERGY[mode],
        latency_s=Term(
            "pulse_reads · t_read + slot_reads · t_slot",
            _latency,
            events=("pulse_reads", "slot_reads"),
            paths=("read.t_read_s", "input.t_slot_s"),
        ),
        area_m2=Term(
            "built_cells · cell_area_F2 · node², that of SRAM cells where there are sram_arrays",
            _area,
            events=("built_cells", *run_time.EVENTS),
            paths=("device.cell_area_F2", "technology.node_m"),
            constants=(run_time.AREA_F2,),
        ),
        leakage_W=_leakage(sram_class),
    )


def _cell_reads(x: Context) -> Floats:
    return x.n("cell_activations")


def _cells(x: Context) -> Floats:
    return x.n("built_cells")


CELLS = Component(
    name="cells",
    group="array",
    summary="memory cells: read current of active rows",
    parts={f"{mode}/{name}": _parts(mode, name) for mode in _ENERGY for name in sram.CLASSES},
    choose=("read.mode", "technology.sram"),
    event=Count("one cell on an active row", _cell_reads, events=("cell_activations",)),
    turn=Count("one array read", reads, events=("reads",)),
    instance=Count("one cell", _cells, events=("built_cells",)),
    spread=2.0,
)
