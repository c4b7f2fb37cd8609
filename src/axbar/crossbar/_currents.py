"""What resistive wires leave of an array's currents: exact, for numpy arrays and torch tensors.

Two solvers of the same circuit (drawn in ``_ladder``). The *ladder* turns the programmed array once into an
effective conductance, and every read is then one matrix product. Conjugate gradients (*cg*) solve for given inputs:
cheaper for a handful of them, and the only way where cells are not linear, since no matrix describes these.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from axbar.crossbar._cg import Curve, bent_currents, cell_currents
from axbar.crossbar._ladder import Wires, ladder
from axbar.errors import UsageError, unknown_name

__all__ = ["effective_conductance", "few_inputs", "read_currents"]

Array = TypeVar("Array", Tensor, NDArray[Any])
Bend = tuple[Any, Any] | tuple[Callable[[Any], Any], Callable[[Any], Any]]

_METHODS = ("auto", "cg", "ladder")
_FIELD_BYTES = 2**19  # of one field over the cells of all inputs at once: the solvers' stay in the caches
_EVEN = 0.25  # inputs per column at which the ladder has paid for itself, measured at 64 to 256 columns


def effective_conductance(
    G: Array, r_row_ohm: float, r_col_ohm: float, r_driver_ohm: float = 0.0, r_sense_ohm: float = 0.0
) -> Array:
    """Return what each input adds to each output per volt, with the loss along the wires.

    Exact for linear cells: ``I = V @ G_eff`` for every ``V``. Entries may exceed those of ``G``: currents sneak
    through neighbouring cells. Without resistances ``G`` comes back bit for bit.

    Args:
        G: conductances of the cells, S ``[..., rows, cols]``, >= 0. Rows are driven on the side of column 0, columns
            are sensed below the last row. A cell of 0 is an open circuit.
        r_row_ohm: a segment of a row's wire; one leads to every cell.
        r_col_ohm: a segment of a column's wire; one lies below every cell.
        r_driver_ohm: in series with each row's source.
        r_sense_ohm: in series with each column's sense node.

    Returns:
        G_eff, S, in the type, shape and precision of ``G``; differentiable if ``G`` is a tensor.

    Raises:
        UsageError: a negative or non-finite value, or a shape that is no array.
        ModelError: resistances beyond what the number format can hold.

    >>> effective_conductance(np.array([[5e-5]]), 2.0, 3.0, 10.0, 20.0)
    array([[4.99126529e-05]])
    """
    wires = _wires(r_row_ohm, r_col_ohm, r_driver_ohm, r_sense_ohm)
    cells = _cells(G)
    seen = ladder(_at_least_float32(cells).reshape(-1, *cells.shape[-2:]), wires)
    return _like(seen.reshape(cells.shape).to(cells.dtype), G)


def read_currents(
    G: Array,
    V: Array,
    r_row_ohm: float,
    r_col_ohm: float,
    r_driver_ohm: float = 0.0,
    r_sense_ohm: float = 0.0,
    method: str = "auto",
    iv: Bend | None = None,
) -> Array:
    """Return the sensed currents of arrays for given input voltages, with the loss along the wires.

    Args:
        G: conductances, S ``[..., rows, cols]``, as in `effective_conductance`.
        V: input voltages ``[..., inputs, rows]``; leading axes broadcast against those of ``G``.
        r_row_ohm, r_col_ohm, r_driver_ohm, r_sense_ohm: as in `effective_conductance`.
        method: "ladder" (effective conductance, then a product), "cg" (each input on its own), or "auto": the faster
            of the two, by the number of inputs per array.
        iv: cells that are not linear. Either ``(a2, a3)``, S/V and S/V², broadcastable to ``G``:
            ``I = G v + a2 v² + a3 v³``; or two functions ``(current, slope)`` of the voltages across the cells
            ``[..., inputs, rows, cols]``, which then stand in place of ``G``. Currents must not fall with voltage.

    Returns:
        A ``[..., inputs, cols]``, differentiable in ``G``, ``V`` and the coefficients if these are tensors.

    Raises:
        UsageError: an unknown method, a negative or non-finite value, or shapes that don't fit.
        ModelError: a solver does not converge; says after how many iterations.
    """
    if method not in _METHODS:
        raise UsageError(unknown_name("method of reading an array", method, _METHODS))
    if method == "ladder" and iv is not None:
        raise UsageError(
            "method 'ladder' needs linear cells, and iv makes them non-linear: use 'cg' or 'auto'"
        )
    wires = _wires(r_row_ohm, r_col_ohm, r_driver_ohm, r_sense_ohm)
    cells, inputs = _cells(G), _inputs(V, G)
    dtype = torch.promote_types(cells.dtype, inputs.dtype)
    cells, inputs = _at_least_float32(cells.to(dtype)), _at_least_float32(inputs.to(dtype))
    lead = _common_lead(cells, inputs)
    if iv is None and (
        wires.ideal or method == "ladder" or (method == "auto" and _many(cells, lead, inputs))
    ):
        flat = ladder(cells.reshape(-1, *cells.shape[-2:]), wires)
        currents = inputs @ flat.reshape(cells.shape)
    elif iv is None:
        currents = _linear(cells, inputs, lead, wires)
    else:
        currents = _bent(cells, inputs, lead, wires, iv, isinstance(G, np.ndarray))
    return _like(currents.to(dtype), G)


def _many(cells: Tensor, lead: torch.Size, inputs: Tensor) -> bool:
    """Whether one ladder per array costs less than an iteration for each input."""
    per_array = math.prod(lead) * inputs.shape[-2] / max(1, math.prod(cells.shape[:-2]))
    return not few_inputs(per_array, *cells.shape[-2:])


def few_inputs(inputs: float, rows: int, cols: int) -> bool:
    """Whether so many inputs of an array cost less to solve one by one than the array as a whole."""
    return inputs <= _EVEN * max(rows, cols)


def _linear(cells: Tensor, inputs: Tensor, lead: torch.Size, wires: Wires) -> Tensor:
    """Conjugate gradients, a few arrays and inputs at a time."""
    rows, cols = cells.shape[-2:]
    count = inputs.shape[-2]
    total = math.prod(lead)
    cells = cells.expand(*lead, rows, cols).reshape(total, 1, rows, cols)
    inputs = inputs.expand(*lead, count, rows).reshape(total, count, rows, 1)
    at_once = max(1, _FIELD_BYTES // (rows * cols * cells.element_size()))
    arrays = max(1, at_once // max(1, count))
    parts = [
        torch.cat([
            cell_currents(some, few.expand(*few.shape[:-1], cols), wires).sum(-2)
            for few in part.split(at_once, dim=1)
        ], dim=1)
        for some, part in zip(cells.split(arrays), inputs.split(arrays), strict=True)
    ]  # fmt: skip
    return torch.cat(parts).reshape(*lead, count, cols)


def _bent(cells: Tensor, inputs: Tensor, lead: torch.Size, wires: Wires, iv: Bend, as_numpy: bool) -> Tensor:
    """Newton's method, a few inputs at a time: a user's functions may hold a value for every cell of every array."""
    rows, cols = cells.shape[-2:]
    curve = _curve(cells, iv, as_numpy)
    drive = inputs.expand(*lead, *inputs.shape[-2:])[..., None].expand(*lead, *inputs.shape[-2:], cols)
    at_once = max(1, _FIELD_BYTES // (rows * cols * cells.element_size() * max(1, math.prod(lead))))
    return torch.cat(
        [bent_currents(curve, few, wires).sum(-2) for few in drive.split(at_once, dim=-3)], dim=-2
    )


def _curve(cells: Tensor, iv: Bend, as_numpy: bool) -> Curve:
    """The cells' current and slope as functions of tensors ``[..., inputs, rows, cols]``."""
    if not isinstance(iv, tuple) or len(iv) != 2 or callable(iv[0]) != callable(iv[1]):
        raise UsageError(
            "iv must be a pair: coefficients (a2, a3), or two functions (current, slope) of voltage"
        )
    if callable(iv[0]) and callable(iv[1]):
        return Curve(*(_on_tensors(f) if as_numpy else f for f in iv))
    a2, a3 = (_coefficient(a, cells) for a in iv)
    g = cells.unsqueeze(-3)
    return Curve(lambda v: ((a3 * v + a2) * v + g) * v, lambda v: (3.0 * a3 * v + 2.0 * a2) * v + g)


