"""What moves: DRAM, global buffer and scratchpads, forward, back and for the update of weights.

    E = bits * E_bit

with the bits of ``_count`` and, per bit, a DRAM standard's published energy and the access energy of an SRAM of the
buffer's size. Weights stand in one half of the global buffer, maps and states in the other. A scratchpad costs as much
per bit as the smallest SRAM of the fit (1 KB), which is high for one of 64 B. Weights, maps and membranes that do not
fit their buffer pass DRAM again, as far as they do not fit: ``_held``. Forward, maps get the room that membranes leave.

DRAM moves while the array computes: a phase of a layer waits for what is left, max(0, t_DRAM - t_array). Products that
run side by side share one DRAM: their traffic together waits for the time of all. The buffers keep up with the arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from axbar.cost._types import NOTHING, Component, Context, Count, Floats, Parts, Term
from axbar.cost.components import sram
from axbar.cost.components.dram import KINDS
from axbar.cost.constants import Constant
from axbar.cost.systolic._engines import BESIDE, PHASES
from axbar.cost.systolic._parts import GRID, NODE, access_J, elements, memory_bits, shared, together

__all__ = ["DRAMS", "GLBS", "SPADS", "dram_bits"]

_WORDS: Final = {"fwd": "on the way forward", "bwd": "on the way back", "wup": "for the update of weights"}
_RATE: Final = ("dram.width_bits", "dram.transfer_Hz")
_WEIGHTS_B, _MAPS_B, _SPAD_B = "memory.glb_weight_B", "memory.glb_map_B", "memory.spad_B"
_SRAM_SPREAD: Final = 1.5
_DRAM_SPREAD: Final = 2.0
#: phase -> (bits that the buffer for maps should hold, how often the rest passes DRAM)
_HELD_MAPS: Final = {
    "fwd": (("map_bits", "map_fwd_passes"),),
    "bwd": (("map_bits", "map_bwd_passes"), ("gradient_bits", "gradient_bwd_passes")),
    "wup": (("map_bits", "map_wup_passes"), ("gradient_bits", "gradient_wup_passes")),
}
#: membranes between steps, forward
_STATES: Final = ("state_bits", "again_state_bits")
#: bits; the memory fit was made on words of 32 bits and more
_SPAD_WORD: Final = np.array([32.0])


def dram_bits(phase: str) -> Callable[[Context], Floats]:
    """Return the bits that pass DRAM in a phase."""

    def value(x: Context) -> Floats:
        fold = np.maximum(1.0, x.n(f"fold_{phase}_bits"))
        beyond = np.maximum(0.0, 1.0 - 8.0 * x.p(_WEIGHTS_B) / fold)
        found = x.n(f"dram_{phase}_bits") + x.n(f"again_{phase}_bits") * beyond
        room = 8.0 * x.p(_MAPS_B)
        if phase == "fwd":
            states = x.n("state_bits")
            found = found + x.n("again_state_bits") * np.maximum(0.0, 1.0 - room / np.maximum(1.0, states))
            room = np.maximum(0.0, room - states)
        for bits, passes in _HELD_MAPS[phase]:
            found = found + x.n(passes) * np.maximum(0.0, x.n(bits) - room)
        return found

    return value


def _dram_formula(phase: str) -> str:
    weights = f"again_{phase}_bits · max(0, 1 − 8 · glb_weight_B / fold_{phase}_bits)"
    states, room = (), "8 · glb_map_B"
    if phase == "fwd":
        states = (f"again_state_bits · max(0, 1 − {room} / state_bits)",)
        room = f"max(0, {room} − state_bits)"
    maps = (f"{passes} · max(0, {bits} − {room})" for bits, passes in _HELD_MAPS[phase])
    return f"({' + '.join((f'dram_{phase}_bits', weights, *states, *maps))})"


def _dram_parts(phase: str, bit: Constant) -> Parts:
    bits, array = dram_bits(phase), f"mac_{phase}"
    events, paths = _dram_reads(phase)
    formula = _dram_formula(phase)

    def energy(x: Context) -> Floats:
        return bits(x) * x.c(bit)

    def stall(x: Context) -> Floats:
        moving = bits(x) / (x.p(_RATE[0]) * x.p(_RATE[1]))
        return np.maximum(0.0, together(x, moving) - together(x, x.results["latency_s"][array]))

    return Parts(
        energy_J=Term(f"{formula} · E_bit", energy, events, paths, (bit,)),
        latency_s=Term(
            f"max(0, {formula} / (width_bits · transfer_Hz) − time of {array}), of all products {BESIDE} each other",
            stall,
            (*events, BESIDE),
            (*paths, *_RATE),
            uses=((array, "latency_s"),),
        ),
    )


def _dram_reads(phase: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Events and paths that ``dram_bits`` reads."""
    maps = (name for pair in _HELD_MAPS[phase] for name in pair)
    events = (f"dram_{phase}_bits", f"again_{phase}_bits", f"fold_{phase}_bits", *maps)
    return events + _STATES * (phase == "fwd"), (_WEIGHTS_B, _MAPS_B)


def _dram(phase: str) -> Component:
    forward = phase == "fwd"
    priced: dict[str, Parts] = {"none": Parts()} | {k: _dram_parts(phase, bit) for k, bit in KINDS.items()}
    parts: Mapping[str, Parts] = priced
    if not forward:
        parts = {f"inference/{kind}": Parts() for kind in priced}
        parts |= {f"training/{kind}": found for kind, found in priced.items()}
    return Component(
        name=f"dram_{phase}",
        group="memory",
        summary=f"DRAM beside the chip {_WORDS[phase]}",
        parts=parts,
        choose="dram.kind" if forward else ("task", "dram.kind"),
        event=Count("one bit moved", dram_bits(phase), *_dram_reads(phase)),
        turn=None,
        instance=None,
        spread=_DRAM_SPREAD,
    )


