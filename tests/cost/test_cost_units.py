"""Digital units between products: counts by hand, prices, and the laws they obey."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from cost_cases import between, chip, geometry, mixed_network, neuron, product, small_network, spiking
from hypothesis import given, settings
from hypothesis import strategies as st

from axbar.cost import Estimate, estimate
from axbar.cost._priced import is_priced
from axbar.cost._types import QUANTITIES
from axbar.cost.components._vector import LOOKUP_J, MULTIPLY_J
from axbar.cost.imc._units import UNIT_EVENTS, unit_events
from axbar.spec import ImcSpec
from axbar.workload import Workload

UNITS = ("pool", "norm", "softmax", "elementwise")
LAW = settings(max_examples=15, deadline=None)

STEPS = 3
MAP = (8, 4, 4)
SIZE = 8 * 4 * 4


def _behind(*nodes, steps: int = STEPS) -> dict[str, float]:
    """Events of nodes behind a spiking convolution and its neurons, summed over layers."""
    rng = np.random.default_rng(0)
    where = geometry(8, 8, 4)
    conv = product("conv", where, spiking(rng, MAP, steps), rng)
    events = unit_events(Workload("w", (conv, neuron("lif", "conv", MAP, steps), *nodes), steps, samples=2))
    return {name: float(value.sum()) for name, value in events.items() if value.any()}


def test_a_maximum_of_spikes_is_their_or() -> None:
    pool = between("p", "pool", "max", ("lif",), MAP, (8, 2, 2), kernel=(2, 2))
    assert _behind(pool) == {"pool_ors": 8 * 4 * 3 * STEPS}


def test_a_maximum_of_pooled_spikes_is_an_or_again() -> None:
    first = between("p", "pool", "max", ("lif",), MAP, (8, 2, 2), kernel=(2, 2))
    second = between("q", "pool", "adaptive_max", ("p",), (8, 2, 2), (8, 1, 1))
    assert _behind(first, second) == {"pool_ors": (8 * 4 * 3 + 8 * 3) * STEPS}


def test_a_maximum_of_sums_compares_them() -> None:
    pool = between("p", "pool", "max", ("conv",), MAP, (8, 2, 2), kernel=(2, 2))
    operations = 8 * 4 * 3 * STEPS
    assert _behind(pool) == {"pool_operations": operations, "pool_wide": operations}


def test_an_average_grows_by_the_logarithm_of_its_window() -> None:
    spikes = between("p", "pool", "avg", ("lif",), MAP, (8, 1, 1), kernel=(4, 4))
    sums = between("p", "mean", "mean", ("conv",), MAP, (8,))
    operations = 8 * 15 * STEPS
    assert _behind(spikes) == {"pool_operations": operations, "pool_bits": operations * 5}
    assert _behind(sums) == {
        "pool_operations": operations, "pool_wide": operations, "pool_bits": operations * 4,
    }  # fmt: skip


def test_norms() -> None:
    batch = between("n", "norm", "batch_norm", ("conv",), MAP, MAP)
    assert _behind(batch) == {"norm_multiplies": SIZE * STEPS, "norm_adds": SIZE * STEPS}
    tokens = between("n", "norm", "layer_norm", ("conv",), (4, 32), (4, 32))
    assert _behind(tokens) == {
        "norm_multiplies": 3 * 128 * STEPS, "norm_adds": 4 * 128 * STEPS, "norm_roots": 4 * STEPS,
    }  # fmt: skip
    image = between("n", "norm", "instance_norm", ("conv",), MAP, MAP)
    assert _behind(image)["norm_roots"] == 8 * STEPS


def test_softmax_and_element_wise_operations() -> None:
    soft = between("s", "softmax", "softmax", ("conv",), (4, 32), (4, 32))
    assert _behind(soft) == {"softmax_values": 128 * STEPS, "softmax_vectors": 4 * STEPS}
    three = between("a", "add", "add", ("conv", "lif", "input"), MAP, MAP)
    assert _behind(three) == {"element_operations": 2 * SIZE * STEPS, "element_adds": 2 * SIZE * STEPS}
    relu = between("r", "activation", "relu", ("conv",), MAP, MAP)
    assert _behind(relu) == {"element_operations": SIZE * STEPS, "element_adds": SIZE * STEPS}
    gelu = between("g", "activation", "gelu", ("conv",), MAP, MAP)
    assert _behind(gelu) == {name: SIZE * STEPS for name in UNIT_EVENTS if name.startswith("element_")}
    scale = between("m", "mul", "mul", ("conv",), MAP, MAP)
    assert _behind(scale) == {"element_operations": SIZE * STEPS, "element_multiplies": SIZE * STEPS}


def test_a_layer_runs_where_the_latest_product_before_it_lies() -> None:
    events = unit_events(mixed_network())
    assert events["norm_multiplies"].tolist() == [512 * 3, 0, 3 * 24 * 3, 0]
    assert events["pool_ors"].tolist() == [8 * 16 * 3 * 3, 0, 0, 0]
    assert events["pool_operations"].tolist() == [0, 8 * 4 * 3 * 3, 0, 0]
    assert events["element_adds"].tolist() == [512 * 3, 128 * 3, 24 * 3, 0]
    rng = np.random.default_rng(0)
    code = between("code", "activation", "relu", ("input",), MAP, MAP)
    conv = product("conv", geometry(8, 8, 4), spiking(rng, MAP), rng, "code")
    first = unit_events(Workload("w", (code, conv), 4, samples=2))
    assert first["element_adds"].tolist() == [SIZE * 3]


def test_steps_on_which_a_layer_does_not_run_are_free() -> None:
    workload = mixed_network()
    half = unit_events(workload, {"bn": 1.5})
    assert half["norm_adds"][0] == unit_events(workload)["norm_adds"][0] / 2
    assert (unit_events(workload, {"conv1": 1.0})["norm_adds"] == unit_events(workload)["norm_adds"]).all()


def test_only_what_has_no_rule_stays_unpriced() -> None:
    done = estimate(mixed_network(), chip())
    assert done.unpriced == (("top", "reduce"),)
    assert any("not priced: 1 layer" in note for note in done.notes)
    assert not is_priced(between("x", "pool", "lp", ("conv",), MAP, MAP))


def _of(done: Estimate, quantity: str, name: str) -> np.ndarray:
    return done.by_component(quantity)[:, done.components.index(name)]


def test_networks_without_such_layers_pay_nothing() -> None:
    done = estimate(small_network(), chip())
    for name in UNITS:
        for quantity in QUANTITIES:
            assert _of(done, quantity, name)[0] == 0, (name, quantity)


def test_every_unit_costs_energy_time_area_and_leakage() -> None:
    done = estimate(mixed_network(), chip())
    for name in UNITS:
        for quantity in QUANTITIES:
            assert _of(done, quantity, name)[0] > 0, (name, quantity)


def test_more_units_take_less_time_more_area_and_the_same_energy() -> None:
    done = estimate(mixed_network(), chip(), {"units.per_tile": [1, 4, 16]})
    for name in UNITS:
        assert (np.diff(_of(done, "latency_s", name)) < 0).all()
        np.testing.assert_allclose(_of(done, "area_m2", name) / _of(done, "area_m2", name)[0], [1, 4, 16])
        assert (np.diff(_of(done, "energy_J", name)) == 0).all()


def test_clocks_by_hand() -> None:
    spec = chip(units__per_tile=2, clock_Hz=1e8, buffer__word_bits=64)
    done = estimate(mixed_network(), spec)
    pool = done.latency_s[0, :, done.components.index("pool")]
    # 1152 ORs in words of 64, then 288 additions, on two units
    np.testing.assert_allclose(pool, [np.ceil(1152 / 64 / 2) / 1e8, 144 / 1e8, 0, 0])


@pytest.mark.parametrize(("bits", "fJ", "within"), [(8, 205, 1.1), (16, 1278, 1.1), (32, 6965, 1.3)])
def test_multiplications_grow_like_those_of_sata(bits: int, fJ: float, within: float) -> None:
    # RuokaiYin/SATA_Sim kernels at some 32 nm; the level is Horowitz's at 45 nm
    assert 1 / within < float(MULTIPLY_J.value) * bits**2.6 * 1e15 / fJ < within


def test_an_int8_softmax_costs_about_a_picojoule_at_45_nm() -> None:
    # Horowitz's operations: compare, subtract, table, 24-bit addition, 16-bit multiplication: 1.0 pJ per element
    add = 0.05e-12 / 16 + 2.1e-15 * 45 / 28 * 0.9**2
    low, high = (3 * w * add + LOOKUP_J.value + MULTIPLY_J.value * w**2.6 for w in (8, 16))
    assert 0.5e-12 < low < 1e-12 < high < 2e-12


@st.composite
def chips(draw: st.DrawFn) -> ImcSpec:
    """Random chips around the default one."""
    return chip(
        crossbar__rows=draw(st.sampled_from([16, 64, 128])),
        crossbar__cell_bits=draw(st.integers(1, 3)),
        adc__bits=draw(st.integers(1, 11)),
        technology__sram=draw(st.sampled_from(["HP", "LOP", "LSTP"])),
        technology__vdd_V=draw(st.floats(0.5, 1.2)),
        units__per_tile=draw(st.integers(1, 16)),
        buffer__word_bits=draw(st.sampled_from([16, 64, 128])),
    )


@LAW
@given(chips())
def test_a_smaller_node_never_raises_their_energy(spec: ImcSpec) -> None:
    nodes = [7e-9, 10e-9, 14e-9, 20e-9, 28e-9, 32e-9, 45e-9, 65e-9, 90e-9, 130e-9, 180e-9]
    done = estimate(mixed_network(), spec, {"technology.node_m": nodes})
    for name in UNITS:
        assert (np.diff(_of(done, "energy_J", name)) >= 0).all(), name


@LAW
@given(chips())
def test_they_grow_with_the_width_of_sums(spec: ImcSpec) -> None:
    done = estimate(mixed_network(), spec, {"adc.bits": np.arange(1, 13)})
    for name in UNITS:
        assert (np.diff(_of(done, "energy_J", name)) > 0).all(), name
        assert (np.diff(_of(done, "area_m2", name)) >= 0).all(), name


@LAW
@given(chips(), st.integers(1, 6))
def test_they_grow_with_steps_and_their_area_does_not(spec: ImcSpec, steps: int) -> None:
    short, long = (estimate(mixed_network(t), spec) for t in (steps, steps + 1))
    for name in UNITS:
        np.testing.assert_allclose(
            _of(long, "energy_J", name) / _of(short, "energy_J", name), (steps + 1) / steps
        )
        assert _of(long, "latency_s", name) >= _of(short, "latency_s", name)
        assert _of(long, "area_m2", name) == _of(short, "area_m2", name)


@LAW
@given(chips())
def test_children_sum_to_parents(spec: ImcSpec) -> None:
    done = estimate(mixed_network(), spec)
    for quantity in QUANTITIES:
        cells = getattr(done, quantity)
        assert np.isfinite(cells).all() and (cells >= 0).all()
        np.testing.assert_allclose(cells.sum(axis=(1, 2)), done.total(quantity), rtol=1e-12)
        group = done.by_group(quantity)["units"]
        np.testing.assert_allclose(group, sum(_of(done, quantity, name) for name in UNITS), rtol=1e-12)


@LAW
@given(st.lists(st.integers(4, 12), min_size=3, max_size=3), st.integers(2, 5))
def test_a_point_of_a_sweep_is_the_single_estimate(bits: list[int], units: int) -> None:
    sweep = {"adc.bits": bits, "units.per_tile": [1, units, 7], "technology.node_m": [7e-9, 28e-9, 90e-9]}
    swept = estimate(mixed_network(), chip(), sweep)
    for i in range(3):
        alone = estimate(mixed_network(), chip().replace({path: v[i] for path, v in sweep.items()}))
        for quantity in QUANTITIES:
            assert (getattr(swept, quantity)[i] == getattr(alone, quantity)[0]).all()


def test_events_are_shared_and_can_not_be_changed() -> None:
    workload = mixed_network()
    events = unit_events(workload)
    assert unit_events(workload) is events
    with pytest.raises(ValueError, match="read-only"):
        events["pool_ors"][0] = 1
    assert unit_events(dataclasses.replace(workload, name="other")) is not events
