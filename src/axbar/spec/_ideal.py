"""The ideal chip: no noise, infinite on/off ratio, wires without resistance, converters that lose nothing."""

from __future__ import annotations

from typing import TypeVar

from axbar.errors import InfeasibleError, UsageError
from axbar.spec._base import HardwareSpec, Provenance
from axbar.spec._paths import path_info
from axbar.spec._replace import replaced
from axbar.spec.imc import Crossbar, ImcSpec

__all__ = ["ideal", "lossless_bits"]

S = TypeVar("S", bound=HardwareSpec)


def lossless_bits(crossbar: Crossbar, dac_bits: int = 1) -> int:
    """Return the converter bits that tell all sums of one column apart.

    A column of R rows of c-bit cells, driven by d-bit pulses, sums to 0 .. R (2^c - 1) (2^d - 1), which takes
    ceil(log2(R (2^c - 1) (2^d - 1) + 1)) bits.
    """
    return (crossbar.rows * (2**crossbar.cell_bits - 1) * (2**dac_bits - 1)).bit_length()


def _widest_cells(spec: ImcSpec) -> Crossbar:
    """Return the arrays with the cells of most bits: of weights, or of operands written at run time."""
    written = spec.run_time.cell_bits if spec.run_time.unit == "nvm" else 0
    return spec.crossbar.model_copy(update={"cell_bits": max(spec.crossbar.cell_bits, written)})


def ideal(spec: S) -> S:
    """Return the chip with ``ideal`` cells, wires and converters: analog equals digital exactly.

    Raises:
        InfeasibleError: no converter that a spec may hold is lossless for arrays of this size.
        UsageError: the chip does not compute in analog.
    """
    if not isinstance(spec, ImcSpec):
        raise UsageError(
            f"'{spec.name}' is of the kind {spec.kind}; only chips that compute in analog have an ideal form."
        )
    bits = lossless_bits(_widest_cells(spec), spec.input.dac_bits)
    info = path_info(type(spec), "adc.bits")
    if info is not None and info.problem(bits):
        raise InfeasibleError(
            f"a lossless converter for crossbar.rows = {spec.crossbar.rows} of crossbar.cell_bits = "
            f"{spec.crossbar.cell_bits} and input.dac_bits = {spec.input.dac_bits} needs {bits} bits, adc.bits "
            f"allows {info.allowed}. Lower crossbar.rows, crossbar.cell_bits or input.dac_bits."
        )
    exact = Provenance(
        source="ideal chip: no wire resistance; ceil(log2(rows (2^cell_bits - 1) (2^dac_bits - 1) + 1)) bits lose "
        "nothing",
        confidence="inf",
    )
    wires = {f"wires.{field}": 0.0 for field in type(spec.wires).model_fields}
    # a sense amplifier decides one bit; no figure of accuracy depends on the kind
    kind = {"adc.kind": "sar"} if spec.adc.kind == "sense" else {}
    return replaced(
        spec,
        {"device": "ideal", **kind, "adc.bits": bits, "adc.calibration": "max", "adc.inl_lsb": 0.0, **wires},
        exact,
    )
