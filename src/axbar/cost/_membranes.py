"""How many membranes the neurons of a layer have, and how often these take their turn in a step.

    membranes = sum over its neuron layers of ceil(N / G),     N neurons, G = ``share`` of them on one membrane

The G neurons of a membrane update one after the other, as each goes on from what the one before it left. Units then
work on all membranes at once, G times a step: ``membrane_turns`` = G, the largest where several neuron layers meet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from axbar.cost._types import Floats
from axbar.workload import LayerTrace

__all__ = ["MEMBRANES_MEANING", "TURNS_EVENT", "TURNS_MEANING", "membranes_of", "turns_of"]

TURNS_EVENT: Final = "membrane_turns"
TURNS_MEANING: Final = "neuron that takes turns on one membrane"
#: of the event ``neurons``
MEMBRANES_MEANING: Final = "neuron, or several that take turns on one membrane"


def membranes_of(neurons: Sequence[LayerTrace]) -> float:
    """Return the membranes of neuron layers together."""
    return float(sum(-(-math.prod(n.geometry.out_shape) // _share(n)) for n in neurons))


def turns_of(hosted: Sequence[Sequence[LayerTrace]]) -> Floats:
    """Return for the neuron layers of each mapped layer how many neurons take turns on one membrane, ``[L]``."""
    return np.array([max(map(_share, neurons), default=1) for neurons in hosted], dtype=np.float64)


def _share(neuron: LayerTrace) -> int:
    return 1 if neuron.neuron is None else neuron.neuron.share
