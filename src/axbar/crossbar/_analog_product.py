"""Products whose right operand is written into arrays for every sample and step, and read once per token.

The same three ways to the sums as a layer with weights has (``_analog``): *integer* where nothing on the arrays changes
a sum, *linear* where converters are switched off, else *read*. What one sample and step writes is a *unit*; units lie
side by side as further bundles (``_written.for_units``), so that the read of a layer serves them all at once.

**Wires.** A written array is solved once, into its effective conductance, and read by matrix products, unless few
vectors will be read before it is written anew. Then conjugate gradients solve the currents of every vector
(``read_currents``); the break-even, a quarter of the longer side of the array, is the one measured there: 16 vectors on
64x64 cells, which is M = 1 for signed inputs fed bit by bit. There a column's read noise is attenuated as its current
is, not cell by cell.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from axbar import devices
from axbar.calibration import RangeObserver
from axbar.crossbar._cells import Die, digit_max, has_wires, off_level
from axbar.crossbar._clock import ReadClock
from axbar.crossbar._drive import Drive
from axbar.crossbar._effects import Effects
from axbar.crossbar._inl import curves
from axbar.crossbar._mapping import Mapping
from axbar.crossbar._noise import ReadDraws
from axbar.crossbar._product import DigitalMatMul
from axbar.crossbar._product_read import ProductRead
from axbar.crossbar._read import Converters, converters
from axbar.crossbar._run_time import Writing, check_run_time
from axbar.spec.imc import ImcSpec

__all__ = ["AnalogMatMul"]

_FINEST_STEP = 2.0**-8  # of a converter, in levels, where sums are no whole levels


class AnalogMatMul(DigitalMatMul):
    """``MatMul`` on crossbar arrays.

    Converter ranges and shapes belong to what was seen: operands of another shape get arrays of their own, whose
    converters span the worst case until they are fitted.

    Attributes:
        die: seed and flaws; nothing is read long enough after its write to drift.
        clock: whose operands come next; shared with the network.
    """

    hardware: ImcSpec
    die: Die
    clock: ReadClock
    _fitted: dict[Mapping, NDArray[np.float64]]
    _observers: dict[Mapping, RangeObserver]
    _observing: tuple[str, float] | None
    _adc: dict[Mapping, Converters]
    _largest: Mapping | None

    def attach(self, hardware: ImcSpec, path: str, drive: Drive | None, right: Drive | None) -> None:
        """Take the chip and the codings of both operands.

        Raises:
            SpecError: arrays of the chip can't hold the right operand.
        """
        check_run_time(hardware)
        super().attach(hardware, path, drive, right)
        self.die, self.clock = Die(None, hardware.device.age_s, Effects()), ReadClock()
        self._fitted, self._observers, self._observing, self._adc, self._largest = {}, {}, None, {}, None

    def write_otherwise(self, hardware: ImcSpec) -> None:
        """Take a chip with another ``run_time`` block, on the same die; converters span the worst case again.

        Raises:
            SpecError: arrays of the chip can't hold the right operand.
        """
        die, clock = self.die, self.clock
        self.attach(hardware, self.path, self.drive, self.right)
        self.die, self.clock = die, clock

    @property
    def n_arrays(self) -> int:
        """Arrays that the largest operands seen so far occupy; 0 before any, and with digital multipliers."""
        return 0 if self._largest is None else self._largest.n_arrays

    def program_cells(self, die: Die) -> None:
        """Go to another die; what it writes follows from the operands."""
        self.die = die
        self._adc.clear()

    # --- converters -------------------------------------------------------------------------------------------

    def observe(self, method: str | None = None, percentile: float = 99.9) -> None:
        """Record bit-line sums from now on and fit ranges to them, until ``settle``."""
        self._observing = (method or self.hardware.adc.calibration, percentile)
        self._observers.clear()

    def settle(self) -> None:
        """Stop recording; the ranges fitted last stay."""
        self._observing = None
        self._observers.clear()

    def _full_scale(self, mapping: Mapping, writing: Writing) -> NDArray[np.float64]:
        """Return the noise-free worst case of the bit-line sums per array, in levels times DAC steps."""
        spikes = self.drive is not None and self.drive.coding != "real"
        digit = 1 if spikes else digit_max(self.hardware)
        worst = digit * mapping.full_scale_levels(off_level(writing.chip))
        return np.broadcast_to(worst[:, None, None], _arrays(mapping)).copy()

    def _whole_levels(self, writing: Writing) -> bool:
        """Whether sums are whole levels but for noise."""
        bent = self.die.effects.nonlinearity and not devices.is_linear(writing.device)
        return not (has_wires(self.hardware, self.die.effects) or bent)

    def _least_step(self, writing: Writing) -> float:
        """Smallest useful converter step in levels."""
        return 1.0 if self._whole_levels(writing) else _FINEST_STEP

    def _exact_cells(self, writing: Writing) -> bool:
        """Whether every cell reads exactly its level, every time."""
        device, on = writing.device, self.die.effects
        written = on.programming and devices.is_noisy(device)
        stuck = on.faults and device.stuck_on + device.stuck_off > 0
        noisy = self.die.seed is not None and (written or stuck or self._loud(writing))
        return self._whole_levels(writing) and not noisy

    def _loud(self, writing: Writing) -> bool:
        """Whether reads draw noise."""
        on = self.die.effects.read_noise
        return self.die.seed is not None and on and devices.has_read_noise(writing.device)

    def _lossless(self, mapping: Mapping, writing: Writing) -> bool:
        """Whether converters change nothing."""
        adc = self.hardware.adc
        if not self.die.effects.adc:
            return True
        fits = bool((self._full_scale(mapping, writing) <= 2**adc.bits - 1).all())
        return fits and self._whole_levels(writing) and adc.inl_lsb == 0

    def _collapsed(self, mapping: Mapping, writing: Writing) -> bool:
        """Whether arrays and converters change nothing."""
        return self._exact_cells(writing) and self._lossless(mapping, writing)

    def _converters(self, mapping: Mapping, writing: Writing, device: torch.device) -> Converters:
        """Return the converters of one unit."""
        if mapping not in self._adc or self._adc[mapping].step.device != device:
            adc, full = self.hardware.adc, self._full_scale(mapping, writing)
            seed, fits = self.die.seed, (full <= 2**adc.bits - 1) & self._whole_levels(writing)
            ranges = np.where(fits, 2.0**adc.bits - 1, self._fitted.get(mapping, full))
            curve = None
            if adc.inl_lsb > 0 and seed is not None:
                curve = curves(mapping, adc.cols_per_adc, adc.inl_lsb, seed, self.path)
            least = self._least_step(writing)
            self._adc[mapping] = converters(ranges, adc.bits, mapping, device, least, curve)
        return self._adc[mapping]

    # --- reading ----------------------------------------------------------------------------------------------

    def _total(
        self, rows: Tensor, codes: Tensor, driving: Drive, writing: Drive, need_held: bool
    ) -> tuple[Tensor, Tensor]:
        lead = self.clock.leading(rows.shape)
        # [units, heads, M, K] and [units, heads, K, N]
        before = rows.shape[:-2]
        x = rows.reshape(math.prod(before[:lead]), math.prod(before[lead:]), *rows.shape[-2:])
        units = self._units(rows, len(x))
        if self.hardware.run_time.unit == "digital" or 0 in (*rows.shape, *codes.shape):
            return self._integer_total(rows, codes, driving, writing), codes
        how = Writing(self.hardware, writing)
        mapping = how.mapping((x.shape[1], codes.shape[-2], codes.shape[-1]))
        if self._largest is None or mapping.n_arrays > self._largest.n_arrays:
            self._largest = mapping
        if self._collapsed(mapping, how):
            return self._integer_total(rows, codes, driving, writing), codes
        y = codes.reshape(*x.shape[:2], *codes.shape[-2:])
        run = ProductRead(how, mapping, driving, self.die, x.shape[2])
        parts = [(x[i], y[i], None if units is None else units.part(i)) for i in run.parts(len(x))]
        adc = None
        if self.die.effects.adc:
            self._fit(run, parts)
            adc = self._converters(mapping, how, rows.device)
        sums, held = zip(*(run.total(*part, adc, need_held) for part in parts), strict=True)
        total = torch.cat(sums).reshape(*rows.shape[:-1], codes.shape[-1])
        return total, torch.cat(held).reshape(codes.shape) if need_held else codes

    def _units(self, rows: Tensor, count: int) -> ReadDraws | None:
        """Return whose operands these are, and move the clock on; None for nominal cells."""
        sample, step = self.clock.places(rows, self.path, count)
        if self.die.seed is None:
            return None
        return ReadDraws(self.die.seed, self.path, sample, step, self.clock.epoch)

    def _fit(self, run: ProductRead, parts: list[tuple[Tensor, Tensor, ReadDraws | None]]) -> None:
        """While recording, show the bit-line sums to the observer of their arrays, and take its ranges."""
        if self._observing is None:
            return
        mapping = run.mapping
        if mapping not in self._observers:
            self._observers[mapping] = self._observer(mapping, run.writing, *self._observing)
        for part in parts:
            run.record(*part, self._observers[mapping])
        self._fitted[mapping] = self._observers[mapping].ranges()
        self._adc.pop(mapping, None)

    def _observer(self, mapping: Mapping, writing: Writing, method: str, percentile: float) -> RangeObserver:
        return RangeObserver(
            _arrays(mapping),
            mapping.used_outs,
            mapping.bundle_outs,
            float(self._full_scale(mapping, writing).max()),
            self.hardware.adc.bits,
            method,
            percentile,
            self._least_step(writing),
        )


def _arrays(mapping: Mapping) -> tuple[int, int, int]:
    return mapping.row_tiles, mapping.bundles, mapping.col_tiles
