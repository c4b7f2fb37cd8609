"""What every hardware kind asks of a workload before it counts: products, their bits, and activity."""

from __future__ import annotations

from axbar.errors import UsageError
from axbar.workload import Workload

__all__ = ["check_countable"]


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
    for layer in workload.matmuls:
        if layer.bits is not None and layer.bits != weight_bits:
            raise UsageError(
                f"layer '{layer.name}' was fixed to {layer.bits}-bit weights by a technique, but {path} is "
                f"{weight_bits}; set {path}={layer.bits} or drop the technique."
            )
        operand = layer.operands[0]
        if operand.words is None and operand.rate is None:
            raise UsageError(
                f"layer '{layer.name}' has neither recorded spikes nor a rate; trace the network with a batch or give "
                "a rate."
            )