def _glb_energy(phase: str, sram_class: str) -> Term:
    weights, maps = f"glb_{phase}_weight_bits", f"glb_{phase}_map_bits"
    law = sram.CLASSES[sram_class]

    def value(x: Context) -> Floats:
        node_m, word = x.p(NODE), x.p("memory.word_bits")
        each = [access_J(sram_class, x.p(path), node_m, word) for path in (_WEIGHTS_B, _MAPS_B)]
        return x.n(weights) * each[0] + x.n(maps) * each[1]

    return Term(
        f"{weights} · E(glb_weight_B) + {maps} · E(glb_map_B), E = ½ ({law.read.formula} + {law.write.formula}), "
        "word = memory.word_bits",
        value,
        (weights, maps),
        (NODE, "memory.word_bits", _WEIGHTS_B, _MAPS_B),
        (law.read.k, law.write.k),
    )


def _glb_bits(x: Context) -> Floats:
    return shared(x, memory_bits(_WEIGHTS_B)(x) + memory_bits(_MAPS_B)(x))


def _glb_area(x: Context) -> Floats:
    whole = [memory_bits(p)(x) * sram.area_m2_per_bit(x.p(p), x.p(NODE)) for p in (_WEIGHTS_B, _MAPS_B)]
    return shared(x, whole[0] + whole[1])


_AREA: Final = "0.262 µm² · (node/32 nm)^1.92 (x1.6 for memories of 1 KB and less, x1 from 4 KB)"


def _leakage(sram_class: str, bits: Callable[[Context], Floats], what: str, paths: tuple[str, ...]) -> Term:
    def value(x: Context) -> Floats:
        return bits(x) * sram.leakage_W_per_bit(sram_class, x.p(NODE))

    return Term(
        f"{what} · P_bit(node), CACTI 7 table of the class {sram_class}",
        value, ("share",), (*paths, NODE), sram.CLASSES[sram_class].leakage,
    )  # fmt: skip


def _glb(phase: str) -> Component:
    forward = phase == "fwd"
    parts: dict[str, Parts] = {}
    for name in sram.CLASSES:
        energy = _glb_energy(phase, name)
        if not forward:
            parts |= {f"inference/{name}": Parts(), f"training/{name}": Parts(energy)}
            continue
        held = "share · 8 · (glb_weight_B + glb_map_B)"
        parts[name] = Parts(
            energy_J=energy,
            area_m2=Term(f"{held} · {_AREA}", _glb_area, ("share",), (_WEIGHTS_B, _MAPS_B, NODE), sram.AREA),
            leakage_W=_leakage(name, _glb_bits, held, (_WEIGHTS_B, _MAPS_B)),
        )
    weights, maps = f"glb_{phase}_weight_bits", f"glb_{phase}_map_bits"
    return Component(
        name=f"glb_{phase}",
        group="memory",
        summary=f"global buffer {_WORDS[phase]}",
        parts=parts,
        choose="technology.sram" if forward else ("task", "technology.sram"),
        event=Count("one bit read or written", lambda x: x.n(weights) + x.n(maps), (weights, maps)),
        turn=None,
        instance=Count("one bit of the buffer", _glb_bits, ("share",), (_WEIGHTS_B, _MAPS_B))
        if forward
        else None,
        spread=_SRAM_SPREAD,
    )


def _spad_bits(x: Context) -> Floats:
    return shared(x, elements(x) * (8.0 * x.p(_SPAD_B)))


def _spad_area(x: Context) -> Floats:
    return _spad_bits(x) * sram.area_m2_per_bit(x.p(_SPAD_B), x.p(NODE))


def _spad_energy(phase: str, sram_class: str) -> Term:
    event, law = f"spad_{phase}_bits", sram.CLASSES[sram_class]

    def value(x: Context) -> Floats:
        return x.n(event) * access_J(sram_class, x.p(_SPAD_B), x.p(NODE), _SPAD_WORD)

    return Term(
        f"{event} · E(spad_B), E = ½ ({law.read.formula} + {law.write.formula}), word = 32, KB at least 1",
        value, (event,), (_SPAD_B, NODE), (law.read.k, law.write.k),
    )  # fmt: skip


def _spad(phase: str) -> Component:
    forward = phase == "fwd"
    parts: dict[str, Parts] = {}
    for name in sram.CLASSES:
        energy = _spad_energy(phase, name)
        if not forward:
            parts |= {f"inference/{name}": Parts(), f"training/{name}": Parts(energy)}
            continue
        held = "share · engines · rows · cols · 8 · spad_B"
        parts[name] = Parts(
            energy,
            NOTHING,
            Term(f"{held} · {_AREA}", _spad_area, ("share",), (*GRID, _SPAD_B, NODE), sram.AREA),
            _leakage(name, _spad_bits, held, (*GRID, _SPAD_B)),
        )
    event = f"spad_{phase}_bits"
    return Component(
        name=f"spad_{phase}",
        group="memory",
        summary=f"scratchpads of the processing elements {_WORDS[phase]}",
        parts=parts,
        choose="technology.sram" if forward else ("task", "technology.sram"),
        event=Count("one bit read or written", lambda x: x.n(event), (event,)),
        turn=None,
        instance=Count("one bit of the scratchpads", _spad_bits, ("share",), (*GRID, _SPAD_B))
        if forward
        else None,
        spread=_SRAM_SPREAD,
    )


DRAMS: Final = {phase: _dram(phase) for phase in PHASES}
GLBS: Final = {phase: _glb(phase) for phase in PHASES}
SPADS: Final = {phase: _spad(phase) for phase in PHASES}
