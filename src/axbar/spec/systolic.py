"""The systolic array: a grid of processing elements, buffers beside it, neurons and, for training, gradient units.

``array.rows`` x ``array.cols`` processing elements multiply and add; weights stand in one half of the global buffer,
maps of inputs and outputs in the other; every element has a scratchpad; DRAM holds what fits nowhere else. Zeros may be
gated, which saves energy and no time. The same array makes an inference, or a step of training by back-propagation
through time: forward, backward, weight update. Several such arrays, ``array.engines``, may stand side by side.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from axbar.spec._base import HardwareSpec, SpecModel
from axbar.spec.blocks import Dram, Technology

__all__ = ["Array", "Memory", "Neurons", "RealInput", "SystolicSpec", "Training"]


class Array(SpecModel):
    """The grid, and how many of them there are."""

    rows: int = Field(ge=1, le=1024, description="rows of processing elements")
    cols: int = Field(ge=1, le=1024, description="columns of processing elements")
    engines: int = Field(
        default=1,
        ge=1,
        le=64,
        description="arrays of rows x cols side by side, which share the global buffer",
    )
    split: Literal["branches", "folds"] = Field(
        default="branches",
        description="what engines divide: products that do not depend on each other, or the folds of each product",
    )


class RealInput(SpecModel):
    """Operands that are no spikes, such as the image in front of the first layer."""

    bits: int = Field(ge=1, le=16, description="magnitude bits of a real-valued input")
    time_bits: int = Field(default=4, ge=1, le=6, description="of a first spike's time: 2^bits - 1 slots")
    time_read: Literal["slots", "rate"] = Field(
        default="slots", description="first spikes slot by slot; rate: as many spikes as slots are left"
    )


class Memory(SpecModel):
    """On-chip memories."""

    glb_weight_B: int = Field(ge=64, le=2**28, description="global buffer for weights, bytes")
    glb_map_B: int = Field(ge=64, le=2**28, description="global buffer for inputs, outputs and states, bytes")
    spad_B: int = Field(ge=1, le=2**20, description="scratchpad of one processing element, bytes")
    word_bits: int = Field(ge=8, le=1024, description="bits read or written per access of the global buffer")
    spikes: Literal["raw", "packed"] = Field(
        description="how maps of spikes are stored: T bits per neuron, or one bit per neuron and T per one that fires"
    )
    reads: Literal["table", "array"] = Field(
        default="table",
        description="reads of the global buffer: each value as often as in SATA's table, or as the array needs it",
    )


class Neurons(SpecModel):
    """Units that update membranes."""

    membrane_bits: int = Field(
        ge=2, le=32, description="bits of a membrane, and of a sum in the array and on its way out"
    )
    units: int = Field(ge=1, le=65536, description="neuron updates per clock")


class Training(SpecModel):
    """What a training step needs beyond an inference; of no effect while ``task`` is ``inference``."""

    bits: int = Field(ge=2, le=32, description="bits of gradients, and of weights on the way back")
    gradient_units: int = Field(ge=1, le=65536, description="updates of membrane gradients per clock")
    du_sparsity: float = Field(
        ge=0, le=1, description="share of membrane gradients that are zero, where none were recorded"
    )
    df_sparsity: float = Field(
        ge=0, le=1, description="share of surrogate derivatives that are zero, where none were recorded"
    )
    batch: int = Field(
        default=1,
        ge=1,
        le=2**20,
        description="samples whose gradients of weights are summed before weights are written",
    )


class SystolicSpec(HardwareSpec):
    """A systolic array for inference or training."""

    kind: Literal["systolic"] = "systolic"  # pyright: ignore[reportIncompatibleVariableOverride]  # frozen, so sound
    technology: Technology
    task: Literal["inference", "training"] = Field(
        description="one inference, or one training step of one sample (forward, backward, weight update)"
    )
    array: Array
    dataflow: Literal["os", "ws"] = Field(
        description="what stays in the array: sums (output-stationary) or weights (weight-stationary)"
    )
    gating: Literal["zero", "none"] = Field(
        description="operations on zeros do not switch, or all of them do (a sparsity-blind array)"
    )
    weight_bits: int = Field(
        ge=2, le=32, description="signed weight on the way forward: 1 sign bit + magnitude bits"
    )
    spike_bits: int = Field(default=1, ge=1, le=8, description="bits in which a spike is stored")
    input: RealInput
    memory: Memory
    dram: Dram = Field(default_factory=Dram)
    neuron: Neurons
    training: Training
    clock_Hz: float = Field(ge=1e6, le=1e10, description="clock of the array")
