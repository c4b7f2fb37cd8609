"""Currents of an array with resistive wires for given inputs: conjugate gradients on the cell currents.

With input ``v_i`` on row ``i`` (circuit as in ``_ladder``), the voltage across cell (i, j) is what the wires leave,

    e = v - R c,

where ``c`` are the cell currents and ``R`` the wires (``_lines``). Linear cells carry ``c = G e``; with ``c = s y``,
``s = sqrt(G)`` elementwise,

    (1 + s R s) y = s v,

a symmetric system whose eigenvalues are 1 or more: resistances and conductances of zero need no care, and few
iterations do (4 to 20 at 64x64 to 256x256 and 1 ohm). The sensed currents are the column sums of ``c``.

**Gradients.** ``c = M v`` with ``M = (1 + G R)^-1 G`` symmetric. For a loss L with ``g = dL/dc``, the adjoint
solution ``M g`` needs the same solver: ``dL/dv = M g`` and ``dL/dG = (g - R M g) (v - R c)``, without a division.

**Non-linear cells** ``c = f(e)``: Newton's method on ``e + R f(e) = v`` with slopes ``D = f'(e)``; a step is
``d = q - R M_D q`` for the voltages ``q = v - R f(e) - e`` that are still missing, shortened until it helps.

Source: cell-current (branch) form of Kirchhoff's laws; Hestenes and Stiefel 1952 for the iteration. Checked against
sparse nodal solutions: 1e-13 relative in float64, 1e-6 in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from axbar.crossbar._ladder import Wires
from axbar.crossbar._lines import Lines
from axbar.errors import ModelError

__all__ = ["Curve", "bent_currents", "cell_currents", "tolerance"]

_MOST_ITERATIONS = 20_000
_MOST_NEWTON_STEPS, _MOST_HALVINGS = 50, 10


def tolerance(dtype: torch.dtype) -> float:
    """Error of a solution, in the norm of its power and relative to it, at which the iteration ends."""
    return 3e-8 if dtype == torch.float32 else 1e-14


def cell_currents(cells: Tensor, drive: Tensor, wires: Wires) -> Tensor:
    """Return the currents of linear cells behind resistive wires.

    Args:
        cells: conductances, S ``[arrays, 1 or inputs, rows, cols]``, >= 0.
        drive: voltage of the source that drives each cell, V ``[arrays, inputs, rows, cols]`` (may be expanded).
        wires: resistances.

    Returns:
        A ``[arrays, inputs, rows, cols]``, differentiable in cells and drive.

    Raises:
        ModelError: the iteration does not converge.
    """
    return _CellCurrents.apply(cells, drive, wires)


class _CellCurrents(torch.autograd.Function):
    """The linear solve with its implicit adjoint; only inputs and solution are kept."""

    @staticmethod
    def forward(ctx: Any, cells: Tensor, drive: Tensor, wires: Wires) -> Tensor:
        currents = _solve(cells, drive, wires)
        ctx.save_for_backward(cells, drive, currents)
        ctx.wires = wires
        return currents

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        cells, drive, currents = ctx.saved_tensors
        adjoint = cell_currents(cells, grads[0], ctx.wires)
        if not ctx.needs_input_grad[0]:
            return None, adjoint, None
        lines = Lines(ctx.wires, cells)
        to_cells = (grads[0] - lines.lost(adjoint)) * (drive - lines.lost(currents))
        return to_cells.sum_to_size(cells.shape), adjoint, None


def _solve(cells: Tensor, drive: Tensor, wires: Wires) -> Tensor:
    """Conjugate gradients on all inputs of all arrays at once, until the last one has converged.

    In voltages: with ``y = s pi`` the products ``y (1 + s R s) y`` and ``y y`` are ``q (pi + R q)`` and ``q pi``, where
    ``q = G pi``, so that neither roots nor quotients of conductances are taken and one pass makes ``pi + R q``.
    """
    tiny = torch.finfo(drive.dtype).tiny
    siemens = float(cells.amax()) or 1.0  # units in which squares stay within float32
    volts = drive.abs().amax((-2, -1), keepdim=True).clamp_min(tiny)
    cells, lines = cells / siemens, Lines(wires.times(siemens), cells)
    missing = drive / volts
    weighed = cells * missing
    direction, flow, currents = missing.clone(), weighed.clone(), torch.zeros_like(missing)
    applied = torch.empty_like(
        missing
    )  # like all fields written again and again: fresh memory costs more than a pass
    power = _dot(weighed, missing, applied)
    energy, enough = torch.zeros_like(power), tolerance(drive.dtype) ** 2  # energy: y (1 + s R s) y so far
    for _ in range(_MOST_ITERATIONS):
        # Eigenvalues are >= 1, so |residual|² bounds the energy of the error. NaN ends the loop, too.
        if not bool((power > enough * energy).any()):
            return currents.mul_(volts * siemens)
        lines.add_lost(applied.copy_(direction), flow)
        step = power / _dot(flow, applied, weighed).clamp_min(tiny)
        energy = energy + step * power
        currents.addcmul_(step, flow)
        missing.addcmul_(step, applied, value=-1.0)
        torch.mul(cells, missing, out=weighed)
        before, power = power, _dot(weighed, missing, applied)
        ratio = power / before.clamp_min(tiny)
        torch.addcmul(missing, ratio, direction, out=direction)
        torch.addcmul(weighed, ratio, flow, out=flow)
    raise ModelError(
        f"the currents of an array did not converge in {_MOST_ITERATIONS} iterations: its wires lose nearly all of "
        "the voltage; check the units of its conductances (S) and resistances (ohm), or use method='ladder'"
    )


def _dot(a: Tensor, b: Tensor, products: Tensor) -> Tensor:
    """Sum over each array, ``[..., 1, 1]``; overwrites ``products``."""
    return torch.mul(a, b, out=products).sum((-2, -1), keepdim=True)


@dataclass(frozen=True)
class Curve:
    """Current of a cell as a function of its voltage, and the slope of that function.

    Both take V ``[arrays, inputs, rows, cols]`` and return A and S of the same shape.
    """

    current: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]


def bent_currents(curve: Curve, drive: Tensor, wires: Wires) -> Tensor:
    """Return the currents of non-linear cells behind resistive wires.

    Args:
        curve: current and slope of every cell; current must not fall with voltage.
        drive: as in `cell_currents`.
        wires: resistances.

    Returns:
        A ``[arrays, inputs, rows, cols]``, differentiable in drive and in what ``curve.current`` depends on.

    Raises:
        ModelError: Newton's method does not converge.
    """
    lines = Lines(wires, drive)
    with torch.no_grad():
        across = _newton(curve, drive.detach(), lines)
        slope = curve.slope(across).clamp_min(0.0)
    current = curve.current(across)
    # One more step outside of no_grad: it moves nothing, but carries the derivatives of the implicit function.
    return current + cell_currents(slope, drive - lines.lost(current) - across, wires)


def _newton(curve: Curve, drive: Tensor, lines: Lines) -> Tensor:
    """Return the voltages across the cells."""
    across = drive.clone()
    allowed = 10.0 * tolerance(drive.dtype) * drive.abs().amax((-2, -1), keepdim=True)
    missing, error = _missing(curve, across, drive, lines)
    for _ in range(_MOST_NEWTON_STEPS):
        if bool((error <= allowed).all()):
            return across
        slope = curve.slope(across).clamp_min(0.0)
        step = missing - lines.lost(_solve(slope, missing, lines.wires))
        length = torch.ones_like(error)
        for _ in range(_MOST_HALVINGS):
            _, after = _missing(curve, across + length * step, drive, lines)
            worse = ~((after < error) | (after <= allowed))
            if not bool(worse.any()):
                break
            length = torch.where(worse, 0.5 * length, length)
        across = across + length * step
        missing, error = _missing(curve, across, drive, lines)
    worst = float(error.nan_to_num(torch.inf).amax())
    raise ModelError(
        f"the currents of non-linear cells did not converge in {_MOST_NEWTON_STEPS} Newton steps ({worst:.3g} V "
        "are still unaccounted for): current must rise with voltage and its slope must be its derivative"
    )


def _missing(curve: Curve, across: Tensor, drive: Tensor, lines: Lines) -> tuple[Tensor, Tensor]:
    """Voltages that Kirchhoff's law still lacks, and the largest of each input."""
    missing = drive - lines.lost(curve.current(across)) - across
    return missing, missing.abs().amax((-2, -1), keepdim=True)
