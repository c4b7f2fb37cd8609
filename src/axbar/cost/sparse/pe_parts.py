"""The parts of a processing element of a dual-sparse accelerator: what each operation takes, and their area.

Per layer, with ``matches`` (a non-zero input meets a non-zero weight, once per word), ``joins`` (pairs of masks that
are compared), ``corrections`` (bits taken back of what all steps were given), b = ``tile.chunk``, T = ``pe.steps``:

    prefix_sums    matches (E_fast + E_laggy) b / 128      or two of a kind; SparTen: one fast; none without masks
    accumulators   matches accumulator_bits E_bit
    corrections    corrections correction_bits E_bit       packed words only
    masks          joins 2 b E_register                    two mask registers, loaded once per join
    merger         matches E_merge                         Gamma's merging, GoSPA's scattering of partial sums
    pe_buffers     matches (E_base + T E_step)             FIFOs and weight buffer; SparTen and PTB: their own

With fast and laggy prefix sums the area of the buffers is A_base + T A_step + A_FIFO (d / 8 - 1), with the depth
d = ``pe.fifo_depth`` and A_FIFO of both FIFOs at depth 8; leakage follows the FIFO's own per area. Other pairs of
prefix sums need no FIFO, so that its depth does not matter there.

A laggy prefix sum has ``pe.laggy_adders`` adders and a register of b bits, which grows to b log2(b) bits where
addresses are computed once per tile and kept (``pe.addresses: tile``); its energy per match is the published one in
either case.

All prices are parts of published unit powers (``prices``). No part draws energy for a cycle in which it does nothing;
what a PE takes while it waits is leakage and the ``control`` of the chip. Every layer works on all PEs in turn, so that
area and leakage are shared out to layers by their cycles (event ``pes``: a layer's share of all PEs).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from axbar.cost._types import Component, Context, Count, Floats, Parts, Term
from axbar.cost.constants import Constant
from axbar.cost.sparse import prices as price

__all__ = ["PACKED", "PE_PARTS", "leaks"]

#: dataflows that compare masks, and those that pack steps into words
_JOINING, PACKED = ("loas", "loas-nmtk", "sparten"), ("loas", "loas-nmtk")
_PREFIXES = ("fast-laggy", "two-fast", "two-laggy")
_FLOWS = ("loas", "loas-nmtk", "sparten", "gospa", "gamma", "ptb")
_STEPS, _CHUNK, _ADDERS, _DEPTH = "pe.steps", "tile.chunk", "pe.laggy_adders", "pe.fifo_depth"
#: depth of the published FIFOs
_DEPTH_8 = 8.0
_MASK_BITS = 128.0


def leaks(component: str) -> Term:
    """Return the leakage term of a component made of logic: its area times the published leakage per area."""

    def value(x: Context) -> Floats:
        return x.results["area_m2"][component] * x.c(price.LOGIC_W_M2)

    return Term(
        "area · leakage per area of a PE",
        value,
        constants=(price.LOGIC_W_M2,),
        uses=((component, "area_m2"),),
    )


def _pes(x: Context) -> Floats:
    return x.n("pes")


_INSTANCE = Count("one PE", _pes, ("pes",))


def _event(name: str) -> Callable[[Context], Floats]:
    def value(x: Context) -> Floats:
        return x.n(name)

    return value


def _prefix_sums(used: tuple[str, ...], held: bool) -> Parts:
    """Prefix sums, FAST or LAGGY: their energy goes with the bits of a mask, however many adders share the work."""
    energy = tuple({"FAST": price.FAST_J, "LAGGY": price.LAGGY_J}[name] for name in used)
    fast, laggy = used.count("FAST"), used.count("LAGGY")

    def joules(x: Context) -> Floats:
        one = sum((x.c(constant) for constant in energy[1:]), x.c(energy[0]))
        return x.n("matches") * (one * (x.p(_CHUNK) / _MASK_BITS))

    def square(x: Context) -> Floats:
        chunk = x.p(_CHUNK)
        one = fast * (chunk / _MASK_BITS) * x.c(price.FAST_M2) if fast else 0.0
        if laggy:
            bits = chunk * np.ceil(np.log2(chunk)) if held else chunk
            one = one + laggy * (x.p(_ADDERS) * x.c(price.LAGGY_ADDER_M2) + bits * x.c(price.REGISTER_M2))
        return _pes(x) * one

    parts = [f"{fast} · A_fast · chunk / 128"] if fast else []
    if laggy:
        parts.append(f"{laggy} · (adders · A_adder + chunk{' · ⌈log2 chunk⌉' if held else ''} · A_register)")
    each = " + ".join("E_" + constant.name.split(".")[-2] for constant in energy)
    area = (price.FAST_M2,) * bool(fast) + (price.LAGGY_ADDER_M2, price.REGISTER_M2) * bool(laggy)
    return Parts(
        energy_J=Term(
            f"matches · ({each}) · chunk / 128", joules, ("matches",), (_CHUNK,), tuple(dict.fromkeys(energy))
        ),
        area_m2=Term(
            f"pes · ({' + '.join(parts)})", square, ("pes",), (_CHUNK, *((_ADDERS,) if laggy else ())), area
        ),
        leakage_W=leaks("prefix_sums"),
    )  # fmt: skip


def _prefix_parts() -> dict[str, Parts]:
    pairs = {"fast-laggy": ("FAST", "LAGGY"), "two-fast": ("FAST", "FAST"), "two-laggy": ("LAGGY", "LAGGY")}
    found: dict[str, Parts] = {}
    for flow, prefix, addresses in itertools.product(_FLOWS, _PREFIXES, ("join", "tile")):
        used = pairs[prefix] if flow in PACKED else pairs[prefix][:1] if flow == "sparten" else ()
        held = addresses == "tile" and flow in PACKED and prefix == "fast-laggy"
        found[f"{flow}/{prefix}/{addresses}"] = _prefix_sums(used, held) if used else Parts()
    return found


def _per_bit(
    name: str, event: str, bits: str, energy: Constant, area: Constant, per_step: bool = False
) -> Parts:
    """Accumulators: cost goes with their width; ``per_step``: one for each step of a word."""

    def joules(x: Context) -> Floats:
        return x.n(event) * (x.p(bits) * x.c(energy))

    def square(x: Context) -> Floats:
        width = x.p(bits) * x.p(_STEPS) if per_step else x.p(bits)
        return _pes(x) * (width * x.c(area))

    steps = (_STEPS,) if per_step else ()
    word = bits.rpartition(".")[2]
    return Parts(
        energy_J=Term(f"{event} · {word} · E_bit", joules, (event,), (bits,), (energy,)),
        area_m2=Term(
            f"pes · {'steps · ' if per_step else ''}{word} · A_bit", square, ("pes",),
            (bits, *steps), (area,),
        ),
        leakage_W=leaks(name),
    )  # fmt: skip


def _masks() -> Parts:
    def joules(x: Context) -> Floats:
        return x.n("joins") * (2.0 * x.p(_CHUNK) * x.c(price.REGISTER_J))

    def square(x: Context) -> Floats:
        return _pes(x) * (2.0 * x.p(_CHUNK) * x.c(price.REGISTER_M2))

    return Parts(
        energy_J=Term("joins · 2 · chunk · E_register", joules, ("joins",), (_CHUNK,), (price.REGISTER_J,)),
        area_m2=Term(
            "pes · 2 · chunk · A_register", square, ("pes",), (_CHUNK,),
            (price.REGISTER_M2,),
        ),
        leakage_W=leaks("masks"),
    )  # fmt: skip


def _per_match(name: str, energy: Constant, area: Constant) -> Parts:
    def joules(x: Context) -> Floats:
        return x.n("matches") * x.c(energy)

    def square(x: Context) -> Floats:
        return _pes(x) * x.c(area)

    return Parts(
        energy_J=Term("matches · E_match", joules, ("matches",), (), (energy,)),
        area_m2=Term("pes · A_PE", square, ("pes",), (), (area,)),
        leakage_W=leaks(name),
    )


def _more_fifo(x: Context) -> Floats:
    """Return the area of FIFO of all PEs beyond that of depth 8; below zero where FIFOs are shorter."""
    return _pes(x) * (x.c(price.FIFO_M2) * (x.p(_DEPTH) / _DEPTH_8 - 1.0))


def _queued_buffers() -> Parts:
    """Buffers of packed words with the FIFOs between a fast and a laggy prefix sum."""
    plain = _packed_buffers()

    def square(x: Context) -> Floats:
        return plain.area_m2.value(x) + _more_fifo(x)

    def leakage(x: Context) -> Floats:
        own = x.c(price.FIFO_W_M2) - x.c(price.LOGIC_W_M2)
        found = x.results["area_m2"]["pe_buffers"] * x.c(price.LOGIC_W_M2) + _more_fifo(x) * own
        return np.maximum(found, 0.0)  # an area that the user pins may be smaller than its FIFOs

    return Parts(
        energy_J=plain.energy_J,
        area_m2=Term(
            "pes · (A_base + steps · A_step + A_FIFO · (fifo_depth / 8 - 1))", square, ("pes",), (_STEPS, _DEPTH),
            (price.BUFFER_BASE_M2, price.BUFFER_STEP_M2, price.FIFO_M2),
        ),
        leakage_W=Term(
            "area · leakage per area of a PE + pes · A_FIFO · (fifo_depth / 8 - 1) · (leakage per area of a FIFO - of "
            "a PE)",
            leakage, ("pes",), (_DEPTH,), (price.LOGIC_W_M2, price.FIFO_M2, price.FIFO_W_M2),
            uses=(("pe_buffers", "area_m2"),),
        ),
    )  # fmt: skip


def _buffer_parts() -> dict[str, Parts]:
    own = {
        "sparten": _per_match("pe_buffers", price.SPARTEN_BUFFER_J, price.SPARTEN_BUFFER_M2),
        "ptb": _weight_register(),
    }
    found: dict[str, Parts] = {}
    for flow, prefix in itertools.product(_FLOWS, _PREFIXES):
        packed = _queued_buffers if prefix == "fast-laggy" else _packed_buffers
        found[f"{flow}/{prefix}"] = packed() if flow in PACKED else own.get(flow, Parts())
    return found


def _packed_buffers() -> Parts:
    def joules(x: Context) -> Floats:
        return x.n("matches") * (x.c(price.BUFFER_BASE_J) + x.p(_STEPS) * x.c(price.BUFFER_STEP_J))

    def square(x: Context) -> Floats:
        return _pes(x) * (x.c(price.BUFFER_BASE_M2) + x.p(_STEPS) * x.c(price.BUFFER_STEP_M2))

    return Parts(
        energy_J=Term(
            "matches · (E_base + steps · E_step)", joules, ("matches",), (_STEPS,),
            (price.BUFFER_BASE_J, price.BUFFER_STEP_J),
        ),
        area_m2=Term(
            "pes · (A_base + steps · A_step)", square, ("pes",), (_STEPS,),
            (price.BUFFER_BASE_M2, price.BUFFER_STEP_M2),
        ),
        leakage_W=leaks("pe_buffers"),
    )  # fmt: skip


def _weight_register() -> Parts:
    def joules(x: Context) -> Floats:
        return x.n("matches") * (x.p("weight_bits") * x.c(price.REGISTER_J))

    def square(x: Context) -> Floats:
        return _pes(x) * (x.p("weight_bits") * x.c(price.REGISTER_M2))

    return Parts(
        energy_J=Term(
            "matches · weight_bits · E_register", joules, ("matches",), ("weight_bits",), (price.REGISTER_J,)
        ),
        area_m2=Term(
            "pes · weight_bits · A_register", square, ("pes",), ("weight_bits",),
            (price.REGISTER_M2,),
        ),
        leakage_W=leaks("pe_buffers"),
    )  # fmt: skip


def _by_flow(names: tuple[str, ...], parts: Parts) -> dict[str, Parts]:
    return {flow: parts if flow in names else Parts() for flow in _FLOWS}


_MATCH = Count("one match", _event("matches"), ("matches",))

PE_PARTS = (
    Component(
        "prefix_sums", "compute", "prefix sums that find the operands of a match in its two fibres", _prefix_parts(),
        _MATCH, None, _INSTANCE, 1.5, ("dataflow", "prefix", "pe.addresses"),
    ),
    Component(
        "accumulators", "compute", "accumulation of matched weights",
        {"": _per_bit("accumulators", "matches", "pe.accumulator_bits", price.ACCUMULATE_J, price.ACCUMULATOR_M2)},
        _MATCH, None, _INSTANCE, 1.5,
    ),
    Component(
        "corrections", "compute", "accumulators that take back what silent steps were given",
        _by_flow(PACKED, _per_bit("corrections", "corrections", "pe.correction_bits", price.CORRECT_J,
                                  price.ACCUMULATOR_M2, per_step=True)),
        Count("one correction", _event("corrections"), ("corrections",)), None, _INSTANCE, 1.5, "dataflow",
    ),
    Component(
        "masks", "compute", "registers of the two masks that a join compares", _by_flow(_JOINING, _masks()),
        Count("one join", _event("joins"), ("joins",)), None, _INSTANCE, 1.5, "dataflow",
    ),
    Component(
        "merger", "compute", "merging (Gamma) or scattering (GoSPA) of partial sums",
        _by_flow(("gamma",), _per_match("merger", price.GAMMA_J, price.GAMMA_M2))
        | {"gospa": _per_match("merger", price.GOSPA_J, price.GOSPA_M2)},
        _MATCH, None, _INSTANCE, 2.0, "dataflow",
    ),
    Component(
        "pe_buffers", "compute", "FIFOs of matches and weight buffer of each PE",
        _buffer_parts(), _MATCH, None, _INSTANCE, 1.5, ("dataflow", "prefix"),
    ),
)  # fmt: skip
