"""Who works when: latency of one image, and how often an image comes out.

Without a pipeline layers take turns, so latencies add up and the next image starts when one is done:

    latency = sum_l t_l,     images per second = 1 / latency,     t_l: time of layer l for all of its steps.

With ``mapping.pipeline: layers`` all layers work at the same time. Then the slowest one sets the pace, or the global
buffer (g) or DRAM (d), which all layers share:

    images per second = 1 / max(max_l t_l, sum_l t_l,g, sum_l t_l,d),

and step by step (``mapping.order: step``) layer l + 1 takes up step t as soon as layer l has finished it, so that an
image takes all steps of the slowest layer and one step of each other:

    latency = t_s + sum_{l != s} t_l / n_l,     s = argmax_l t_l,     n_l: steps on which the layer runs.

Layers wait for each other at the global buffer and at DRAM, whose times count in full. A layer that runs once
for neurons that update on T steps delivers its first spikes after the whole of its reads and one of the updates.
Layer by layer no layer starts before the one before it has finished all steps: latencies
add up, and layers work on different images. Layers are not pipelined position by position.

Latency is charged by layer and component, so children sum to parents; a tile works for t_l per image either way.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from axbar.cost._types import Component, Context, Floats, Timing, add_up

__all__ = ["schedule"]

#: of these the chip has one, so that layers take turns there
_SHARED = ("global_buffer", "dram")


def schedule(x: Context, components: Sequence[Component]) -> Timing | None:
    """Return who works for how long; None where layers simply take turns."""
    if x.text("mapping.pipeline") == "none":
        return None
    busy_s = x.by_layer("latency_s")
    slowest = busy_s.argmax(axis=0)
    interval_s = np.take_along_axis(busy_s, slowest[None], axis=0)[0]
    for name in _SHARED:
        interval_s = np.maximum(interval_s, add_up(x.results["latency_s"][name]))
    if x.text("mapping.order") == "layer":
        return Timing(busy_s, interval_s, {})
    first = np.arange(len(busy_s))[:, None] == slowest
    of_arrays, of_neurons = (
        np.where(first, 1.0, 1.0 / np.maximum(1.0, x.n(steps))) for steps in ("runs", "neuron_steps")
    )
    shares: dict[str, Floats] = {
        component.name: of_neurons if component.group == "neuron" else of_arrays
        for component in components
        if component.name not in _SHARED
    }
    return Timing(busy_s, interval_s, shares)
