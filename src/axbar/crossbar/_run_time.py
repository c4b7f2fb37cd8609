"""How the right operand of a product lies on arrays: which cells, what clipping leaves of it, which geometry.

A product of two run-time operands, H times ``[M, K] @ [K, N]`` per sample and step, is a linear layer of H groups on M
tokens whose weights are the right operand, ``spec.run_time.bits`` magnitude bits and a sign. Cells are those of the
chip's device (unit ``nvm``) or of SRAM, one bit each. On ``nvm`` every magnitude is clipped before it is cut into
cells (``axbar.devices.clipped_codes``), and slices above the largest clipped code are not built. Spikes take one cell
of one bit and are not clipped: they are at the top of a cell's range or at its bottom.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from axbar import devices, registry
from axbar.crossbar._drive import Drive
from axbar.crossbar._mapping import Mapping
from axbar.errors import SpecError
from axbar.spec import HardwareSpec
from axbar.spec.imc import Device, ImcSpec

__all__ = ["Writing", "check_run_time", "kept_codes", "kept_magnitudes"]


def kept_magnitudes(hardware: HardwareSpec, drive: Drive) -> NDArray[np.uint8] | None:
    """Return what each magnitude code of the right operand becomes, ``[2^bits]``; None where it stays.

    Args:
        hardware: of any kind; only arrays of non-volatile cells clip.
        drive: coding of the operand.
    """
    if not isinstance(hardware, ImcSpec) or hardware.run_time.unit != "nvm" or drive.coding != "real":
        return None
    run_time, device = hardware.run_time, hardware.device
    table = devices.clipped_codes(
        drive.bits, run_time.clip_low, run_time.clip_high, device.g_off_S, device.g_on_S
    )
    return None if np.array_equal(table, np.arange(len(table))) else table


def kept_codes(codes: Tensor, magnitudes: NDArray[np.uint8] | None) -> Tensor:
    """Return signed codes after clipping of their magnitudes."""
    if magnitudes is None:
        return codes
    table = torch.from_numpy(magnitudes.astype(np.float32)).to(codes.device)
    return table[codes.abs().to(torch.int64)] * codes.sign()


def check_run_time(hardware: ImcSpec) -> None:
    """Refuse arrays that can't hold the right operand.

    Raises:
        SpecError: the device does not hold the bits of a cell, or an array has too few columns.
    """
    run_time = hardware.run_time
    if run_time.unit == "digital":
        return
    if run_time.unit == "nvm":
        most = devices.preset_of(hardware.device).max_cell_bits
        if run_time.cell_bits > most:
            raise SpecError(
                f"run_time.cell_bits = {run_time.cell_bits}, but a '{hardware.device.name}' cell holds {most} bit; set "
                f"run_time.cell_bits={most} or choose another device."
            )
    mapping = Writing(hardware, Drive("real", run_time.bits)).mapping((1, 1, 1))
    if mapping.outs_per_array == 0:
        raise SpecError(
            f"crossbar.cols = {hardware.crossbar.cols} is too few: a value with run_time.bits = {run_time.bits} takes "
            f"{2 * mapping.slices} columns. Raise crossbar.cols or run_time.cell_bits."
        )


@dataclass(frozen=True)
class Writing:
    """How operands of one coding are written into arrays.

    Args:
        hardware: the chip; ``run_time.unit`` is ``nvm`` or ``sram``.
        drive: coding of the operand.
    """

    hardware: ImcSpec
    drive: Drive
    magnitudes: NDArray[np.uint8] | None = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "magnitudes", kept_magnitudes(self.hardware, self.drive))

    @cached_property
    def bits(self) -> int:
        """Magnitude bits that are ever written."""
        largest = self.drive.code_max if self.magnitudes is None else int(self.magnitudes.max())
        return max(1, largest.bit_length())

    @cached_property
    def cell_bits(self) -> int:
        """Bits of one cell."""
        spikes = self.drive.coding != "real"
        return 1 if spikes or self.hardware.run_time.unit == "sram" else self.hardware.run_time.cell_bits

    @cached_property
    def device(self) -> Device:
        """What holds them."""
        own, run_time = self.hardware.device, self.hardware.run_time
        if run_time.unit == "nvm" or own.name == "sram":
            return own.model_copy(update={"program_noise": run_time.write_noise})
        sram: Any = registry.get("devices", "sram")
        return sram.spec

    @cached_property
    def chip(self) -> ImcSpec:
        """The chip as if its weights were these operands: the same arrays of other cells.

        Not validated: a weight of this chip may be narrower than what is written at run time.
        """
        crossbar = self.hardware.crossbar.model_copy(
            update={"weight_bits": self.bits + 1, "cell_bits": self.cell_bits}
        )
        return self.hardware.model_copy(update={"crossbar": crossbar, "device": self.device})

    def mapping(self, shape: tuple[int, int, int]) -> Mapping:
        """Return how the products of one sample and step lie on arrays.

        Args:
            shape: heads H, rows K and outputs N of each.
        """
        heads, rows, outs = shape
        xbar = self.hardware.crossbar
        return Mapping(rows, outs, heads, xbar.rows, xbar.cols, self.bits + 1, self.cell_bits)
