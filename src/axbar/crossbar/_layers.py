"""Layers that compute as a chip does: integers in, one shared rescale and a digital bias out.

    y = scale_w scale_x (sum of weight code times input code) + bias

``Digital*`` sums exactly; ``Analog*`` reads arrays. Both are the module they replace: same class above, same
constructor arguments, same ``state_dict`` keys. Gradients pass straight through all rounding: to the input
where it lies inside the converter range, and to the float weights; the backward pass uses the weights as
programmed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from axbar import devices
from axbar.calibration import RangeObserver
from axbar.crossbar._cells import Cells, build_cells, off_level
from axbar.crossbar._drive import Drive, bit_planes, drive_for
from axbar.crossbar._exact import exact_arithmetic
from axbar.crossbar._mapping import Mapping
from axbar.crossbar._read import Converters, converters, read
from axbar.crossbar._shapes import ConvShape, LinearShape
from axbar.errors import ModelError, UsageError
from axbar.spec.imc import ImcSpec

__all__ = [
    "AnalogConv2d",
    "AnalogLayer",
    "AnalogLinear",
    "DigitalConv2d",
    "DigitalLayer",
    "DigitalLinear",
    "rescale",
]

_CHUNK_CPU = 1 << 22  # unfolded values held at once (16 MiB)
_CHUNK_GPU = 1 << 28
_LONG_RECORDING = 4096  # input vectors in a chunk from which on an observer may skip some


class _Straight(torch.autograd.Function):
    """The value of one tensor with the gradient of another."""

    @staticmethod
    def forward(ctx: Any, smooth: Tensor, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *grad: Tensor) -> tuple[Tensor, None]:
        return grad[0], None


def rescale(total: Tensor, scale: float, bias: Tensor | None, dtype: torch.dtype) -> Tensor:
    """Turn exact sums of codes into values: the one function that ends a digital and an analog layer."""
    compute = torch.float64 if dtype == torch.float64 else torch.float32
    y = total.to(compute) * scale
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
        hardware: the chip.
        drive: input coding; None decides per call.
    """

    path: str
    hardware: ImcSpec
    drive: Drive | None
    _codes: NDArray[np.int32]
    _scale: float
    _token: tuple[int, int] | None

    def attach(self, hardware: ImcSpec, path: str, drive: Drive | None) -> None:
        """Take the chip and the input coding, then quantise the weights.

        Raises:
            ModelError: a weight is NaN or infinite.
            UsageError: a technique fixed other weight bits than the hardware has.
        """
        self.hardware, self.path, self.drive = hardware, path, drive
        fixed = getattr(self, "weight_bits", None)
        if fixed is not None and int(fixed) != hardware.crossbar.weight_bits:
            raise UsageError(
                f"layer '{path}' was fixed to {int(fixed)}-bit weights, but crossbar.weight_bits is "
                f"{hardware.crossbar.weight_bits}; set crossbar.weight_bits={int(fixed)} or retrain it."
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
            self.hardware.crossbar.weight_bits,
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
        drive = self.drive or drive_for(input.detach(), self.hardware.input.bits, self.path)
        batch = self.batch_of(input)
        with exact_arithmetic(input.device):
            codes = drive.encode(batch, self.path)
            total = self._total(codes, drive)
            bias = None if self.bias is None else self.bias_like(self.bias)
            value = rescale(total, self._scale * drive.scale, bias, input.dtype)
        if torch.is_grad_enabled() and (input.requires_grad or self.weight.requires_grad):
            value = _Straight.apply(self._smooth(drive.quantised(batch, codes)), value)
        return self.shaped_like(value, input)

    def _smooth(self, x: Tensor) -> Tensor:
        """Return the differentiable operation on the weights as the chip holds them."""
        held = torch.from_numpy(self.effective_weight()).to(self.weight).view_as(self.weight)
        y = self.plain(x, self.weight + (held - self.weight).detach())
        return y if self.bias is None else y + self.bias_like(self.bias)

    def _total(self, codes: Tensor, drive: Drive) -> Tensor:
        return self._integer_total(codes, drive)

    def _integer_total(self, codes: Tensor, drive: Drive) -> Tensor:
        largest = self._codes.shape[1] * 2 ** (self.hardware.crossbar.weight_bits - 1) * drive.code_max
        dtype = torch.float32 if largest < 2**24 else torch.float64
        return self.integer(codes, torch.from_numpy(self._codes).to(codes.device, dtype))

    def effective_weight(self) -> NDArray[np.float64]:
        """Return the weights as the chip holds them, ``[outputs, fan_in]``."""
        return self._codes.astype(np.float64) * self._scale


class AnalogLayer(DigitalLayer):
    """A layer on arrays.

    Attributes:
        mapping: how it lies on arrays.
        die_seed: of the programmed die; None for nominal cells.
        die_age_s: time since programming.
        range_levels: fitted input range of the converter of each array, ``[row_tiles, bundles, col_tiles]``.
    """

    mapping: Mapping
    die_seed: int | None
    die_age_s: float
    range_levels: NDArray[np.float64]
    _cells: Cells | None
    _adc: Converters | None
    _observer: RangeObserver | None

    def attach(self, hardware: ImcSpec, path: str, drive: Drive | None) -> None:
        self._cells, self._adc, self._observer = None, None, None
        self.die_seed, self.die_age_s = None, 0.0
        xbar = hardware.crossbar
        rows, outs, groups = self.fan
        self.mapping = Mapping(rows, outs, groups, xbar.rows, xbar.cols, xbar.weight_bits, xbar.cell_bits)
        super().attach(hardware, path, drive)
        self.set_ranges(self.full_scale())

    def _requantise(self) -> None:
        super()._requantise()
        self._cells = None

    def program_cells(self, seed: int | None, t_s: float = 0.0) -> None:
        """Write the arrays of one die (None: nominal cells); done when they are next read."""
        self.die_seed, self.die_age_s = seed, t_s
        self._cells = None

    def full_scale(self) -> NDArray[np.float64]:
        """Return the worst case of the bit-line sums per array, in levels."""
        worst = self.mapping.full_scale_levels(off_level(self.hardware))
        shape = (self.mapping.row_tiles, self.mapping.bundles, self.mapping.col_tiles)
        return np.broadcast_to(worst[:, None, None], shape).copy()

    def set_ranges(self, range_levels: NDArray[np.float64]) -> None:
        """Set the converter range of each array; one that covers the worst case keeps one-level steps."""
        code_max = 2**self.hardware.adc.bits - 1
        self.range_levels = np.where(self.full_scale() <= code_max, float(code_max), range_levels)
        self._adc = None

    @property
    def collapsed(self) -> bool:
        """Whether arrays and converters change nothing, so that one integer matrix says it all."""
        device = self.hardware.device
        noisy = self.die_seed is not None and devices.preset_of(device).is_noisy(device)
        return not noisy and bool((self.full_scale() <= 2**self.hardware.adc.bits - 1).all())

    def observe(self, method: str | None = None, percentile: float = 99.9) -> None:
        """Record bit-line sums from now on and fit ranges to them, until ``settle``."""
        if self.collapsed:
            return
        self._observer = RangeObserver(
            (self.mapping.row_tiles, self.mapping.bundles, self.mapping.col_tiles),
            self.mapping.used_outs,
            self.mapping.bundle_outs,
            float(self.full_scale().max()),
            self.hardware.adc.bits,
            method or self.hardware.adc.calibration,
            percentile,
        )

    def settle(self) -> None:
        """Stop recording; the ranges fitted last stay."""
        self._observer = None

    def _total(self, codes: Tensor, drive: Drive) -> Tensor:
        if self.collapsed:
            return self._integer_total(codes, drive)
        if self._observer is not None:
            self._record(codes, drive, self._observer)
            self.set_ranges(self._observer.ranges())
        parts = [self._read(some, drive) for some in self._chunks(codes, drive)]
        return torch.cat(parts) if parts else self._integer_total(codes, drive)

    def _hardware_on(self, device: torch.device) -> tuple[Cells, Converters]:
        """Return cells and converters on ``device``, programmed if need be."""
        if self._cells is None:
            self._cells = build_cells(
                self._codes, self.mapping, self.hardware, self.path, self.die_seed, self.die_age_s
            )
        if self._cells.conductance.device != device:
            self._cells = self._cells.to(device)
        if self._adc is None or self._adc.step.device != device:
            self._adc = converters(self.range_levels, self.hardware.adc.bits, self.mapping, device)
        return self._cells, self._adc

    def _chunks(self, codes: Tensor, drive: Drive) -> Iterable[Tensor]:
        """Cut the batch so that unfolded inputs stay within bounded memory."""
        reads = 1 if drive.coding == "spikes" else 2 * drive.bits
        room = _CHUNK_CPU if codes.device.type == "cpu" else _CHUNK_GPU
        step = max(1, room // (self.values_per_sample(codes) * reads)) if len(codes) else 1
        return (codes[i : i + step] for i in range(0, len(codes), step))

    def _read(self, codes: Tensor, drive: Drive) -> Tensor:
        """Drive the arrays with ``codes`` read by read and add the reads up."""
        cells, adc = self._hardware_on(codes.device)
        planes, weights = bit_planes(codes, drive)
        pulses = planes.flatten(0, 1)
        rows = self.unfold(pulses.to(cells.conductance.dtype), self.mapping)
        sums = read(rows, cells, adc, self.mapping, phase_gain=2 * drive.code_max)
        outputs = self.fold(sums.flatten(0, 1)[: self._codes.shape[0]], pulses)
        by_read = outputs.unflatten(0, (len(weights), -1))
        total = by_read[0] * weights[0]
        for i, weight in enumerate(weights[1:], start=1):
            total.add_(by_read[i], alpha=weight)
        return total.contiguous()

    def _record(self, codes: Tensor, drive: Drive, observer: RangeObserver) -> None:
        """Show the bit-line sums of ``codes`` to the observer."""
        cells, adc = self._hardware_on(codes.device)
        for some in self._chunks(codes, drive):
            pulses = bit_planes(some, drive)[0].flatten(0, 1)
            rows = self.unfold(pulses.to(cells.conductance.dtype), self.mapping)
            stride = observer.stride if rows.shape[-1] >= _LONG_RECORDING else 1
            read(rows[..., ::stride].contiguous(), cells, adc, self.mapping, observer)

    def effective_weight(self) -> NDArray[np.float64]:
        if self.collapsed:
            return super().effective_weight()
        device = self.weight.device
        cells = self._hardware_on(device)[0].conductance.double().cpu().numpy()
        tiles, bundles, _, rows = cells.shape
        pairs = cells.reshape(tiles, bundles, 2, self.mapping.slices, self.mapping.bundle_outs, rows)
        gain = 2.0 ** (self.mapping.cell_bits * np.arange(self.mapping.slices))
        joined = np.einsum("tuinr,i->untr", pairs[:, :, 0] - pairs[:, :, 1], gain)
        matrix = joined.reshape(bundles, self.mapping.bundle_outs, tiles * rows)
        return self.mapping.weights_of(matrix) * self._scale


class DigitalConv2d(DigitalLayer, ConvShape, nn.Conv2d):
    """``nn.Conv2d`` on integers."""


class DigitalLinear(DigitalLayer, LinearShape, nn.Linear):
    """``nn.Linear`` on integers."""


class AnalogConv2d(AnalogLayer, ConvShape, nn.Conv2d):
    """``nn.Conv2d`` on crossbar arrays."""


class AnalogLinear(AnalogLayer, LinearShape, nn.Linear):
    """``nn.Linear`` on crossbar arrays."""
