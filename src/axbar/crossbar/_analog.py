"""Layers that read crossbar arrays.

Three ways to the same sums, the cheapest that is exact:

- *integer*: nothing on the arrays changes a sum and converters lose nothing: one integer matrix;
- *linear*: converters are switched off: cells, wires and slices collapse into one real matrix;
- *read*: array by array, with a converter behind every column.

Rows of the unfolded matrix that hold no weight are left out of the arrays (``axbar.workload.stored_rows``), as in the
cost of the chip. Which rows these are follows the weights: where others are loaded or trained, and a row comes back or
goes, the layer is mapped anew, and its converters span the worst case until they are fitted again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from axbar import devices
from axbar.calibration import RangeObserver
from axbar.crossbar._cells import Cells, Die, age_tile, build_cells, digit_max, has_wires, off_level
from axbar.crossbar._clock import ReadClock
from axbar.crossbar._drive import Drive, power_of, pulses_of
from axbar.crossbar._effects import Effects
from axbar.crossbar._inl import curves
from axbar.crossbar._layers import DigitalLayer
from axbar.crossbar._mapping import Mapping
from axbar.crossbar._noise import ReadDraws
from axbar.crossbar._read import Converters, converters, read
from axbar.crossbar._shapes import ConvShape, LinearShape
from axbar.spec.imc import ImcSpec
from axbar.workload import stored_rows

__all__ = ["AnalogConv2d", "AnalogLayer", "AnalogLinear"]

_CHUNK_CPU = 1 << 22  # unfolded values held at once (16 MiB)
_CHUNK_GPU = 1 << 28
_NOISE_AT_ONCE = 1 << 20  # draws held at once (4 MiB)
_LONG_RECORDING = 4096  # input vectors in a chunk from which on an observer may skip some
_FINEST_STEP = 2.0**-8  # of a converter, in levels, where sums are no whole levels


class AnalogLayer(DigitalLayer):
    """A layer on arrays.

    Attributes:
        mapping: how it lies on arrays, as it was when last written or read.
        die: seed, age and flaws.
        clock: whose reads come next; shared with the network.
        output_gain: digital factor of each output, ``[outputs]``; None for 1.
        measured_S: conductances that were read back from real arrays, one block per row tile, or None.
    """

    hardware: ImcSpec
    mapping: Mapping
    die: Die
    clock: ReadClock
    output_gain: NDArray[np.float64] | None
    measured_S: list[NDArray[np.float64]] | None
    _cells: Cells | None
    _held: NDArray[np.float64] | None
    _adc: Converters | None
    _observer: RangeObserver | None
    _fitted: NDArray[np.float64]

    def attach(self, hardware: ImcSpec, path: str, drive: Drive | None) -> None:
        self._cells, self._held, self._adc, self._observer = None, None, None, None
        self.output_gain, self.measured_S = None, None
        self.clock = ReadClock()
        self.die = Die(None, hardware.device.age_s, Effects())
        super().attach(hardware, path, drive)

    def _requantise(self) -> None:
        before = (self._codes, self._scale, self.mapping) if hasattr(self, "_codes") else None
        super()._requantise()
        mapping = self._mapped()
        if before is not None and before[2] == mapping:
            if before[1] == self._scale and np.array_equal(before[0], self._codes):
                return  # moved or cast, but the same weights: what the arrays hold stays
        else:
            self.mapping, self._observer = mapping, None
            self.set_ranges(self.full_scale())
        self._cells, self._held, self._adc, self.output_gain, self.measured_S = None, None, None, None, None

    def _mapped(self) -> Mapping:
        """Return how the layer lies on arrays with the weights that it has."""
        xbar, layout = self.hardware.crossbar, self.hardware.mapping.layout
        rows, outs, groups = self.fan
        kept = stored_rows(self.weight.detach().cpu().double().numpy(), layout)
        return Mapping(
            rows, outs, groups, xbar.rows, xbar.cols, xbar.weight_bits, xbar.cell_bits,
            positions=self.kernel_positions if layout == "kernel_split" else 1,
            stored=None if kept.all() else tuple(np.flatnonzero(kept).tolist()),
        )  # fmt: skip

    def program_cells(self, die: Die) -> None:
        """Write the arrays of a die; done when they are next read."""
        if die.seed != self.die.seed:
            self.measured_S = None
        converters = replace(self.die.effects, adc=die.effects.adc)
        reads = replace(converters, read_noise=die.effects.read_noise)
        same_cells = die == replace(self.die, effects=converters)
        same_weights = die == replace(self.die, effects=reads)
        self.die, self._adc = die, None
        if not same_cells:
            self._cells, self._held = None, None
        if not same_weights:
            self.output_gain = None

    def take_measured(self, measured_S: list[NDArray[np.float64]] | None) -> None:
        """Hold measured conductances, one block per row tile; None: those of the die's own laws again."""
        self.measured_S, self._cells, self._held, self._adc = measured_S, None, None, None

    def held_S(self, tile: int, target: bool = False) -> NDArray[np.float64]:
        """Return the conductances of one row tile in S, targets or as held: ``[bundles, col_tiles, rows, columns]``.

        NaN stands where no cell is used.
        """
        self.refresh()
        if self.measured_S is not None and not target:
            g = self.measured_S[tile]
        else:
            levels = self.mapping.levels(self.mapping.blocks(self._codes), tile)
            g = age_tile(levels, self.hardware, self.die.nominal if target else self.die, (self.path, tile))
        return np.where(self.mapping.exists(tile), g, np.nan)

    # --- converters -------------------------------------------------------------------------------------------

    def full_scale(self) -> NDArray[np.float64]:
        """Return the noise-free worst case of the bit-line sums per array, in levels times DAC steps."""
        drive, dac_bits = self.drive, self.hardware.input.dac_bits
        digit = digit_max(self.hardware) if drive is None else drive.digit_max(dac_bits)
        worst = digit * self.mapping.full_scale_levels(off_level(self.hardware))
        shape = (self.mapping.row_tiles, self.mapping.bundles, self.mapping.col_tiles)
        return np.broadcast_to(worst[:, None, None], shape).copy()

    @property
    def least_step(self) -> float:
        """Smallest useful converter step in levels: 1 where sums are whole levels but for noise."""
        return 1.0 if self._whole_levels else _FINEST_STEP

    @property
    def _whole_levels(self) -> bool:
        device, on = self.hardware.device, self.die.effects
        aged = on.drift and devices.has_time_law(device) and self.die.age_s > devices.first_read_s(device)
        bent = on.nonlinearity and not devices.is_linear(device)
        return not (has_wires(self.hardware, on) or bent or aged or self.measured_S is not None)

    @property
    def range_levels(self) -> NDArray[np.float64]:
        """Input range of the converter of each array, ``[row_tiles, bundles, col_tiles]``.

        As fitted; where sums are whole levels and all of them fit, steps are one level.
        """
        code_max = 2**self.hardware.adc.bits - 1
        fits = (self.full_scale() <= code_max) & self._whole_levels
        return np.where(fits, float(code_max), self._fitted)

    def set_ranges(self, range_levels: NDArray[np.float64]) -> None:
        """Set the converter range of each array, in levels."""
        self._fitted = range_levels
        self._adc = None

    @property
    def _lossless(self) -> bool:
        """Whether converters change nothing."""
        if not self.die.effects.adc:
            return True
        fits = bool((self.full_scale() <= 2**self.hardware.adc.bits - 1).all())
        return fits and self._whole_levels and self.hardware.adc.inl_lsb == 0

    @property
    def _exact_cells(self) -> bool:
        """Whether every cell reads exactly its level, every time."""
        if self.measured_S is not None or not self._whole_levels:
            return False
        device, on = self.hardware.device, self.die.effects
        if self.die.seed is None:
            return True
        written = on.programming and devices.is_noisy(device)
        stuck = on.faults and device.stuck_on + device.stuck_off > 0
        moved = on.drift and devices.has_time_law(device)  # 1/f noise is there from the first read on
        return not (written or stuck or moved or self._loud)

    @property
    def _loud(self) -> bool:
        """Whether reads draw noise."""
        die = self.die
        return (
            die.seed is not None and die.effects.read_noise and devices.has_read_noise(self.hardware.device)
        )

    @property
    def collapsed(self) -> bool:
        """Whether arrays and converters change nothing, so that one integer matrix says it all."""
        return self._exact_cells and self._lossless

    def observe(self, method: str | None = None, percentile: float = 99.9) -> None:
        """Record bit-line sums from now on and fit ranges to them, until ``settle``."""
        self.refresh()
        if self.collapsed or not self.die.effects.adc:
            return
        self._observer = RangeObserver(
            (self.mapping.row_tiles, self.mapping.bundles, self.mapping.col_tiles),
            self.mapping.used_outs,
            self.mapping.bundle_outs,
            float(self.full_scale().max()),
            self.hardware.adc.bits,
            method or self.hardware.adc.calibration,
            percentile,
            self.least_step,
        )

    def settle(self) -> None:
        """Stop recording; the ranges fitted last stay."""
        self._observer = None

    # --- reading ----------------------------------------------------------------------------------------------

    def _total(self, codes: Tensor, drive: Drive, operand: Tensor) -> Tensor:
        draws = self._draws(codes, operand)
        if self.collapsed:
            return self._integer_total(codes, drive)
        if not self.die.effects.adc:
            return self._linear_total(codes, drive, draws)
        if self._observer is not None:
            self._record(codes, drive, self._observer)
            self.set_ranges(self._observer.ranges())
        parts = [
            self._read(codes[units], drive, None if draws is None else draws.part(units))
            for units in self._chunks(codes, drive)
        ]
        return torch.cat(parts) if parts else self._integer_total(codes, drive)

    def _draws(self, codes: Tensor, operand: Tensor) -> ReadDraws | None:
        """Return the noise of the reads to come; None where reads are quiet."""
        sample, step = self.clock.places(operand, self.path, len(codes))
        if not self._loud:
            return None
        assert self.die.seed is not None
        return ReadDraws(self.die.seed, self.path, sample, step, self.clock.epoch)

    def _hardware_on(self, device: torch.device) -> tuple[Cells, Converters]:
        """Return cells and converters on ``device``, programmed if need be."""
        if self._cells is None:
            self._cells = build_cells(
                self._codes, self.mapping, self.hardware, self.path, self.die, self.measured_S
            )
        if self._cells.conductance.device != device:
            self._cells = self._cells.to(device)
        if self._adc is None or self._adc.step.device != device:
            adc = self.hardware.adc
            bent = adc.inl_lsb > 0 and self.die.seed is not None
            curve = (
                curves(self.mapping, adc.cols_per_adc, adc.inl_lsb, self.die.seed, self.path)
                if bent and self.die.seed is not None
                else None
            )
            self._adc = converters(self.range_levels, adc.bits, self.mapping, device, self.least_step, curve)
        return self._cells, self._adc

    def _chunks(self, codes: Tensor, drive: Drive) -> Iterator[slice]:
        """Cut the batch so that unfolded inputs and noise stay within bounded memory."""
        reads = drive.reads_max()
        room = _CHUNK_CPU if codes.device.type == "cpu" else _CHUNK_GPU
        if not len(codes):
            return
        values = self.values_per_sample(codes) * reads
        step = max(1, room // max(1, values))
        if self._loud:
            columns = 2 * self.mapping.slices * self.mapping.bundle_outs * self.mapping.bundles
            draws = values * self.mapping.row_tiles * columns // (self.mapping.groups * self.mapping.fan_in)
            step = min(step, max(1, _NOISE_AT_ONCE // max(1, draws)))
        yield from (slice(i, i + step) for i in range(0, len(codes), step))

    def _read(self, codes: Tensor, drive: Drive, draws: ReadDraws | None) -> Tensor:
        """Drive the arrays with ``codes`` read by read and add the reads up."""
        cells, adc = self._hardware_on(codes.device)
        digits, weights = pulses_of(codes, drive, self.hardware.input.dac_bits)
        pulses = digits.flatten(0, 1)
        rows = self.unfold(pulses.to(cells.conductance.dtype), self.mapping)
        noise = None
        if draws is not None:
            columns = tuple(cells.conductance.shape[:3])
            noise = draws.normal(weights, columns, rows.shape[-1] // len(pulses)).to(codes.device)
        sums = read(rows, cells, adc, self.mapping, phase_gain=2 * drive.code_max, noise=noise)
        outputs = self.fold(sums.flatten(0, 1)[: self._codes.shape[0]], pulses)
        by_read = outputs.unflatten(0, (len(weights), -1))
        total = by_read[0] * weights[0]
        for i, weight in enumerate(weights[1:], start=1):
            total.add_(by_read[i], alpha=weight)
        return total.contiguous()

    def _record(self, codes: Tensor, drive: Drive, observer: RangeObserver) -> None:
        """Show the bit-line sums of ``codes`` to the observer."""
        cells, adc = self._hardware_on(codes.device)
        for units in self._chunks(codes, drive):
            pulses = pulses_of(codes[units], drive, self.hardware.input.dac_bits)[0].flatten(0, 1)
            rows = self.unfold(pulses.to(cells.conductance.dtype), self.mapping)
            stride = observer.stride if rows.shape[-1] >= _LONG_RECORDING else 1
            read(rows[..., ::stride].contiguous(), cells, adc, self.mapping, observer)

    def _linear_total(self, codes: Tensor, drive: Drive, draws: ReadDraws | None) -> Tensor:
        """Multiply by what cells and wires make of the weights; read noise is added per output."""
        dtype = torch.float64 if codes.dtype == torch.float64 else torch.float32
        matrix = torch.from_numpy(self._held_codes()).to(codes.device, dtype)
        total = self.plain(codes.to(dtype), matrix.view(self.weight.shape))
        if draws is None or not len(codes):
            return total
        variance = torch.from_numpy(self._held_variance()).to(codes.device, dtype)
        power = power_of(codes, drive, self.hardware.input.dac_bits).to(dtype)
        sigma = self.plain(power, variance.view(self.weight.shape)).clamp_(min=0).sqrt_()
        outputs = len(self._codes)
        normal = draws.normal([0], (outputs,), total.numel() // (outputs * len(codes))).to(
            codes.device, dtype
        )
        return total + sigma * self.fold(normal, codes)

    # --- weights as held --------------------------------------------------------------------------------------

    def _held_codes(self) -> NDArray[np.float64]:
        """Return what the arrays hold in units of weight codes, ``[outputs, fan_in]``."""
        if self._exact_cells:
            return self._codes.astype(np.float64)
        if self._cells is None or self._held is None:
            cells = self._hardware_on(self.weight.device)[0].conductance.double().cpu().numpy()
            self._held = self._joined(cells, sign=-1.0, gain=2.0**self.mapping.cell_bits)
        return self._held

    def _held_variance(self) -> NDArray[np.float64]:
        """Return the variance of one read in squared weight codes, ``[outputs, fan_in]``."""
        noise = self._hardware_on(self.weight.device)[0].read_variance
        assert noise is not None
        return self._joined(noise.double().cpu().numpy(), sign=1.0, gain=4.0**self.mapping.cell_bits)

    def _joined(self, cells: NDArray[np.float64], sign: float, gain: float) -> NDArray[np.float64]:
        """Join pairs (plus + sign * minus) and slices (weighted by powers of ``gain``)."""
        tiles, bundles, _, rows = cells.shape
        pairs = cells.reshape(tiles, bundles, 2, self.mapping.slices, self.mapping.bundle_outs, rows)
        weights = gain ** np.arange(self.mapping.slices)
        joined = np.einsum("tuinr,i->untr", pairs[:, :, 0] + sign * pairs[:, :, 1], weights)
        matrix = joined.reshape(bundles, self.mapping.bundle_outs, tiles * rows)
        return np.ascontiguousarray(self.mapping.weights_of(matrix))

    def _output_scale(self, drive: Drive, total: Tensor) -> float | Tensor:
        scale = super()._output_scale(drive, total)
        if self.output_gain is None:
            return scale
        return self.bias_like(torch.from_numpy(self.output_gain * scale).to(total.device))

    def effective_weight(self) -> NDArray[np.float64]:
        held = self._held_codes() * self._scale
        return held if self.output_gain is None else held * self.output_gain[:, None]

    def read_sigma(self) -> NDArray[np.float64]:
        """Return the noise that one read adds to each weight, ``[outputs, fan_in]``; zeros where reads are quiet."""
        if not self._loud:
            return np.zeros(self._codes.shape)
        sigma = np.sqrt(self._held_variance()) * self._scale
        return sigma if self.output_gain is None else sigma * self.output_gain[:, None]

    def fresh_weight(self) -> NDArray[np.float64]:
        """Return what the arrays held right after programming, ``[outputs, fan_in]``."""
        if not (self.die.effects.drift and devices.has_time_law(self.hardware.device)):
            return self._held_codes() * self._scale
        fresh = replace(self.die, effects=self.die.effects.without("drift", "read_noise"))
        cells = build_cells(self._codes, self.mapping, self.hardware, self.path, fresh)
        joined = self._joined(cells.conductance.double().numpy(), sign=-1.0, gain=2.0**self.mapping.cell_bits)
        return joined * self._scale


class AnalogConv2d(AnalogLayer, ConvShape, nn.Conv2d):
    """``nn.Conv2d`` on crossbar arrays."""


class AnalogLinear(AnalogLayer, LinearShape, nn.Linear):
    """``nn.Linear`` on crossbar arrays."""
