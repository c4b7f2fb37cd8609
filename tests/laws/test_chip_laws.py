"""Laws of the whole chip: what is built, what a pipeline shares, what runs again."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from axbar.cost import Estimate, estimate
from axbar.cost._sweep import read_sweep
from axbar.cost._truncate import truncated
from axbar.cost.components.adc.ramp import RAMP_A
from axbar.spec import HardwareSpec, load_hardware
from axbar.workload import LayerTrace, Operand, Workload, shapes
from axbar.workload._types import Geometry

LAW = settings(max_examples=20, deadline=None)
BASE = load_hardware("imc-rram-65nm")
ROUNDING = 1e-12


def _chip(**changes: Any) -> HardwareSpec:
    return BASE.replace({path.replace("__", "."): value for path, value in changes.items()})


def _part(done: Estimate, component: str, quantity: str = "energy_J") -> np.ndarray:
    return done.by_component(quantity)[:, done.components.index(component)]


@LAW
@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=5),
    st.sampled_from(["none", "throughput"]),
    st.sampled_from(["step", "layer"]),
    st.sampled_from(["once", "every_step"]),
)
def test_what_is_built_does_not_depend_on_who_leaves_early(
    exits: list[int], balance: str, order: str, first_layer: str
) -> None:
    spec = _chip(mapping__balance=balance, mapping__order=order, mapping__first_layer=first_layer)
    whole = shapes.cnn(steps=4)
    left = dataclasses.replace(whole, exit_step=np.array(exits))
    all_steps, some = estimate(whole, spec), estimate(left, spec)
    assert (all_steps.area_m2 == some.area_m2).all()
    assert (some.leakage_W == all_steps.leakage_W).all()
    for quantity in ("energy_J", "latency_s"):
        assert some.total(quantity)[0] <= all_steps.total(quantity)[0] * (1 + ROUNDING)


@LAW
@given(
    st.sampled_from([0, 2048, 131072]),
    st.sampled_from(["none", "lpddr4", "hbm2"]),
    st.sampled_from([64, 1024, 65536]),
    st.sampled_from(["step", "layer"]),
)
def test_a_pipeline_is_no_faster_than_what_its_layers_share(
    global_B: int, dram: str, input_B: int, order: str
) -> None:
    changes = {"buffer__global_B": global_B, "dram__kind": dram, "buffer__input_B": input_B}
    spec = _chip(**changes, mapping__order=order)
    done = estimate(shapes.resnet19(width=16), spec, {"mapping.pipeline": ["none", "layers"]})
    latency_s, interval_s = done.total("latency_s"), done.interval_s
    slack = 1 + 1e-9
    for name in ("global_buffer", "dram"):
        assert _part(done, name, "latency_s")[1] <= interval_s[1] * slack
    assert interval_s[1] <= latency_s[1] * slack
    assert done.by_layer("latency_s")[1].max() <= latency_s[1] * slack


def test_maps_of_all_layers_of_a_pipeline_wait_in_one_global_buffer() -> None:
    spec = _chip(buffer__input_B=64, buffer__global_B=16384, dram__kind="lpddr4")
    done = estimate(shapes.vgg9(), spec, {"mapping.pipeline": ["none", "layers"]})
    alone, together = _part(done, "dram")
    assert together > alone


@pytest.mark.parametrize("steps", [1, 3])
def test_units_behind_a_first_layer_run_as_often_as_it_does(steps: int) -> None:
    def node(name: str, op: str, kind: str, source: str, runs: int) -> LayerTrace:
        where = Geometry((5,), (5,))
        return LayerTrace(name, op, (source,), where, tuple(range(runs)), kind=kind)

    operand = Operand((6,), "real", bits=8, rate=0.5)
    layers = (
        LayerTrace("fc", "linear", ("input",), Geometry((6,), (5,)), (0,), (operand,)),
        node("bn", "norm", "batch_norm", "fc", 1),
        node("relu", "activation", "relu", "bn", 1),
        node("lif", "neuron", "LIF", "relu", steps),
    )
    workload = Workload("once", layers, steps)
    once, again = (estimate(workload, _chip(mapping__first_layer=how)) for how in ("once", "every_step"))
    for name in ("cells", "norm", "elementwise"):
        assert _part(again, name)[0] == pytest.approx(steps * _part(once, name)[0], rel=1e-12), name
    assert _part(again, "lif")[0] == _part(once, "lif")[0]


@LAW
@given(
    st.sampled_from([256, 4096, 16384]),
    st.sampled_from(["none", "layers"]),
    st.sampled_from(["step", "layer"]),
)
def test_what_fits_nowhere_does_not_make_a_chip_cheaper(global_B: int, pipeline: str, order: str) -> None:
    spec = _chip(
        buffer__input_B=64, buffer__global_B=global_B, neuron__membrane_B=64, mapping__pipeline=pipeline,
        mapping__order=order,
    )  # fmt: skip
    done = estimate(shapes.vgg9(width=32), spec, {"neuron.membrane_bits": np.arange(2, 33)})
    assert (np.diff(_part(done, "global_buffer")) >= 0).all()
    assert (np.diff(done.total("energy_J")) > 0).all()
    short, long = (estimate(shapes.vgg9(width=32, steps=steps), spec) for steps in (2, 5))
    assert short.total("energy_J")[0] < long.total("energy_J")[0]


def test_groups_of_a_sweep_over_many_values_keep_them() -> None:
    # the product of all numbers of values is beyond 2^64
    rng, points = np.random.default_rng(0), 3000
    columns = {
        path: rng.integers(64, 1000, points)
        for path in (
            "crossbar.rows", "crossbar.cols", "tile.arrays_per_pe", "tile.pes_per_tile", "chip.max_tiles",
            "chip.max_dies", "mapping.duplication",
        )
    }  # fmt: skip
    values, group = read_sweep(BASE, columns).groups(frozenset(columns))
    for path, column in columns.items():
        assert [values[at][path] for at in group] == column.tolist(), path


@pytest.mark.parametrize("dac_bits", [1, 3, 8])
def test_early_exit_at_known_rates_is_the_mean_over_samples(dac_bits: int) -> None:
    # resnet19 feeds its first linear layer with real numbers on every step: digits are not linear in their rate
    spec = _chip(input__dac_bits=dac_bits)
    whole = shapes.resnet19(width=16, steps=4)
    left = estimate(dataclasses.replace(whole, exit_step=np.array([2, 4])), spec)
    alone = [estimate(truncated(whole, steps), spec) for steps in (2, 4)]
    for name in ("cells", "row_drivers", "dac", "adc"):
        mean_J = (_part(alone[0], name)[0] + _part(alone[1], name)[0]) / 2
        assert _part(left, name)[0] == pytest.approx(mean_J, rel=1e-12), name


@LAW
@given(st.integers(1, 40), st.sampled_from([1, 3, 8, 128]))
def test_a_ramp_rises_in_full_however_few_columns_it_is_for(outputs: int, cols_per_adc: int) -> None:
    spec = _chip(adc__kind="ramp", adc__cols_per_adc=cols_per_adc, crossbar__cols=128, crossbar__cell_bits=1)
    layer = {
        "name": "f",
        "op": "linear",
        "in_channels": 30,
        "out_channels": outputs,
        "rate": 0.2,
        "neuron": False,
    }
    x = estimate(Workload.from_layers([layer], steps=3), spec).plan.at(0)
    used, conversions = x.n("used_columns"), x.n("conversions")
    arrays_reads = conversions / used if outputs * 6 <= 128 else None
    if arrays_reads is not None:  # one array: its ramp rises once per turn
        ramps = arrays_reads * np.minimum(used, cols_per_adc)
        bits, vdd_V = x.p("adc.bits"), x.p("technology.vdd_V")
        ramp_J = x.c(RAMP_A) * vdd_V * 2.0**bits / x.p("clock_Hz")
        assert (x.results["energy_J"]["adc"] >= ramps * ramp_J * (1 - ROUNDING)).all()
