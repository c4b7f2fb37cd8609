"""Interconnect: between tiles over an H-tree or a mesh, and inside a tile between buffers and arrays.

Floor plan. Tiles are squares of equal size, ``pitch = sqrt(area of all other components / N)`` for N tiles;
the chip is a square of side ``pitch * sqrt(N)``. A tile's m arrays stand on an H-tree, ``pitch / sqrt(m)``
apart.

H-tree of side L with 2^n leaves: level k has 2^k links of L / 2^(ceil(k/2) + 1), so that

    root to leaf                     L (1 - 2^(-n/2))
    all links together               1.5 L (2^(n/2) - 1)

Inside a tile, in array pitches: one input bit to c of the arrays (links are shared on the way)

    2.5 sqrt(m c) - 1.5 sqrt(m) - c            (c = 1: root to leaf; c = m: all links)

and the partial sums of r arrays, added where links meet, then on to the root

    1.5 (r - sqrt(r)) + sqrt(m) - sqrt(r).

These are counted from the mapping (events ``input_wire``, ``sum_wire``). Between tiles, a transfer goes up to
the root and down again, ``d = 2 pitch (sqrt(N) - 1)``, or over ``hops >= 1`` links of a mesh, ``d = hops pitch``;
partial sums between tiles of one layer go to the neighbouring tile.

    E = [ (input_wire + sum_wire * w) * pitch / sqrt(m) + bits * d ] * e_wire / 2 + bits * switches

with w the width of a partial sum; ``bits`` are those that change tiles, rows of a map that are fetched again for
want of buffer (``_spill``) included. e_wire = 240 fJ per transition and mm at 0.9 V (Keckler et al.), half of
the bits toggle; capacitance per length is the same at every node. Switches: one register per bit and level of
the tree, or ISAAC's router per hop (81 fJ/bit at 32 nm). All lengths are those of the floor plan times
``interconnect.length_factor``; at 0 distance costs nothing, and with ``none`` for the kind neither do switches.

Latency: an input map enters its layer over one link of ``width_bits`` per clock (the tree copies it to all
tiles at once), plus the way there once per step: the levels or hops in clocks or, where that is longer, the delay
of the wires (150 ps/mm, repeated; assumed), which registers cut into clocks. Wires inside a tile are part of the
buffers' access. Area: per tile a 2:1 selector and a register per bit of width, or one router (0.15 mm2 for 256
bits at 32 nm). Wires run above the logic and take no area of their own; that of their repeaters is left out.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._types import Component, Context, Count, Floats, Parts, Quantity, Term, add_up
from axbar.cost.components._digital import SUM_EVENTS, SUM_PATHS, logic_leakage, sum_bits
from axbar.cost.components._spill import WINDOW_EVENTS, WINDOW_PATHS, window_share
from axbar.cost.constants import DFF_AREA_M2, DFF_F, NAND2_AREA_M2, Constant

__all__ = ["INTERCONNECT", "broadcast_pitches", "htree_distance_m", "reduction_pitches", "tile_pitch_m"]

WIRE_J_M = Constant(
    "wire.global.energy",
    2.4e-10,
    "J/(transition·m)",
    "Keckler et al., IEEE Micro 2011, Table 1: 240 fJ per transition and mm, 40 nm, 0.9 V (notes)",
    "sec",
    "wire energy",
    40e-9,
    0.9,
)
_ISAAC = "ISAAC router, 256-bit flit, 32 nm: Accelergy-Project/hwcomponents-library isaac (MIT)"
ROUTER_J = Constant(
    "noc.router.energy", 20.74e-12 / 256, "J/(bit·hop)", _ISAAC, "code", "digital energy", 32e-9, 1.0,
    note="supply not stated in the file; ISAAC's 1.0 V taken",
)  # fmt: skip
ROUTER_AREA_M2 = Constant(
    "noc.router.area",
    150000e-12 / 256,
    "m2/bit",
    _ISAAC,
    "code",
    "digital area",
    32e-9,
    note="8 ports; linear in width",
)
ROUTER_CYCLES = Constant(
    "noc.router.cycles",
    3.0,
    "clocks/hop",
    "common wormhole router: 2 clocks in the router, 1 on the link",
    "assumed",
)
WIRE_S_M = Constant(
    "wire.global.delay",
    1.5e-7,
    "s/m",
    "typical repeated global wire, 100 to 200 ps/mm; no source read",
    "assumed",
)
_TOGGLE = 0.5  # transitions per random bit
_SELECTOR_NAND2 = 3.0  # a 2:1 selector per bit


def tile_pitch_m(area_m2: Floats, tiles: Floats) -> Floats:
    """Return the side of a tile when ``area_m2`` is shared by ``tiles`` squares."""
    return np.sqrt(area_m2 / tiles)


def broadcast_pitches(arrays: Floats, reached: Floats) -> Floats:
    """Return the H-tree length, in array pitches, from a tile's root to ``reached`` of its ``arrays``.

    >>> float(broadcast_pitches(np.array(64.0), np.array(1.0)))  # root to leaf
    7.0
    """
    return 2.5 * np.sqrt(arrays * reached) - 1.5 * np.sqrt(arrays) - reached


def reduction_pitches(arrays: Floats, merged: Floats) -> Floats:
    """Return the H-tree length, in array pitches, over which sums of ``merged`` arrays meet on the way up."""
    return 1.5 * (merged - np.sqrt(merged)) + np.sqrt(arrays) - np.sqrt(merged)


def htree_distance_m(pitch_m: Floats, tiles: Floats) -> Floats:
    """Return the H-tree length from one tile up to the root and down to another."""
    return 2.0 * pitch_m * (np.sqrt(tiles) - 1.0)


def _tiles(x: Context) -> Floats:
    return add_up(x.n("tiles"))


def _pitch(x: Context) -> Floats:
    """Side of a tile as far as wires are concerned: drawn longer or shorter by the user's factor."""
    area_m2 = x.total("area_m2", leave_out="interconnect")
    return tile_pitch_m(area_m2, _tiles(x)) * x.p("interconnect.length_factor")