def _on_tensors(function: Callable[[Any], Any]) -> Callable[[Tensor], Tensor]:
    return lambda v: torch.from_numpy(np.asarray(function(v.numpy()))).to(v.dtype)


def _coefficient(value: Any, cells: Tensor) -> Tensor:
    tensor = torch.as_tensor(value, dtype=cells.dtype, device=cells.device)
    try:
        tensor = tensor.expand(cells.shape)
    except RuntimeError as error:
        raise UsageError(
            f"a coefficient of iv has shape {tuple(tensor.shape)}, which does not broadcast to G, {tuple(cells.shape)}"
        ) from error
    if not bool(tensor.isfinite().all()):
        raise UsageError("the coefficients of iv must be finite; one is NaN or infinite")
    return tensor.unsqueeze(-3)


def _wires(row: float, col: float, driver: float, sense: float) -> Wires:
    named = {"r_row_ohm": row, "r_col_ohm": col, "r_driver_ohm": driver, "r_sense_ohm": sense}
    for name, value in named.items():
        if not (isinstance(value, int | float | np.number) and math.isfinite(value) and value >= 0):
            raise UsageError(f"{name} = {value}: a resistance must be a finite number of ohms, 0 or more")
    return Wires(float(row), float(col), float(driver), float(sense))


def _cells(G: object) -> Tensor:
    cells = _tensor(G, "G")
    if cells.ndim < 2 or 0 in cells.shape[-2:]:
        raise UsageError(
            f"G has shape {tuple(cells.shape)}: it must be [..., rows, cols] with at least one cell"
        )
    wrong = ~(cells.detach() >= 0) | cells.detach().isinf()
    if bool(wrong.any()):
        where = tuple(int(i) for i in wrong.nonzero()[0])
        raise UsageError(
            f"G{list(where)} = {float(cells.detach()[where]):g} S: a conductance must be finite, 0 or more"
        )
    return cells


