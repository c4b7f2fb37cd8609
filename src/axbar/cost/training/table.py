"""The 14 components of a training step, after SATA (Yin et al., IEEE TCAD 2023) and its open training model.

Per layer and sample, with W weights, O outputs and I inputs of one step, T steps, and inputs of one bit held in
words of b bits (conv: W = K C R S, O = K E^2, I = C H^2; linear: W = F_out F_in):

| component | per layer | component | per layer |
|---|---|---|---|
| lif | O T | dram_fwd | W + T (O + I/b) |
| pgu (gradient unit) | O T | glb_fwd | 2 W + 2 T (O + I/b) |
| mac_fwd | spikes x fan-out | spad_fwd | 2 W + 2 T I/b |
| mac_bwd | non-zero gradients x fan-in | dram_bwd | T (O + I/b) |
| mac_wup | spikes x fan-out | glb_bwd | W + T (7 O + 2 I/b) |
| | | spad_bwd | W + T O |
| | | dram_wup | 2 W |
| | | glb_wup | 2 (1 + T) W + T (O + I/b) |
| | | spad_wup | glb_wup + 2 T W |

Traffic is linear in four numbers, so it is data here and one sum evaluates it, in words or in bits. Forward rows
are those of an inference that keeps its membranes for the way back. The table passes every value through each
memory a fixed number of times: it knows no tile that has to be read again.

Batches. The table is that of one sample that is followed by an update. Of a batch of B samples whose gradients are
summed first, each weight is read and written once: the 2 W of the three rows of the update become 2 W/B per sample.
What is proportional to T W is the sum of gradients, read and written at every step of every sample; it stays, as does
the W of the ways forward and back, on which samples follow one another. The sum is taken to wait on the chip from one
sample to the next: layers are updated one after the other, each with all samples of the batch, whose inputs a training
step keeps in any case. That the gradients of its outputs have to be kept as long is not counted, so the saving is an
upper bound; a chip that sums sample by sample moves 2 W each time, as far as its buffer does not hold the sums.

Products without neurons (``UNFIRED``). The table has a membrane behind every output. Where the outputs of a product are
numbers that another product reads, as between the cores of a tensor train, no derivative is taken of them, so that
nothing is kept for the way back but the other one's inputs, which are counted there: no O T in DRAM. Of the 7 O T of
the global buffer on the way back, two are the gradient of the output, written by the layer behind and read by the
array; the others bring the membrane (2), the gradient of the spikes (1), and carry the membrane's gradient from step to
step (2). The split of the seven is ours, the table gives their sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["COMPUTE", "GROUPS", "MEMORY", "TRAFFIC", "UNFIRED", "Traffic"]

Number = TypeVar("Number", float, NDArray[np.float64])


@dataclass(frozen=True)
class Traffic:
    """How often the words of a layer pass one memory in one phase of a step.

    Args:
        weights: of W; of the update once per batch, see above.
        weights_per_step: of W T.
        states: of O T: membranes on the way forward, their gradients on the way back.
        inputs: of the inputs of all steps.
    """

    weights: float = 0.0
    weights_per_step: float = 0.0
    states: float = 0.0
    inputs: float = 0.0

    def of_weights(self, weights: Number, steps: Number, batch: float = 1.0) -> Number:
        """Return the words (or bits) of weights that pass per sample, of which ``batch`` share what is done once.

        >>> TRAFFIC["glb_wup"].of_weights(10.0, 4.0), TRAFFIC["glb_wup"].of_weights(10.0, 4.0, batch=2.0)
        (100.0, 90.0)
        """
        return weights * (self.weights / batch + self.weights_per_step * steps)

    def of_maps(self, states: Number, inputs: Number) -> Number:
        """Return the words (or bits) of states and inputs that pass, each given for all steps."""
        return states * self.states + inputs * self.inputs

    def formula(self, weights: str, states: str, inputs: str) -> str:
        """Return the sum as text, in the names given for W, O T and the inputs."""
        parts = [
            _times(self.weights, weights), _times(self.weights_per_step, f"steps · {weights}"),
            _times(self.states, states), _times(self.inputs, inputs),
        ]  # fmt: skip
        return " + ".join(part for part in parts if part)


def _times(factor: float, name: str) -> str:
    if factor == 0.0:
        return ""
    return name if factor == 1.0 else f"{factor:g} · {name}"


TRAFFIC: Final[Mapping[str, Traffic]] = {
    "dram_fwd": Traffic(weights=1, states=1, inputs=1),
    "glb_fwd": Traffic(weights=2, states=2, inputs=2),
    "spad_fwd": Traffic(weights=2, inputs=2),
    "dram_bwd": Traffic(states=1, inputs=1),
    "glb_bwd": Traffic(weights=1, states=7, inputs=2),
    "spad_bwd": Traffic(weights=1, states=1),
    "dram_wup": Traffic(weights=2),
    "glb_wup": Traffic(weights=2, weights_per_step=2, states=1, inputs=1),
    "spad_wup": Traffic(weights=2, weights_per_step=4, states=1, inputs=1),
}

#: rows that are others for a product without neurons whose outputs are another product's numbers
UNFIRED: Final[Mapping[str, Traffic]] = {
    "dram_fwd": Traffic(weights=1, inputs=1),
    "dram_bwd": Traffic(inputs=1),
    "glb_bwd": Traffic(weights=1, states=2, inputs=2),
}

#: group of the published tables -> its components
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "fwd_comp": ("lif", "mac_fwd"),
    "fwd_mem": ("dram_fwd", "glb_fwd", "spad_fwd"),
    "bwd_comp": ("pgu", "mac_bwd"),
    "bwd_mem": ("dram_bwd", "glb_bwd", "spad_bwd"),
    "wup_comp": ("mac_wup",),
    "wup_mem": ("dram_wup", "glb_wup", "spad_wup"),
}
COMPUTE: Final = ("lif", "pgu", "mac_fwd", "mac_bwd", "mac_wup")
MEMORY: Final = tuple(TRAFFIC)
