"""From weight codes to what a read sees: slice -> target -> program -> age -> faults -> I-V -> wires -> level units.

A chain of pure functions on the cells of one row tile, ``[bundles, col_tiles, rows, columns]``, conductances
in S. The read needs them in *level units*: conductance over the step between two levels,

    a = G (2^c - 1) / (g_on - g_off),        off = g_off (2^c - 1) / (g_on - g_off),

so that a noise-free cell of level v reads ``v + off``. The offset of a finite on/off ratio stands in both
columns of a pair and cancels in the digital subtraction.

**Placement.** Rows that a layer leaves empty are open circuits (their selectors are off), and so are columns
beyond its last output. Row 0 of a tile lies nearest the converters, column 0 nearest the drivers.

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
from axbar.crossbar._currents import effective_conductance
from axbar.crossbar._effects import Effects
from axbar.crossbar._mapping import Mapping
from axbar.spec.imc import ImcSpec

__all__ = ["ArrayDraws", "Cells", "Die", "age_tile", "build_cells", "digit_max", "grid_of", "has_wires",
           "level_step_S", "off_level", "read_arrays", "read_sigma_seen", "target_tile"]  # fmt: skip

_ARRAYS_AT_ONCE = 512  # 16 MiB of 64x64 arrays in float64
_LEAST_GRID_BITS = 8  # a grid of 1/256 level; published devices have a sigma of 1/10 level or more


@dataclass(frozen=True)
class Die:
    """Which chip, when, and with which flaws.

    Args:
        seed: of the die; None for nominal cells, which stay at their targets whatever their age.
        age_s: time since programming.
        effects: flaws that are switched on.
    """

    seed: int | None
    age_s: float
    effects: Effects

    @property
    def nominal(self) -> Die:
        """The same design as targeted: no error of a die, no drift."""
        return replace(self, seed=None)


@dataclass(frozen=True)
class Cells:
    """Programmed cells of a layer, ready to be read.

    Args:
        conductance: level units on the dyadic grid, ``[row_tiles, bundles, 2 * slices * bundle_outs,
            used_rows]`` (plus columns first, then by slice).
        grid_bits: q of the grid.
        read_variance: variance that one read adds per driven cell, level units squared, same shape; None
            where reads are quiet.
    """

    conductance: torch.Tensor
    grid_bits: int
    read_variance: torch.Tensor | None = None

    def part(self, bundles: slice) -> Cells:
        """Return the cells of some bundles."""
        noise = None if self.read_variance is None else self.read_variance[:, bundles]
        return replace(self, conductance=self.conductance[:, bundles], read_variance=noise)

    def to(self, device: torch.device) -> Cells:
        """Return the cells on another device."""
        noise = None if self.read_variance is None else self.read_variance.to(device)
        return replace(self, conductance=self.conductance.to(device), read_variance=noise)


class ArrayDraws:
    """Random numbers of all arrays of one row tile: every array has its own stream, whatever the others do."""

    def __init__(self, shape: tuple[int, ...], seed: int, *key: object) -> None:
        self._shape, self._seed, self._key = shape, seed, key

    def normal(self, effect: str) -> NDArray[np.float64]:
        return self._fill(effect, "standard_normal")

    def uniform(self, effect: str) -> NDArray[np.float64]:
        return self._fill(effect, "random")

    def _fill(self, effect: str, law: str) -> NDArray[np.float64]:
        drawn = np.empty(self._shape)
        for place in np.ndindex(*self._shape[:2]):
            generator = devices.stream(self._seed, *self._key, *place, effect)
            getattr(generator, law)(out=drawn[place])
        return drawn


def level_step_S(hardware: ImcSpec) -> float:
    """Return the conductance between two neighbouring levels."""
    return (hardware.device.g_on_S - hardware.device.g_off_S) / (2**hardware.crossbar.cell_bits - 1)


def off_level(hardware: ImcSpec) -> float:
    """Return the conductance of an empty cell in level units."""
    return hardware.device.g_off_S / level_step_S(hardware)


def digit_max(hardware: ImcSpec) -> int:
    """Return the largest digit that one pulse of a real-valued input carries."""
    return 2 ** min(hardware.input.dac_bits, hardware.input.bits) - 1


def has_wires(hardware: ImcSpec, effects: Effects) -> bool:
    """Whether any voltage is lost between drivers and converters."""
    wires = hardware.wires
    lost = wires.r_row_ohm + wires.r_col_ohm + wires.r_driver_ohm + wires.r_sense_ohm
    return effects.wires and lost > 0


def target_tile(levels: NDArray[np.uint8], hardware: ImcSpec) -> NDArray[np.float64]:
    """Return the conductances in S that levels stand for."""
    device = hardware.device
    return devices.level_conductance_S(levels, hardware.crossbar.cell_bits, device.g_on_S, device.g_off_S)


def age_tile(
    levels: NDArray[np.uint8], hardware: ImcSpec, die: Die, key: tuple[object, ...]
) -> NDArray[np.float64]:
    """Write one row tile and let it age; returns the conductances in S that a probe would measure.

    Args:
        levels: ``[bundles, col_tiles, rows, columns]``.
        key: of the random streams: layer path and row tile; every array adds its own place.
    """
    g = target_tile(levels, hardware)
    if die.seed is None:
        return g
    device, on = hardware.device, die.effects
    draws = ArrayDraws(levels.shape, die.seed, *key)
    if on.programming and devices.is_noisy(device):
        g = devices.program(g, device, draws)
    if on.drift and devices.has_time_law(device):
        g = devices.age(g, die.age_s, device, draws)
    if on.faults and device.stuck_on + device.stuck_off > 0:
        g = devices.faults(g, device, draws)
    return g


def _groups(mapping: Mapping) -> list[range]:
    """Cut the row tiles of a layer into groups that are worked on at once, in bounded memory."""
    depth = max(1, _ARRAYS_AT_ONCE // (mapping.bundles * mapping.col_tiles))
    return [range(t, min(t + depth, mapping.row_tiles)) for t in range(0, mapping.row_tiles, depth)]


def _ordered(arrays: NDArray[np.float64], mapping: Mapping) -> NDArray[np.float64]:
    """Put the columns of several row tiles into the order of the read: ``[tiles, bundles, columns, rows]``."""
    by_tile = [mapping.columns_by_output(tile) for tile in arrays]
    return np.stack([tile.reshape(mapping.bundles, -1, mapping.used_rows) for tile in by_tile])


def read_arrays(
    g_S: NDArray[np.float64], hardware: ImcSpec, effects: Effects, exists: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return what each cell adds to its column per volt of its row: bent I-V curve, then wires.

    The bend is taken at the full read voltage, not at the voltage that wires or the digits of a DAC leave: both flaws
    are small where arrays are usable.

    Args:
        g_S: ``[..., rows, columns]``.
        exists: cells that are connected, broadcastable to ``g_S``.
    """
    if effects.nonlinearity and not devices.is_linear(hardware.device):
        g_S = devices.secant(g_S, hardware.read.v_read_V, hardware.device)
    if not has_wires(hardware, effects):
        return g_S
    wires = hardware.wires
    seen = np.flip(np.where(exists, g_S, 0.0), -2)  # row 0 lies at the converters: the last row of the ladder
    lost = effective_conductance(
        torch.from_numpy(np.ascontiguousarray(seen, dtype=np.float32)),
        wires.r_row_ohm, wires.r_col_ohm, wires.r_driver_ohm, wires.r_sense_ohm,
    )  # fmt: skip
    return np.flip(lost.numpy(), -2).astype(np.float64)


