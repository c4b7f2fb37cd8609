"""Blocks that chips of every kind have: the process, and the memory beside the chip."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from axbar.spec._base import SpecModel

__all__ = ["Dram", "Technology"]


class Technology(SpecModel):
    """The CMOS process of the periphery."""

    node_m: float = Field(ge=7e-9, le=180e-9, description="technology node")
    vdd_V: float = Field(gt=0.3, le=2.0, description="supply of the digital logic")
    sram: Literal["HP", "LOP", "LSTP"] = Field(description="SRAM transistor class: speed against leakage")


class Dram(SpecModel):
    """The memory beside the chip."""

    kind: Literal["none", "hbm2", "hbm3", "lpddr4", "gddr5", "ddr3"] = Field(
        default="none", description="DRAM that holds network input and output and what fits nowhere else"
    )
    width_bits: int = Field(default=32, ge=1, le=8192, description="bits per transfer")
    transfer_Hz: float = Field(default=3.2e9, ge=1e6, le=1e11, description="transfers per second of one pin")
