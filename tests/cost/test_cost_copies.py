"""Copies of layers: fewer reads in turn, more arrays, the same events otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from cost_cases import chip, geometry, neuron, product, real, small_network, spiking

from axbar.cost import estimate
from axbar.cost.imc import count
from axbar.cost.imc._copies import bands, copies_of
from axbar.workload import Workload, shapes
from axbar.workload._types import Geometry

#: what copies don't change: everything that is read, driven, converted, added or updated
SAME = (
    "row_activations", "cell_activations", "cell_drive", "level_drive", "conversions", "subtractions", "shift_adds",
    "accumulations", "input_read_bits", "output_bits", "lif_updates", "neurons", "membranes",
)  # fmt: skip


def test_copies_share_the_positions_and_change_no_other_count() -> None:
    one, three = (count(small_network(), chip(mapping__duplication=d)) for d in (1, 3))
    # 36 positions of 8-bit images, 36 positions on 4 steps, one position on 4 steps
    assert one.counts["reads"].tolist() == [36 * 8, 36 * 4, 4]
    assert three.counts["reads"].tolist() == [12 * 8, 12 * 4, 4]
    assert three.mapping["copies"].tolist() == [3, 3, 1]
    assert (three.mapping["arrays"] == one.mapping["arrays"] * [3, 3, 1]).all()
    for name in SAME:
        assert (one.counts[name] == three.counts[name]).all(), name


def test_copies_cost_area_and_save_time_and_no_energy_of_reads() -> None:
    many = estimate(shapes.vgg9(), chip(), {"mapping.duplication": [1, 2, 4, 16]})
    assert (np.diff(many.total("latency_s")) < 0).all()
    assert (np.diff(many.total("area_m2")) > 0).all()
    for name in ("cells", "row_drivers", "mux", "adc", "shift_add", "accumulators", "lif"):
        energy = many.by_component("energy_J")[:, many.components.index(name)]
        assert (energy == energy[0]).all(), name


def test_a_copy_takes_the_rows_under_its_kernel() -> None:
    rng = np.random.default_rng(0)
    where = geometry(4, 6, 12)  # 12 rows out, kernel of 3
    layer = product("c", where, spiking(rng, where.in_shape), rng)
    fc = product("f", Geometry((10,), (4,)), spiking(rng, (10,)), rng)
    # 3 copies of 4 rows need 6 rows each; 144 copies at most one row each, of 3; a linear layer has no rows
    one = np.ones(3)
    held, windows = bands([layer] * 3, np.array([1.0, 3.0, 144.0]), one)
    assert held.tolist() == [1.0, 3 * 6 / 12, 144 * 3 / 12]
    assert windows.tolist() == [np.inf, 2.0, 1.0]
    # 144 copies, 36 to a tile: 4 bands of 3 rows out and 5 rows in
    held, windows = bands([layer], np.array([144.0]), np.array([36.0]))
    assert (held[0], windows[0]) == (4 * 5 / 12, 5 / 3)
    assert bands([fc], np.array([5.0]), one)[0].tolist() == [1.0]


def test_balance_takes_the_shortest_slowest_layer_that_fits() -> None:
    positions, turns = np.array([100.0, 10.0, 1.0]), np.array([100.0, 40.0, 4.0])
    arrays = np.array([1.0, 1.0, 1.0])
    for tiles in range(3, 40):
        spec = chip(
            mapping__balance="throughput", chip__max_tiles=tiles, tile__arrays_per_pe=1, tile__pes_per_tile=1
        )
        copies = copies_of(positions, turns, arrays, spec)
        assert copies.sum() <= tiles
        slowest = (np.ceil(positions / copies) * turns / positions).max()
        best = min(
            max(np.ceil(100 / a), 4 * np.ceil(10 / b), 4)
            for a in range(1, tiles)
            for b in range(1, 11)
            if a + b + 1 <= tiles
        )
        assert slowest == best, tiles


def test_balance_starts_from_the_copies_asked_for_and_stops_at_the_dies() -> None:
    few = estimate(shapes.vgg9(), chip(mapping__balance="throughput", chip__max_tiles=60))
    twice = estimate(shapes.vgg9(), chip(mapping__balance="throughput", chip__max_tiles=30, chip__max_dies=2))
    assert few.feasible[0] and 44 < few.mapping["tiles"].sum() <= 60
    assert (few.mapping["copies"] == twice.mapping["copies"]).all()
    assert few.total("latency_s")[0] < estimate(shapes.vgg9(), chip()).total("latency_s")[0]
    none = estimate(shapes.vgg9(), chip(mapping__balance="throughput", chip__max_tiles=20))
    assert not none.feasible[0] and (none.mapping["copies"] == 1).all()


@pytest.mark.parametrize("copies", [1, 2, 7])
def test_tokens_are_positions(copies: int) -> None:
    rng = np.random.default_rng(1)
    where = Geometry((14, 20), (14, 6))  # 14 tokens
    layer = product("f", where, real(rng, where.in_shape), rng)
    net = Workload("tokens", (layer, neuron("n", "f", (14, 6), 1)), 1, samples=2)
    events = count(net, chip(mapping__duplication=copies))
    assert events.counts["reads"][0] == -(-14 // copies) * 8
