"""The integer network of a chip that computes digitally: the same codes and sums as on lossless arrays.

Any hardware kind that states ``weight_bits`` and ``input.bits`` multiplies integer weights with spikes or integer codes
and adds exactly, whatever order its dataflow adds in:

    code = round(w / scale_w),   scale_w = max|w| / (2^(weight_bits - 1) - 1),
    y = scale_w scale_x (sum of weight code times input code) + bias,

with one scale_w per layer (``axbar.devices.quantise``) and scale_x = 1 for spikes. That is what the arrays' integer
network computes as well, so that one converter serves both; nothing of an array is in it.

Weights have 2..32 bits. Codes are rounded in float64 and sums are exact at every width (``_sums``); only the values y
are floats again. Weights trained in float32 have 24 bits of their own: wider codes repeat them to the last bit of the
largest, and the network is the float one but for how either rounds y.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from axbar.crossbar._bits import bits_of
from axbar.crossbar._convert import Norms, converted
from axbar.crossbar._model import DigitalModel
from axbar.spec import HardwareSpec

__all__ = ["digital_integer"]


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
    bits_of(spec)  # refuse before any work
    return converted(model, spec, data, DigitalModel, norms)
