"""Bits in which the spikes of recorded neurons leave for DRAM, in a dataflow's own format; once per inference."""

from __future__ import annotations

import math

import numpy as np

from axbar.cost.sparse.dataflow import Dataflow
from axbar.cost.sparse.traffic import stored_spike_bits
from axbar.workload import LayerTrace, popcount

__all__ = ["is_recorded", "spike_bits"]


def is_recorded(neuron: LayerTrace) -> bool:
    """Return whether a neuron layer's spikes, or at least their rate, are known."""
    return neuron.output is not None and (neuron.output.words is not None or neuron.output.rate is not None)


def spike_bits(neuron: LayerTrace, steps: float, flow: Dataflow, samples: slice) -> float:
    """Return the bits in which the spikes of a neuron layer are stored, mean over samples.

    Args:
        neuron: whose spikes leave; where nothing is known of them they are taken as dense bits.
        steps: on which it runs.
        flow: gives the format.
        samples: of the recording.
    """
    size, output, whole = math.prod(neuron.geometry.out_shape), neuron.output, max(1, round(steps))
    if output is not None and output.words is not None and output.coding == "spikes":
        words = output.words[samples]
        firing, spikes = int(np.count_nonzero(words)), int(popcount(words).sum(dtype=np.int64))
        return stored_spike_bits(flow, whole, size * len(words), firing, spikes) / len(words)
    if output is not None and output.rate is not None:
        firing, spikes = size * (1.0 - (1.0 - output.rate) ** whole), size * output.rate * whole
        return float(stored_spike_bits(flow, whole, size, round(firing), round(spikes)))
    return float(size * whole)
