"""What is counted on a systolic array: the names of the events and what one of them is."""

from __future__ import annotations

from typing import Final

from axbar.cost._membranes import MEMBRANES_MEANING, TURNS_EVENT, TURNS_MEANING
from axbar.cost._sums import SUM_EVENT, SUM_MEANING
from axbar.cost.systolic._engines import BESIDE

__all__ = ["EVENTS"]

EVENTS: Final = {
    "spike_ops": "accumulate of a weight that a spike reaches",
    "real_ops": "multiplication of a weight with a number",
    "lif_updates": "neuron update",
    "neurons": MEMBRANES_MEANING,
    "neuron_steps": "step on which neurons update",
    TURNS_EVENT: TURNS_MEANING,
    "pgu_updates": "update of a membrane's gradient",
    "gradient_steps": "step on which membranes have gradients",
    "bwd_ops": "multiply-accumulate of a gradient with a weight",
    "bwd_spike_ops": "accumulate of a gradient that a spike passes to a right operand of a product",
    "bwd_real_ops": "multiply-accumulate of a gradient with a number, for a right operand of a product",
    "wup_spike_ops": "accumulate of a gradient that a spike passes to a weight",
    "wup_real_ops": "multiply-accumulate of a gradient with a number",
    "fwd_cycles": "cycle in which an array works on the way forward",
    "bwd_cycles": "cycle in which an array works on the way back",
    "wup_cycles": "cycle in which an array works on the gradients of weights",
    "fwd_turns": "cycle that passes on the way forward; none beside a sibling that takes longer",
    "bwd_turns": "cycle that passes on the way back",
    "wup_turns": "cycle that passes for the gradients of weights",
    BESIDE: "number of the first product that runs at the same time, its own where none does",
    "fwd_register_bits": "bit taken up by registers of the elements on the way forward",
    "bwd_register_bits": "bit taken up by registers of the elements on the way back",
    "wup_register_bits": "bit taken up by registers of the elements for the gradients of weights",
    "dram_fwd_bits": "bit that passes DRAM on the way forward, whatever the buffers hold",
    "map_bits": "bit of the input map of all steps, which the buffer for maps should hold",
    "map_fwd_passes": "pass through DRAM of what the buffer for maps does not hold, on the way forward",
    "map_bwd_passes": "pass through DRAM of what the buffer for maps does not hold of operands of products, back",
    "map_wup_passes": "pass through DRAM of what the buffer for maps does not hold, for the update",
    "state_bits": "bit of the membranes of one column fold, which the buffer for maps should hold between steps",
    "again_state_bits": "membrane bit that passes DRAM between steps if the buffer for maps holds none of them",
    "gradient_bits": "bit of membrane gradients of one step, which the buffer for maps should hold",
    "gradient_bwd_passes": "pass through DRAM of membrane gradients beyond the buffer for maps, on the way back",
    "gradient_wup_passes": "pass through DRAM of membrane gradients beyond the buffer for maps, for the update",
    "fold_fwd_bits": "bit of the weights of one column fold, which the buffer for weights should hold",
    "fold_bwd_bits": "bit of the weights of one column fold on the way back",
    "fold_wup_bits": "bit of the gradients of weights of one fold",
    "again_fwd_bits": "weight bit that passes DRAM again if the buffer for weights holds nothing of a fold",
    "again_bwd_bits": "weight bit that passes DRAM on the way back if the buffer for weights holds nothing",
    "again_wup_bits": "bit of gradients of weights that passes DRAM between steps if the buffer holds nothing",
    "least_weight_bits": "bit without which the buffer for weights cannot feed the array",
    "least_map_bits": "bit without which the buffer for maps cannot feed the array",
    "least_spad_bits": "bit without which a scratchpad cannot feed its element",
    SUM_EVENT: SUM_MEANING,
    "glb_fwd_weight_bits": "weight bit read or written in the global buffer",
    "glb_fwd_map_bits": "bit of inputs and states read or written in the global buffer",
    "spad_fwd_bits": "bit read or written in the scratchpads",
    "dram_bwd_bits": "bit that passes DRAM on the way back",
    "glb_bwd_weight_bits": "weight bit read or written in the global buffer on the way back",
    "glb_bwd_map_bits": "bit of inputs and gradients read or written in the global buffer on the way back",
    "spad_bwd_bits": "bit read or written in the scratchpads on the way back",
    "dram_wup_bits": "bit that passes DRAM for the update of weights",
    "glb_wup_weight_bits": "bit of weights and their gradients in the global buffer for the update",
    "glb_wup_map_bits": "bit of inputs and gradients in the global buffer for the update",
    "spad_wup_bits": "bit read or written in the scratchpads for the update",
    "share": "share of the chip, equal for all layers, as they use it in turn",
}