def _inside(x: Context, pitch: Floats) -> Floats:
    """Bits times metres inside tiles, and of partial sums to the neighbouring tile."""
    width = sum_bits(x)
    array_pitch = pitch / np.sqrt(x.p("tile.arrays_per_pe") * x.p("tile.pes_per_tile"))
    return (x.n("input_wire") + x.n("sum_wire") * width) * array_pitch + x.n("sums_moved") * width * pitch


def _bits(x: Context) -> Floats:
    again = x.n("again_copies") * window_share(x)
    return x.n("transport_bits") + again + x.n("foreign_values") * sum_bits(x)


def _toggling_J_m(x: Context) -> Floats:
    return _TOGGLE * x.c(WIRE_J_M)


def _levels(x: Context) -> Floats:
    return 2.0 * np.ceil(np.log2(_tiles(x)))


def _htree_energy(x: Context) -> Floats:
    vdd_V, pitch, bits = x.p("technology.vdd_V"), _pitch(x), _bits(x)
    switches = bits * (_levels(x) * (x.c(DFF_F) * (vdd_V * vdd_V)))
    wires = _inside(x, pitch) + bits * htree_distance_m(pitch, _tiles(x))
    return wires * _toggling_J_m(x) + switches


def _mesh_energy(x: Context) -> Floats:
    pitch, bits = _pitch(x), _bits(x)
    hops = bits * x.n("hops")
    return (_inside(x, pitch) + hops * pitch) * _toggling_J_m(x) + hops * x.c(ROUTER_J)


def _inside_energy(x: Context) -> Floats:
    return _inside(x, _pitch(x)) * _toggling_J_m(x)


def _serial(x: Context) -> Floats:
    again = x.n("again_bits") * window_share(x)
    return np.ceil((x.n("serial_bits") + again) / x.p("interconnect.width_bits"))


def _htree_latency(x: Context) -> Floats:
    clock_s = 1.0 / x.p("clock_Hz")
    wires_s = htree_distance_m(_pitch(x), _tiles(x)) * x.c(WIRE_S_M)
    return _serial(x) * clock_s + x.n("transfers") * np.maximum(_levels(x) * clock_s, wires_s)


def _mesh_latency(x: Context) -> Floats:
    clock_s = 1.0 / x.p("clock_Hz")
    hop_s = np.maximum(x.c(ROUTER_CYCLES) * clock_s, _pitch(x) * x.c(WIRE_S_M))
    return _serial(x) * clock_s + x.n("transfers") * (x.n("hops") * hop_s)


def _link_latency(x: Context) -> Floats:
    return _serial(x) * (1.0 / x.p("clock_Hz"))


def _htree_area(x: Context) -> Floats:
    bit = x.c(DFF_AREA_M2) + _SELECTOR_NAND2 * x.c(NAND2_AREA_M2)
    return x.n("tiles") * (x.p("interconnect.width_bits") * bit)


def _mesh_area(x: Context) -> Floats:
    return x.n("tiles") * (x.p("interconnect.width_bits") * x.c(ROUTER_AREA_M2))


def _nodes(x: Context) -> Floats:
    return x.n("tiles")


