"""The dual-sparse accelerator: digital processing elements that skip silent neurons and pruned weights.

One engine, several dataflows (``axbar.cost.sparse``): a layer is cut into tiles, the processing elements (PEs)
share the rows or the columns of a tile, and what a tile needs comes from DRAM through an on-chip cache. ``dataflow``
says who shares what and in which order; all sizes are fields of their own, so that a preset is a dataflow with its
published sizes, and any of them can be swept.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from axbar.spec._base import HardwareSpec, SpecModel
from axbar.spec.blocks import Dram, Technology

__all__ = [
    "Cache", "InputCode", "NeuronLogic", "ProcessingElements", "SparseSpec", "SparseTile", "TileBuffers",
]  # fmt: skip


class ProcessingElements(SpecModel):
    """The units that join non-zero inputs with non-zero weights and accumulate."""

    count: int = Field(
        ge=1,
        le=4096,
        description="PEs; they share the rows or columns of a tile (dataflow ptb: columns of tile.batch PEs each)",
    )
    steps: int = Field(
        ge=1,
        le=64,
        description="time steps that one word packs; more steps take several passes, 1 takes them one by one",
    )
    accumulator_bits: int = Field(ge=4, le=32, description="accumulator of matched weights, sign included")
    correction_bits: int = Field(
        ge=4, le=32, description="accumulator of one step that takes back what silent steps were given"
    )
    fifo_depth: int = Field(
        ge=1, le=256, description="matches that wait for the laggy prefix sum (fidelity: pipeline)"
    )
    laggy_adders: int = Field(
        ge=1, le=1024, description="adders of a laggy prefix sum, which takes tile.chunk / adders cycles"
    )
    addresses: Literal["join", "tile"] = Field(
        description="how often the laggy prefix sum of a row of spikes runs: for every join with a match, or once per "
        "tile, with a register that holds all addresses of a chunk (fidelity: pipeline)"
    )


class SparseTile(SpecModel):
    """The piece of a layer that is worked on at once; the PEs share its other side, one row or column each."""

    batch: int = Field(
        ge=1,
        le=4096,
        description="columns (PEs share rows) or rows (PEs share columns) that a PE takes in turn",
    )
    chunk: int = Field(ge=8, le=1024, description="inputs; where masks are joined, the bits of a mask")


class TileBuffers(SpecModel):
    """The share of the cache that keeps tiles, oldest out first, counted in non-zeros."""

    weight_values: int = Field(ge=16, le=2**26, description="weights of resident tiles")
    input_values: int = Field(ge=16, le=2**26, description="inputs of resident tiles")


class Cache(SpecModel):
    """The on-chip SRAM between DRAM and the PEs."""

    capacity_B: int = Field(ge=1024, le=2**26, description="all banks together, bytes")
    banks: int = Field(ge=1, le=1024, description="banks")
    line_B: int = Field(ge=1, le=256, description="bytes of one access")


class InputCode(SpecModel):
    """How operands that are no spikes are presented: as bit planes, one like a step."""

    bits: int = Field(ge=1, le=8, description="magnitude bits of a real-valued input")
    time_bits: int = Field(default=4, ge=1, le=6, description="of a first spike's time: 2^bits - 1 slots")
    time_read: Literal["slots", "rate"] = Field(
        default="slots", description="first spikes slot by slot; rate: as many spikes as slots are left"
    )


class NeuronLogic(SpecModel):
    """Digital neurons; all steps of an output are updated at once, so that no membrane is stored."""

    membrane_bits: int = Field(ge=2, le=32, description="bits of a membrane potential")


class SparseSpec(HardwareSpec):
    """A dual-sparse spiking accelerator."""

    kind: Literal["sparse"] = "sparse"  # pyright: ignore[reportIncompatibleVariableOverride]  # frozen, so sound
    technology: Technology
    dataflow: Literal["loas", "loas-nmtk", "sparten", "gospa", "gamma", "ptb"] = Field(
        description="order of the tiles, what the PEs share, how non-zeros meet"
    )
    fidelity: Literal["published", "join", "pipeline"] = Field(
        default="pipeline",
        description="what a cycle holds: matches as published, at least one per join, or the whole pipeline",
    )
    balance: Literal["none", "greedy"] = Field(
        default="none",
        description="columns given to PEs by their non-zeros (SparTen), above fidelity published",
    )
    prefix: Literal["fast-laggy", "two-fast", "two-laggy"] = Field(
        default="fast-laggy", description="prefix sums that find the operands of a match (inner joins)"
    )
    pe: ProcessingElements
    tile: SparseTile
    buffer: TileBuffers
    cache: Cache
    weight_bits: int = Field(ge=2, le=8, description="signed weight: 1 sign bit + magnitude bits")
    input: InputCode
    neuron: NeuronLogic
    dram: Dram
    clock_Hz: float = Field(ge=1e6, le=1e10, description="clock of the digital logic")
