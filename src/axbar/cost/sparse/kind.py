"""The hardware kind ``sparse``: a dual-sparse accelerator on the spikes of any traced network.

The PEs work on one layer after the other; DRAM transfers run beside the computation and delay it only where they take
longer. The cache, all PEs and the neuron units are built once and shared by all layers; a layer's area is its share
of the cycles.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._sums import narrow_sums
from axbar.cost._types import Context, Floats, add_up
from axbar.cost.sparse._events import EVENTS, count
from axbar.cost.sparse._settings import STRUCTURAL
from axbar.cost.sparse.chip_parts import CACHE, CONTROL, DRAM, LEAKAGE, LIF
from axbar.cost.sparse.layers import simulate_layers
from axbar.cost.sparse.pe_parts import PACKED, PE_PARTS
from axbar.spec.kind import HardwareKind
from axbar.spec.sparse import SparseSpec

__all__ = ["COMPONENTS", "EVENTS", "KIND", "simulate_layers"]

#: in signal order
COMPONENTS = (CONTROL, *PE_PARTS, CACHE, DRAM, LIF, LEAKAGE)


def _adders(x: Context) -> dict[str, Floats]:
    """Return the bits of what holds sums; sums are taken back only where steps are packed and one is silent."""
    found = {"pe.accumulator_bits": x.p("pe.accumulator_bits")}
    if x.text("dataflow") in PACKED:
        used = add_up(x.n("corrections")) > 0.0
        found["pe.correction_bits"] = np.where(used, x.p("pe.correction_bits"), np.inf)
    return found


KIND = HardwareKind(
    name="sparse",
    summary="dual-sparse accelerator of spikes and pruned weights: LoAS, SparTen, GoSPA, Gamma, PTB",
    Spec=SparseSpec,
    count=count,
    components=COMPONENTS,
    structural=STRUCTURAL,
    rules=(narrow_sums(_adders),),
    digital="axbar.crossbar:digital_integer",
    # tiles, buffers and PEs belong to a dataflow: another one on this one's sizes is no chip that anyone would build
    asked=frozenset({"fidelity", "dataflow"}),
)
