"""What every hardware kind asks of a workload before it counts: products, their bits, and activity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from axbar.errors import UsageError
from axbar.workload import Workload

__all__ = ["MEMBRANE_PATH", "WEIGHT_PATHS", "check_countable", "check_fixed_bits"]

#: where kinds keep the bits of a weight and of a membrane
WEIGHT_PATHS: Final = ("crossbar.weight_bits", "weight_bits")
MEMBRANE_PATH: Final = "neuron.membrane_bits"


def check_countable(workload: Workload, weight_bits: int, path: str) -> None:
    """Refuse a workload that nothing can be counted of.

    Args:
        workload: traced, or built from shapes and rates.
        weight_bits: of the chip, at ``path`` of its spec.

    Raises:
        UsageError: no layer has stored weights, a layer's weights were fixed to other bits, or nothing was recorded.
    """
    if not workload.matmuls:
        raise UsageError(
            f"workload '{workload.name}' has no layer with stored weights (conv2d, linear), so the chip has nothing "
            "to multiply; trace a network that has one."
        )
    check_fixed_bits(workload, {path: weight_bits})
    for layer in workload.matmuls:
        operand = layer.operands[0]
        if operand.words is None and operand.rate is None:
            raise UsageError(
                f"layer '{layer.name}' has neither recorded spikes nor a rate; trace the network with a batch or give "
                "a rate."
            )


def check_fixed_bits(workload: Workload, values: Mapping[str, ArrayLike]) -> None:
    """Refuse a chip whose weights or membranes have other bits than a technique fixed; the sentence says what to set.

    Args:
        workload: whose layers and neurons may say their bits.
        values: path of the spec -> its value, or those of a sweep.

    Raises:
        UsageError: with the settings that fit.
    """
    fixed = [(layer.name, layer.bits, path) for layer in workload.matmuls for path in WEIGHT_PATHS]
    fixed += [(at.name, at.neuron.bits, MEMBRANE_PATH) for at in workload.neurons if at.neuron is not None]
    wanted = {path: bits for _, bits, path in fixed if bits is not None}
    for name, bits, path in fixed:
        others = [
            value for value in np.atleast_1d(values.get(path, ())) if bits is not None and value != bits
        ]
        if others:
            what = "membranes" if path == MEMBRANE_PATH else "weights"
            settings = " ".join(f"--set {p}={b}" for p, b in wanted.items() if p in values)
            raise UsageError(
                f"layer '{name}' was fixed to {bits}-bit {what} by a technique, but {path} is {int(others[0])}; give "
                f"{settings}, or drop the technique."
            )
