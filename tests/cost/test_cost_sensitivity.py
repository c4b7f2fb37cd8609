"""Elasticities: closed forms, agreement with re-estimating, and laws of sums."""

from __future__ import annotations

import json

import numpy as np
import pytest
from cost_cases import chip, small_network
from hypothesis import given, settings
from hypothesis import strategies as st

from axbar.cost import Sensitivity, estimate
from axbar.cost._types import QUANTITIES
from axbar.cost.sensitivity import Elasticity, step_down, step_up
from axbar.errors import UsageError
from axbar.spec import ImcSpec, path_table


@pytest.fixture(scope="module")
def table() -> Sensitivity:
    return estimate(small_network(), chip()).sensitivity()


def of(table: Sensitivity, path: str, quantity: str = "energy_J", component: str = "") -> Elasticity:
    return next(e for e in table.elasticities(quantity, component) if e.path == path)


@pytest.mark.parametrize(
    ("path", "quantity", "component", "power"),
    [
        ("read.t_read_s", "energy_J", "cells", 1.0),
        ("read.v_read_V", "energy_J", "cells", 2.0),
        ("read.t_read_s", "latency_s", "cells", 1.0),
        ("device.cell_area_F2", "area_m2", "cells", 1.0),
        ("technology.node_m", "area_m2", "cells", 2.0),
        ("technology.vdd_V", "energy_J", "adc", 2.0),
        ("clock_Hz", "latency_s", "lif", -1.0),
        ("adc.sample_rate_Hz", "energy_J", "cells", 0.0),
    ],
)
def test_exponents_of_products(
    table: Sensitivity, path: str, quantity: str, component: str, power: float
) -> None:
    found = of(table, path, quantity, component)
    assert found.elasticity == pytest.approx(power, abs=1e-8)
    assert found.below == pytest.approx(power, abs=1e-8) and found.above == pytest.approx(power, abs=1e-8)


def test_a_sum_has_the_mean_of_its_parts(table: Sensitivity) -> None:
    one = estimate(small_network(), chip())
    for quantity in QUANTITIES:
        shares = one.by_component(quantity)[0] / one.total(quantity)[0]
        paths, powers = table.powers(quantity)
        parts = np.where(np.isfinite(powers), powers, 0.0) @ shares
        for path, expected in zip(paths, parts, strict=True):
            field = of(table, path, quantity)
            if not field.steps and not field.kink:
                assert field.elasticity == pytest.approx(expected, abs=1e-6), (path, quantity)


def test_powers_are_the_elasticities_of_every_component(table: Sensitivity) -> None:
    paths, powers = table.powers("area_m2")
    for column, name in enumerate(table.components):
        known = {e.path: e.elasticity for e in table.elasticities("area_m2", name)}
        for path, power in zip(paths, powers[:, column], strict=True):
            if np.isfinite(power):
                assert power == pytest.approx(known[path], abs=1e-12)


def test_a_product_adds_up(table: Sensitivity) -> None:
    for found in table.elasticities("edp_Js"):
        if not found.steps and not found.kink:
            parts = (
                of(table, found.path, "energy_J").elasticity + of(table, found.path, "latency_s").elasticity
            )
            assert found.elasticity == pytest.approx(parts, abs=1e-9)


def test_every_number_is_there_or_named_as_undefined(table: Sensitivity) -> None:
    numbers = {p for p, info in path_table(chip()).items() if info.type in ("int", "float")}
    fixed = {p for p in numbers if p.startswith("device.custom.")}  # no step fits a device of another name
    told = {e.path for e in table.elasticities()} | set(table.undefined)
    assert numbers - told <= fixed
    assert "device.stuck_on" in table.undefined


def test_strongest_first(table: Sensitivity) -> None:
    sizes = [abs(e.elasticity) for e in table.elasticities("latency_s")]
    assert sizes == sorted(sizes, reverse=True)


def test_steps_of_whole_numbers_are_estimates(table: Sensitivity) -> None:
    base = estimate(small_network(), chip())
    for path in ("adc.bits", "crossbar.rows", "neuron.membrane_bits"):
        found = of(table, path, "area_m2")
        assert found.steps
        for value, factor in found.steps:
            alone = estimate(small_network(), chip().replace({path: value}))
            assert factor == alone.total("area_m2")[0] / base.total("area_m2")[0]


