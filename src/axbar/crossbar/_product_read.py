"""Write and read the right operands of some units: what ``AnalogMatMul`` does with arrays, for one call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from axbar.calibration import RangeObserver
from axbar.crossbar._cells import Cells, Die, has_wires
from axbar.crossbar._currents import few_inputs
from axbar.crossbar._drive import Drive, power_of, pulses_of
from axbar.crossbar._mapping import Mapping
from axbar.crossbar._noise import ReadDraws
from axbar.crossbar._read import Converters, join_sums, read
from axbar.crossbar._run_time import Writing
from axbar.crossbar._solved import solved_sums
from axbar.crossbar._written import for_units, write_cells

__all__ = ["ProductRead"]

_CELLS_AT_ONCE = (
    1 << 18
)  # written together (2 MiB in float64): small products share a pass, large ones stay alone
_SUMS_AT_ONCE = 1 << 22  # bit-line sums of one pass
_LONG_RECORDING = 4096  # input vectors in a pass from which on an observer may skip some


@dataclass(frozen=True)
class ProductRead:
    """One call of a product on arrays.

    Args:
        writing: how right operands are written.
        mapping: of one unit.
        driving: coding of left operands.
        die: seed and flaws.
        tokens: rows M of the left operand.
    """

    writing: Writing
    mapping: Mapping
    driving: Drive
    die: Die
    tokens: int

    @property
    def _dac_bits(self) -> int:
        return self.writing.hardware.input.dac_bits

    @property
    def _columns(self) -> tuple[int, int, int]:
        """Columns of one unit as the read lays them out: row tiles, bundles, columns."""
        m = self.mapping
        return m.row_tiles, m.bundles, 2 * m.slices * m.bundle_outs

    @property
    def _most_vectors(self) -> int:
        """Vectors that one unit drives, all pulses in use."""
        if self.driving.coding != "real":
            return self.tokens * (2 if self.driving.coding == "signed" else 1)
        return self.tokens * 2 * -(-self.driving.bits // self._dac_bits)

    @property
    def _by_vector(self) -> bool:
        """Whether solving for every vector costs less than solving the written arrays."""
        m, converts = self.mapping, self.die.effects.adc
        few = few_inputs(self._most_vectors, m.used_rows, 2 * m.slices * m.used_outs)
        return converts and few and has_wires(self.writing.chip, self.die.effects)

    def parts(self, units: int) -> Iterator[slice]:
        """Cut units so that cells and sums stay within bounded memory."""
        columns = int(np.prod(self._columns))
        cells, sums = columns * self.mapping.used_rows, columns * self._most_vectors
        step = max(1, min(_CELLS_AT_ONCE // cells, _SUMS_AT_ONCE // sums))
        yield from (slice(i, i + step) for i in range(0, units, step))

    def total(
        self, x: Tensor, y: Tensor, units: ReadDraws | None, adc: Converters | None, need_held: bool
    ) -> tuple[Tensor, Tensor]:
        """Return the sums, and the right operands as held.

        Args:
            x: codes of left operands ``[units, heads, M, K]``.
            y: clipped codes of right operands ``[units, heads, K, N]``.
            units: whose operands these are; None for nominal cells.
            adc: converters of one unit; None where they are switched off.
            need_held: the second result is wanted; else it is ``y``.

        Returns:
            ``[units, heads, M, N]`` and ``[units, heads, K, N]``, in units of code.
        """
        cells = self._write(y, units)
        if adc is None:
            return self._linear(x, cells, units), self._held(cells, len(x)) if need_held else y
        total = self._converted(x, cells, units, adc)
        return total, self._held(cells, len(x)) if need_held else y

    def record(self, x: Tensor, y: Tensor, units: ReadDraws | None, observer: RangeObserver) -> None:
        """Show the bit-line sums to an observer of one unit's arrays, which all units share; reads are quiet."""
        cells = replace(self._write(y, units), read_variance=None)
        pulses = pulses_of(x, self.driving, self._dac_bits)[0].to(cells.conductance.dtype)
        bundles = self.mapping.bundles
        for unit in range(len(x)):
            mine = slice(unit * bundles, (unit + 1) * bundles)
            rows = self._rows(pulses[:, unit : unit + 1])
            rows = rows[..., :: observer.stride if rows.shape[-1] >= _LONG_RECORDING else 1].contiguous()
            if self._by_vector:
                sums = solved_sums(rows, cells.conductance[:, mine], self.mapping, self.writing.chip)
            else:
                tiles = zip(cells.conductance[:, mine], rows, strict=True)
                sums = torch.stack([torch.bmm(cell, row) for cell, row in tiles])
            observer(0, sums)

    def _write(self, y: Tensor, units: ReadDraws | None) -> Cells:
        codes = y.transpose(-1, -2).reshape(len(y), -1, y.shape[-2]).to(torch.int16).cpu().numpy()
        die = replace(self.die, effects=self.die.effects.without("wires")) if self._by_vector else self.die
        return write_cells(codes, self.mapping, self.writing.chip, die, units).to(y.device)

    def _rows(self, pulses: Tensor) -> Tensor:
        """Return the rows driven, ``[row_tiles, units * bundles, used_rows, reads * M]``.

        Args:
            pulses: ``[reads, units, heads, M, K]``.
        """
        m = self.mapping
        reads, units, heads, tokens, fan_in = pulses.shape
        by_row = pulses.permute(1, 2, 4, 0, 3).reshape(units, heads * fan_in, reads * tokens)
        depth = m.bundles * m.groups_per_array * fan_in
        if depth > by_row.shape[1]:
            by_row = torch.nn.functional.pad(by_row, (0, 0, 0, depth - by_row.shape[1]))
        by_bundle = by_row.reshape(units * m.bundles, m.bundle_rows, -1)
        missing = m.row_tiles * m.used_rows - m.bundle_rows
        if missing:
            by_bundle = torch.nn.functional.pad(by_bundle, (0, 0, 0, missing))
        return by_bundle.view(len(by_bundle), m.row_tiles, m.used_rows, -1).transpose(0, 1).contiguous()

    def _converted(self, x: Tensor, cells: Cells, units: ReadDraws | None, adc: Converters) -> Tensor:
        """Read array by array, with a converter behind every column."""
        if self._by_vector:  # unit by unit, so that no solution depends on the units beside it
            bundles = self.mapping.bundles
            each = [
                self._read(
                    x[i : i + 1],
                    cells.part(slice(i * bundles, (i + 1) * bundles)),
                    None if units is None else units.part(slice(i, i + 1)),
                    adc,
                )
                for i in range(len(x))
            ]
            return torch.cat(each)
        return self._read(x, cells, units, adc)

    def _read(self, x: Tensor, cells: Cells, units: ReadDraws | None, adc: Converters) -> Tensor:
        count, heads, tokens, _ = x.shape
        every = for_units(self.mapping, count)
        digits, weights = pulses_of(x, self.driving, self._dac_bits)
        rows = self._rows(digits.to(cells.conductance.dtype))
        noise = None
        if cells.read_variance is not None and units is not None:
            noise = self._noise(units, weights).to(x.device)
        gain = 2 * self.driving.code_max
        shared = adc.repeated(count)
        if self._by_vector:
            sums = solved_sums(rows, cells.conductance, every, self.writing.chip, cells.read_variance, noise)
            out = join_sums(sums, shared, every, gain)
        else:
            out = read(rows, cells, shared, every, phase_gain=gain, noise=noise)
        by_head = out.view(count, -1, self.mapping.fan_out, len(weights), tokens)[:, :heads]
        total = by_head[..., 0, :] * weights[0]
        for i, weight in enumerate(weights[1:], start=1):
            total.add_(by_head[..., i, :], alpha=weight)
        return total.transpose(-1, -2)

    def _noise(self, units: ReadDraws, weights: list[int]) -> Tensor:
        """Return the draws of all reads, ``[row_tiles, units * bundles, columns, reads * M]``."""
        tiles, bundles, columns = self._columns
        drawn = units.normal(weights, self._columns, self.tokens)
        count = len(units.sample)
        by_unit = drawn.view(tiles, bundles, columns, len(weights), count, self.tokens)
        return by_unit.permute(0, 4, 1, 2, 3, 5).reshape(tiles, count * bundles, columns, -1)

    def _linear(self, x: Tensor, cells: Cells, units: ReadDraws | None) -> Tensor:
        """Multiply by what cells and wires make of the right operands; read noise is added per output."""
        held = self._held(cells, len(x))
        total = x.to(held.dtype) @ held
        if cells.read_variance is None or units is None:
            return total
        variance = self._joined(cells.read_variance, len(x), sign=1.0, gain=4.0**self.mapping.cell_bits)
        power = power_of(x, self.driving, self._dac_bits).to(variance.dtype)
        sigma = (power @ variance).clamp_(min=0).sqrt_()
        heads, outs = x.shape[1], self.mapping.fan_out
        normal = units.normal([0], (heads, outs), self.tokens).view(heads, outs, len(x), self.tokens)
        return total + sigma.to(total.dtype) * normal.permute(2, 0, 3, 1).to(total)

    def _held(self, cells: Cells, units: int) -> Tensor:
        """Return what the arrays hold in units of code, ``[units, heads, K, N]``."""
        return self._joined(cells.conductance, units, sign=-1.0, gain=2.0**self.mapping.cell_bits)

    def _joined(self, cells: Tensor, units: int, sign: float, gain: float) -> Tensor:
        """Join pairs (plus + sign * minus) and slices (weighted by powers of ``gain``)."""
        m = self.mapping
        tiles, bundles, _, rows = cells.shape
        pairs = cells.view(tiles, bundles, 2, m.slices, m.bundle_outs, rows)
        joined = pairs[:, :, 0] + sign * pairs[:, :, 1]
        total = joined[:, :, 0]
        for s in range(1, m.slices):
            total = total + joined[:, :, s] * gain**s
        matrix = total.permute(1, 2, 0, 3).reshape(bundles, m.bundle_outs, tiles * rows).cpu().numpy()
        by_head = torch.from_numpy(for_units(m, units).weights_of(matrix)).to(cells.device)
        return by_head.view(units, -1, m.fan_out, m.fan_in)[:, : m.groups].transpose(-1, -2)
