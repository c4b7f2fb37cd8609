"""One read: bit-line sums, converters, digital joining."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from chips import IDEAL, chip

from axbar.crossbar import Effects, Mapping
from axbar.crossbar._cells import Die, build_cells
from axbar.crossbar._read import converters, read

CPU = torch.device("cpu")


def two_tiles() -> Mapping:
    """One output, 6 rows on two arrays of 4, 4-bit weights in 2-bit cells."""
    return Mapping(fan_in=6, fan_out=1, groups=1, rows=4, cols=4, weight_bits=4, cell_bits=2)


def pulses(*rows: int) -> torch.Tensor:
    """One input vector on the two tiles."""
    padded = [*rows, *[0] * (8 - len(rows))]
    return torch.tensor(padded, dtype=torch.float32).view(2, 1, 4, 1)


def read_with(steps: list[float], bits: int, x: torch.Tensor) -> float:
    """Weights 7, 6, 5, -3 on the first array, 2, -7 on the second; given range per array in levels."""
    mapping = two_tiles()
    cells = build_cells(
        np.array([[7, 6, 5, -3, 2, -7]]), mapping, chip(IDEAL), "w", Die(None, 1.0, Effects())
    )
    ranges = np.array(steps).reshape(2, 1, 1) * (2**bits - 1)
    return float(read(x, cells, converters(ranges, bits, mapping, CPU), mapping))


def test_lossless_read_is_the_dot_product() -> None:
    assert read_with([1, 1], 8, pulses(1, 1, 1, 1, 1, 1)) == 7 + 6 + 5 - 3 + 2 - 7
    assert read_with([1, 1], 8, pulses(1, 0, 1, 0, 0, 1)) == 7 + 5 - 7
    assert read_with([1, 1], 8, pulses(0, 0, 0, 0, 0, 0)) == 0


def test_coarse_read_by_hand() -> None:
    # First array, step 2: plus low 3 + 2 + 1 = 6 -> code 3, plus high 1 + 1 + 1 = 3 -> floor(2) = 2,
    # minus low 3 -> 2.
    # Second array, step 1: 2 in the low slice; minus low 3, high 1.
    first = 2 * ((3 + 4 * 2) - 2)
    second = 2 - (3 + 4 * 1)
    assert read_with([2, 1], 8, pulses(1, 1, 1, 1, 1, 1)) == first + second


def test_a_full_converter_clips() -> None:
    # 2 bits: codes 0..3. Low slice 6 -> 3, high slice 3 -> 3, minus low 3.
    assert read_with([1, 1], 2, pulses(1, 1, 1, 1)) == (3 + 4 * 3) - 3


def test_fractional_steps_are_kept_on_the_grid() -> None:
    mapping = two_tiles()
    adc = converters(np.full((2, 1, 1), 10.0), 2, mapping, CPU)
    assert adc.step.flatten().tolist() == [3.3359375, 3.3359375]  # 10 / 3 rounded up to 1 / 256
    assert not adc.unit and adc.code_max == 3


def test_no_step_below_one_level() -> None:
    adc = converters(np.full((2, 1, 1), 5.0), 8, two_tiles(), CPU)
    assert adc.unit


@pytest.mark.parametrize("bits", [2, 4, 6])
def test_converter_is_monotone_and_its_codes_bounded(bits: int) -> None:
    mapping = Mapping(fan_in=64, fan_out=1, groups=1, rows=64, cols=4, weight_bits=2, cell_bits=1)
    one_bit = chip({**IDEAL, "crossbar.weight_bits": 2, "crossbar.cell_bits": 1})
    cells = build_cells(np.ones((1, 64), dtype=int), mapping, one_bit, "w", Die(None, 1.0, Effects()))
    adc = converters(np.full((1, 1, 1), 64.0), bits, mapping, CPU)
    staircase = torch.tril(torch.ones(64, 64)).t().reshape(1, 1, 64, 64)  # position n drives n + 1 rows
    y = read(staircase, cells, adc, mapping).flatten()
    assert torch.all(y.diff() >= 0)
    assert len(y.unique()) <= 2**bits
    step = float(adc.step[0])
    exact = torch.arange(1, 65).clamp(max=(2**bits - 1) * step)
    assert torch.all((y - exact).abs() <= step / 2)


def test_blocks_do_not_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    mapping = Mapping(fan_in=300, fan_out=33, groups=1, rows=64, cols=64, weight_bits=4, cell_bits=2)
    codes = np.random.default_rng(2).integers(-7, 8, (33, 300))
    cells = build_cells(codes, mapping, chip(), "w", Die(0, 1.0, Effects()))
    adc = converters(np.full((5, 1, mapping.col_tiles), 50.0), 5, mapping, CPU)
    x = (torch.rand(5, 1, 64, 301, generator=torch.Generator().manual_seed(0)) < 0.3).float()
    whole = read(x, cells, adc, mapping)
    monkeypatch.setattr("axbar.crossbar._read._BLOCK_CPU", 1 << 13)
    assert torch.equal(read(x, cells, adc, mapping), whole)
    assert torch.equal(read(x[..., 17:18].contiguous(), cells, adc, mapping), whole[..., 17:18])
