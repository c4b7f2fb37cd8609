"""Ranges of converters, fitted to what the layers of a chip see."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from torch import nn

from axbar.calibration._engine import Step, calibrate

__all__ = ["AdcRanges", "RangedLayer", "calibrate_adc"]


@runtime_checkable
class RangedLayer(Protocol):
    """A layer with converters whose ranges can be fitted."""

    def observe(self, method: str | None = None, percentile: float = 99.9) -> None:
        """Record and fit during the forward calls that follow."""
        ...

    def settle(self) -> None:
        """Keep the last fit."""
        ...


class AdcRanges(Step):
    """Fit the converters of every analog layer while it runs.

    Args:
        method: ``max``, ``percentile`` or ``mse``; None takes ``adc.calibration`` of the chip.
        percentile: for that method.
    """

    name = "adc-ranges"
    compares = False

    def __init__(self, method: str | None = None, percentile: float = 99.9) -> None:
        self._method, self._percentile = method, percentile

    def begin(self, model: nn.Module) -> None:
        """Have each layer observe."""
        for layer in _ranged(model):
            layer.observe(self._method, self._percentile)

    def end(self, model: nn.Module) -> None:
        """Have each layer keep its ranges."""
        for layer in _ranged(model):
            layer.settle()


def calibrate_adc(
    analog: nn.Module, data: Any, method: str | None = None, percentile: float = 99.9
) -> nn.Module:
    """Fit the converter ranges of every analog layer to what it sees on ``data``, in place.

    Layers are fitted in the order in which they run, each on inputs that come through the fitted layers
    before it.

    Args:
        analog: from ``axbar.to_analog``.
        data: batch of inputs ``[B, ...]``, a ``CalibrationSource`` or a data split.
        method: ``max``, ``percentile`` or ``mse``; None takes ``adc.calibration`` of the chip.
        percentile: for that method.

    Returns:
        ``analog``.
    """
    calibrate(analog, data, [AdcRanges(method, percentile)])
    return analog


def _ranged(model: nn.Module) -> list[RangedLayer]:
    return [module for module in model.modules() if isinstance(module, RangedLayer)]
