"""Chips of the study of energy, what one workload costs on each, and the conventional estimates beside them.

    E = #AC E_AC + #MAC E_MAC

with three price lists: floats of 32 bits (0.9 and 4.6 pJ, ``axbar.cost._conventional``, what most papers on spiking
networks take), integers of 8 bits (0.05 and 0.3 pJ), and that of the study (arXiv 2309.03388, its open code): an adder
and a register of 8 bits, 0.0169 and 0.0125 mW at 250 MHz,

    E_AC = (0.0169 + 0.0125) mW * 4 ns = 0.118 pJ.

#AC E_AC with this price equals its published estimates of CIFARNet7 and of the pruned ResNet19 within 2 %. A
multiply-accumulate, of which it counts none, takes the same library's multiplier (0.0821 mW) as well.

Every chip has weights of as many bits as the method, and samples that leave early cost no operation afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from axbar._compare import compare_workload
from axbar.cost import Estimate, estimate
from axbar.cost._conventional import conventional
from axbar.spec import HardwareSpec, load_hardware
from axbar.workload import Workload

__all__ = [
    "CHIPS",
    "CONDITIONS",
    "PARTS",
    "SHIPPED",
    "chip",
    "conventional_J",
    "figures",
    "on_chips",
    "parts",
    "why",
]

Row = dict[str, Any]

#: name -> preset, changes, path of the bits of a weight
CHIPS: Final[Mapping[str, tuple[str, Mapping[str, Any], str]]] = {
    "crossbar": ("imc-rram-65nm", {}, "crossbar.weight_bits"),
    "systolic": ("sata", {"memory.reads": "array"}, "weight_bits"),
    "systolic, table": ("sata", {"memory.reads": "table"}, "weight_bits"),
    "dual-sparse": ("loas", {}, "weight_bits"),
}

SHIPPED: Final = "as shipped"
_NODE: Final = {"technology.node_m": 32e-9, "technology.vdd_V": 0.97}
_MEMORY: Final = {
    "technology.sram": "LSTP", "dram.kind": "lpddr4", "dram.width_bits": 32, "dram.transfer_Hz": 3.2e9,
}  # fmt: skip
#: name -> changes made to every chip
CONDITIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    SHIPPED: {},
    "32 nm": _NODE,
    "32 nm, same memories": {**_NODE, **_MEMORY},
}

#: name of a share -> components, or how they begin
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "products": (
        "cells",
        "row_drivers",
        "time_drivers",
        "bit_lines",
        "dac",
        "accumulators",
        "mac_",
        "corrections",
        "merger",
        "multipliers",
    ),
    "conversion": ("mux", "adc", "shift_add"),
    "joins, control": ("control", "prefix_sums", "masks"),
    "neurons": ("lif", "membrane", "pgu"),
    "on-chip memory": (
        "input_buffer",
        "output_buffer",
        "global_buffer",
        "glb_",
        "spad_",
        "pe_buffers",
        "registers",
        "cache",
        "operand_memory",
    ),
    "wires": ("interconnect", "die_link"),
    "off-chip DRAM": ("dram",),
    "leakage": ("leakage",),
    "other": ("pool", "norm", "softmax", "elementwise", "writes"),
}

_CYCLE_s: Final = 1.0 / 250e6
_ADD_J: Final = (0.0169e-3 + 0.0125e-3) * _CYCLE_s
_MUL_J: Final = 0.0821e-3 * _CYCLE_s


def chip(name: str, bits: int = 8, changes: Mapping[str, Any] | None = None) -> HardwareSpec:
    """Return a chip with weights of so many bits and further changes, where it has their paths."""
    preset, own, path = CHIPS[name]
    spec = load_hardware(preset, {**own, path: bits})
    known = spec.values()
    return spec.replace({key: value for key, value in (changes or {}).items() if key in known})


def conventional_J(workload: Workload) -> dict[str, float]:
    """Return operations and the estimates by price list: ``ac``, ``mac``, ``fp32``, ``int8``, ``published``."""
    found = conventional(workload)
    ac, mac = float(found["ac"]), float(found["mac"])
    return {
        "ac": ac,
        "mac": mac,
        "fp32": float(found["energy_J"]),
        "int8": float(found["int8"]["energy_J"]),
        "published": ac * _ADD_J + mac * (_ADD_J + _MUL_J),
    }


def figures(found: Estimate) -> Row:
    """Return totals, the energy without the layers that read the image, and shares of the parts."""
    first = {layer.name for layer in found.plan.workload.matmuls if "input" in layer.inputs}
    by_layer = dict(zip(found.layers, map(float, found.by_layer("energy_J")[0]), strict=True))
    return {
        "energy_J": float(found.total("energy_J")[0]),
        "latency_s": float(found.total("latency_s")[0]),
        "area_m2": float(found.total("area_m2")[0]),
        "edp_Js": float(found.edp_Js[0]),
        "behind_J": sum(value for name, value in by_layer.items() if name not in first),
        "parts": parts(found),
        "assumed": float(found.assumed_share[0]),
    }


def parts(found: Estimate) -> dict[str, float]:
    """Return the share of every part in the energy, 0..1."""
    whole = float(found.total("energy_J")[0])
    shares = dict.fromkeys(PARTS, 0.0)
    for name, value in zip(found.components, found.by_component("energy_J")[0], strict=True):
        part = next((p for p, starts in PARTS.items() if name.startswith(starts)), "other")
        shares[part] += float(value) / whole
    return shares


def on_chips(
    workload: Workload,
    *,
    bits: int = 8,
    input_bits: int = 8,
    changes: Mapping[str, Any] | None = None,
    names: Sequence[str] = tuple(CHIPS),
) -> dict[str, Row]:
    """Return chip -> figures of one workload, all from the one trace."""
    every = {"input.bits": input_bits, **(changes or {})}
    return {name: figures(estimate(workload, chip(name, bits, every))) for name in names}


def why(workload: Workload) -> dict[str, Any]:
    """Return why one chip wins, in a sentence per quantity, and what makes the chips unequal."""
    found = compare_workload(workload, [chip(name) for name in ("crossbar", "systolic", "dual-sparse")])
    return {"energy": found.why("energy_J"), "EDP": found.why("edp_Js"), "notes": list(found.notes)}
