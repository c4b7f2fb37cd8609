"""Real inputs in digits of several bits: counts by hand, cell energy by brute force, converters of rows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from cost_cases import chip, product, real, small_network, spiking
from hypothesis import given, settings
from hypothesis import strategies as st

from axbar.cost import estimate
from axbar.cost._types import QUANTITIES
from axbar.cost.imc import count
from axbar.devices import level_conductance_S, quantise, slice_codes
from axbar.workload import Operand, Workload
from axbar.workload._types import Geometry

FC = Geometry((100,), (5,))


def dense(signed: bool = False) -> Workload:
    rng = np.random.default_rng(3)
    return Workload("fc", (product("fc", FC, real(rng, (100,), signed=signed), rng),), 1, samples=2)


def part(done, name: str, quantity: str = "energy_J") -> float:
    return float(done.by_component(quantity)[0, done.components.index(name)])


def test_counts_by_hand() -> None:
    # 100 inputs of 8 bits in digits of 3: reads of 3, 3 and 2 bits; 2 row tiles, 2 slices
    spec = chip(crossbar__cell_bits=2, input__bits=8, input__dac_bits=3)
    events = count(dense(signed=True), spec).counts
    words = dense().layers[0].operands[0].words
    assert words is not None
    driven = sum(float(((words >> low) & 7 > 0).sum()) for low in (0, 3, 6)) / 2
    expected = {
        "reads": 3 * 2, "row_activations": driven, "dac_conversions": driven,
        "cell_activations": driven * 20, "conversions": 6 * 2 * 20, "subtractions": 6 * 2 * 10,
        "shift_adds": 6 * 2 * 5 + 5 * 2, "accumulations": 6 * 5 + 3 * 5,
        "carry_bits": 1 + 2 + 1 + 3 * 2, "tile_rows": 300, "input_read_bits": 100 * 8 * 2,
        "input_write_bits": 100 * 9,
    }  # fmt: skip
    for name, value in expected.items():
        assert events[name][0] == pytest.approx(value), name


@pytest.mark.parametrize("dac_bits", [1, 2, 3, 8])
def test_cell_energy_is_the_sum_over_all_cells_at_their_voltages(dac_bits: int) -> None:
    spec = chip(crossbar__cell_bits=2, input__bits=8, input__dac_bits=dac_bits)
    layer = dense().layers[0]
    words, weight = layer.operands[0].words, layer.weight
    assert words is not None and weight is not None
    values = spec.values()
    plus, minus = slice_codes(quantise(weight, 4)[0], 4, 2)
    g_S = level_conductance_S(np.stack([plus, minus]), 2, values["device.g_on_S"], values["device.g_off_S"])
    rows_S = g_S.sum(axis=(0, 1, 2))  # of all columns, by row
    energy = 0.0
    for sample in words.astype(np.int64):
        for low in range(0, 8, dac_bits):
            v_V = (sample >> low) % 2**dac_bits / (2**dac_bits - 1) * values["read.v_read_V"]
            energy += float((v_V**2 * rows_S).sum()) * values["read.t_read_s"] / len(words)
    assert part(estimate(dense(), spec), "cells") == pytest.approx(energy, rel=1e-12)


def test_bit_by_bit_takes_no_input_converter() -> None:
    done = estimate(small_network(), chip())
    for quantity in QUANTITIES:
        assert part(done, "dac", quantity) == 0
    pinned = chip().replace({"pins.dac.area_m2": 1e-9})
    assert part(estimate(small_network(), pinned), "dac", "area_m2") == 0


def test_energy_and_area_of_the_converters_by_hand() -> None:
    # k0 = 50 fF per bit; 438 um2 for 8 bits at 40 nm, of 254 elements
    spec = chip(input__dac_bits=4, technology__vdd_V=0.9, technology__node_m=40e-9)
    done, events = estimate(dense(), spec), count(dense(), spec).counts
    conversions = events["dac_conversions"][0]
    assert part(done, "dac") == pytest.approx(conversions * 50e-15 * 4 * 0.81, rel=1e-12)
    rows = events["arrays_built"][0] * 64
    assert part(done, "dac", "area_m2") == pytest.approx(rows * 438e-12 * 14 / 254, rel=1e-12)


def test_spikes_need_no_conversion_and_cost_the_same_in_the_array() -> None:
    rng = np.random.default_rng(1)
    net = Workload("s", (product("fc", FC, spiking(rng, (100,)), rng),), 4, samples=2)
    plain, wide = (estimate(net, chip(input__dac_bits=d)) for d in (1, 6))
    for name in ("cells", "row_drivers", "adc", "shift_add"):
        assert part(plain, name) == part(wide, name)
    assert part(wide, "dac") == 0 and part(wide, "dac", "area_m2") > 0


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 8), st.lists(st.integers(1, 8), min_size=2, max_size=6), st.integers(0, 9))
def test_a_point_of_a_sweep_is_the_single_estimate(bits: int, dac_bits: list[int], seed: int) -> None:
    net = small_network(seed)
    swept = estimate(net, chip(input__bits=bits), {"input.dac_bits": dac_bits})
    for i, d in enumerate(dac_bits):
        alone = estimate(net, chip(input__bits=bits, input__dac_bits=d))
        for quantity in QUANTITIES:
            assert (getattr(swept, quantity)[i] == getattr(alone, quantity)[0]).all(), (d, quantity)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 8), st.integers(0, 9))
def test_wider_digits_mean_fewer_reads_and_larger_converters(bits: int, seed: int) -> None:
    done = estimate(small_network(seed), chip(input__bits=bits), {"input.dac_bits": np.arange(1, 9)})
    column = done.components.index("dac")
    pulses = done.by_component("latency_s")[:, done.components.index("cells")]
    assert (np.diff(pulses) <= 0).all() and (bits == 1 or pulses[-1] < pulses[0])
    assert (np.diff(done.by_component("area_m2")[:, column]) > 0).all()
    cells = done.by_component("energy_J")[:, done.components.index("cells")]
    assert (cells[1:] <= cells[0]).all()  # a digit's squared share is at most the pulses of its bits


def test_explain_names_formula_counts_and_sources() -> None:
    done = estimate(dense(), chip(input__dac_bits=4))
    text = done.explain("dac.energy").text()
    for words in ("dac_conversions · C · dac_bits · V_DD²", "k0 = 50 fF", "input.dac_bits = 4"):
        assert words in text
    assert "cell_drive" in done.explain("cells.energy").text()


def test_digits_of_inputs_that_nobody_recorded_are_noted() -> None:
    layer = dense().layers[0]
    bare = dataclasses.replace(layer, operands=(Operand((100,), "real", bits=8, rate=0.5),))
    net = Workload("fc", (bare,), 1)
    assert any("set independently" in note for note in estimate(net, chip(input__dac_bits=2)).notes)
    assert not any("set independently" in note for note in estimate(net, chip()).notes)
