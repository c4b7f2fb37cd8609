"""Layers that compute as a chip does: integers in, one shared rescale and a digital bias out.

    y = scale_w scale_x (sum of weight code times input code) + bias

``Digital*`` sums exactly; ``Analog*`` reads arrays (see ``_analog.py``). Both are the module they replace: same
class above, same constructor arguments, same ``state_dict`` keys. Gradients pass straight through all rounding: to
the input where it lies inside the converter range, and to the float weights; the backward pass uses the weights as
programmed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from axbar import devices
from axbar.crossbar._bits import Bits, bits_of
from axbar.crossbar._drive import Drive, drive_for
from axbar.crossbar._exact import exact_arithmetic
from axbar.crossbar._shapes import ConvShape, LinearShape
from axbar.crossbar._sums import integer_total
from axbar.errors import ModelError, UsageError

__all__ = ["DigitalConv2d", "DigitalLayer", "DigitalLinear", "Straight", "rescale"]


class Straight(torch.autograd.Function):
    """The value of one tensor with the gradient of another."""

    @staticmethod
    def forward(ctx: Any, smooth: Tensor, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *grad: Tensor) -> tuple[Tensor, None]:
        return grad[0], None


def rescale(total: Tensor, scale: float | Tensor, bias: Tensor | None, dtype: torch.dtype) -> Tensor:
    """Turn exact sums of codes into values: the one function that ends a digital and an analog layer.

    Args:
        scale: of the layer, or of each output (shaped like ``bias``).
    """
    compute = torch.float64 if dtype == torch.float64 else torch.float32
    y = total.to(compute) * (scale.to(compute) if isinstance(scale, Tensor) else scale)
    return (y if bias is None else y + bias.to(compute)).to(dtype)


if TYPE_CHECKING:

    class _Matmul(ConvShape):
        """What both shapes offer, for the type checker."""
else:
    _Matmul = object


class DigitalLayer(_Matmul):
    """The integer network's share of a layer: weight codes, input codes, exact sums.

    Attributes:
        path: name in the network.
        hardware: the spec of the chip: of arrays, or of any kind that states its bits.
        drive: input coding; None decides per call.
    """

    path: str
    hardware: Any
    drive: Drive | None
    _codes: NDArray[np.int32]
    _scale: float
    _bits: Bits
    _token: tuple[int, int] | None

    def attach(self, hardware: Any, path: str, drive: Drive | None) -> None:
        """Take the chip and the input coding, then quantise the weights.

        Raises:
            ModelError: a weight is NaN or infinite.
            UsageError: a technique fixed other weight bits than the hardware has.
        """
        self.hardware, self.path, self.drive = hardware, path, drive
        self._bits = bits = bits_of(hardware)
        fixed = getattr(self, "weight_bits", None)
        if fixed is not None and int(fixed) != bits.weights:
            raise UsageError(
                f"layer '{path}' was fixed to {int(fixed)}-bit weights, but {bits.path} is {bits.weights}; set "
                f"{bits.path}={int(fixed)} or retrain it."
            )
        self._requantise()

    def _requantise(self) -> None:
        weight = self.weight.detach().to("cpu", torch.float64).numpy()
        if not np.isfinite(weight).all():
            bad = int(weight.size - np.isfinite(weight).sum())
            raise ModelError(
                f"layer '{self.path}' has {bad} weights that are NaN or infinite; retrain or repair it."
            )
        scale = getattr(self, "weight_scale", None)
        codes, self._scale = devices.quantise(
            weight.reshape(weight.shape[0], -1),
            self._bits.weights,
            None if scale is None else float(scale),
        )
        self._codes = codes
        self._token = self._weight_token()

    def _weight_token(self) -> tuple[int, int]:
        return self.weight.data_ptr(), self.weight._version

    def refresh(self) -> None:
        """Write the weights again where they changed since (loaded, trained, moved)."""
        if self._token != self._weight_token():
            self._requantise()

    def __getstate__(self) -> dict[str, Any]:
        fresh = self._token == self._weight_token()
        return {**self.__dict__, "_token": (0, 0) if fresh else None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if self._token is not None:  # the copy holds the same weights at another address
            self._token = self._weight_token()

    def forward(self, input: Tensor) -> Tensor:
        self.refresh()
        drive = self.drive or drive_for(input.detach(), self._bits.inputs, self.path)
        batch = self.batch_of(input)
        with exact_arithmetic(input.device):
            codes = drive.encode(batch, self.path)
            total = self._total(codes, drive, input)
            bias = None if self.bias is None else self.bias_like(self.bias)
            value = rescale(total, self._output_scale(drive, total), bias, input.dtype)
        if torch.is_grad_enabled() and (input.requires_grad or self.weight.requires_grad):
            value = Straight.apply(self._smooth(drive.quantised(batch, codes)), value)
        return self.shaped_like(value, input)

    def _smooth(self, x: Tensor) -> Tensor:
        """Return the differentiable operation on the weights as the chip holds them."""
        held = torch.from_numpy(self.effective_weight()).to(self.weight).view_as(self.weight)
        y = self.plain(x, self.weight + (held - self.weight).detach())
        return y if self.bias is None else y + self.bias_like(self.bias)

    def _total(self, codes: Tensor, drive: Drive, operand: Tensor) -> Tensor:
        return self._integer_total(codes, drive)

    def _output_scale(self, drive: Drive, total: Tensor) -> float | Tensor:
        return self._scale * drive.scale

    def _integer_total(self, codes: Tensor, drive: Drive) -> Tensor:
        largest = self._codes.shape[1] * 2 ** (self._bits.weights - 1) * drive.code_max
        return integer_total(self.integer, codes, self._codes, largest, self.path)

    def ideal_weight(self) -> NDArray[np.float64]:
        """Return the quantised weights, ``[outputs, fan_in]``."""
        return self._codes.astype(np.float64) * self._scale

    def effective_weight(self) -> NDArray[np.float64]:
        """Return the weights as the chip holds them, ``[outputs, fan_in]``."""
        return self.ideal_weight()


class DigitalConv2d(DigitalLayer, ConvShape, nn.Conv2d):
    """``nn.Conv2d`` on integers."""


class DigitalLinear(DigitalLayer, LinearShape, nn.Linear):
    """``nn.Linear`` on integers."""
