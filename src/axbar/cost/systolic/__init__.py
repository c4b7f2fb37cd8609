"""The systolic array: dense products of spikes and numbers in closed form, zeros gated, inference and training.

After SATA (Yin et al., IEEE TCAD 2023): 14 components in three groups, forward, backward and update of weights; beside
them the registers and the control of the array, which its tables leave out (``_clocked``), and leakage. Counts come
from recorded spikes and gradient masks (``_operations``, ``_count``), prices from ``_computing``, ``_clocked`` and
``_memories``, cycles from ``cycles``. Layers take turns, phases too; of several arrays side by side, products that do
not depend on each other, or the folds of each, are divided (``_engines``). Within a phase DRAM moves while the arrays
compute. Area and leakage are the chip's, in equal shares for all layers.

``axbar.published.sata_training`` is the published model with its quirks; the two agree where its assumptions hold.
"""

from __future__ import annotations

import math

import numpy as np

from axbar.cost._sums import narrow_sums
from axbar.cost._types import LEAKAGE_SPREAD, Bools, Component, Context, Floats, Parts, Rule, Term, add_up
from axbar.cost.systolic._clocked import CONTROL, REGISTERS
from axbar.cost.systolic._computing import LIF, MAC_BWD, MAC_FWD, MAC_WUP, PGU
from axbar.cost.systolic._count import STRUCTURAL, count
from axbar.cost.systolic._memories import DRAMS, GLBS, SPADS, dram_bits
from axbar.spec.kind import HardwareKind
from axbar.spec.systolic import SystolicSpec

__all__ = ["COMPONENTS", "KIND", "RULES", "count"]


def _leakage(x: Context) -> Floats:
    return x.total("leakage_W") * x.busy_s()


LEAKAGE = Component(
    name="leakage",
    group="leakage",
    summary="leakage power of the whole chip while each layer works",
    parts={
        "": Parts(
            energy_J=Term(
                "leakage power of the chip · time of the layer",
                _leakage,
                uses=(("*", "leakage_W"), ("*", "latency_s")),
            )
        )
    },
    event=None,
    turn=None,
    instance=None,
    spread=LEAKAGE_SPREAD,
)

#: in the order of a training step; what all phases share stands last
COMPONENTS = (
    LIF, MAC_FWD, DRAMS["fwd"], GLBS["fwd"], SPADS["fwd"],
    PGU, MAC_BWD, DRAMS["bwd"], GLBS["bwd"], SPADS["bwd"],
    MAC_WUP, DRAMS["wup"], GLBS["wup"], SPADS["wup"],
    REGISTERS, CONTROL,
    LEAKAGE,
)  # fmt: skip


def _free_dram(x: Context) -> Bools:
    if x.text("dram.kind") != "none":
        return np.zeros(1, dtype=np.bool_)
    return add_up(_dram_bits(x)) > 0.0


def _dram_bits(x: Context) -> Floats:
    return dram_bits("fwd")(x) + dram_bits("bwd")(x) + dram_bits("wup")(x)


def _free_reason(x: Context) -> str:
    bits = add_up(_dram_bits(x)).item()
    return f"dram.kind is none, so {bits / 8e3:,.0f} kB of weights and maps pass the pins at no cost; set dram.kind"


def _too_small(event: str, path: str, what: str) -> Rule:
    """A memory that does not hold the operands in flight of the largest layer."""

    def violated(x: Context) -> Bools:
        return x.n(event).max(axis=0) > 8.0 * x.p(path)

    def reason(x: Context) -> str:
        needed, given = math.ceil(x.n(event).max() / 8.0), x.p(path).item()
        return (
            f"{path} is {given:g} B, but {what} take {needed} B, twice so that one half loads while the other works; "
            f"set {path} to {needed} or more, or make the array smaller"
        )

    return Rule(violated, reason)


RULES = (
    _too_small(
        "least_weight_bits",
        "memory.glb_weight_B",
        "the weights of one fold (rows x cols) of each array at work",
    ),
    _too_small("least_map_bits", "memory.glb_map_B", "the inputs of one column of each array at work"),
    _too_small("least_spad_bits", "memory.spad_B", "one weight and one input of an element"),
    Rule(_free_dram, _free_reason, fatal=False),
    narrow_sums(lambda x: {"neuron.membrane_bits": x.p("neuron.membrane_bits")}),
)

KIND = HardwareKind(
    name="systolic",
    summary="systolic array for inference and training, after SATA",
    Spec=SystolicSpec,
    count=count,
    components=COMPONENTS,
    structural=STRUCTURAL,
    digital="axbar.crossbar:digital_integer",
    rules=RULES,
    asked=frozenset(
        {"task", "memory.reads", "training.du_sparsity", "training.df_sparsity", "training.batch"}
    ),
)
