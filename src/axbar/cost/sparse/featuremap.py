"""DRAM traffic of a convolution whose input lies in memory as a feature map, not unfolded.

The published model moves the unfolded matrix (im2col), where a 3 x 3 kernel meets every input up to nine times. Here
an input row h is stored once, C x W neurons with their spikes in the dataflow's own format,

    s[h] = values * value bits + metadata   (mask: C W bits; csr, coordinates: per spike; dense: T C W bits)

and output row i needs the rows I(i) = {i stride + r dilation - padding, r < R} that exist. A line buffer keeps them
while they serve the next output rows; columns that no output needs are read along.

    x once      = sum of s over the union of all I(i)          if every I(i) fits the input buffer
                = sum over i of sum of s over I(i)             if one does not: nothing is kept
    x           = passes_x * (x once),    w = passes_w * (nnz * value bits + metadata)
    passes by the outermost loop (buffers in stored values, as in ``Dataflow``):
    m (LoAS, Gamma)          passes_x = 1;   passes_w = 1 if all weights fit, else one per tile of rows
    n (SparTen, nmtk, PTB)   passes_x = 1 if the needed map fits, else one per tile of columns;   passes_w = 1 if the
                             weights of a tile of columns fit, else one per tile of rows
    k (GoSPA)                the same for a chunk of inputs

Partial sums leave the PEs where k is not the innermost of m, n, k: between two chunks what exceeds the buffer of
partial sums is written and read again. Weight and buffer sizes are means over tiles; spikes are the recorded ones.
The output map is written once, in the input's format if its spikes are given, else as dense bits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from axbar.cost.sparse.counters import no_bits
from axbar.cost.sparse.dataflow import Dataflow, Format
from axbar.errors import DataError
from axbar.workload import Geometry
from axbar.workload._pack import popcount

__all__ = ["FeatureMapTraffic", "feature_map_traffic", "needed_rows", "stored_rows"]

Ints = NDArray[np.int64]
Words = NDArray[np.unsignedinteger[Any]]

_DENSE_OUTPUT: Final = "output spikes were not given: taken to be written as dense bits"


@dataclass(frozen=True)
class FeatureMapTraffic:
    """Bits between DRAM and chip for one layer and sample.

    Args:
        dram_bits: stream (x, x_meta, w, w_meta, psum, out) -> bits; metadata of the output are in ``out``.
        passes: operand (x, w) -> how often it is read.
        kept: whether the input rows of one output row stay on chip for the next.
        notes: assumptions, as sentences.
    """

    dram_bits: Mapping[str, int]
    passes: Mapping[str, int]
    kept: bool
    notes: tuple[str, ...] = ()

    @property
    def dram_total_bits(self) -> int:
        """All bits."""
        return sum(self.dram_bits.values())


def feature_map_traffic(
    words: Words,
    steps: int,
    weights: NDArray[Any],
    geometry: Geometry,
    flow: Dataflow,
    *,
    out_words: Words | None = None,
) -> FeatureMapTraffic:
    """Return the DRAM traffic of one layer.

    Args:
        words: packed spikes of one sample, shape ``geometry.in_shape``: ``[C, H, W]``, ``[F]`` or ``[N, F]``.
        steps: T.
        weights: of all groups, any shape; zero where pruned.
        geometry: of the layer.
        flow: dataflow.
        out_words: packed spikes of the neurons behind the layer; None if not recorded.

    Raises:
        DataError: shapes do not match.
    """
    _check(words, weights, geometry)
    image = _image(words)
    values, x_bits, x_meta = stored_rows(image, steps, flow.x)
    needed = needed_rows(geometry, image.shape[1])
    used = np.unique(np.concatenate(needed)) if needed else np.zeros(0, dtype=np.int64)
    kept = all(int(values[rows].sum()) <= flow.x.fifo_values for rows in needed)
    rows_read = used if kept else np.concatenate(needed)
    passes = _passes(geometry, flow, int(values[used].sum()), int(np.count_nonzero(weights)))
    w_values = weights.size if flow.w.dense else int(np.count_nonzero(weights))
    bits = no_bits()
    bits["x"] = passes["x"] * int(x_bits[rows_read].sum())
    bits["x_meta"] = passes["x"] * int(x_meta[rows_read].sum())
    bits["w"] = passes["w"] * w_values * flow.w.value_bits
    bits["w_meta"] = passes["w"] * _metadata(flow.w, int(weights.size), w_values)
    bits["psum"] = _partial_sums(geometry, flow, steps)
    bits["out"], notes = _output(out_words, geometry, steps, flow.x)
    return FeatureMapTraffic(bits, passes, kept, notes)


def stored_rows(image: Words, steps: int, form: Format) -> tuple[Ints, Ints, Ints]:
    """Return stored values, value bits and metadata bits of every input row, ``[H]`` each.

    Args:
        image: packed spikes ``[C, H, W]``.
        steps: T.
        form: how spikes are stored; ``value_bits`` 0 stands for packed words of T bits.
    """
    area = np.full(image.shape[1], image.shape[0] * image.shape[2], dtype=np.int64)
    if form.value_bits == 0:
        values = np.count_nonzero(image, axis=(0, 2)).astype(np.int64)
        return values, values * steps, _row_metadata(form, area, values)
    spikes = popcount(image).sum(axis=(0, 2), dtype=np.int64) if image.size else np.zeros_like(area)
    values = area * steps if form.dense else spikes
    return values, values * form.value_bits, _row_metadata(form, area * steps, spikes)


def needed_rows(geometry: Geometry, height: int) -> list[Ints]:
    """Return the input rows that each output row needs, those that exist."""
    if len(geometry.in_shape) != 3:
        return [np.array([row], dtype=np.int64) for row in range(height)]
    kernel, stride = geometry.kernel[0], geometry.stride[0]
    taps = np.arange(kernel, dtype=np.int64) * geometry.dilation[0] - geometry.padding[0]
    windows = (taps + row * stride for row in range(geometry.out_shape[1]))
    return [rows[(rows >= 0) & (rows < height)] for rows in windows]


def _image(words: Words) -> Words:
    if words.ndim == 3:
        return words
    return words.reshape(-1, words.shape[-1]).T[:, :, np.newaxis]


def _check(words: Words, weights: NDArray[Any], geometry: Geometry) -> None:
    if words.shape != geometry.in_shape:
        raise DataError(
            f"spikes have shape {words.shape}; the layer takes one sample of {geometry.in_shape}."
        )
    expected = geometry.fan_in * geometry.fan_out * geometry.groups
    if weights.size != expected:
        raise DataError(
            f"weights {weights.shape} hold {weights.size} values; the layer has {expected} "
            f"({geometry.groups} x {geometry.fan_in} x {geometry.fan_out}): give those of all groups."
        )


def _row_metadata(form: Format, elements: Ints, values: Ints) -> Ints:
    if form.metadata == "none":
        return np.zeros_like(elements)
    return (elements if form.metadata == "mask" else values) * form.metadata_bits


def _metadata(form: Format, elements: int, values: int) -> int:
    return int(_row_metadata(form, np.array([elements]), np.array([values]))[0])


def _passes(geometry: Geometry, flow: Dataflow, x_values: int, w_nnz: int) -> dict[str, int]:
    """Return how often x and w are read; tiles of columns do not reach over groups."""
    row_tiles = -(-geometry.positions // flow.tile.rows)
    col_tiles = -(-geometry.fan_out // flow.tile.cols)
    chunks = -(-geometry.fan_in // flow.tile.chunk)
    everything = geometry.groups * geometry.fan_in * geometry.fan_out
    w_values = everything if flow.w.dense else w_nnz
    if flow.loops[0] == "m":
        return {"x": 1, "w": 1 if w_values <= flow.w.fifo_values else row_tiles}
    parts = chunks if flow.loops[0] == "k" else 1
    x_fits = math.ceil(x_values / parts) <= flow.x.fifo_values
    w_fits = math.ceil(w_values / (parts * col_tiles * geometry.groups)) <= flow.w.fifo_values
    return {"x": 1 if x_fits else col_tiles, "w": 1 if w_fits else row_tiles}


def _partial_sums(geometry: Geometry, flow: Dataflow, steps: int) -> int:
    """Return the bits of partial sums that do not fit their buffer, written and read between two chunks."""
    chunks = -(-geometry.fan_in // flow.tile.chunk)
    if not flow.psum_bits or chunks < 2:
        return 0
    outputs = geometry.fan_out * geometry.groups * steps
    sets = -(-geometry.positions // flow.tile.rows) if flow.loops[0] == "m" else 1
    rows = min(geometry.positions, flow.tile.rows) if flow.loops[0] == "m" else geometry.positions
    beyond = max(0, rows * outputs * flow.psum_bits - flow.psum_buffer_bits)
    return sets * 2 * (chunks - 1) * beyond


def _output(
    out_words: Words | None, geometry: Geometry, steps: int, form: Format
) -> tuple[int, tuple[str, ...]]:
    neurons = math.prod(geometry.out_shape)
    if out_words is None:
        return steps * neurons, (_DENSE_OUTPUT,)
    if out_words.size != neurons:
        raise DataError(
            f"output spikes have shape {out_words.shape}; the layer has outputs {geometry.out_shape}."
        )
    _, bits, meta = stored_rows(_image(out_words), steps, form)
    return int(bits.sum() + meta.sum()), ()
