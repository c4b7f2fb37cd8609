"""Where the zeros of pruned weights lie: what decides whether hardware gains from them.

Two layers of equal sparsity s may cost a dual-sparse accelerator very different times. Of the unfolded matrix
W [outputs K, rows F] of a layer (F = C/groups · R · S):

    empty outputs   rows of W without a weight: a filter that need not run
    empty inputs    input channels that no output reads: spikes that need not be sent
    empty kernels   R × S kernels without a weight (single weights in linear layers)
    empty chunks    blocks of 128 rows of one output without a weight: a word of the bit mask that a join skips
                    (128 is the mask width of LoAS, Yin et al., MICRO 2024)
    imbalance       max_k n_k / mean_k n_k with n_k the weights of output k: columns given to processing elements
                    in lock-step wait for the fullest
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CHUNK_ROWS", "LayerStructure", "structure", "structure_facts", "structure_table"]

#: rows of a mask word of LoAS
CHUNK_ROWS = 128


@dataclass(frozen=True)
class LayerStructure:
    """Counts of one layer: how many there are and how many of them hold no weight."""

    name: str
    weights: int
    kept: int
    outputs: int
    empty_outputs: int
    inputs: int
    empty_inputs: int
    kernels: int
    empty_kernels: int
    chunks: int
    empty_chunks: int
    imbalance: float

    @property
    def sparsity(self) -> float:
        """Share of zeros, 0..1."""
        return 1.0 - self.kept / self.weights


def structure(
    weights: Mapping[str, NDArray[Any]], chunk_rows: int = CHUNK_ROWS
) -> tuple[LayerStructure, ...]:
    """Return the structure of each layer's weights ``[K, C/groups, R, S]`` or ``[K, F]`` by name.

    >>> structure({"fc": np.array([[1.0, 0.0], [0.0, 0.0]])})[0].empty_outputs
    1
    """
    return tuple(_layer(name, np.asarray(weight) != 0, chunk_rows) for name, weight in weights.items())


def _layer(name: str, kept: NDArray[np.bool_], chunk_rows: int) -> LayerStructure:
    flat = kept.reshape(len(kept), -1)
    kernels = kept.any(axis=tuple(range(2, kept.ndim)))  # [K, C]
    starts = np.arange(0, flat.shape[1], chunk_rows)
    chunks = np.logical_or.reduceat(flat, starts, axis=1)
    each = flat.sum(1)
    return LayerStructure(
        name=name,
        weights=flat.size,
        kept=int(each.sum()),
        outputs=len(flat),
        empty_outputs=int((each == 0).sum()),
        inputs=kept.shape[1],
        empty_inputs=int((~kernels.any(0)).sum()),
        kernels=kernels.size,
        empty_kernels=int((~kernels).sum()),
        chunks=chunks.size,
        empty_chunks=int((~chunks).sum()),
        imbalance=float(each.max() / each.mean()) if each.any() else 0.0,
    )


def structure_facts(layers: tuple[LayerStructure, ...]) -> dict[str, float]:
    """Return the shares over all layers together, as a technique reports them; the imbalance is the worst layer's."""

    def share(what: str) -> float:
        total = sum(getattr(layer, what) for layer in layers)
        return sum(getattr(layer, f"empty_{what}") for layer in layers) / total

    facts = {f"empty_{what}": share(what) for what in ("outputs", "inputs", "kernels", "chunks")}
    return {**facts, "imbalance": max(layer.imbalance for layer in layers)}


def structure_table(layers: tuple[LayerStructure, ...]) -> str:
    """Return one line per layer as text."""
    lines = [
        f"{'layer':24}{'weights':>10}{'zero':>8}   empty: {'outputs':>9}{'inputs':>9}{'kernels':>9}{'chunks':>9}"
        f"{'imbalance':>11}"
    ]
    for at in layers:
        empty = [(at.empty_outputs, at.outputs), (at.empty_inputs, at.inputs), (at.empty_kernels, at.kernels),
                 (at.empty_chunks, at.chunks)]  # fmt: skip
        lines.append(
            f"{at.name:24}{at.weights:>10,}{at.sparsity:>8.1%}          "
            + "".join(f"{a / b:>9.1%}" for a, b in empty)
            + f"{at.imbalance:>11.2f}"
        )
    return "\n".join(lines)
