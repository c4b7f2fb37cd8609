"""Wires: energy and delay grow with their length, and without distance the place of a layer does not matter."""

from __future__ import annotations

import numpy as np
import pytest
from cost_cases import chip, geometry, neuron, product, small_network, spiking
from hypothesis import given, settings
from hypothesis import strategies as st

from axbar.cost import Estimate, estimate
from axbar.cost._types import QUANTITIES
from axbar.workload import Workload, shapes

LAW = settings(max_examples=15, deadline=None)


def _of(done: Estimate, quantity: str) -> np.ndarray:
    return done.by_component(quantity)[:, done.components.index("interconnect")]


@LAW
@given(st.sampled_from(["htree", "mesh", "none"]), st.lists(st.floats(0, 10), min_size=2, max_size=5))
def test_energy_and_delay_grow_with_length(kind: str, lengths: list[float]) -> None:
    spec = chip(interconnect__kind=kind, tile__pes_per_tile=1, clock_Hz=1e10)
    done = estimate(shapes.vgg9(width=16), spec, {"interconnect.length_factor": sorted(lengths)})
    for quantity in ("energy_J", "latency_s"):
        assert (np.diff(_of(done, quantity)) >= 0).all()
    for quantity in ("area_m2", "leakage_W"):
        assert (np.diff(_of(done, quantity)) == 0).all()
    assert (np.diff(_of(done, "energy_J"))[np.diff(sorted(lengths)) > 1e-6] > 0).all()


def test_without_length_the_tree_pays_for_its_switches_alone() -> None:
    done = estimate(
        small_network(), chip(tile__arrays_per_pe=1, tile__pes_per_tile=1, interconnect__length_factor=0)
    )
    x = done.plan.at(0)
    bits = done.plan.components[done.components.index("interconnect")].event.value(x)[:, 0]
    levels = 2 * np.ceil(np.log2(x.n("tiles").sum()))
    register = 2.1e-15 * 65 / 28 * float(x.p("technology.vdd_V")[0]) ** 2
    at = done.components.index("interconnect")
    np.testing.assert_allclose(done.energy_J[0, :, at], bits * levels * register, rtol=1e-12)


def test_a_wire_longer_than_a_clock_takes_its_own_time() -> None:
    # 10 GHz: levels take 0.1 ns each, wires 150 ps/mm
    spec = chip(tile__arrays_per_pe=1, tile__pes_per_tile=1, clock_Hz=1e10, interconnect__length_factor=10)
    done = estimate(shapes.vgg9(width=32), spec)
    x = done.plan.at(0)
    tiles = float(x.n("tiles").sum())
    area = done.total("area_m2")[0] - _of(done, "area_m2")[0]
    wires_s = 2 * 10 * np.sqrt(area / tiles) * (np.sqrt(tiles) - 1) * 1.5e-7
    assert wires_s > 2 * np.ceil(np.log2(tiles)) / 1e10
    serial = np.ceil(x.n("serial_bits")[:, 0] / x.p("interconnect.width_bits")) / 1e10
    at = done.components.index("interconnect")
    np.testing.assert_allclose(
        done.latency_s[0, :, at], serial + x.n("transfers")[:, 0] * wires_s, rtol=1e-12
    )


def test_wires_of_shipped_chips_hide_behind_the_clock() -> None:
    short, shipped = (
        estimate(shapes.vgg9(), chip(interconnect__length_factor=f)).total("latency_s")[0] for f in (0, 1)
    )
    assert short == shipped


def _branches(order: tuple[int, ...]) -> Workload:
    """Convolutions of different sizes beside each other, all fed by the first, joined by the last layer."""
    rng = np.random.default_rng(0)
    stem = geometry(4, 16, 6)
    layers = [product("stem", stem, spiking(rng, stem.in_shape), rng), neuron("s", "stem", stem.out_shape)]
    pairs = []
    for i, outputs in enumerate((16, 64, 160)):
        where = geometry(16, outputs, 6, kernel=(1, 3, 5)[i])
        pairs.append(
            (
                product(f"b{i}", where, spiking(rng, where.in_shape), rng, "s"),
                neuron(f"n{i}", f"b{i}", where.out_shape),
            )
        )
    return Workload("branches", (*layers, *(node for i in order for node in pairs[i])), 4, samples=2)


@pytest.mark.parametrize("order", [(0, 2, 1), (1, 0, 2), (2, 1, 0)])
def test_without_distance_the_order_of_placement_changes_nothing(order: tuple[int, ...]) -> None:
    tiles = {"tile__arrays_per_pe": 1, "tile__pes_per_tile": 2}
    near = [estimate(_branches(o), chip(interconnect__kind="none", **tiles)) for o in ((0, 1, 2), order)]
    for quantity in QUANTITIES:
        np.testing.assert_allclose(near[0].total(quantity), near[1].total(quantity), rtol=1e-9)
    far = [estimate(_branches(o), chip(interconnect__kind="mesh", **tiles)) for o in ((0, 1, 2), order)]
    assert _of(far[0], "energy_J")[0] != pytest.approx(_of(far[1], "energy_J")[0], rel=1e-6)


def test_none_keeps_the_port_of_a_layer_and_has_no_area() -> None:
    none, tree = (estimate(small_network(), chip(interconnect__kind=k)) for k in ("none", "htree"))
    x = none.plan.at(0)
    at = none.components.index("interconnect")
    words = np.ceil(x.n("serial_bits")[:, 0] / x.p("interconnect.width_bits"))
    np.testing.assert_allclose(none.latency_s[0, :, at], words / x.p("clock_Hz"))
    assert _of(none, "area_m2")[0] == _of(none, "leakage_W")[0] == 0
    assert 0 < _of(none, "energy_J")[0] < _of(tree, "energy_J")[0]
