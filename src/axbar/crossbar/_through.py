"""Weights through the arrays of a die, as a differentiable function: programming errors, bent cells and wires.

Around the weights W0 that are written, a weight moves the levels of its cells in proportion,

    G_s(W) = G_s(W0) + dG level_s (W - W0) / W0,    dG the step between two levels,

(where W0 is zero, the lowest plus cell rises for W > 0 and the lowest minus cell for W < 0), so that joined slices
move by W - W0. What wires make of all conductances together then follows exactly, and so does its gradient. A row
that holds no weight is left out of the arrays; a weight in it is held as it is, for the row has no cells yet.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from axbar import devices
from axbar.crossbar._analog import AnalogLayer
from axbar.crossbar._cells import has_wires, level_step_S
from axbar.crossbar._currents import effective_conductance

__all__ = ["weight_through_arrays"]


def weight_through_arrays(layer: AnalogLayer, weight: Tensor) -> Tensor:
    """Return what the arrays of a die hold of ``weight``, near the weights that were written to it.

    Args:
        layer: of a programmed die.
        weight: float weights in the shape of the layer's own; gradients flow to them.

    Returns:
        the same shape; at the written weights it is ``layer.effective_weight()`` to float32 rounding.
    """
    layer.refresh()
    step = level_step_S(layer.hardware)
    stored = torch.from_numpy(layer.mapping.stored_index)
    place = _places(layer)
    held, exists = _held(layer)
    given = weight.double().cpu().flatten(1)
    moved = (given - layer.weight.detach().double().cpu().flatten(1))[:, stored]
    change = _levels_moved(layer, moved) * (step / layer._scale)
    g = held.flatten().index_add(0, torch.from_numpy(place.ravel()), change.flatten())
    g = _seen(g.view(held.shape).clamp_min(0.0) * exists, layer)
    gain = 2.0 ** (layer.mapping.cell_bits * torch.arange(layer.mapping.slices, dtype=torch.float64))
    cells = g.flatten()[torch.from_numpy(place)] / step  # [2, slices, outputs, stored_rows]
    codes = torch.einsum("snk,s->nk", cells[0] - cells[1], gain)
    if layer.output_gain is not None:
        codes = codes * torch.from_numpy(layer.output_gain)[:, None]
    values = codes * layer._scale
    if layer.mapping.stored is not None:
        values = given.index_copy(1, stored, values)
    return values.to(weight).view_as(weight)


def _places(layer: AnalogLayer) -> NDArray[np.int64]:
    """Return which cell holds what: flat index of ``[2, slices, outputs, stored_rows]`` into all cells of a layer."""
    mapping = layer.mapping
    shape = (mapping.bundles, mapping.col_tiles, mapping.used_rows, 2 * mapping.slices * mapping.used_outs)
    cells = np.arange(mapping.row_tiles * np.prod(shape)).reshape(mapping.row_tiles, *shape)
    ordered = np.stack(
        [mapping.columns_by_output(tile) for tile in cells]
    )  # [tiles, bundles, 2, slices, outs, rows]
    joined = np.moveaxis(ordered, 0, -2).reshape(*ordered.shape[1:5], -1)
    pairs = [[mapping.weights_of(joined[:, sign, s]) for s in range(mapping.slices)] for sign in (0, 1)]
    return np.asarray(pairs)[..., mapping.stored_index]


def _held(layer: AnalogLayer) -> tuple[Tensor, Tensor]:
    """Return conductances in S and which cells exist: ``[row_tiles, bundles, col_tiles, rows, columns]``."""
    g = np.stack([layer.held_S(tile) for tile in range(layer.mapping.row_tiles)])
    return torch.from_numpy(np.nan_to_num(g)), torch.from_numpy(np.isfinite(g))


def _levels_moved(layer: AnalogLayer, moved: Tensor) -> Tensor:
    """Return by how many levels times the scale of a code each cell moves: ``[2, slices, outputs, stored_rows]``."""
    mapping = layer.mapping
    codes = np.rint(layer.ideal_weight()[:, mapping.stored_index] / layer._scale).astype(np.int64)
    pair = np.stack(devices.slice_codes(codes, mapping.weight_bits, mapping.cell_bits)).astype(np.float64)
    change = torch.from_numpy(pair / np.where(codes == 0, 1, codes)) * moved
    empty = torch.from_numpy(codes == 0)
    first = torch.stack([torch.relu(moved), torch.clamp_min(-moved, 0.0)]) * empty  # slopes at 0: 0 and -1
    rest = torch.zeros_like(change[:, 1:])
    return change + torch.cat([first[:, None], rest], dim=1)


def _seen(g: Tensor, layer: AnalogLayer) -> Tensor:
    """Return what columns see of conductances: bent at the read voltage, then wires."""
    hardware, on = layer.hardware, layer.die.effects
    if on.nonlinearity and not devices.is_linear(hardware.device):
        straight = g.detach().numpy()
        bent = devices.secant(straight, hardware.read.v_read_V, hardware.device)
        g = g * torch.from_numpy(np.divide(bent, straight, out=np.ones_like(bent), where=straight > 0))
    if not has_wires(hardware, on):
        return g
    wires = hardware.wires
    ohms = (wires.r_row_ohm, wires.r_col_ohm, wires.r_driver_ohm, wires.r_sense_ohm)
    return effective_conductance(g.flip(-2), *ohms).flip(-2)