def _inputs(V: object, G: object) -> Tensor:
    inputs = _tensor(V, "V")
    if isinstance(V, np.ndarray) != isinstance(G, np.ndarray):
        raise UsageError("G and V must both be numpy arrays or both torch tensors")
    wrong = ~inputs.detach().isfinite()
    if bool(wrong.any()):
        where = tuple(int(i) for i in wrong.nonzero()[0])
        raise UsageError(
            f"V{list(where)} = {float(inputs.detach()[where]):g} V: an input voltage must be finite"
        )
    return inputs


def _tensor(value: object, name: str) -> Tensor:
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.dtype.itemsize <= 8:
        # A copy: torch takes neither read-only arrays nor negative strides nor foreign byte orders.
        value = torch.from_numpy(np.array(value, dtype=f"=f{value.dtype.itemsize}", order="C"))
    if not isinstance(value, Tensor) or not value.is_floating_point():
        kind = getattr(value, "dtype", type(value).__name__)
        raise UsageError(
            f"{name} is {kind}: it must be a numpy array or torch tensor of floating-point numbers"
        )
    return value


def _at_least_float32(tensor: Tensor) -> Tensor:
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def _common_lead(cells: Tensor, inputs: Tensor) -> torch.Size:
    shapes = f"V {tuple(inputs.shape)} and G {tuple(cells.shape)}"
    if inputs.ndim < 2 or inputs.shape[-1] != cells.shape[-2]:
        raise UsageError(
            f"shapes {shapes} don't fit: V must be [..., inputs, rows] with the rows of G [..., rows, cols]"
        )
    try:
        return torch.broadcast_shapes(cells.shape[:-2], inputs.shape[:-2])
    except RuntimeError as error:
        raise UsageError(f"shapes {shapes} don't fit: the axes before the last two must broadcast") from error


def _like(result: Tensor, given: Array) -> Array:
    return cast(Array, result.detach().numpy() if isinstance(given, np.ndarray) else result)
