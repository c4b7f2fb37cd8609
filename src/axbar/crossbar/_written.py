"""From the codes of a right operand to the cells that a read sees, anew for every sample and step.

The chain of ``_cells`` without age, for what is written is read right away: slice -> target -> program -> faults ->
I-V -> wires -> level units. Programming draws are keyed by (die, layer, row tile, sample, step, epoch): they belong to
the image, however images were cut into batches. Stuck cells belong to the physical array and are the same for all.

The grid on which column sums are exact follows from the geometry alone, so that no image depends on those beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from axbar import devices
from axbar.crossbar._cells import (
    ArrayDraws,
    Cells,
    Die,
    digit_max,
    grid_of,
    has_wires,
    level_step_S,
    off_level,
    read_arrays,
    read_sigma_seen,
    target_tile,
)
from axbar.crossbar._mapping import Mapping
from axbar.crossbar._noise import ReadDraws
from axbar.spec.imc import ImcSpec

__all__ = ["WriteDraws", "for_units", "write_cells", "written_tile"]


@dataclass(frozen=True)
class WriteDraws:
    """Random numbers of what is written for some samples and steps; cells of one unit lie together.

    Args:
        shape: of the cells, ``[units * bundles, ...]``.
        units: whose cells these are.
        tile: row tile.
    """

    shape: tuple[int, ...]
    units: ReadDraws
    tile: int

    def normal(self, effect: str) -> NDArray[np.float64]:
        """Return standard normal draws, one per cell."""
        return self._fill(effect, "standard_normal")

    def uniform(self, effect: str) -> NDArray[np.float64]:
        """Return uniform draws in [0, 1), one per cell."""
        return self._fill(effect, "random")

    def _fill(self, effect: str, law: str) -> NDArray[np.float64]:
        units = self.units
        drawn = np.empty(self.shape)
        name = ("write",) if units.epoch == 0 else ("write", f"epoch{units.epoch}")
        for part, sample, step in zip(
            drawn.reshape(len(units.sample), -1), units.sample, units.step, strict=True
        ):
            key = (units.path, *name, self.tile, int(sample), int(step), effect)
            getattr(devices.stream(units.seed, *key), law)(out=part)
        return drawn


def for_units(mapping: Mapping, units: int) -> Mapping:
    """Return the mapping of several units side by side: the bundles of each follow those of the one before."""
    return replace(mapping, groups=units * mapping.bundles * mapping.groups_per_array)


def written_tile(
    levels: NDArray[np.uint8], hardware: ImcSpec, die: Die, units: ReadDraws | None, tile: int
) -> NDArray[np.float64]:
    """Write the cells of one row tile; returns the conductances in S that a probe would measure.

    Args:
        levels: ``[units, bundles, col_tiles, rows, columns]``.
        hardware: with the cells that are written.
        units: whose cells these are; None for nominal cells.
        tile: row tile.
    """
    g = target_tile(levels, hardware)
    if units is None or die.seed is None:
        return g
    device, on = hardware.device, die.effects
    if on.programming and devices.is_noisy(device):
        g = devices.program(g, device, WriteDraws(levels.shape, units, tile))
    if on.faults and device.stuck_on + device.stuck_off > 0:
        g = devices.faults(g, device, ArrayDraws(levels.shape[1:], die.seed, units.path, tile))
    return g


def write_cells(
    codes: NDArray[np.integer], mapping: Mapping, hardware: ImcSpec, die: Die, units: ReadDraws | None
) -> Cells:
    """Write the right operands of some units.

    Args:
        codes: signed, clipped, ``[units, heads * N, K]``.
        mapping: of one unit.
        hardware: with the cells that are written.
        die: seed and flaws.
        units: whose operands these are; None for nominal cells.

    Returns:
        Cells of ``for_units(mapping, units)``.
    """
    count = len(codes)
    every = for_units(mapping, count)
    blocks = every.blocks(_padded(codes, mapping).reshape(-1, mapping.fan_in))
    shape = (every.row_tiles, every.bundles, 2 * every.slices * every.bundle_outs, every.used_rows)
    bits, dtype = _grid(mapping, hardware)
    values = np.zeros(shape, dtype=dtype)
    loud = units is not None and die.effects.read_noise and devices.has_read_noise(hardware.device)
    variance = np.zeros(shape, dtype=np.float32) if loud else None
    unit_S = level_step_S(hardware)
    for tile in range(every.row_tiles):
        rows = min(every.used_rows, every.bundle_rows - tile * every.used_rows)
        levels = every.levels(blocks, tile)[:, :, :rows]  # the rows beyond are open circuits
        by_unit = levels.reshape(count, mapping.bundles, *levels.shape[1:])
        held = written_tile(by_unit, hardware, die, units, tile)
        seen = _seen(held, mapping, hardware, die)
        columns = _ordered(seen, every)
        values[tile, ..., :rows] = np.rint(columns * (2.0**bits / unit_S)) * 2.0**-bits
        if variance is not None:
            # what sneaks past an almost empty cell is not its own fluctuation: no cell's is amplified
            sigma = read_sigma_seen(held, np.minimum(seen, held), hardware) / unit_S
            variance[tile, ..., :rows] = _ordered(sigma**2, every)
    return Cells(torch.from_numpy(values), bits, None if variance is None else torch.from_numpy(variance))


def _padded(codes: NDArray[np.integer], mapping: Mapping) -> NDArray[np.integer]:
    """Append empty heads until every unit fills its bundles: ``[units, bundles * p, N * K]``."""
    by_head = codes.reshape(len(codes), mapping.groups, -1)
    missing = mapping.bundles * mapping.groups_per_array - mapping.groups
    return np.pad(by_head, ((0, 0), (0, missing), (0, 0))) if missing else by_head


def _grid(mapping: Mapping, hardware: ImcSpec) -> tuple[int, type[np.floating]]:
    """Return the bits of the grid, and the type in which sums on it are exact."""
    worst = digit_max(hardware) * float(mapping.full_scale_levels(off_level(hardware)).max())
    return grid_of(worst)


def _ordered(arrays: NDArray[np.float64], every: Mapping) -> NDArray[np.float64]:
    """Put columns into the order of the read: ``[units * bundles, columns, rows]``."""
    rows = arrays.shape[-2]
    tile = every.columns_by_output(arrays.reshape(every.bundles, *arrays.shape[2:]))
    return tile.reshape(every.bundles, -1, rows)


def _seen(held_S: NDArray[np.float64], mapping: Mapping, hardware: ImcSpec, die: Die) -> NDArray[np.float64]:
    """Return what each cell adds to its column per volt.

    Behind wires one unit after the other, whose last bits then do not depend on its neighbours; columns beyond the
    last output are open, the last in their rows, and left out.
    """
    if not has_wires(hardware, die.effects):
        return read_arrays(held_S, hardware, die.effects, np.array(True))
    seen = np.empty_like(held_S)
    full = mapping.bundle_outs // mapping.used_outs
    last = (mapping.bundle_outs - full * mapping.used_outs) * 2 * mapping.slices
    for unit, mine in zip(held_S, seen, strict=True):
        if full:
            mine[:, :full] = read_arrays(unit[:, :full], hardware, die.effects, np.array(True))
        if last:
            mine[:, full:, :, :last] = read_arrays(
                unit[:, full:, :, :last], hardware, die.effects, np.array(True)
            )
            mine[:, full:, :, last:] = 0.0
    return seen
