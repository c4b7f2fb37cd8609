"""How an operand drives the rows: spikes as one pulse, real values bit by bit, times of first spikes as widths.

A real value is a sign and a magnitude of b bits, ``code = clip(round(x / scale), -(2^b - 1), 2^b - 1)``. The
magnitude is fed in digits of d bits (``input.dac_bits``), one read each, as the voltage ``digit / (2^d - 1)`` of the
read voltage; d = 1 is bit-serial drive with 0/1 pulses. Positive and negative values go in phases of their own;
digital logic adds the reads with the weights ``+-2^(d k)``. A read without any pulse gives zero and is skipped.

The time of a first spike is the code c of what is left of its window, 0 where silent. As a ``pulse`` the row is on for
c slots of one read; by ``slots`` every slot is a read of the rows that fire in it, which digital logic adds with the
weight c. Both give the sum of c times the cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from axbar.errors import ModelError

__all__ = ["Drive", "drive_for", "drive_of_range", "drive_of_times", "power_of", "pulses_of"]


@dataclass(frozen=True)
class Drive:
    """Input coding of one layer.

    Args:
        coding: ``spikes`` {0, V}, ``signed`` spikes {-V, 0, V}, ``real``, or times of first spikes as ``pulse``, by
            ``slots`` or as ``rate``.
        bits: magnitude bits (1 for spikes), or those of a time.
        scale: value of code 1, V of spikes.
    """

    coding: Literal["spikes", "signed", "real", "pulse", "slots", "rate"]
    bits: int = 1
    scale: float = 1.0

    @property
    def code_max(self) -> int:
        """Largest magnitude code."""
        return 2**self.bits - 1

    @property
    def is_spikes(self) -> bool:
        """True where rows are on or off in a step."""
        return self.coding in ("spikes", "signed")

    def digit_max(self, dac_bits: int) -> int:
        """Return the largest pulse of one read, in steps of the driver."""
        if self.coding == "pulse":
            return self.code_max
        return 1 if self.is_spikes or self.coding in ("slots", "rate") else 2 ** min(dac_bits, self.bits) - 1

    def reads_max(self) -> int:
        """Return the most reads in which one code is presented."""
        return {"spikes": 1, "pulse": 1, "slots": self.code_max, "rate": self.code_max}.get(
            self.coding, 2 * self.bits
        )

    def encode(self, x: Tensor, path: str) -> Tensor:
        """Return signed integer codes as float32, the shape of ``x``.

        Raises:
            ModelError: ``x`` is not finite, or no spikes where the layer was calibrated on spikes.
        """
        if not self.is_spikes:
            if not bool(torch.isfinite(x).all()):
                raise ModelError(f"the input of layer '{path}' holds NaN or infinity.")
            codes = torch.round((x.float() if x.element_size() < 4 else x) / self.scale)
            lowest = -self.code_max if self.coding == "real" else 0
            return codes.clamp_(lowest, self.code_max).to(torch.float32)
        allowed = (x == 0) | ((x if self.coding == "spikes" else x.abs()) == self.scale)
        if not bool(allowed.all()):
            values = f"{self.scale:g}"
            values = f"0 or {values}" if self.coding == "spikes" else f"-{values}, 0 or {values}"
            raise ModelError(
                f"layer '{path}' was calibrated on spikes, its input now holds values other than {values}; "
                "convert again with data=... that looks like what the network will see."
            )
        codes = x.to(torch.float32)
        return codes if self.scale == 1 else torch.sign(codes)

    def quantised(self, x: Tensor, codes: Tensor) -> Tensor:
        """Return the value of ``codes`` with a straight-through gradient to ``x`` inside the range."""
        limit = self.code_max * self.scale
        clipped = x.clamp(-limit, limit)
        return clipped + (codes.to(x.dtype) * self.scale - clipped).detach()


def drive_of_range(largest: float, coding: Literal["spikes", "signed", "real"], bits: int) -> Drive | None:
    """Choose the drive after calibration; None where the data never drove the layer.

    Args:
        largest: max |x| seen.
        coding: the narrowest of ``spikes``, ``signed``, ``real`` that holds all values seen.
        bits: magnitude bits of real inputs.
    """
    if largest == 0:
        return None
    if coding in ("spikes", "signed"):
        return Drive(coding, scale=largest)
    return Drive("real", bits, largest / (2**bits - 1))


def drive_of_times(largest: float, read: Literal["pulse", "slots", "rate"], bits: int) -> Drive | None:
    """Choose the drive of times of first spikes after calibration; None where no input ever fired.

    Args:
        largest: most time left that was seen; it becomes the first slot.
        read: as a pulse, by slots or as a rate.
        bits: of a time.
    """
    return None if largest == 0 else Drive(read, bits, largest / (2**bits - 1))


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
    if drive.coding in ("spikes", "pulse"):
        return codes[None], [1]
    if drive.coding == "slots":
        return _by_slot(codes)
    if drive.coding == "rate":
        return _as_rate(codes, drive.code_max)
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


def _by_slot(codes: Tensor) -> tuple[Tensor, list[int]]:
    """Return one read per slot in which anything fires, earliest first, each with the time that it has left."""
    left = [c for c in range(int(codes.max()) if codes.numel() else 0, 0, -1) if bool((codes == c).any())]
    if not left:
        return torch.zeros_like(codes)[None], [1]
    return torch.stack([(codes == c) for c in left]).to(torch.float32), left


def _as_rate(codes: Tensor, slots: int) -> tuple[Tensor, list[int]]:
    """Return one read per slot: as many spikes as the code says, as far apart as they go."""
    whole = codes.to(torch.int64)
    reads = [(slot + 1) * whole // slots > slot * whole // slots for slot in range(slots)]
    kept = [read for read in reads if bool(read.any())] or reads[:1]
    return torch.stack(kept).to(torch.float32), [1] * len(kept)


def power_of(codes: Tensor, drive: Drive, dac_bits: int = 1) -> Tensor:
    """Return the sum of (weight digit)^2 over the reads of each code: what read noise grows with."""
    if drive.coding == "spikes":
        return codes
    every = torch.arange(drive.code_max + 1, dtype=codes.dtype, device=codes.device)
    digits, weights = pulses_of(every, drive, dac_bits)
    square = torch.tensor([float(w) ** 2 for w in weights], device=codes.device)
    return torch.tensordot(square, digits**2, dims=1)[codes.abs().to(torch.int64)]
