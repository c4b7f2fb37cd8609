"""One in-memory-computing macro as its paper describes it: an array, what drives it and what reads it out.

Where a chip of ``axbar.spec`` has tiles, buffers and a network on chip, a macro is what papers measure: one
matrix-vector product (an *operation*) of ``rows / rows_per_weight`` inputs and ``cols / cols_per_weight`` outputs.
Everything that a paper may leave open has a default that holds for all macros of its kind, so that no chip is
described by numbers of its own choosing; the description of a field says which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from axbar.spec._base import SpecModel

if TYPE_CHECKING:
    from axbar.spec.imc import ImcSpec

__all__ = ["AdcKind", "Array", "Macro"]

Array = Literal[
    "charge", "discharge", "resistive-voltage", "resistive-current", "digital-tree", "digital-chain"
]
AdcKind = Literal["sar", "flash", "survey", "ramp", "sense", "cco", "charge-decrement", "none"]


class Macro(SpecModel):
    """A macro and the condition under which it works. Numbers in SI units; texts such as ``"65 nm"`` are read."""

    kind: Literal["macro"] = "macro"
    name: str = "macro"
    description: str = ""
    array: Array = Field(description="how it multiplies and adds")
    volatile: bool = Field(
        default=True, description="cells of SRAM, which leak; false for RRAM, PCM, MRAM and FeFET"
    )
    sram: Literal["HP", "LOP", "LSTP"] = Field(
        default="LSTP", description="transistor class of volatile cells; LSTP for all chips (assumed)"
    )
    node_m: float = Field(ge=7e-9, le=180e-9, description="technology node")
    vdd_V: float = Field(gt=0.3, le=2.5, description="supply")

    rows: float = Field(ge=1, le=4096, description="cells that one column adds up at once")
    cols: float = Field(ge=1, le=4096, description="columns that work at once, one cell each per row")
    macros: float = Field(default=1, ge=1, le=4096, description="arrays that work side by side")
    sets: float = Field(default=1, ge=1, le=1024, description="weights stored per cell that computes")
    rows_per_weight: float = Field(default=1, ge=1, le=16, description="2 if a weight stands on two rows")
    cols_per_weight: float = Field(
        default=1, ge=1, le=256, description="columns of one output: slices, signs and room for its sum"
    )
    weight_bits: float = Field(default=1, ge=1, le=16, description="bits of a weight")
    cell_area_F2: float = Field(
        default=300, gt=0, le=5000, description="one cell in squares of the node; 300 where unknown (assumed)"
    )

    input: Literal["serial", "pulses", "pwm", "dac"] = Field(
        description="bits one after the other; 0 to 2^bits - 1 pulses; one pulse of that width; one voltage"
    )
    input_bits: float = Field(default=1, ge=1, le=16, description="bits of an input, the sign included")
    bits_per_pass: float = Field(default=1, ge=1, le=16, description="bits of an input per pass, if serial")
    signed_pulses: bool = Field(
        default=False, description="serial inputs of sign and magnitude: the sign takes no pass of its own"
    )
    input_activity: float = Field(
        default=0.5, ge=0, le=1, description="share of active rows per pass, mean input; 1/2: random data"
    )
    weight_activity: float = Field(
        default=0.5, ge=0, le=1, description="mean weight as a share of the largest; 1/2: random data"
    )
    gates_per_cell: float = Field(
        default=2, ge=0, le=64, description="access-transistor gates of a cell on its row's line: 6T and 8T 2"
    )
    wordline_V: float | None = Field(default=None, gt=0, le=5, description="swing of word lines, else vdd_V")
    wordline_activity: float | None = Field(
        default=None, ge=0, le=1, description="share of word lines that swing per pass, else input_activity"
    )
    ladders_per_row: float = Field(
        default=0, ge=0, le=16, description="R-2R ladders per row of a dac input; 0: a capacitive converter"
    )

    cell_F: float | None = Field(
        default=None, gt=0, le=1e-12, description="capacitor of a charge cell, else 1.2 fF (Jia 2020)"
    )
    g_on_S: float = Field(default=0, ge=0, le=1e-2, description="largest conductance of a resistive cell")
    g_off_S: float = Field(default=0, ge=0, le=1e-2, description="smallest conductance")
    v_read_V: float = Field(default=0.2, gt=0, le=2, description="read voltage; 0.2 V where unknown")
    t_read_s: float = Field(default=10e-9, gt=0, le=1e-4, description="read pulse, full scale if pwm")

    adc: AdcKind = Field(description="converter at the foot of the columns")
    adc_bits: float = Field(default=1, ge=1, le=14, description="its resolution")
    cols_per_conversion: float = Field(
        default=1, ge=1, le=256, description="columns whose signals are merged before they are converted"
    )
    conversions_per_adc: float = Field(
        default=1, ge=1, le=1024, description="merged columns that take turns on one converter"
    )
    clock_Hz: float = Field(default=100e6, gt=0, le=1e11, description="passes per second")
    op_time_s: float | None = Field(
        default=None, gt=0, le=1, description="time of one operation, else its passes over clock_Hz"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.cols < self.cols_per_weight:
            raise ValueError(
                f"cols = {self.cols:g} hold no weight of cols_per_weight = {self.cols_per_weight:g} columns; "
                "raise cols or lower cols_per_weight."
            )
        if self.array.startswith("resistive") and self.g_on_S <= self.g_off_S:
            raise ValueError(
                f"a {self.array} array needs g_on_S above g_off_S, here {self.g_on_S:g} S and {self.g_off_S:g} S; "
                "give the conductances of its cells."
            )
        if self.array.startswith("digital") != (self.adc == "none"):
            raise ValueError(
                f"adc = '{self.adc}' does not go with array = '{self.array}': digital arrays have no converter "
                "(adc: none), all others need one."
            )
        return self

    @classmethod
    def of(cls, spec: ImcSpec) -> Macro:
        """Return the array-level view of a chip: one crossbar array, without buffers, neurons and network.

        A weight's slices lie on pairs of columns and are converted one by one; the chip's leakage is that of its
        periphery. Inputs are those of its real-valued operands, bit by bit or digit by digit.
        """
        from axbar.cost.macro._from_chip import macro_of

        return macro_of(spec)
