"""Where arrays lie, checked one by one; H-tree lengths, checked on a tree that is built."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pytest
from cost_cases import chip, geometry, real

from axbar.cost.components.interconnect import broadcast_pitches, reduction_pitches
from axbar.cost.imc._mapping import map_layers
from axbar.workload import LayerTrace
from axbar.workload._types import Geometry


def _layer(where: Geometry) -> LayerTrace:
    return LayerTrace(
        "l", "conv2d", ("input",), where, (0,), (real(np.random.default_rng(0), where.in_shape),)
    )


def _laid_out(
    where: Geometry, rows: int, outs: int, per_tile: int, split: bool = False, copies: int = 1
) -> dict[str, float]:
    """Place array after array on tiles and count, per read of one copy."""
    number = 0
    row_needs: dict[int, set[tuple[int, int]]] = defaultdict(set)  # tile -> (group of a copy, row tile)
    sums: dict[tuple[int, int], set[int]] = defaultdict(set)  # (group of a copy, column tile) -> tiles
    blocks = math.prod(where.kernel) if split else 1
    tall = where.fan_in // blocks
    depth, col_tiles = math.ceil(tall / rows), math.ceil(where.fan_out / outs)
    row_tiles = blocks * depth
    for group in range(where.groups * copies):
        for c in range(col_tiles):
            for r in range(row_tiles):
                row_needs[number // per_tile].add((group, r))
                sums[group, c].add(number // per_tile)
                number += 1

    def height(r: int) -> int:
        return min(rows, tall - r % depth * rows)

    def width(c: int) -> int:
        return min(outs, where.fan_out - c * outs)

    return {
        "arrays": number,
        "tiles": math.ceil(number / per_tile),
        "row_copies": sum(height(r) for needs in row_needs.values() for _, r in needs) / copies,
        "sums_crossing": sum((len(tiles) - 1) * width(c) for (_, c), tiles in sums.items()) / copies,
    }


@pytest.mark.parametrize(
    ("channels", "outputs", "kernel", "groups"),
    [(3, 64, 3, 1), (64, 64, 3, 1), (96, 100, 3, 1), (256, 40, 5, 1), (128, 128, 3, 2), (64, 300, 1, 1)],
)
@pytest.mark.parametrize(("per_pe", "pes"), [(9, 8), (2, 2), (1, 1), (5, 3)])
@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("copies", [1, 3])
def test_traffic_equals_arrays_placed_one_by_one(
    channels: int, outputs: int, kernel: int, groups: int, per_pe: int, pes: int, split: bool, copies: int
) -> None:
    where = geometry(channels, outputs, 8, kernel, groups)
    spec = chip(
        tile__arrays_per_pe=per_pe, tile__pes_per_tile=pes, mapping__duplication=copies,
        mapping__layout="kernel_split" if split else "flattened",
    )  # fmt: skip
    layout = map_layers([_layer(where)], spec)
    expected = _laid_out(where, 64, 64 // (2 * int(layout.slices[0])), per_pe * pes, split, copies)
    for name, value in expected.items():
        assert getattr(layout, name)[0] == value, name


def test_depthwise_groups_share_arrays() -> None:
    # 9 rows and 1 output (2 columns) per group: min(64 // 9, 32 // 1) = 7 groups in an array of 64 x 64
    layout = map_layers([_layer(geometry(32, 32, 8, 3, 32))], chip(crossbar__cell_bits=3))
    assert layout.pack[0] == 7
    assert layout.arrays[0] == math.ceil(32 / 7)
    assert (layout.rows_used[0], layout.cols_used[0]) == (63, 14)
    assert layout.row_copies[0] == 32 * 9
    # the last array holds 32 - 4 * 7 = 4 groups, whose rows see the columns of 4 outputs
    active = np.ones(32 * 9)
    assert layout.cells_seen([active], np.array([active.sum()]))[0] == 28 * 9 * 7 * 2 + 4 * 9 * 4 * 2


def test_depthwise_groups_share_the_arrays_of_a_kernel_position() -> None:
    # one row and one output (2 columns) per group and position: min(64 // 1, 32 // 1) = 32 groups in an array
    layout = map_layers([_layer(geometry(40, 40, 8, 3, 40))], chip(mapping__layout="kernel_split"))
    assert (layout.pack[0], layout.row_tiles[0], layout.arrays[0]) == (32, 9, 18)
    assert (layout.rows_used[0], layout.cols_used[0]) == (32, 64)
    active = np.ones(40 * 9)
    assert layout.cells_seen([active], np.array([active.sum()]))[0] == 9 * (32 * 32 + 8 * 8) * 2


def test_the_platform_of_spikesim_has_one_array_per_kernel_position_in_a_pe() -> None:
    # Q_l = ceil(C_in / 64) ceil(C_out / 64) processing elements of k^2 arrays, one cell per weight
    shapes = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256)]
    layers = [_layer(geometry(c, n, 8, 3)) for c, n in shapes]
    # a differential pair takes two columns, so 128 of them hold 64 outputs
    layout = map_layers(layers, chip(mapping__layout="kernel_split", crossbar__cols=128))
    assert layout.pes.tolist() == [1, 1, 2, 4, 8, 16, 16]
    assert layout.arrays.sum() == 9 * 48


def test_utilisation_is_weights_over_cells() -> None:
    layout = map_layers([_layer(geometry(10, 10, 8, 3))], chip(crossbar__cell_bits=3))
    assert layout.utilisation[0] == pytest.approx(90 * 10 * 2 / (2 * 64 * 64))


def test_an_output_never_straddles_two_arrays() -> None:
    # 4-bit weights on 1-bit cells: 6 columns per output, 10 outputs on 64 columns
    layout = map_layers([_layer(geometry(4, 11, 8, 3))], chip(crossbar__cell_bits=1))
    assert (layout.col_tiles[0], layout.cols_used[0]) == (2, 60)


def _tree(levels: int) -> dict[tuple[int, int], float]:
    """Links of an H-tree with 2^levels leaves, in leaf pitches: (level, node) -> length; root is level 0."""
    side = 2.0 ** (levels / 2)
    return {
        (k, node): side / 2.0 ** (math.ceil(k / 2) + 1) for k in range(1, levels + 1) for node in range(2**k)
    }


def _links_above(levels: int, leaves: list[int]) -> set[tuple[int, int]]:
    return {(k, leaf >> (levels - k)) for leaf in leaves for k in range(1, levels + 1)}


@pytest.mark.parametrize("levels", [2, 4, 6])
def test_htree_lengths_equal_a_tree_that_is_built(levels: int) -> None:
    links, m = _tree(levels), 2**levels
    for reached in (4**j for j in range(levels // 2 + 1)):
        spread_out = [i * (m // reached) for i in range(reached)]
        length = sum(links[link] for link in _links_above(levels, spread_out))
        assert float(broadcast_pitches(np.array(float(m)), np.array(float(reached)))) == pytest.approx(length)
        together = list(range(reached))
        length = sum(links[link] for link in _links_above(levels, together))
        assert float(reduction_pitches(np.array(float(m)), np.array(float(reached)))) == pytest.approx(length)
