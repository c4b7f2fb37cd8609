"""What an integer network reads of a chip: the bits of weights and inputs, wherever its kind keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from axbar.errors import UsageError
from axbar.spec import HardwareSpec

__all__ = ["Bits", "bits_of"]

#: where kinds keep the bits of a weight: on arrays, or of the whole chip
_WEIGHT_PATHS = ("crossbar.weight_bits", "weight_bits")


@dataclass(frozen=True)
class Bits:
    """Widths of the operands of one chip.

    Args:
        weights: of a weight, one of them the sign.
        inputs: magnitude bits of an input that is no spike.
        path: of ``weights`` in the spec.
        written: magnitude bits of the right operand of a product of two run-time operands: ``run_time.bits``, or
            those of a weight on chips where it stands in the place of weights.
        times: bits of the time of a first spike.
        time_read: how arrays read it; chips that compute digitally know no pulses.
    """

    weights: int
    inputs: int
    path: str
    written: int
    times: int
    time_read: Literal["pulse", "slots", "rate"]


def bits_of(spec: HardwareSpec) -> Bits:
    """Return the bits of a chip.

    Raises:
        UsageError: its kind states none.
    """
    values = spec.values()
    path = next((path for path in _WEIGHT_PATHS if path in values), None)
    if path is None or "input.bits" not in values:
        missing = "weight_bits" if path is None else "input.bits"
        raise UsageError(f"hardware of kind '{spec.kind}' states no {missing}; an integer network needs it.")
    inputs = values["input.bits"]
    return Bits(
        values[path], inputs, path, values.get("run_time.bits", values[path] - 1),
        values.get("input.time_bits", inputs), values.get("input.time_read", "slots"),
    )  # fmt: skip
