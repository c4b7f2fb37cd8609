"""From codes to what a read sees."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from chips import IDEAL, NO_WIRES, chip

from axbar import devices
from axbar.crossbar import Effects, Mapping
from axbar.crossbar._cells import Die, age_tile, build_cells, off_level

MAPPING = Mapping(fan_in=100, fan_out=20, groups=1, rows=64, cols=64, weight_bits=4, cell_bits=2)
CODES = np.random.default_rng(0).integers(-7, 8, (20, 100)).astype(np.int32)


def die(seed: int | None) -> Die:
    return Die(seed, 1.0, Effects())


def test_nominal_cells_read_their_level() -> None:
    cells = build_cells(CODES, MAPPING, chip(IDEAL), "fc", die(3))
    assert torch.equal(cells.conductance, cells.conductance.round())
    assert cells.conductance.dtype == torch.float32


def test_a_finite_ratio_adds_the_same_offset_to_every_cell() -> None:
    hardware = chip({**IDEAL, "device.g_off_S": 1e-5})
    plain = build_cells(CODES, MAPPING, chip(IDEAL), "fc", die(None)).conductance
    shifted = build_cells(CODES, MAPPING, hardware, "fc", die(None)).conductance
    offset = (shifted - plain).unique()
    assert offset.numel() == 1
    assert offset.item() == pytest.approx(off_level(hardware), abs=2**-10)
    assert off_level(hardware) == pytest.approx(3 * 1e-5 / 9e-5)


def test_same_seed_same_bits_other_seed_other_bits() -> None:
    made = [build_cells(CODES, MAPPING, chip(), "fc", die(seed)).conductance for seed in (1, 1, 2)]
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])


def test_every_layer_and_array_has_its_own_noise() -> None:
    zeros = np.zeros_like(CODES)
    one, other = (build_cells(zeros, MAPPING, chip(), path, die(1)).conductance for path in ("fc", "fd"))
    assert not torch.equal(one, other)
    assert not torch.equal(one[0, :, :, :36], one[1, :, :, :36])  # second row tile
    by_output = one.view(2, 1, 2, 2, 20, 64)[0, 0, 0, 0]
    assert not torch.equal(by_output[:4], by_output[16:20])  # second column tile


def test_a_row_tile_is_the_same_alone() -> None:
    hardware = chip(NO_WIRES)
    blocks = MAPPING.blocks(CODES)
    cells = build_cells(CODES, MAPPING, hardware, "fc", die(9))
    g = age_tile(MAPPING.levels(blocks, 1), hardware, die(9), ("fc", 1))
    per_level = (hardware.device.g_on_S - hardware.device.g_off_S) / 3
    alone = MAPPING.columns_by_output(g).reshape(1, -1, 64) / per_level
    assert np.abs(alone - cells.conductance[1].numpy()).max() <= 2.0 ** -(cells.grid_bits + 1)


def test_column_sums_are_exact_in_any_order() -> None:
    cells = build_cells(CODES, MAPPING, chip(), "fc", die(4)).conductance[0, 0]
    order = torch.randperm(cells.shape[-1], generator=torch.Generator().manual_seed(0))
    assert torch.equal(cells[:, order].sum(-1), cells.double().sum(-1).float())
    forward = torch.zeros(len(cells))
    for r in range(cells.shape[-1]):
        forward = forward + cells[:, r]
    assert torch.equal(forward, cells[:, order].sum(-1))


def test_large_sums_move_to_double_precision() -> None:
    mapping = Mapping(fan_in=4096, fan_out=1, groups=1, rows=4096, cols=64, weight_bits=8, cell_bits=7)
    codes = np.full((1, 4096), 127)
    cells = build_cells(codes, mapping, chip(NO_WIRES), "fc", die(0))
    assert cells.conductance.dtype == torch.float64
    assert cells.grid_bits >= 8


@pytest.mark.parametrize("level", [0, 1, 3])
def test_noise_moments_of_a_level(level: int) -> None:
    """20,000 programmed cells of one level against the preset, in S."""
    hardware = chip({"device": "rram-neurram"})
    levels = np.full((1, 5, 64, 64), level, dtype=np.uint8)  # 20,480 cells
    g = age_tile(levels, hardware, die(11), ("layer", 0)).ravel()[:20_000]
    target = 1e-6 + level / 3 * 39e-6
    sigma = float(devices.preset_of(hardware.device).program_sigma(target))
    if level == 0:  # 1 uS is less than one sigma above 0 S: clipped draws lift the mean
        assert g.min() == 0.0
        assert g.mean() > target
        return
    assert abs(g.mean() - target) < 3 * sigma / np.sqrt(g.size)
    assert abs(g.std() - sigma) < 3 * sigma / np.sqrt(2 * g.size)
