"""How weights lie on arrays."""

from __future__ import annotations

import numpy as np
import pytest

from axbar.crossbar import Mapping


def random_codes(mapping: Mapping, seed: int = 0) -> np.ndarray:
    top = 2 ** (mapping.weight_bits - 1) - 1
    shape = (mapping.groups * mapping.fan_out, mapping.fan_in)
    return np.random.default_rng(seed).integers(-top, top + 1, shape).astype(np.int32)


CASES = [
    Mapping(288, 64, 1, 64, 64, 4, 2),
    Mapping(9, 5, 1, 64, 64, 4, 2),
    Mapping(130, 17, 1, 64, 64, 8, 3),
    Mapping(9, 1, 12, 64, 64, 4, 2),  # depthwise: 7 groups share an array
    Mapping(9, 2, 13, 32, 16, 2, 1),
    Mapping(70, 9, 3, 64, 32, 4, 1),  # groups larger than an array
    Mapping(288, 64, 1, 64, 64, 4, 2, positions=9),
    Mapping(9 * 70, 17, 1, 64, 64, 8, 3, positions=9),  # two row tiles per position
    Mapping(4 * 70, 9, 3, 64, 32, 4, 1, positions=4),
    Mapping(9, 1, 20, 8, 64, 4, 2, positions=9),  # depthwise: 8 groups share an array of one position
]


def test_columns_stand_in_the_agreed_order() -> None:
    mapping = Mapping(fan_in=2, fan_out=2, groups=1, rows=4, cols=8, weight_bits=4, cell_bits=2)
    levels = mapping.levels(mapping.blocks(np.array([[7, -1], [0, -6]])), 0)
    # per output: low slice plus, minus, high slice plus, minus; 7 = 3 + 4 * 1, 6 = 2 + 4 * 1
    assert levels[0, 0].tolist() == [[3, 0, 1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 2, 0, 1]]


@pytest.mark.parametrize("mapping", CASES)
def test_weights_come_back(mapping: Mapping) -> None:
    codes = random_codes(mapping)
    blocks = mapping.blocks(codes)
    tiles = [
        mapping.columns_by_output(mapping.levels(blocks, t)).astype(float) for t in range(mapping.row_tiles)
    ]
    gain = 2.0 ** (mapping.cell_bits * np.arange(mapping.slices))
    joined = [np.einsum("usnr,s->unr", tile[:, 0] - tile[:, 1], gain) for tile in tiles]
    assert np.array_equal(mapping.weights_of(np.concatenate(joined, axis=-1)), codes)


@pytest.mark.parametrize("mapping", CASES)
def test_full_scale_bounds_every_column_and_is_reached(mapping: Mapping) -> None:
    top = 2 ** (mapping.weight_bits - 1) - 1
    codes = np.full((mapping.groups * mapping.fan_out, mapping.fan_in), top)
    blocks = mapping.blocks(codes)
    for tile, bound in enumerate(mapping.full_scale_levels(0.0)):
        largest = mapping.levels(blocks, tile).astype(int).sum(axis=-2).max()
        assert largest == bound  # the low slice of the largest code is full


def test_full_scale_counts_the_offset_of_every_driven_row() -> None:
    shared = Mapping(9, 1, 12, 64, 64, 4, 2)
    assert shared.full_scale_levels(0.5).tolist() == [9 * 3 + 63 * 0.5]
    assert Mapping(70, 9, 1, 64, 64, 4, 2).full_scale_levels(1.0).tolist() == [64 * 4.0, 6 * 4.0]


def test_kernel_split_gives_every_position_arrays_of_its_own() -> None:
    # 70 channels of a 3x3 kernel on 64 rows: 2 row tiles per position, 18 in all, of 64 and 6 rows in turn
    mapping = Mapping(9 * 70, 16, 1, 64, 64, 4, 2, positions=9)
    assert (mapping.row_tiles, mapping.used_rows, mapping.n_arrays) == (18, 64, 18)
    assert [int(mapping.exists(t)[0, 0].any(axis=-1).sum()) for t in range(4)] == [64, 6, 64, 6]
    codes = np.zeros((16, 9 * 70), dtype=np.int32)
    codes[3, 65 * 9 + 4] = 5  # channel 65 at the centre: second tile of position 4, row 1
    tiles = [mapping.levels(mapping.blocks(codes), t) for t in range(18)]
    assert [t for t, tile in enumerate(tiles) if tile.any()] == [9]
    assert np.flatnonzero(tiles[9][0, 0].any(axis=-1)).tolist() == [1]


@pytest.mark.parametrize(
    ("fan_in", "fan_out", "groups", "arrays"),
    [
        (288, 64, 1, 5 * 4),
        (3136, 10, 1, 49),
        (9, 1, 64, 10),
        (9, 32, 1, 2),
        (64, 16, 2, 2),
        (65, 16, 2, 4),
        (32, 8, 4, 2),
    ],
)
def test_number_of_arrays(fan_in: int, fan_out: int, groups: int, arrays: int) -> None:
    assert Mapping(fan_in, fan_out, groups, 64, 64, 4, 2).n_arrays == arrays
