"""Events by hand and by brute force on small layers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from cost_cases import chip, geometry, neuron, product, real, small_network, spiking

from axbar.cost import estimate
from axbar.cost._charged import charged
from axbar.cost._graph import Graph
from axbar.cost.imc import count
from axbar.cost.imc._count import _mesh_hops
from axbar.cost.imc._mapping import _traffic, map_layers
from axbar.cost.imc._presented import presented
from axbar.cost.imc._weights import assumed_levels, row_levels
from axbar.devices import quantise, slice_codes
from axbar.errors import UsageError
from axbar.workload import Operand, Workload
from axbar.workload._types import Geometry


def _one(layer, *others, steps: int = 4) -> Workload:
    return Workload("one", (layer, *others), steps, samples=2)


def test_a_linear_layer_by_hand() -> None:
    # 100 inputs, 5 outputs, 3 steps; 4-bit weights on 2-bit cells: 2 slices, 4 columns each; 2 row tiles
    rng = np.random.default_rng(0)
    where = Geometry((100,), (5,))
    operand = spiking(rng, (100,), steps=3, rate=0.5)
    spec = chip(crossbar__cell_bits=2)
    events = count(_one(product("fc", where, operand, rng), neuron("n", "fc", (5,), 3)), spec)
    spikes = np.array([[bin(int(w)).count("1") for w in row] for row in operand.words]).sum() / 2
    expected = {
        "reads": 3, "row_activations": spikes, "cell_activations": spikes * 5 * 4,
        "conversions": 3 * 2 * 5 * 4, "used_columns": 20, "subtractions": 3 * 2 * 5 * 2,
        "shift_adds": 3 * 2 * 5 * 1, "accumulations": 3 * 5 * 1,
        "carry_bits": 1 + 2 + 1, "adder_levels": 1, "tile_rows": 100, "input_read_bits": 300,
        "input_write_bits": 300, "serial_bits": 300, "output_bits": 15, "final_values": 0, "lif_updates": 15,
        "neurons": 5, "neuron_steps": 3, "tiles": 1, "arrays_built": 72, "built_cells": 72 * 64 * 64,
        "volatile_cells": 0, "transfers": 3, "sums_moved": 0, "foreign_values": 0,
    }  # fmt: skip
    for name, value in expected.items():
        assert events.counts[name][0] == pytest.approx(value), name


@pytest.mark.parametrize(("weight_bits", "cell_bits"), [(4, 3), (4, 2), (4, 1), (8, 3), (2, 1), (8, 7)])
def test_row_levels_equal_the_slices_of_the_weights(weight_bits: int, cell_bits: int) -> None:
    rng = np.random.default_rng(1)
    where = geometry(6, 8, 4, groups=2)
    layer = product("c", where, real(rng, where.in_shape), rng)
    codes, _ = quantise(layer.weight, weight_bits)
    plus, minus = slice_codes(codes, weight_bits, cell_bits)
    levels = (plus.astype(float) + minus) / (2**cell_bits - 1)
    expected = levels.sum(axis=0).reshape(2, 4, 27).sum(axis=1).reshape(-1)
    np.testing.assert_allclose(row_levels(layer, weight_bits, cell_bits), expected, rtol=1e-13)


def test_large_layers_are_counted_in_blocks_with_the_same_scale() -> None:
    rng = np.random.default_rng(2)
    where = Geometry((300,), (700,))  # several blocks of weights
    layer = product("fc", where, spiking(rng, (300,)), rng)
    codes, _ = quantise(layer.weight, 5)
    np.testing.assert_allclose(row_levels(layer, 5, 4), np.abs(codes).sum(axis=0) / 15, rtol=1e-13)


def test_a_mask_and_a_fixed_scale_are_kept() -> None:
    rng = np.random.default_rng(3)
    where = Geometry((10,), (4,))
    layer = product("fc", where, spiking(rng, (10,)), rng)
    mask = rng.random((4, 10)) < 0.5
    fixed = dataclasses.replace(layer, mask=mask, scale=0.1, bits=4)
    codes, _ = quantise(layer.weight * mask, 4, 0.1)
    np.testing.assert_allclose(row_levels(fixed, 4, 3), np.abs(codes).sum(axis=0) / 7)


def test_weights_that_nobody_recorded_are_half_set_bits() -> None:
    # 4-bit weight on 2-bit cells: digits of 2 and 1 bits, means 1.5 and 0.5 of 3
    assert assumed_levels(4, 2) == pytest.approx((1.5 + 0.5) / 3)
    rng = np.random.default_rng(4)
    where = Geometry((10,), (4,))
    bare = dataclasses.replace(product("fc", where, spiking(rng, (10,)), rng), weight=None)
    assert row_levels(bare, 4, 2)[0] == pytest.approx(4 * 2 / 3)
    assert any("no weights recorded for fc" in note for note in count(_one(bare), chip()).notes)


def test_real_inputs_take_a_read_per_bit_and_a_phase_per_sign() -> None:
    rng = np.random.default_rng(5)
    where = geometry(3, 4, 5)
    plain = count(_one(product("c", where, real(rng, where.in_shape), rng)), chip(input__bits=6))
    signed = count(
        _one(product("c", where, real(rng, where.in_shape, signed=True), rng)), chip(input__bits=6)
    )
    assert plain.counts["reads"][0] == 25 * 6
    assert signed.counts["reads"][0] == 25 * 6 * 2
    # planes are shifted together once per output, phases are joined by one addition per plane
    assert plain.counts["shift_adds"][0] == 25 * 4 * 5
    assert plain.counts["accumulations"][0] == 0
    assert signed.counts["accumulations"][0] == 25 * 6 * 4
    assert signed.counts["input_write_bits"][0] == 3 * 25 * 7


def test_a_constant_first_layer_holds_its_sums() -> None:
    events = count(small_network(steps=4), chip())
    assert events.counts["sums_written"][0] == 8 * 36
    assert events.counts["sums_read"][0] == 8 * 36 * 4
    assert events.counts["sums_written"][1] == 0


def test_the_last_layer_leaves_full_sums_and_real_readers_get_their_bits() -> None:
    rng = np.random.default_rng(6)
    first, second = Geometry((10,), (7,)), Geometry((7,), (3,))
    net = Workload(
        "ann",
        (product("a", first, real(rng, (10,)), rng), product("b", second, real(rng, (7,)), rng, "a")),
        1,
    )
    events = count(net, chip(input__bits=5))
    assert events.counts["output_bits"].tolist() == [7 * 5, 0]
    assert events.counts["final_values"].tolist() == [0, 3]


def test_volatile_cells_leak_and_too_many_bits_per_cell_do_not_fit() -> None:
    events = count(small_network(), chip(device="sram"))
    assert (events.counts["volatile_cells"] == events.counts["built_cells"]).all()
    assert "holds 1 bit" in events.reasons[0]
    assert count(small_network(), chip()).reasons == ()


def test_counting_refuses_what_it_can_not_count() -> None:
    rng = np.random.default_rng(7)
    where = Geometry((10,), (4,))
    layer = product("fc", where, spiking(rng, (10,)), rng)
    with pytest.raises(UsageError, match=r"fixed to 6-bit weights.*crossbar\.weight_bits is 4"):
        count(_one(dataclasses.replace(layer, bits=6)), chip())
    with pytest.raises(UsageError, match="no layer with stored weights"):
        count(_one(neuron("n", "input", (4,))), chip())
    with pytest.raises(UsageError, match="neither recorded spikes nor a rate"):
        count(_one(dataclasses.replace(layer, operands=(Operand((10,), steps=4),))), chip())


def test_mesh_distances() -> None:
    # layers of 2, 1 and 6 tiles fill a 3 x 3 snake: (0,0) (1,0) | (2,0) | (2,1) (1,1) (0,1) (0,2) (1,2) (2,2)
    graph = Graph((None, None, None))  # pyright: ignore[reportArgumentType]
    graph.sources = [(-1,), (0,), (0, 1)]
    hops = _mesh_hops(graph, np.array([2.0, 1.0, 6.0]))
    assert hops[0] == 1.0  # (0.5, 0) from the port, at least one hop
    assert hops[1] == pytest.approx(1.5)
    assert hops[2] == pytest.approx((0.5 + 1.5 + 1.0 + 1.5) / 2)


def test_hops_of_a_chip_of_very_many_tiles_need_no_array_of_tiles() -> None:
    graph = Graph((None, None))  # pyright: ignore[reportArgumentType]
    graph.sources = [(-1,), (0,)]
    assert np.isfinite(_mesh_hops(graph, np.array([1e12, 1e12]))).all()


def test_what_was_counted_is_not_counted_again() -> None:
    net = small_network()
    first = estimate(net, chip(), {"crossbar.rows": [32, 64, 32], "adc.bits": [4, 5, 6]}).plan.events
    again = estimate(net, chip(adc__bits=7), {"crossbar.rows": [64, 32]}).plan.events
    assert len(first) == 2 and [id(e) for e in again] == [id(e) for e in first]
    graph = charged(net, "once")
    assert presented(graph, 8, 1) is presented(graph, 8, 1)


def test_layers_of_one_geometry_are_laid_out_once() -> None:
    rng = np.random.default_rng(8)
    where = geometry(96, 80, 4)
    layers = [product(f"c{i}", where, real(rng, where.in_shape), rng) for i in range(5)]
    _traffic.cache_clear()
    map_layers(layers, chip(tile__arrays_per_pe=2, tile__pes_per_tile=2))
    assert (_traffic.cache_info().misses, _traffic.cache_info().hits) == (1, 4)
