"""How an operand drives the rows: spikes as one pulse, real values bit by bit.

A real value is a sign and a magnitude of b bits, ``code = clip(round(x / scale), -(2^b - 1), 2^b - 1)``. The
magnitude is fed in digits of d bits (``input.dac_bits``), one read each, as the voltage ``digit / (2^d - 1)`` of the
read voltage; d = 1 is bit-serial drive with 0/1 pulses. Positive and negative values go in phases of their own;
digital logic adds the reads with the weights ``+-2^(d k)``. A read without any pulse gives zero and is skipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from axbar.errors import ModelError

__all__ = ["Drive", "drive_for", "drive_of_range", "power_of", "pulses_of"]


@dataclass(frozen=True)
class Drive:
    """Input coding of one layer.

    Args:
        coding: ``spikes`` {0, 1}, ``signed`` spikes {-1, 0, 1}, or ``real``.
        bits: magnitude bits (1 for spikes).
        scale: value of code 1.
    """

    coding: Literal["spikes", "signed", "real"]
    bits: int = 1
    scale: float = 1.0

    @property
    def code_max(self) -> int:
        """Largest magnitude code."""
        return 2**self.bits - 1

    def encode(self, x: Tensor, path: str) -> Tensor:
        """Return signed integer codes as float32, the shape of ``x``.

        Raises:
            ModelError: ``x`` is not finite, or no spikes where the layer was calibrated on spikes.
        """
        if self.coding == "real":
            if not bool(torch.isfinite(x).all()):
                raise ModelError(f"the input of layer '{path}' holds NaN or infinity.")
            codes = torch.round((x.float() if x.element_size() < 4 else x) / self.scale)
            return codes.clamp_(-self.code_max, self.code_max).to(torch.float32)
        allowed = (x == 0) | ((x if self.coding == "spikes" else x.abs()) == 1)
        if not bool(allowed.all()):
            values = "0 or 1" if self.coding == "spikes" else "-1, 0 or 1"
            raise ModelError(
                f"layer '{path}' was calibrated on spikes, its input now holds values other than {values}; "
                "convert again with data=... that looks like what the network will see."
            )
        return x.to(torch.float32)

    def quantised(self, x: Tensor, codes: Tensor) -> Tensor:
        """Return the value of ``codes`` with a straight-through gradient to ``x`` inside the range."""
        limit = self.code_max * self.scale
        clipped = x.clamp(-limit, limit)
        return clipped + (codes.to(x.dtype) * self.scale - clipped).detach()


def drive_of_range(largest: float, coding: str, bits: int) -> Drive | None:
    """Choose the drive after calibration; None where the data never drove the layer.

    Args:
        largest: max |x| seen.
        coding: the narrowest of ``spikes``, ``signed``, ``real`` that holds all values seen.
        bits: magnitude bits of real inputs.
    """
    if largest == 0:
        return None
    if coding == "spikes":
        return Drive("spikes")
    if coding == "signed":
        return Drive("signed")
    return Drive("real", bits, largest / (2**bits - 1))


def drive_for(x: Tensor, bits: int, path: str) -> Drive:
    """Choose the drive of one call of a layer that was never calibrated.

    Raises:
        ModelError: values outside [0, 1], whose scale only data can tell.
    """
    if bool(((x == 0) | (x == 1)).all()):
        return Drive("spikes")
    low, high = float(x.min()), float(x.max())
    if low >= 0 and high <= 1:
        return Drive("real", bits, 1.0 / (2**bits - 1))
    raise ModelError(
        f"the input of layer '{path}' spans {low:.3g} to {high:.3g}; without calibration only spikes "
        "(0 or 1) and values in [0, 1] can be driven. Convert with data=<a batch of typical inputs>."
    )


def pulses_of(codes: Tensor, drive: Drive, dac_bits: int = 1) -> tuple[Tensor, list[int]]:
    """Cut codes into the pulses of successive reads.

    Args:
        codes: signed integers as float32, any shape.
        dac_bits: d, bits in one pulse.

    Returns:
        ``(digits, weights)``: pulses ``[reads, *codes.shape]`` in 0 .. 2^d - 1 and the signed weight of each read;
        reads without any pulse are left out (but one, where there is no pulse at all).
    """
    if drive.coding == "spikes":
        return codes[None], [1]
    digit = (1 << dac_bits) - 1
    planes: list[Tensor] = []
    weights: list[int] = []
    for sign in (1, -1):
        magnitude = (codes * sign).clamp_(min=0).to(torch.uint8)
        in_use = int(magnitude.max()) if magnitude.numel() else 0
        for shift in range(0, in_use.bit_length(), dac_bits):
            planes.append((magnitude >> shift) & digit)
            weights.append(sign * (1 << shift))
    if not planes:
        return torch.zeros_like(codes)[None], [1]
    return torch.stack(planes).to(torch.float32), weights


def power_of(codes: Tensor, drive: Drive, dac_bits: int = 1) -> Tensor:
    """Return the sum of (weight digit)^2 over the reads of each code: what read noise grows with."""
    if drive.coding == "spikes":
        return codes
    every = torch.arange(drive.code_max + 1, dtype=codes.dtype, device=codes.device)
    digits, weights = pulses_of(every, drive, dac_bits)
    square = torch.tensor([float(w) ** 2 for w in weights], device=codes.device)
    return torch.tensordot(square, digits**2, dims=1)[codes.abs().to(torch.int64)]