def grid_of(largest: float) -> tuple[int, type[np.floating[Any]]]:
    """Return the bits of the grid on which column sums up to ``largest`` are exact, and the type that holds them."""
    integer_bits = int(np.ceil(np.log2(largest + 1))) + 1
    if 24 - integer_bits >= _LEAST_GRID_BITS:
        return 24 - integer_bits, np.float32
    return min(30, 53 - integer_bits), np.float64


def _grid(columns: NDArray[np.float64], digit_max: int) -> tuple[NDArray[Any], int]:
    """Round to the dyadic grid on which all column sums are exact; returns values and grid bits."""
    bits, dtype = grid_of(digit_max * float(columns.sum(axis=-1).max(initial=1.0)))
    return (np.rint(columns * 2.0**bits) * 2.0**-bits).astype(dtype), bits


def build_cells(
    codes: NDArray[np.integer[Any]],
    mapping: Mapping,
    hardware: ImcSpec,
    path: str,
    die: Die,
    measured_S: list[NDArray[np.float64]] | None = None,
) -> Cells:
    """Program all arrays of a layer.

    Args:
        codes: signed weight codes ``[groups * fan_out, fan_in]``.
        path: of the layer in its network; part of the random key.
        measured_S: conductances read back from real arrays, one ``[bundles, col_tiles, rows, columns]`` per
            row tile, which stand in for programming, faults and age.
    """
    blocks = mapping.blocks(codes)
    shape = (mapping.row_tiles, mapping.bundles, 2 * mapping.slices * mapping.bundle_outs, mapping.used_rows)
    columns = np.empty(shape)
    loud = die.seed is not None and die.effects.read_noise and devices.has_read_noise(hardware.device)
    variance = np.empty(shape, dtype=np.float32) if loud else None
    unit = level_step_S(hardware)
    for tiles in _groups(mapping):
        held = np.stack(
            [
                measured_S[tile]
                if measured_S is not None
                else age_tile(mapping.levels(blocks, tile), hardware, die, (path, tile))
                for tile in tiles
            ]
        )
        exists = np.stack([mapping.exists(tile) for tile in tiles])
        seen = read_arrays(held, hardware, die.effects, exists)
        columns[tiles] = _ordered(seen, mapping) / unit
        if variance is not None:
            variance[tiles] = _ordered((read_sigma_seen(held, seen, hardware) / unit) ** 2, mapping)
    values, bits = _grid(columns, digit_max(hardware))
    return Cells(torch.from_numpy(values), bits, None if variance is None else torch.from_numpy(variance))


def read_sigma_seen(
    held_S: NDArray[np.float64], seen_S: NDArray[np.float64], hardware: ImcSpec
) -> NDArray[np.float64]:
    """Return the noise of one read in S at the foot of the column.

    Behind wires a cell's fluctuation reaches its column as its own current does: attenuated by seen / held.
    """
    sigma = devices.read_sigma(held_S, hardware.device)
    return sigma * np.divide(seen_S, held_S, out=np.ones_like(held_S), where=held_S > 0)
