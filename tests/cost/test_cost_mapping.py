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


def _laid_out(where: Geometry, rows: int, outs: int, per_tile: int) -> dict[str, float]:
    """Place array after array on tiles and count."""
    number = 0
    row_needs: dict[int, set[tuple[int, int]]] = defaultdict(set)  # tile -> (group, row tile)
    sums: dict[tuple[int, int], set[int]] = defaultdict(set)  # (group, column tile) -> tiles
    row_tiles, col_tiles = math.ceil(where.fan_in / rows), math.ceil(where.fan_out / outs)
    for group in range(where.groups):
        for c in range(col_tiles):
            for r in range(row_tiles):
                row_needs[number // per_tile].add((group, r))
                sums[group, c].add(number // per_tile)
                number += 1

    def height(r: int) -> int:
        return min(rows, where.fan_in - r * rows)

    def width(c: int) -> int:
        return min(outs, where.fan_out - c * outs)

    return {
        "arrays": number,
        "tiles": math.ceil(number / per_tile),
        "row_copies": sum(height(r) for needs in row_needs.values() for _, r in needs),
        "sums_crossing": sum((len(tiles) - 1) * width(c) for (_, c), tiles in sums.items()),
    }


@pytest.mark.parametrize(
    ("channels", "outputs", "kernel", "groups"),
    [(3, 64, 3, 1), (64, 64, 3, 1), (96, 100, 3, 1), (256, 40, 5, 1), (128, 128, 3, 2), (64, 300, 1, 1)],
)
@pytest.mark.parametrize(("per_pe", "pes"), [(9, 8), (2, 2), (1, 1), (5, 3)])
def test_traffic_equals_arrays_placed_one_by_one(
    channels: int, outputs: int, kernel: int, groups: int, per_pe: int, pes: int
) -> None:
    where = geometry(channels, outputs, 8, kernel, groups)
    spec = chip(tile__arrays_per_pe=per_pe, tile__pes_per_tile=pes)
    layout = map_layers([_layer(where)], spec)
    expected = _laid_out(where, 64, 64 // (2 * layout.slices), per_pe * pes)
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
    assert layout.cells_seen(0, active) == 28 * 9 * 7 * 2 + 4 * 9 * 4 * 2


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