_LENGTH = "interconnect.length_factor"
_BIT_EVENTS = ("transport_bits", "again_copies", "foreign_values", *WINDOW_EVENTS, *SUM_EVENTS)
_BIT_PATHS = (*WINDOW_PATHS, *SUM_PATHS)
_INSIDE_EVENTS = ("tiles", "input_wire", "sum_wire", "sums_moved", *SUM_EVENTS)
_INSIDE_PATHS = ("tile.arrays_per_pe", "tile.pes_per_tile", _LENGTH, *SUM_PATHS)
_ALL_EVENTS = tuple(dict.fromkeys((*_INSIDE_EVENTS, *_BIT_EVENTS)))
_ALL_PATHS = tuple(dict.fromkeys((*_INSIDE_PATHS, *_BIT_PATHS)))
_SERIAL_EVENTS = ("serial_bits", "again_bits", *WINDOW_EVENTS)
_SERIAL_PATHS = ("interconnect.width_bits", *WINDOW_PATHS)
_IN_TILE = "(input_wire + sum_wire · w) · pitch / √(arrays per tile) + sums_moved · w · pitch"
_BITS = (
    "bits = transport_bits + again_copies · m + foreign_values · w, m = max(0, 1 − 8 · input_B / window_bits)"
)
_PITCH = (
    "pitch = length_factor · √(area of all other components / tiles), "
    "w = adc.bits + carry_bits, N tiles on the chip"
)
_SERIAL = "⌈(serial_bits + again_bits · m) / width_bits⌉"
_FLOOR_PLAN: tuple[tuple[str, Quantity], ...] = (("*", "area_m2"),)

_HTREE = Parts(
    energy_J=Term(
        f"({_IN_TILE} + bits · d) · ½ · e_wire + bits · 2 ⌈log2 N⌉ · C_FF · V_DD², d = 2 · pitch · (√N − 1), {_BITS}, "
        f"{_PITCH}",
        _htree_energy,
        _ALL_EVENTS,
        (*_ALL_PATHS, "technology.vdd_V"),
        (WIRE_J_M, DFF_F),
        _FLOOR_PLAN,
    ),
    latency_s=Term(
        f"{_SERIAL} / clock + transfers · max(2 ⌈log2 N⌉ / clock, 2 · pitch · (√N − 1) · t_wire), {_PITCH}",
        _htree_latency,
        (*_SERIAL_EVENTS, "transfers", "tiles"),
        (*_SERIAL_PATHS, _LENGTH, "clock_Hz"),
        (WIRE_S_M,),
        _FLOOR_PLAN,
    ),
    area_m2=Term(
        "tiles · width_bits · (A_FF + 3 · A_NAND2)",
        _htree_area,
        ("tiles",),
        ("interconnect.width_bits",),
        (DFF_AREA_M2, NAND2_AREA_M2),
    ),
    leakage_W=logic_leakage("interconnect"),
)
_MESH = Parts(
    energy_J=Term(
        f"({_IN_TILE} + bits · hops · pitch) · ½ · e_wire + bits · hops · E_router, {_BITS}, {_PITCH}",
        _mesh_energy,
        (*_ALL_EVENTS, "hops"),
        _ALL_PATHS,
        (WIRE_J_M, ROUTER_J),
        _FLOOR_PLAN,
    ),
    latency_s=Term(
        f"{_SERIAL} / clock + transfers · hops · max(clocks per hop / clock, pitch · t_wire), {_PITCH}",
        _mesh_latency,
        (*_SERIAL_EVENTS, "transfers", "hops", "tiles"),
        (*_SERIAL_PATHS, _LENGTH, "clock_Hz"),
        (ROUTER_CYCLES, WIRE_S_M),
        _FLOOR_PLAN,
    ),
    area_m2=Term(
        "tiles · width_bits · A_router",
        _mesh_area,
        ("tiles",),
        ("interconnect.width_bits",),
        (ROUTER_AREA_M2,),
    ),
    leakage_W=logic_leakage("interconnect"),
)
#: tiles side by side without distance or switches; a layer's own port and its wires remain
_NONE = Parts(
    energy_J=Term(
        f"({_IN_TILE}) · ½ · e_wire, {_PITCH}",
        _inside_energy,
        _INSIDE_EVENTS,
        _INSIDE_PATHS,
        (WIRE_J_M,),
        _FLOOR_PLAN,
    ),
    latency_s=Term(f"{_SERIAL} / clock", _link_latency, _SERIAL_EVENTS, (*_SERIAL_PATHS, "clock_Hz")),
)

INTERCONNECT = Component(
    name="interconnect",
    group="interconnect",
    summary="wires and switches between and inside tiles",
    parts={"htree": _HTREE, "mesh": _MESH, "none": _NONE},
    choose="interconnect.kind",
    event=Count("one bit that changes tiles", _bits, _BIT_EVENTS, _BIT_PATHS),
    turn=Count("one link transfer of width_bits", _serial, _SERIAL_EVENTS, _SERIAL_PATHS),
    instance=Count("the switch of one tile", _nodes, ("tiles",)),
    spread=1.5,
)
