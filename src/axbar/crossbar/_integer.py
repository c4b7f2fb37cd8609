"""The integer network of a chip that computes digitally: the same codes and sums as on lossless arrays.

Any hardware kind that states ``weight_bits`` and ``input.bits`` multiplies integer weights with spikes or integer codes
and adds exactly, whatever order its dataflow adds in. That is what the arrays' integer network computes as well, so
that one converter serves both; nothing of an array is in it.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from axbar.crossbar._convert import Norms, digital
from axbar.errors import UsageError
from axbar.spec import HardwareSpec, load_hardware

__all__ = ["digital_integer"]

#: any chip of arrays: of its fields the integer network reads two, which are set
_ARRAYS = "imc-sram-28nm"


def digital_integer(
    model: nn.Module, spec: HardwareSpec, data: Any = None, *, norms: Norms = "fold"
) -> nn.Module:
    """Return the integer network of a digital chip.

    Args:
        model: any module with ``Conv2d`` and ``Linear`` layers; not changed.
        spec: of a chip with ``weight_bits`` and ``input.bits``.
        data: batch of typical inputs that fixes the input scales.
        norms: ``fold`` batch norms into the layers before them, or ``keep`` them.

    Raises:
        ModelError: a layer can't be converted, or holds NaN weights.
        UsageError: the spec states no bits, or weight bits of a layer and of the chip differ.
    """
    values = spec.values()
    missing = [path for path in ("weight_bits", "input.bits") if path not in values]
    if missing:
        raise UsageError(
            f"hardware of kind '{spec.kind}' states no {missing[0]}; an integer network needs it."
        )
    bits = {"crossbar.weight_bits": values["weight_bits"], "input.bits": values["input.bits"]}
    return digital(model, load_hardware(_ARRAYS, {**bits, "crossbar.cell_bits": 1}), data, norms=norms)
