"""Cycles and buffer accesses of an inference in SATA's open model, for comparison only.

The model runs SCALE-Sim v2 twice per layer, output- and weight-stationary, on 16 x 8 processing elements, and adds

    cycles = sum over layers of (T OS + WS_filter),

with the closed forms of ``axbar.cost.systolic.cycles``. Checked: cycles and SRAM accesses of the 16 layers of VGG9
and CIFARNet7 in ``tests/golden/sata_cycles.csv`` and the sums of both networks, all equal. DRAM reads of inputs and
writes of outputs depend on the prefetch of that simulator and have no closed form; they are not modelled.

Quirks, kept here: positions are those of a convolution without its padding, M = ceil((H - F + S) / S)^2, though
operations are counted with it; nothing depends on sparsity; weights are loaded for one step, sums are made for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from axbar.cost.systolic.cycles import os_cycles, sram_accesses, ws_filter_cycles
from axbar.errors import UsageError, is_whole

__all__ = ["SataInference", "sata_inference", "sata_inference_cycles", "unpadded_positions"]


@dataclass(frozen=True)
class SataInference:
    """One inference of a network, by layer.

    Args:
        steps: T.
        os_cycles: output-stationary, of one step.
        ws_filter_cycles: to load the weights, once.
        sram_reads, sram_filter_reads, sram_writes: values, of one step.
    """

    steps: int
    os_cycles: tuple[int, ...]
    ws_filter_cycles: tuple[int, ...]
    sram_reads: tuple[int, ...]
    sram_filter_reads: tuple[int, ...]
    sram_writes: tuple[int, ...]

    @property
    def cycles(self) -> int:
        """Of all layers and steps."""
        return self.steps * sum(self.os_cycles) + sum(self.ws_filter_cycles)


def sata_inference_cycles(M: int, K: int, N: int, rows: int = 16, cols: int = 8) -> tuple[int, int]:
    """Return the published cycles of one layer: output-stationary, and to load the weights.

    Args:
        M: output positions (1 for a linear layer).
        K: inputs of one output.
        N: filters.
        rows, cols: of the array.

    Raises:
        UsageError: a size is no whole number from 1 on.

    >>> sata_inference_cycles(900, 27, 64)
    (22343, 14085)
    """
    _check(M=M, K=K, N=N, rows=rows, cols=cols)
    return int(os_cycles(M, K, N, rows, cols)), int(ws_filter_cycles(M, K, N, rows, cols))


def sata_inference(
    layers: Sequence[tuple[int, int, int]], T: int, rows: int = 16, cols: int = 8
) -> SataInference:
    """Return what the published model says of a network given as ``(M, K, N)`` per layer.

    Raises:
        UsageError: a layer is no ``(M, K, N)``, or a size no whole number from 1 on.
    """
    _check_layers(layers)
    _check(T=T)
    cycles = [sata_inference_cycles(*layer, rows, cols) for layer in layers]
    accesses = [[int(value) for value in sram_accesses(*layer, rows, cols)] for layer in layers]
    return SataInference(
        T,
        tuple(stay for stay, _ in cycles),
        tuple(load for _, load in cycles),
        tuple(reads for reads, _, _ in accesses),
        tuple(filters for _, filters, _ in accesses),
        tuple(writes for _, _, writes in accesses),
    )


def unpadded_positions(in_size: int, kernel: int, stride: int = 1) -> int:
    """Return the output positions M of a convolution, its padding left out as published.

    >>> unpadded_positions(32, 3), unpadded_positions(1, 1)
    (900, 1)
    """
    _check(in_size=in_size, kernel=kernel, stride=stride)
    rows = -(-(in_size - kernel + stride) // stride)
    if rows < 1:
        raise UsageError(f"a kernel of {kernel} does not fit an input of {in_size}; give a smaller kernel.")
    return rows**2


def _check(**sizes: object) -> None:
    for name, value in sizes.items():
        if not is_whole(value, 1):
            raise UsageError(f"{name} is {value!r}; give a whole number from 1 on.")


def _check_layers(layers: object) -> None:
    if not isinstance(layers, Sequence) or isinstance(layers, str):
        raise UsageError(
            f"layers are of type {type(layers).__name__}; give one (M, K, N) per layer, such as [(900, 27, 64)]: "
            "output positions, inputs of one output, filters."
        )
    for i, layer in enumerate(cast(Sequence[object], layers)):
        sizes = cast(Sequence[object], layer) if isinstance(layer, Sequence) else ()
        if len(sizes) != 3:
            raise UsageError(
                f"layers[{i}] is {layer!r}; give (M, K, N): output positions, inputs of one output, filters."
            )
