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


def spike_bits(
    neuron: LayerTrace, steps: float, flow: Dataflow, sample: int, runs: int | None = None
) -> float:
    """Return the bits in which the spikes of a neuron layer are stored for one sample.

    Args:
        neuron: whose spikes leave; where nothing is known of them they are taken as dense bits.
        steps: on which it runs.
        flow: gives the format.
        sample: index of the recorded sample.
        runs: steps on which it runs for this sample, whose later spikes are struck out; None: all.
    """
    size, output, whole = math.prod(neuron.geometry.out_shape), neuron.output, max(1, round(steps))
    if runs == 0:
        return 0.0
    if output is not None and output.words is not None and output.coding == "spikes":
        words = output.words[min(sample, len(output.words) - 1)]
        if runs is not None and runs < output.steps:
            words = words & words.dtype.type((1 << runs) - 1)
        firing, spikes = int(np.count_nonzero(words)), int(popcount(words).sum(dtype=np.int64))
        return float(stored_spike_bits(flow, whole, size, firing, spikes))
    if output is not None and output.rate is not None:
        firing, spikes = size * (1.0 - (1.0 - output.rate) ** whole), size * output.rate * whole
        return float(stored_spike_bits(flow, whole, size, round(firing), round(spikes)))
    return float(size * whole)
