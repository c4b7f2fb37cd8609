"""Which rows of each layer lie on arrays: those that hold a weight, see ``axbar.workload.stored_rows``.

Rows without weights are left out by the mapper: K, the rows of a group, and q, its blocks of rows (kernel positions
with arrays of their own), are those that are stored, and so are the rows that inputs drive. The map of the inputs,
and the window of it that a buffer holds, stay as they are. Layers of which no weights are known keep all rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from axbar.cost._graph import Graph
from axbar.cost._shapes import Shapes, shapes_of
from axbar.cost._types import Bools, Floats
from axbar.workload import LayerTrace, stored_rows

__all__ = ["Stored", "left_out_note", "stored_in", "stored_of"]

Arrangement = Literal["flattened", "kernel_split"]

#: layers that the note names
_MOST: Final = 3


@dataclass(frozen=True)
class Stored:
    """Rows of L layers on arrays.

    Args:
        rows: by layer, which of the ``fan_in`` rows of each group are stored; None: all.
        shapes: with the rows and kernel positions that are stored.
        full: with all of them; the same object where nothing is left out.
    """

    rows: tuple[Bools | None, ...]
    shapes: Shapes
    full: Shapes

    @property
    def complete(self) -> bool:
        """Whether all rows of all layers are stored."""
        return self.shapes is self.full


def stored_in(graph: Graph, arrangement: Arrangement) -> Stored:
    """Return the rows of a graph's layers that are stored; kept with the graph."""
    key = ("stored", arrangement)
    if key not in graph.cache:
        graph.cache[key] = stored_of(graph.layers, arrangement, graph.shapes)
    return graph.cache[key]


def stored_of(layers: Sequence[LayerTrace], arrangement: Arrangement, full: Shapes | None = None) -> Stored:
    """Return the rows of layers that are stored.

    Args:
        layers: the matrix products.
        arrangement: ``mapping.layout``.
        full: shapes of the layers, where they are known already.
    """
    full = full or shapes_of(layers)
    rows = tuple(_rows(layer, arrangement) for layer in layers)
    if all(each is None for each in rows):
        return Stored(rows, full, full)
    fan_in, kernel = full.fan_in.copy(), full.kernel.copy()
    for i, each in enumerate(rows):
        if each is not None:
            stored = float(np.count_nonzero(each))
            if arrangement == "kernel_split":  # whole positions, with the rows of all channels
                kernel[i] = stored / (fan_in[i] / kernel[i])
            fan_in[i] = stored
    for column in (fan_in, kernel):
        column.setflags(write=False)
    return Stored(rows, replace(full, fan_in=fan_in, kernel=kernel), full)


def _rows(layer: LayerTrace, arrangement: Arrangement) -> Bools | None:
    """Return which rows of a layer are stored, None if all are; worked out once per arrangement."""
    if layer.weight is None:
        return None
    key = ("cost.rows", arrangement)
    if key not in layer.cache:
        found = stored_rows(layer.weight, arrangement, layer.mask)
        layer.cache[key] = None if found.all() else found
    return layer.cache[key]


def left_out_note(layers: Sequence[LayerTrace], stored: Stored, arrays: Floats, saved: Floats) -> str:
    """Return one sentence on the rows that are left out.

    Args:
        layers: the matrix products.
        stored: their rows; some are left out.
        arrays: taken by each layer, ``[L]``.
        saved: arrays that all rows would have taken beyond those, ``[L]``.
    """
    whole, kept = stored.full.fan_in.tolist(), stored.shapes.fan_in.tolist()
    each = [
        f"{whole[i] - kept[i]:,.0f} of {whole[i]:,.0f} rows of {layers[i].name}"
        for i, rows in enumerate(stored.rows)
        if rows is not None
    ]
    more = f" and of {len(each) - _MOST} more" if len(each) > _MOST else ""
    fewer, total = float(saved.sum()), float((arrays + saved).sum())
    worth = f"{fewer:,.0f} of {total:,.0f} arrays" if fewer > 0 else "no array"
    return f"rows without weights are left out: {', '.join(each[:_MOST])}{more}, which saves {worth}"
