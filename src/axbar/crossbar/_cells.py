"""From weight codes to what a read sees: slice -> target -> program -> faults -> age -> wires -> level units.

A chain of pure functions on the cells of one row tile, ``[bundles, col_tiles, rows, columns]``, conductances
in S. The read needs them in *level units*: conductance over the step between two levels,

    a = G (2^c - 1) / (g_on - g_off),        off = g_off (2^c - 1) / (g_on - g_off),

so that a noise-free cell of level v reads ``v + off``. The offset of a finite on/off ratio stands in both
columns of a pair and cancels in the digital subtraction.

**Exact sums.** ``a`` is rounded to a dyadic grid ``2^-q``, fine enough to be far below any programming noise
and coarse enough that every column sum is exact in the arithmetic of the read (the 24 bits of float32 if
that leaves ``q`` of 8 or more, else the 53 bits of float64). Sums are then independent of order: no batch
split, thread count or device changes a single bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from axbar import devices
from axbar.crossbar._mapping import Mapping
from axbar.crossbar._random import normal
from axbar.spec.imc import ImcSpec

__all__ = ["Cells", "build_cells", "off_level"]

_LEAST_GRID_BITS = 8  # a grid of 1/256 level; published devices have a sigma of 1/10 level or more


@dataclass(frozen=True)
class Cells:
    """Programmed cells of a layer, ready to be read.

    Args:
        conductance: level units on the dyadic grid, ``[row_tiles, bundles, 2 * slices * bundle_outs,
            used_rows]`` (plus columns first, then by slice).
        grid_bits: q of the grid.
    """

    conductance: torch.Tensor
    grid_bits: int

    def to(self, device: torch.device) -> Cells:
        """Return the cells on another device."""
        return replace(self, conductance=self.conductance.to(device))


def off_level(hardware: ImcSpec) -> float:
    """Return the conductance of an empty cell in level units."""
    device = hardware.device
    return device.g_off_S * (2**hardware.crossbar.cell_bits - 1) / (device.g_on_S - device.g_off_S)


def wires(g_S: NDArray[np.float64], hardware: ImcSpec) -> NDArray[np.float64]:
    """Fold wire resistance into effective conductances. Wires have none yet: returns ``g_S`` itself."""
    return g_S


def program_tile(
    levels: NDArray[np.uint8], hardware: ImcSpec, seed: int | None, t_s: float, key: tuple[object, ...]
) -> NDArray[np.float64]:
    """Write one row tile and return its conductances in S as the read sees them.

    Args:
        levels: ``[bundles, col_tiles, rows, columns]``.
        seed: of the die; None for nominal cells (no programming error).
        t_s: time since programming.
        key: of the random streams: layer path and row tile; every array adds its own place.
    """
    device = hardware.device
    g = devices.level_conductance_S(levels, hardware.crossbar.cell_bits, device.g_on_S, device.g_off_S)
    if seed is not None and devices.preset_of(device).is_noisy(device):
        draws = np.empty(levels.shape)
        for place in np.ndindex(*levels.shape[:2]):
            draws[place] = normal(levels.shape[2:], seed, *key, *place, "program")
        g = devices.program(g, device, draws)
    return wires(devices.age(devices.faults(g, device), t_s, device), hardware)


def _grid(columns: NDArray[np.float64]) -> tuple[NDArray[Any], int]:
    """Round to the dyadic grid on which all column sums are exact; returns values and grid bits."""
    largest = float(columns.sum(axis=-1).max(initial=1.0))
    integer_bits = int(np.ceil(np.log2(largest + 1))) + 1
    bits = 24 - integer_bits
    dtype: type[np.floating[Any]] = np.float32
    if bits < _LEAST_GRID_BITS:
        bits, dtype = min(30, 53 - integer_bits), np.float64
    return (np.rint(columns * 2.0**bits) * 2.0**-bits).astype(dtype), bits


def build_cells(
    codes: NDArray[np.integer[Any]],
    mapping: Mapping,
    hardware: ImcSpec,
    path: str,
    seed: int | None,
    t_s: float = 0.0,
) -> Cells:
    """Program all arrays of a layer.

    Args:
        codes: signed weight codes ``[groups * fan_out, fan_in]``.
        path: of the layer in its network; part of the random key.
        seed: of the die; None for nominal cells.
    """
    blocks = mapping.blocks(codes)
    per_level = (hardware.device.g_on_S - hardware.device.g_off_S) / mapping.top_level
    shape = (mapping.row_tiles, mapping.bundles, 2 * mapping.slices * mapping.bundle_outs, mapping.used_rows)
    columns = np.empty(shape)
    for tile in range(mapping.row_tiles):
        g = program_tile(mapping.levels(blocks, tile), hardware, seed, t_s, (path, tile))
        columns[tile] = mapping.columns_by_output(g).reshape(shape[1:]) / per_level
    values, bits = _grid(columns)
    return Cells(torch.from_numpy(values), bits)
