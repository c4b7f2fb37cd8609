"""Several dies: tiles fill one die after the other, and what goes from one to the next crosses a link.

With M = chip.max_tiles, tile number n (counted over all layers in order) lies on die n // M. Per inference, a
layer's input crosses once to each die that holds tiles of the layer and is not the die where its source ends
(several joined sources share the input equally; the network's own input reaches every die from outside); sums and
spikes that are added at another layer cross where that lies on another die; and of the partial sums that pass
from tile to tile of a layer, those at a die's edge cross:

    (dies of the layer - 1) / (its tiles - 1)     of them.

Dies stand side by side, so that distances on the chip are those of one plane of tiles.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._graph import EXTERNAL, Graph
from axbar.cost._types import Floats

__all__ = ["die_traffic"]


def die_traffic(
    graph: Graph,
    tiles: Floats,
    max_tiles: float,
    input_bits: Floats,
    sums_moved: Floats,
    right_bits: Floats | None = None,
) -> tuple[Floats, Floats]:
    """Return bits of inputs, and sums at full width, that change dies, ``[L]`` each by receiving layer.

    Args:
        graph: who feeds whom.
        tiles: of each layer.
        max_tiles: of one die; infinite if there is but one.
        input_bits: bits of each layer's input over all its steps.
        sums_moved: partial sums that pass from tile to tile.
        right_bits: bits of the operands that are written at run time, 0 elsewhere; None: there are none.
    """
    ends = np.cumsum(tiles)
    bits, values = np.zeros(len(tiles)), np.zeros(len(tiles))
    if ends[-1] <= max_tiles:
        return bits, values
    first, last = (ends - tiles) // max_tiles, (ends - 1.0) // max_tiles
    spanned, none = last - first + 1.0, np.zeros(len(tiles))
    for feeding, sent in (
        (graph.lefts, input_bits),
        (graph.rights, none if right_bits is None else right_bits),
    ):
        for i, sources in enumerate(feeding):
            for source in sources:
                if source != EXTERNAL:
                    elsewhere = spanned[i] - float(first[i] <= last[source] <= last[i])
                    bits[i] += sent[i] / len(sources) * elsewhere
    for host, source, sent_values, sent_bits in graph.sent:
        if source != EXTERNAL and not first[host] <= last[source] <= last[host]:
            values[host] += sent_values
            bits[host] += sent_bits
    values += sums_moved * ((spanned - 1.0) / np.maximum(tiles - 1.0, 1.0))
    return bits, values
