"""What does not fit the memory of the tiles and goes to the global buffer, and beyond it to DRAM.

Per layer, with B the bits of the input buffer of a tile, G those of the global buffer, and the counts of
``imc/_memory.py``:

    map        s = max(0, 1 - B / map_bits)         share of the input map that waits outside the tiles
    window     m = max(0, 1 - B / window_bits)      share of the window that must be fetched again per output row
    membranes  u = max(0, 1 - M tiles / (membranes membrane_bits)),   M the bits of a tile's membrane memory

    entering  = map_traffic * s                     written once, read once (1 for the network's input)
    again     = again_bits * m                      read
    states    = membrane_updates * membrane_bits * u   read and written
    leaving   = exit_bits + final_values * w        network output, written once, read once
    resident  = 2 * held_bits * s + sum over layers of membranes * membrane_bits * u
    o         = max(0, 1 - G / resident)            share of all this that passes on to DRAM

A map stands in the global buffer beside its successor, which is taken to be as large: hence the 2. With
``mapping.pipeline: layers`` the maps of all layers wait at the same time, so that their residents add up. The network's
input comes from DRAM and its output goes there, if there is one; else they pass the chip's pins, which cost
nothing here. Weights are loaded once, by programming.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from axbar.cost._types import Context, Floats, add_up
from axbar.cost.components._digital import SUM_EVENTS, SUM_PATHS, sum_bits

__all__ = [
    "NOTHING", "SPILL", "SPILL_EVENTS", "SPILL_PATHS", "WINDOW_EVENTS", "WINDOW_PATHS", "Spill", "membrane_share",
    "spill", "window_share",
]  # fmt: skip

_CAPACITY, _MEMBRANE_B, _MEMBRANE = "buffer.input_B", "neuron.membrane_B", "neuron.membrane_bits"

WINDOW_EVENTS, WINDOW_PATHS = ("window_bits",), (_CAPACITY,)
SPILL_EVENTS = (
    "map_bits", "window_bits", "map_traffic", "from_outside", "again_bits", "exit_bits", "final_values",
    "held_bits", "membrane_updates", "membranes", "tiles", *SUM_EVENTS,
)  # fmt: skip
SPILL_PATHS = (_CAPACITY, "buffer.global_B", _MEMBRANE_B, _MEMBRANE, *SUM_PATHS)
SPILL = (
    "entering = map_traffic · max(0, 1 − 8 · input_B / map_bits) (all of the network's input), again = again_bits · "
    "max(0, 1 − 8 · input_B / window_bits), states = membrane_updates · membrane_bits · share beyond membrane_B, "
    "leaving = exit_bits + final_values · w, o = share of these beyond global_B"
)


#: of memory without a limit; broadcasts
NOTHING: Floats = np.zeros((1, 1))
NOTHING.setflags(write=False)


@dataclass(frozen=True)
class Spill:
    """Bits of one inference that leave the tiles, ``[L, P]`` each.

    Args:
        external: of the network's input.
        both: written and read: waiting maps and states of neurons.
        again: read only: rows of the map that are needed once more.
        leaving: of the network's output.
        overflow: share of ``both`` and ``again`` that the global buffer does not hold, 0..1.
    """

    external: Floats
    both: Floats
    again: Floats
    leaving: Floats
    overflow: Floats


def window_share(x: Context) -> Floats:
    """Return the share of the input window that a tile does not hold, 0..1."""
    return np.maximum(0.0, 1.0 - 8.0 * x.p(_CAPACITY) / np.maximum(x.n("window_bits"), 1.0))


def membrane_share(x: Context) -> Floats:
    """Return the share of the membranes that a tile does not hold, 0..1; 0 where its memory has no limit."""
    limit, tiles, bits = x.p(_MEMBRANE_B), x.n("tiles"), x.n("membranes") * x.p(_MEMBRANE)
    if not limit.any():
        return NOTHING
    held = 8.0 * limit * tiles
    return np.where(held > 0.0, np.maximum(0.0, 1.0 - held / np.maximum(bits, 1.0)), 0.0)


def spill(x: Context) -> Spill:
    """Return what leaves the tiles and whether the global buffer holds it."""
    beyond = np.maximum(0.0, 1.0 - 8.0 * x.p(_CAPACITY) / np.maximum(x.n("map_bits"), 1.0))
    outside = x.n("from_outside")
    waiting = (1.0 - outside) * beyond
    both, resident = x.n("map_traffic") * waiting, 2.0 * x.n("held_bits") * np.maximum(waiting, outside)
    if x.text("mapping.pipeline") != "none":
        resident = add_up(resident)
    states, share = x.n("membrane_updates"), membrane_share(x)
    if share is not NOTHING:
        beyond = share * x.p(_MEMBRANE)
        both = both + states * beyond
        resident = resident + add_up(x.n("membranes") * beyond)
    leaving = x.n("exit_bits") + x.n("final_values") * sum_bits(x)
    overflow = np.maximum(0.0, 1.0 - 8.0 * x.p("buffer.global_B") / np.maximum(resident, 1.0))
    return Spill(x.n("map_traffic") * outside, both, x.n("again_bits") * window_share(x), leaving, overflow)
