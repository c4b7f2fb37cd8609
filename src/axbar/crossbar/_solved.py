"""Bit-line sums behind wires, solved vector by vector: for arrays that are read too seldom to be solved as a whole."""

from __future__ import annotations

import torch
from torch import Tensor

from axbar.crossbar._cells import level_step_S
from axbar.crossbar._currents import read_currents
from axbar.crossbar._mapping import Mapping
from axbar.spec.imc import ImcSpec

__all__ = ["solved_sums"]


def solved_sums(
    rows: Tensor,
    cells: Tensor,
    mapping: Mapping,
    hardware: ImcSpec,
    read_variance: Tensor | None = None,
    noise: Tensor | None = None,
) -> Tensor:
    """Return what wires leave of the sums of all columns, ``[row_tiles, bundles, columns, vectors]`` in levels.

    Args:
        rows: driven, ``[row_tiles, bundles, used_rows, vectors]``.
        cells: without wires, in level units, ``[row_tiles, bundles, columns, used_rows]``.
        mapping: of all bundles.
        hardware: with the cells that are held.
        read_variance: of one read per driven cell, level units squared, shape of ``cells``.
        noise: standard normal draws of every read, shape of the result.
    """
    wires, unit_S = hardware.wires, level_step_S(hardware)
    ohms = (wires.r_row_ohm, wires.r_col_ohm, wires.r_driver_ohm, wires.r_sense_ohm)
    arrays = (
        _by_array(cells, mapping).flip(-2) * unit_S
    )  # row 0 lies at the converters: the last of the solver's
    inputs = rows.transpose(-1, -2).flip(-1)[:, :, None]
    currents = read_currents(arrays.contiguous(), inputs.to(arrays.dtype), *ohms, method="cg")
    sums = _by_column(currents / unit_S, mapping)
    if read_variance is None or noise is None:
        return sums
    plain = cells @ rows
    share = torch.where(plain > 0, sums / plain, 0.0)
    sigma = (read_variance @ rows.to(read_variance.dtype) ** 2).sqrt()
    return sums + (sigma * noise).to(sums.dtype) * share


def _by_array(cells: Tensor, mapping: Mapping) -> Tensor:
    """Return ``[row_tiles, bundles, col_tiles, used_rows, columns]``, 0 where no cell is connected."""
    tiles, bundles, _, rows = cells.shape
    by_out = cells.view(tiles, bundles, 2, mapping.slices, mapping.bundle_outs, rows)
    missing = mapping.col_tiles * mapping.used_outs - mapping.bundle_outs
    by_out = torch.nn.functional.pad(by_out, (0, 0, 0, missing))
    split = by_out.view(tiles, bundles, 2, mapping.slices, mapping.col_tiles, mapping.used_outs, rows)
    return split.permute(0, 1, 4, 6, 5, 3, 2).flatten(-3)


def _by_column(currents: Tensor, mapping: Mapping) -> Tensor:
    """Undo ``_by_array`` on ``[row_tiles, bundles, col_tiles, vectors, columns]``."""
    tiles, bundles, col_tiles, vectors, _ = currents.shape
    split = currents.view(tiles, bundles, col_tiles, vectors, mapping.used_outs, mapping.slices, 2)
    by_out = split.permute(0, 1, 6, 5, 2, 4, 3).reshape(tiles, bundles, 2, mapping.slices, -1, vectors)
    return by_out[..., : mapping.bundle_outs, :].reshape(tiles, bundles, -1, vectors)
