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

with w the width of a partial sum. e_wire = 240 fJ per transition and mm at 0.9 V (Keckler et al.), half of
the bits toggle; capacitance per length is the same at every node. Switches: one register per bit and level of
the tree, or ISAAC's router per hop (81 fJ/bit at 32 nm).

Latency: an input map enters its layer over one link of ``width_bits`` per clock (the tree copies it to all
tiles at once), plus the levels or hops once per step. Area: per tile a 2:1 selector and a register per bit of
width, or one router (0.15 mm2 for 256 bits at 32 nm). Wires run above the logic and take no area of their
own.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._types import Component, Context, Count, Floats, Parts, Quantity, Term, add_up
from axbar.cost.components._digital import SUM_EVENTS, SUM_PATHS, logic_leakage, sum_bits
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
    return tile_pitch_m(x.total("area_m2", leave_out="interconnect"), _tiles(x))


def _inside(x: Context) -> Floats:
    """Bits times metres inside tiles, and of partial sums to the neighbouring tile."""
    width, pitch = sum_bits(x), _pitch(x)
    array_pitch = pitch / np.sqrt(x.p("tile.arrays_per_pe") * x.p("tile.pes_per_tile"))
    return (x.n("input_wire") + x.n("sum_wire") * width) * array_pitch + x.n("sums_moved") * width * pitch


def _bits(x: Context) -> Floats:
    return x.n("transport_bits") + x.n("foreign_values") * sum_bits(x)


def _wire(x: Context, distance_m: Floats) -> Floats:
    return (_inside(x) + _bits(x) * distance_m) * (_TOGGLE * x.c(WIRE_J_M))


def _levels(x: Context) -> Floats:
    return 2.0 * np.ceil(np.log2(_tiles(x)))


def _htree_energy(x: Context) -> Floats:
    vdd_V = x.p("technology.vdd_V")
    switches = _bits(x) * (_levels(x) * (x.c(DFF_F) * (vdd_V * vdd_V)))
    return _wire(x, htree_distance_m(_pitch(x), _tiles(x))) + switches


def _mesh_energy(x: Context) -> Floats:
    return _wire(x, x.n("hops") * _pitch(x)) + _bits(x) * (x.n("hops") * x.c(ROUTER_J))


def _serial(x: Context) -> Floats:
    return np.ceil(x.n("serial_bits") / x.p("interconnect.width_bits"))


def _htree_latency(x: Context) -> Floats:
    return (_serial(x) + x.n("transfers") * _levels(x)) * (1.0 / x.p("clock_Hz"))


def _mesh_latency(x: Context) -> Floats:
    return (_serial(x) + x.n("transfers") * (x.n("hops") * x.c(ROUTER_CYCLES))) * (1.0 / x.p("clock_Hz"))


def _htree_area(x: Context) -> Floats:
    bit = x.c(DFF_AREA_M2) + _SELECTOR_NAND2 * x.c(NAND2_AREA_M2)
    return x.n("tiles") * (x.p("interconnect.width_bits") * bit)


def _mesh_area(x: Context) -> Floats:
    return x.n("tiles") * (x.p("interconnect.width_bits") * x.c(ROUTER_AREA_M2))


def _nodes(x: Context) -> Floats:
    return x.n("tiles")


_MOVED = ("tiles", "input_wire", "sum_wire", "sums_moved", "transport_bits", "foreign_values", *SUM_EVENTS)
_MOVED_PATHS = ("tile.arrays_per_pe", "tile.pes_per_tile", *SUM_PATHS)
_INSIDE = (
    "((input_wire + sum_wire · w) · pitch / √(arrays per tile) + sums_moved · w · pitch + "
    "(transport_bits + foreign_values · w) · d) · ½ · e_wire"
)
_PITCH = "pitch = √(area of all other components / tiles), w = adc.bits + carry_bits"
_FLOOR_PLAN: tuple[tuple[str, Quantity], ...] = (("*", "area_m2"),)

_HTREE = Parts(
    energy_J=Term(
        f"{_INSIDE} + (transport_bits + foreign_values · w) · 2 ⌈log2 N⌉ · C_FF · V_DD², "
        f"d = 2 · pitch · (√N − 1), N tiles on the chip, {_PITCH}",
        _htree_energy,
        _MOVED,
        (*_MOVED_PATHS, "technology.vdd_V"),
        (WIRE_J_M, DFF_F),
        _FLOOR_PLAN,
    ),
    latency_s=Term(
        "(⌈serial_bits / width_bits⌉ + transfers · 2 ⌈log2 N⌉) / clock, N tiles on the chip",
        _htree_latency,
        ("serial_bits", "transfers", "tiles"),
        ("interconnect.width_bits", "clock_Hz"),
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
        f"{_INSIDE} + (transport_bits + foreign_values · w) · hops · E_router, d = hops · pitch, {_PITCH}",
        _mesh_energy,
        (*_MOVED, "hops"),
        _MOVED_PATHS,
        (WIRE_J_M, ROUTER_J),
        _FLOOR_PLAN,
    ),
    latency_s=Term(
        "(⌈serial_bits / width_bits⌉ + transfers · hops · clocks per hop) / clock",
        _mesh_latency,
        ("serial_bits", "transfers", "hops"),
        ("interconnect.width_bits", "clock_Hz"),
        (ROUTER_CYCLES,),
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

INTERCONNECT = Component(
    name="interconnect",
    group="interconnect",
    summary="wires and switches between and inside tiles",
    parts={"htree": _HTREE, "mesh": _MESH},
    choose="interconnect.kind",
    event=Count(
        "one bit that changes tiles", _bits, ("transport_bits", "foreign_values", *SUM_EVENTS), SUM_PATHS
    ),
    turn=Count("one link transfer of width_bits", _serial, ("serial_bits",), ("interconnect.width_bits",)),
    instance=Count("the switch of one tile", _nodes, ("tiles",)),
    spread=1.5,
)
