"""What techniques for operands written at run time ask of a chip and of a network."""

from __future__ import annotations

from typing import Any

from torch import nn

from axbar.errors import ModelError, UsageError
from axbar.nn.attention import MatMul
from axbar.spec.imc import ImcSpec

__all__ = ["check_products", "check_written"]


def check_written(name: str, does: str, spec: Any) -> None:
    """Refuse a chip that writes no keys and values into cells of its device.

    Args:
        name: of the technique.
        does: what it does there, for the sentence.

    Raises:
        UsageError: with what to set.
    """
    if not isinstance(spec, ImcSpec):
        raise UsageError(
            f"technique '{name}' {does}, and '{spec.name}' (kind {spec.kind}) has no cells; give a chip of kind imc, "
            "such as imc-rram-clipformer."
        )
    if spec.run_time.unit != "nvm":
        raise UsageError(
            f"technique '{name}' {does}, and run_time.unit is {spec.run_time.unit}; give --set run_time.unit=nvm, or "
            "leave the technique out."
        )


def check_products(name: str, network: nn.Module) -> None:
    """Refuse a network without products of run-time operands.

    Raises:
        ModelError: it has none as modules.
    """
    if not any(isinstance(module, MatMul) for module in network.modules()):
        raise ModelError(
            f"technique '{name}' is about keys and values, and {type(network).__name__} has no product of run-time "
            "operands as a module; write attention with axbar.nn.Attention or axbar.nn.MatMul."
        )
