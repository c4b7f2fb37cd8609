"""Products of two run-time operands on integers, as the scores and the mix of attention are.

    y = scale_l scale_r (sum over k of left code times right code)

Both operands have one calibrated scale per product; values beyond it saturate. The left one drives rows like any
layer's input; the right one stands where weights would (``_run_time``), clipped where its cells are non-volatile.
``DigitalMatMul`` sums exactly; ``AnalogMatMul`` writes and reads arrays. Gradients pass straight through rounding and
clipping, to each operand where it lies inside its range; the backward pass uses the values as held.

Operands are ``[B, ..., M, K]`` and ``[B, ..., K, N]``, or ``[T B, ...]`` and, with heads, ``[T, B, heads, ...]``.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from axbar.crossbar._bits import Bits, bits_of
from axbar.crossbar._drive import Drive, drive_for
from axbar.crossbar._exact import exact_arithmetic
from axbar.crossbar._layers import Straight, rescale
from axbar.crossbar._run_time import kept_codes, kept_magnitudes
from axbar.errors import UsageError
from axbar.nn.attention import MatMul

__all__ = ["DigitalMatMul", "product_snr_dB"]


def product_snr_dB(reference: Tensor, measured: Tensor) -> float:
    """Return the signal-to-noise ratio ``10 log10(Σ ref² / Σ (measured - ref)²)`` in dB.

    Args:
        reference: what a product, or attention, should deliver; any shape.
        measured: what it delivers, same shape.

    Raises:
        UsageError: shapes differ, or the reference is all zero.

    >>> round(product_snr_dB(torch.ones(4), torch.full((4,), 1.1)), 3)
    20.0
    """
    if reference.shape != measured.shape:
        raise UsageError(
            f"product_snr_dB compares element by element, got shapes {list(reference.shape)} and "
            f"{list(measured.shape)}."
        )
    ideal, actual = reference.detach().double(), measured.detach().double()
    signal, noise = float((ideal**2).sum()), float(((actual - ideal) ** 2).sum())
    if signal == 0.0:
        raise UsageError("product_snr_dB needs a reference that is not all zero.")
    return math.inf if noise == 0.0 else 10.0 * math.log10(signal / noise)


class DigitalMatMul(MatMul):
    """``MatMul`` on integers.

    Attributes:
        path: name in the network.
        hardware: the spec of the chip: of arrays, or of any kind that states its bits.
        drive: coding of the left operand; None decides per call.
        right: coding of the right operand; None decides per call.
    """

    path: str
    hardware: Any
    drive: Drive | None
    right: Drive | None
    _bits: Bits
    _written: int
    _beyond: int

    def attach(self, hardware: Any, path: str, drive: Drive | None, right: Drive | None) -> None:
        """Take the chip and the codings of both operands."""
        self.hardware, self.path, self.drive, self.right = hardware, path, drive, right
        self._bits = bits_of(hardware)
        self.count_anew()

    @property
    def saturated(self) -> float:
        """Share of the elements of right operands that lay beyond the calibrated range, since counting began."""
        return self._beyond / self._written if self._written else 0.0

    def count_anew(self) -> None:
        """Begin to count what saturates."""
        self._written, self._beyond = 0, 0

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Return ``[..., M, N]`` of ``[..., M, K]``, which drives, and ``[..., K, N]``, which is written."""
        lead = torch.broadcast_shapes(left.shape[:-2], right.shape[:-2])
        left, right = left.expand(*lead, *left.shape[-2:]), right.expand(*lead, *right.shape[-2:])
        driving = self.drive or drive_for(left.detach(), self._bits.inputs, f"{self.path} (left)")
        writing = self.right or drive_for(right.detach(), self._bits.written, f"{self.path} (right)")
        smooth = torch.is_grad_enabled() and (left.requires_grad or right.requires_grad)
        with exact_arithmetic(left.device):
            rows = driving.encode(left, self.path)
            given = writing.encode(right, self.path)
            self._count(right, writing)
            codes = kept_codes(given, kept_magnitudes(self.hardware, writing))
            total, held = self._total(rows, codes, driving, writing, smooth)
            value = rescale(total, driving.scale * writing.scale, None, left.dtype)
        if not smooth:
            return value
        x, y = driving.quantised(left, rows), writing.quantised(right, given)
        y = y + (held.to(y.dtype) * writing.scale - y).detach()
        return Straight.apply(x @ y, value)

    def _count(self, right: Tensor, writing: Drive) -> None:
        self._written += right.numel()
        if writing.coding == "real":
            limit = (writing.code_max + 0.5) * writing.scale
            self._beyond += int((right.detach().abs() > limit).sum())

    def _total(
        self, rows: Tensor, codes: Tensor, driving: Drive, writing: Drive, need_held: bool
    ) -> tuple[Tensor, Tensor]:
        """Return the sums, and the right operand as held, in codes ``[..., K, N]`` (only right if ``need_held``)."""
        return self._integer_total(rows, codes, driving, writing), codes

    @staticmethod
    def _integer_total(rows: Tensor, codes: Tensor, driving: Drive, writing: Drive) -> Tensor:
        """Return exact sums of products of codes, in the first type that holds every one."""
        largest = rows.shape[-1] * driving.code_max * writing.code_max
        dtype = torch.float32 if largest < 2**24 else torch.float64
        return rows.to(dtype) @ codes.to(dtype)
