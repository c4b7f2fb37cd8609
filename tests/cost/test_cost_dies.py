"""Several dies: what fits, and what crosses."""

from __future__ import annotations

import numpy as np
from cost_cases import chip

from axbar.cost import estimate
from axbar.cost._graph import EXTERNAL, Graph
from axbar.cost.imc._dies import die_traffic
from axbar.workload import shapes


def _graph(sources: list[tuple[int, ...]], sent: list[tuple[int, int, float, float]] | None = None) -> Graph:
    graph = Graph(tuple(None for _ in sources))  # pyright: ignore[reportArgumentType]
    graph.sources, graph.sent = sources, sent or []
    return graph


def test_on_one_die_nothing_crosses() -> None:
    graph = _graph([(EXTERNAL,), (0,)])
    for limit in (5.0, np.inf):
        bits, values = die_traffic(
            graph, np.array([2.0, 3.0]), limit, np.array([10.0, 20.0]), np.array([0.0, 9.0])
        )
        assert not bits.any() and not values.any()


def test_inputs_cross_to_every_die_but_that_of_their_source() -> None:
    # dies of 4 tiles: layer 0 on die 0, layer 1 on dies 0 and 1, layer 2 on dies 1 to 3, layer 3 on die 3
    tiles = np.array([2.0, 4.0, 8.0, 1.0])
    graph = _graph(
        [(EXTERNAL,), (0,), (1,), (0, 2)], sent=[(3, 1, 7.0, 0.0), (3, 2, 5.0, 0.0), (3, 0, 0.0, 3.0)]
    )
    bits, values = die_traffic(
        graph, tiles, 4.0, np.array([10.0, 20.0, 30.0, 40.0]), np.array([0.0, 6.0, 7.0, 0.0])
    )
    # layer 3 joins layer 0 (elsewhere: half of its bits cross) and layer 2 (ends on the same die); 3 foreign bits
    assert bits.tolist() == [0.0, 20.0, 60.0, 20.0 + 3.0]
    # one edge among 3, two among 7 between neighbouring tiles; the sums of layer 1 cross, those of layer 2 don't
    assert values.tolist() == [0.0, 6.0 / 3, 7.0 * 2 / 7, 7.0]


def test_layers_go_on_to_the_next_die_until_dies_run_out() -> None:
    done = estimate(shapes.vgg9(), chip(chip__max_tiles=10), {"chip.max_dies": [1, 2, 4, 5, 6]})
    assert done.feasible.tolist() == [False, False, False, True, True]  # 44 tiles
    assert "needs 44 tiles, chip.max_tiles is 10; raise chip.max_tiles or chip.max_dies" in done.reasons[0]
    assert "chip.max_tiles is 10 on each of chip.max_dies = 4" in done.reasons[2]


def test_crossing_takes_energy_and_time() -> None:
    one = estimate(shapes.vgg9(), chip())
    many = estimate(shapes.vgg9(), chip(chip__max_tiles=10, chip__max_dies=5))
    at = many.components.index("die_link")
    assert (one.energy_J[..., at] == 0).all() and (one.latency_s[..., at] == 0).all()
    energy, latency = many.by_component("energy_J")[0, at], many.by_component("latency_s")[0, at]
    assert energy > 0 and latency > 0
    crossed = (many.plan.events[0].counts["die_bits"] > 0).nonzero()[0]
    assert (many.energy_J[0, :, at] > 0).nonzero()[0].tolist() == crossed.tolist()
    for quantity in ("energy_J", "latency_s"):
        assert many.total(quantity)[0] > one.total(quantity)[0]
    assert many.total("area_m2")[0] == one.total("area_m2")[0]