def test_steps_suit_the_number() -> None:
    info = path_table(ImcSpec)
    assert (step_down(info["adc.bits"], 5), step_up(info["adc.bits"], 5)) == (4, 6)
    assert (step_down(info["adc.bits"], 1), step_up(info["adc.bits"], 12)) == (None, None)
    assert (step_down(info["crossbar.rows"], 64), step_up(info["crossbar.rows"], 64)) == (32, 128)
    assert step_up(info["neuron.membrane_bits"], 22) == 23


@settings(max_examples=15, deadline=None)
@given(value=st.integers(4, 4096))
def test_a_step_back_and_forth_stays_near(value: int) -> None:
    info = path_table(ImcSpec)["crossbar.rows"]
    up = step_up(info, value)
    if up is not None:
        down = step_down(info, up)
        assert down is not None and down in (up // 2, up - 1) and down <= value < up


def test_a_kink_shows_both_sides() -> None:
    # the conversion takes the larger of two times; at the very rate where they meet, only slower rates matter
    spec = chip(adc__kind="sar")
    base = estimate(small_network(), spec)
    fast = estimate(small_network(), spec.replace({"adc.sample_rate_Hz": 1e10}))
    turns = base.by_component("latency_s")[0] * 5e7
    own = fast.by_component("latency_s")[0] / np.where(turns > 0, turns, 1)
    meeting = 1 / float(own[base.components.index("adc")])
    there = estimate(small_network(), spec.replace({"adc.sample_rate_Hz": meeting})).sensitivity()
    found = of(there, "adc.sample_rate_Hz", "latency_s", "adc")
    assert found.kink
    assert found.below == pytest.approx(-1, abs=1e-3) and found.above == pytest.approx(0, abs=1e-3)


def test_names_are_tried_and_sorted(table: Sensitivity) -> None:
    found = table.alternatives("energy_J")
    fitting = [a.factor for a in found if a.feasible]
    assert fitting == sorted(fitting)
    sram = next(a for a in found if (a.path, a.name) == ("device", "sram"))
    alone = estimate(small_network(), chip(device="sram"))
    assert sram.feasible == bool(alone.feasible[0]) and sram.reason == alone.reasons[0]
    assert {"adc.kind", "device", "technology.sram"} <= {a.path for a in found}


def test_powers_at_a_jump_are_those_of_the_side_without_it() -> None:
    """Eight clocks of 250 MHz are just one conversion of 31.25 MHz: a slower clock takes a ninth."""
    table = estimate(
        small_network(), chip(adc__kind="sar", adc__bits=8, adc__sample_rate_Hz=250e6 / 8)
    ).sensitivity()
    raw = of(table, "clock_Hz", "energy_J", "leakage")
    assert raw.kink and abs(raw.elasticity) > 100
    paths, slopes = table.powers("energy_J")
    found = slopes[paths.index("clock_Hz"), table.components.index("leakage")]
    assert (
        found in (pytest.approx(raw.below, abs=1e-9), pytest.approx(raw.above, abs=1e-9)) and abs(found) < 1
    )


def test_a_point_of_a_sweep() -> None:
    swept = estimate(small_network(), chip(), {"adc.bits": [4, 7]})
    alone = estimate(small_network(), chip(adc__bits=7))
    assert swept.sensitivity(1).elasticities() == alone.sensitivity().elasticities()


def test_json(table: Sensitivity) -> None:
    told = json.loads(json.dumps(table.to_dict("latency_s", "adc"), allow_nan=False))
    assert told["elasticities"] and told["alternatives"] and told["component"] == "adc"


def test_messages(table: Sensitivity) -> None:
    with pytest.raises(UsageError, match="did you mean 'energy_J'"):
        table.elasticities("enrgy_J")
    with pytest.raises(UsageError, match="did you mean 'cells'"):
        table.elasticities("energy_J", "cell")
    with pytest.raises(UsageError, match="whole chip"):
        table.elasticities("edp_Js", "adc")
