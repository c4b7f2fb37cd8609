"""Walk a network on calibration data: what drives each layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from axbar.calibration._source import CalibrationSource
from axbar.errors import DataError, ModelError

_FEWEST_SPIKES = 64

__all__ = ["OperandStats", "observe_inputs", "observe_operands", "run"]


@dataclass
class OperandStats:
    """What the inputs of one layer looked like.

    Attributes:
        largest: max |x|.
        coding: narrowest of ``spikes`` {0, V}, ``signed`` {-V, 0, V}, ``real`` that holds every value. V is 1, or
            another value that many elements share.
        calls: forward calls seen.
    """

    largest: float = 0.0
    coding: Literal["spikes", "signed", "real"] = "spikes"
    calls: int = 0

    def add(self, x: Tensor) -> None:
        """Take in one operand."""
        self.calls += 1
        if x.numel() == 0:
            return
        before, self.largest = self.largest, max(self.largest, float(x.abs().max()))
        if self.coding != "real":
            self.coding = self._narrowest(x, before)

    def _narrowest(self, x: Tensor, before: float) -> Literal["spikes", "signed", "real"]:
        fired = x != 0
        alike = bool((x.abs() == self.largest)[fired].all()) and before in (0.0, self.largest)
        # a few numbers that happen to be the same are no spikes
        enough = self.largest in (0.0, 1.0) or int(fired.sum()) >= _FEWEST_SPIKES
        if not (alike and enough):
            return "real"
        return "signed" if self.coding == "signed" or bool((x < 0).any()) else "spikes"


def run(model: nn.Module, source: CalibrationSource) -> None:
    """Run all batches through ``model`` in evaluation mode, without gradients; modes are restored.

    Raises:
        DataError: the network can't take the data.
    """
    modes = [(module, module.training) for module in model.modules()]
    place = next((p.device for p in model.parameters()), torch.device("cpu"))
    model.eval()
    try:
        with torch.no_grad():
            for batch in source:
                model(batch.to(place))
    except (RuntimeError, ValueError) as error:
        shape = tuple(source.x.shape)
        raise DataError(f"the network can't take calibration data of shape {shape}: {error}") from error
    finally:
        for module, training in modes:
            module.training = training


def observe_operands(
    model: nn.Module, layers: Mapping[str, nn.Module], source: CalibrationSource
) -> dict[str, list[OperandStats]]:
    """Return what each of ``layers`` (name -> module of ``model``) is handed on the data, argument by argument.

    A layer that never runs has an empty list.

    Raises:
        ModelError: an operand holds NaN or infinity.
    """
    stats: dict[str, list[OperandStats]] = {name: [] for name in layers}

    def recorder(name: str) -> Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], None]:
        def record(module: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            operands = inspect.signature(module.forward).bind(*given, **named).args
            stats[name] += [OperandStats() for _ in operands[len(stats[name]) :]]
            for stat, operand in zip(stats[name], operands, strict=False):
                x = operand.detach()
                if not bool(torch.isfinite(x).all()):
                    raise ModelError(
                        f"on the calibration data the input of layer '{name}' holds NaN or infinity."
                    )
                stat.add(x)

        return record

    hooks = [
        layer.register_forward_pre_hook(recorder(name), with_kwargs=True) for name, layer in layers.items()
    ]
    try:
        run(model, source)
    finally:
        for hook in hooks:
            hook.remove()
    return stats


def observe_inputs(
    model: nn.Module, layers: Mapping[str, nn.Module], source: CalibrationSource
) -> dict[str, OperandStats]:
    """Return what drives each of ``layers`` (name -> module of ``model``) on the data: their first operand."""
    stats = observe_operands(model, layers, source)
    return {name: operands[0] if operands else OperandStats() for name, operands in stats.items()}
