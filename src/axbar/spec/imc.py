"""The in-memory-computing chip: what a crossbar chip with digital spiking neurons is made of.

Hierarchy: chip = tiles; tile = PEs + input/output buffers + neuron units + interconnect; PE = crossbar
arrays with their drivers, multiplexers and converters. Signed weights stand on differential column pairs
inside one array: magnitude bits are cut into slices of ``cell_bits``, positive weights on the plus column,
negative ones on the minus column, subtracted digitally after conversion.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from axbar.spec._base import HardwareSpec, SpecModel
from axbar.spec._quantity import write_quantity
from axbar.spec.blocks import Dram, Technology

__all__ = ["Adc", "Buffer", "Chip", "Crossbar", "Device", "Dram", "ImcSpec", "InputCoding", "Interconnect",
           "LayerMapping", "NeuronUnit", "Read", "RunTime", "Technology", "Tile", "Units", "Wires"]  # fmt: skip


class CustomLaws(SpecModel):
    """The laws of a device of one's own (``name: custom``), as ``axbar fit-device`` writes them.

    With x = g / g_on, N a standard normal draw per cell, t0 the time of the first read after programming, and
    everything but nu in shares of g_on:

        programming   g + bias_c0 + bias_c1 x + (program_c0 + program_c1 x + program_c2 x^2 + program_c3 x^3) N
        drift         g (t/t0)^-nu,   nu = clip(drift_nu0 + drift_nu1 ln x, -1, 1) + drift_nu_sigma N
        relaxation    g + (retention_c0 + retention_c1 x) sqrt(ln(t/t0)) N
        one read      sigma = read_c0 + read_c1 x

    A sigma below 0 counts as 0; a negative nu drifts upwards. All zero, the default: an exact device.
    """

    program_c0: float = Field(default=0.0, ge=-10, le=10, description="sigma of programming: c0 + c1 x + ...")
    program_c1: float = Field(default=0.0, ge=-10, le=10, description="sigma of programming, factor of x")
    program_c2: float = Field(default=0.0, ge=-10, le=10, description="sigma of programming, factor of x^2")
    program_c3: float = Field(default=0.0, ge=-10, le=10, description="sigma of programming, factor of x^3")
    bias_c0: float = Field(default=0.0, ge=-1, le=1, description="mean error of programming: c0 + c1 x")
    bias_c1: float = Field(default=0.0, ge=-1, le=1, description="mean error of programming, factor of x")
    read_c0: float = Field(default=0.0, ge=0, le=10, description="sigma of one read: c0 + c1 x")
    read_c1: float = Field(default=0.0, ge=-10, le=10, description="sigma of one read, factor of x")
    t0_s: float = Field(default=1.0, gt=0, le=1e9, description="first read after programming")
    drift_nu0: float = Field(default=0.0, ge=-1, le=1, description="drift g (t/t0)^-nu: nu = nu0 + nu1 ln x")
    drift_nu1: float = Field(default=0.0, ge=-1, le=1, description="drift exponent, factor of ln x")
    drift_nu_sigma: float = Field(default=0.0, ge=0, le=1, description="spread of nu from cell to cell")
    retention_c0: float = Field(
        default=0.0, ge=0, le=1, description="sigma that relaxation adds: (c0 + c1 x) sqrt(ln(t/t0))"
    )
    retention_c1: float = Field(default=0.0, ge=-1, le=1, description="sigma of relaxation, factor of x")


class Device(SpecModel):
    """The memory cell. ``name`` picks the conductance law; a bare name in YAML stands for its preset."""

    name: str = Field(description="device preset: see 'axbar ls devices'")
    g_on_S: float = Field(gt=0, le=1e-2, description="largest target conductance")
    g_off_S: float = Field(ge=0, le=1e-2, description="smallest target conductance")
    cell_area_F2: float = Field(gt=0, le=2000, description="cell with its selector, in squares of the node")
    program_noise: float = Field(
        ge=0, le=10, description="scale of the device law's programming noise: 1 as published, 0 none"
    )
    write_energy_J: float = Field(
        ge=0, le=1e-3, description="writing one cell once, with all pulses and reads of its verification"
    )
    write_time_s: float = Field(ge=0, le=10, description="the time that takes")
    endurance: float = Field(gt=0, le=1e18, description="writes that a cell survives; 1e18: no wear known")
    verify_tolerance: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="cells off target by more than this share of g_on_S are written again; 0: written once",
    )
    verify_writes: int = Field(
        default=10, ge=1, le=1000, description="writes after which a cell stays as it is, right or wrong"
    )
    stuck_on: float = Field(default=0.0, ge=0, le=1, description="share of cells stuck at g_on_S")
    stuck_off: float = Field(default=0.0, ge=0, le=1, description="share of cells stuck at g_off_S")
    drift: float = Field(
        default=1.0, ge=0, le=10, description="scale of drift and retention loss: 1 as published, 0 none"
    )
    flicker_noise: float = Field(
        default=1.0,
        ge=0,
        le=10,
        description="scale of the 1/f noise gathered since programming: 1 as published",
    )
    read_noise: float = Field(
        default=1.0, ge=0, le=10, description="scale of the noise that every read draws anew: 1 as published"
    )
    nonlinearity: float = Field(
        default=1.0, ge=0, le=10, description="scale of the bend of the cell's I-V curve: 1 as published"
    )
    age_s: float = Field(
        default=0.0,
        ge=0,
        le=1e12,
        description="time from programming to reading, from the device's first read on",
    )
    custom: CustomLaws = Field(default_factory=CustomLaws, description="laws of the device named 'custom'")

    @model_validator(mode="after")
    def _on_above_off(self) -> Self:
        if self.g_on_S <= self.g_off_S:
            raise ValueError(
                f"device.g_on_S = {write_quantity(self.g_on_S, 'S')} must be larger than device.g_off_S = "
                f"{write_quantity(self.g_off_S, 'S')}. Raise device.g_on_S or lower device.g_off_S."
            )
        return self


class Crossbar(SpecModel):
    """One array and how a weight lies on it."""

    rows: int = Field(ge=4, le=4096, description="word lines")
    cols: int = Field(ge=4, le=4096, description="bit lines")
    weight_bits: int = Field(ge=2, le=8, description="signed weight: 1 sign bit + magnitude bits")
    cell_bits: int = Field(ge=1, le=7, description="magnitude bits in one cell")


class InputCoding(SpecModel):
    """How operands that are no spikes drive the rows: bit by bit, sign and magnitude."""

    bits: int = Field(ge=1, le=8, description="magnitude bits of a real-valued input")
    dac_bits: int = Field(
        ge=1, le=8, description="bits in one pulse: 1 drives bit by bit, more need a DAC per row"
    )
    time_bits: int = Field(default=4, ge=1, le=8, description="of a first spike's time: 2^bits - 1 slots")
    time_read: Literal["pulse", "slots", "rate"] = Field(
        default="pulse",
        description="first spikes: one read in which a row is on from its spike to the end, or one read per slot; "
        "rate: as many spikes as slots are left, one read per slot",
    )
    t_slot_s: float = Field(default=1e-9, gt=1e-12, le=1e-3, description="one slot of such a pulse")

    @model_validator(mode="after")
    def _slots_fit(self) -> Self:
        if self.time_read != "pulse" and self.time_bits > 6:
            raise ValueError(
                f"time_read = {self.time_read} reads {2**self.time_bits - 1} slots one by one, at most 63; set "
                "time_bits to 6 or less, or time_read=pulse"
            )
        return self


class Read(SpecModel):
    """The read pulse of a spike (or of one input bit)."""

    v_read_V: float = Field(gt=0, le=2.0, description="row voltage")
    t_read_s: float = Field(gt=1e-10, le=1e-4, description="pulse width")
    mode: Literal["voltage", "current"] = Field(
        default="voltage",
        description="what feeds the cells: the read voltage, or mirrors of their current fed by technology.vdd_V",
    )


class Wires(SpecModel):
    """Metal between drivers, cells and converters: one segment per cell, drivers left, converters at the bottom."""

    r_row_ohm: float = Field(ge=0, le=1e6, description="one word-line segment")
    r_col_ohm: float = Field(ge=0, le=1e6, description="one bit-line segment")
    r_driver_ohm: float = Field(ge=0, le=1e6, description="row driver with its switches")
    r_sense_ohm: float = Field(ge=0, le=1e6, description="column multiplexer and converter input")


class Adc(SpecModel):
    """Converters at the foot of the columns."""

    kind: Literal["sar", "flash", "survey", "ramp", "sense"] = Field(
        description="converter whose energy, area and time are modelled; sense: a sense amplifier, one bit"
    )
    bits: int = Field(ge=1, le=12, description="resolution")
    cols_per_adc: int = Field(ge=1, le=1024, description="columns that take turns on one converter")
    sample_rate_Hz: float = Field(ge=1e6, le=1e10, description="conversions per second of one converter")
    calibration: Literal["max", "percentile", "mse"] = Field(description="how the input range is fitted")
    inl_lsb: float = Field(
        ge=0, le=16, description="largest integral non-linearity of a converter, in steps of its own"
    )

    @model_validator(mode="after")
    def _sense_decides_one_bit(self) -> Self:
        if self.kind == "sense" and self.bits != 1:
            raise ValueError(
                f"adc.kind = sense is a sense amplifier that decides one bit, but adc.bits = {self.bits}. "
                "Set adc.bits to 1 or choose another adc.kind."
            )
        return self


class Tile(SpecModel):
    """How arrays are grouped. Layers never share a tile."""

    arrays_per_pe: int = Field(ge=1, le=1024, description="crossbar arrays in one processing element")
    pes_per_tile: int = Field(ge=1, le=1024, description="processing elements in one tile")


class Chip(SpecModel):
    """The die."""

    power_gating: Literal["none", "tile", "pe", "array"] = Field(
        description="what is switched off: nothing, or the tiles whose layer does not work (volatile cells stay on), "
        "and with pe or array also PEs or arrays that hold no weights"
    )
    wake_s: float = Field(
        default=1e-7, ge=0, le=1e-3, description="time from switching a tile on to its first operation"
    )
    max_tiles: int = Field(ge=1, le=1_000_000, description="tiles on a die; further tiles go on the next one")
    max_dies: int = Field(
        default=1,
        ge=1,
        le=1024,
        description="dies that share the work; more tiles than they have is infeasible",
    )


class LayerMapping(SpecModel):
    """How layers are laid on arrays, and in which order they work."""

    layout: Literal["flattened", "kernel_split"] = Field(
        default="flattened",
        description="rows of a convolution: all kernel positions one after the other, or arrays of their own for each",
    )
    duplication: int = Field(
        default=1,
        ge=1,
        le=1024,
        description="copies of every layer that take turns, at most one per output position",
    )
    balance: Literal["none", "throughput"] = Field(
        default="none", description="further copies for the slowest layers, as long as the dies have tiles"
    )
    order: Literal["step", "layer"] = Field(
        default="step", description="all layers step by step, or all steps of a layer at once"
    )
    pipeline: Literal["none", "layers"] = Field(
        default="none", description="one layer works at a time, or all on different steps or images"
    )
    first_layer: Literal["once", "every_step"] = Field(
        default="once",
        description="a constant input is computed once and its sums are kept, or again on every step",
    )


class RunTime(SpecModel):
    """Products of two operands that are both computed at run time, as attention has them: Q Kᵀ and S V.

    The right operand, Kᵀ or V, is written into arrays of ``crossbar.rows`` x ``crossbar.cols`` before the left one
    drives them, sign and magnitude on differential pairs like weights; or both meet in digital multipliers. Weights are
    written once and with care, these for every image: so the scale of their write errors, ``write_noise``, is their
    own, and ``device.program_noise`` that of weights.
    ``clip_low`` (α) and ``clip_high`` (β) change what is written: G - α g_off, at least g_off, then at most β g_on
    (ClipFormer, arXiv 2402.02586).
    """

    unit: Literal["nvm", "sram", "digital"] = Field(
        default="digital",
        description="what multiplies them: arrays of the chip's device, arrays of SRAM cells, or digital multipliers",
    )
    bits: int = Field(default=8, ge=1, le=8, description="magnitude bits of the operand on the right")
    cell_bits: int = Field(
        default=2, ge=1, le=7, description="magnitude bits in one cell of unit nvm; an SRAM cell holds one"
    )
    write_noise: float = Field(
        default=1.0,
        ge=0,
        le=10,
        description="scale of the device law's programming noise for what unit nvm writes: 1 as published, 0 none",
    )
    clip_low: float = Field(
        default=0.0,
        ge=0,
        le=1000,
        description="α: multiples of device.g_off_S taken off what is written; 0: none",
    )
    clip_high: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="β: largest conductance written, in shares of device.g_on_S; 1: all",
    )

    @model_validator(mode="after")
    def _low_is_off_or_at_least_one(self) -> Self:
        if 0 < self.clip_low < 1:
            raise ValueError(
                f"run_time.clip_low = {self.clip_low:g} takes less than one g_off_S off; set it to 0 for none, or to 1 "
                "or more."
            )
        return self


class Buffer(SpecModel):
    """SRAM buffers of one tile."""

    input_B: int = Field(ge=64, le=2**24, description="input buffer of a tile, bytes")
    output_B: int = Field(ge=64, le=2**24, description="output buffer of a tile, bytes")
    word_bits: int = Field(ge=8, le=1024, description="bits read or written per access")
    global_B: int = Field(
        default=0,
        ge=0,
        le=2**28,
        description="buffer of the chip for what the tiles do not hold, bytes; 0: none",
    )


class Interconnect(SpecModel):
    """The network between tiles."""

    kind: Literal["htree", "mesh", "none"] = Field(
        description="topology; none: tiles without distance or switches between them"
    )
    width_bits: int = Field(ge=8, le=1024, description="bits per clock on one link")
    length_factor: float = Field(
        default=1.0,
        ge=0,
        le=10,
        description="length of all wires between and inside tiles, over the floor plan's",
    )


class Units(SpecModel):
    """Digital units between products: pooling, norms, softmax, element-wise operations."""

    per_tile: int = Field(
        default=4,
        ge=1,
        le=4096,
        description="units of each kind in a tile that needs it; one operation per clock",
    )


class NeuronUnit(SpecModel):
    """Digital neurons: update logic and membrane memory of a tile."""

    membrane_bits: int = Field(ge=2, le=32, description="bits of one stored membrane potential")
    membrane_B: int = Field(
        default=0,
        ge=0,
        le=2**24,
        description="membrane memory of a tile, bytes; 0: as much as its neurons need",
    )
    units_per_tile: int = Field(ge=1, le=4096, description="neuron updates per clock in one tile")


class ImcSpec(HardwareSpec):
    """An in-memory-computing chip."""

    kind: Literal["imc"] = "imc"  # pyright: ignore[reportIncompatibleVariableOverride]  # frozen, so sound
    technology: Technology
    device: Device
    crossbar: Crossbar
    input: InputCoding
    read: Read
    wires: Wires
    adc: Adc
    tile: Tile
    chip: Chip
    buffer: Buffer
    interconnect: Interconnect
    dram: Dram = Field(default_factory=Dram)
    units: Units = Field(default_factory=Units)
    mapping: LayerMapping = Field(default_factory=LayerMapping)
    run_time: RunTime = Field(default_factory=RunTime)
    neuron: NeuronUnit
    clock_Hz: float = Field(ge=1e6, le=1e10, description="clock of the digital logic")

    @model_validator(mode="after")
    def _something_is_left_to_write(self) -> Self:
        high, device = self.run_time.clip_high, self.device
        if self.run_time.unit == "nvm" and high * device.g_on_S <= device.g_off_S:
            raise ValueError(
                f"run_time.clip_high = {high:g} leaves nothing but zeros to write: it is a share of device.g_on_S, of "
                f"which device.g_off_S is {device.g_off_S / device.g_on_S:.3g} already. Raise run_time.clip_high above "
                "that."
            )
        return self

    @model_validator(mode="after")
    def _columns_hold_a_weight(self) -> Self:
        needed = 2 * -(-(self.crossbar.weight_bits - 1) // self.crossbar.cell_bits)
        if needed > self.crossbar.cols:
            raise ValueError(
                f"crossbar.cols = {self.crossbar.cols} is too few: a weight with crossbar.weight_bits = "
                f"{self.crossbar.weight_bits} on cells with crossbar.cell_bits = {self.crossbar.cell_bits} "
                f"needs {needed} columns. Raise crossbar.cols or crossbar.cell_bits."
            )
        return self
