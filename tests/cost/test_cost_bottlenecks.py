"""Bottlenecks and what-ifs: shares that add up, gains that equal re-estimating by hand, honest reasons."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from cost_cases import chip, product, real, small_network, spiking

from axbar import registry
from axbar.cost import Bottlenecks, Offer, estimate
from axbar.cost._accuracy_effect import effect_of, effect_of_path
from axbar.cost._swept import sweep_changes
from axbar.cost._truncate import truncated
from axbar.cost.bottlenecks import HELD
from axbar.cost.whatif import candidates
from axbar.errors import UsageError
from axbar.workload import Workload, active_rows, shapes
from axbar.workload._types import Geometry

QUANTITIES = ("energy_J", "latency_s", "area_m2", "leakage_W")


@pytest.fixture(scope="module")
def found() -> Bottlenecks:
    return estimate(small_network(), chip()).bottlenecks()


def test_every_gain_is_the_estimate_by_hand(found: Bottlenecks) -> None:
    base = estimate(small_network(), chip())
    tried = [c for c in (*found.changes, *found.infeasible) if c.changes]
    assert len(tried) > 30
    for change in tried:
        try:
            spec = chip().replace(change.changes)
        except UsageError:  # fields that contradict each other
            assert not change.feasible and change.reason, change.title
            continue
        alone = estimate(small_network(), spec)
        assert bool(alone.feasible[0]) == change.feasible, change.title
        assert alone.reasons[0] == change.reason
        for quantity in QUANTITIES:
            factor = alone.total(quantity)[0] / base.total(quantity)[0]
            assert change.factors[quantity] == factor, (change.title, quantity)
        assert change.factors["edp_Js"] == alone.edp_Js[0] / base.edp_Js[0]
        assert change.factors["fps"] == alone.throughput_Hz[0] / base.throughput_Hz[0]


def test_what_must_be_tried_is(found: Bottlenecks) -> None:
    titles = [c.title for c in (*found.changes, *found.infeasible)]
    for start in (
        "adc.bits 5 → 4", "adc.bits 5 → 6", "adc.cols_per_adc 8 → 7", "arrays 64 × 64 → 128 × 128",
        "neuron.membrane_bits 22 → 21", "T 4 → 3", "T 4 → 2", "adc.kind sar → flash", "technology.vdd_V 1.1 V → 990 mV",
        "device rram-neurram → sram",
    ):  # fmt: skip
        assert start in titles, start
    devices = {name for name in registry.names("devices") if name not in ("ideal", "custom", "rram-neurram")}
    assert {c["device"] for _, c in candidates(chip()) if "device" in c} == devices


def test_facts_are_no_choices() -> None:
    paths = {path for _, change in candidates(chip()) for path in change}
    assert not any(path.startswith(("device.", "wires.")) for path in paths)
    assert "technology.node_m" not in paths


@pytest.mark.parametrize("quantity", HELD)
def test_shares_add_up(found: Bottlenecks, quantity: str) -> None:
    one = estimate(small_network(), chip())
    holders = [h for h in found.components if h.quantity == quantity]
    assert sum(h.share for h in holders) == pytest.approx(1, rel=1e-12)
    assert sum(h.value for h in holders) == pytest.approx(one.total(quantity)[0], rel=1e-12)
    assert [h.share for h in holders] == sorted((h.share for h in holders), reverse=True)
    top = found.top(quantity, 1, layers=True)[0]
    assert top.value == getattr(one, quantity)[0].max()


def test_drivers_are_named(found: Bottlenecks) -> None:
    cells = next(h for h in found.components if (h.quantity, h.component) == ("area_m2", "cells"))
    assert ("technology.node_m", pytest.approx(2, abs=1e-6)) in [(d.path, d.power) for d in cells.drivers]
    assert cells.formula and "technology.node_m^2" in cells.words
    leakage = next(h for h in found.components if (h.quantity, h.component) == ("energy_J", "leakage"))
    assert "leakage of" in leakage.through and "latency of" in leakage.through


def test_ranking(found: Bottlenecks) -> None:
    for by in ("edp_Js", "energy_J", "area_m2"):
        factors = [c.factors[by] for c in found.ranked(by)]
        assert factors == sorted(factors)
        assert all(c.gain(by) > 0 for c in found.helpful(by))
    rates = [c.factors["fps"] for c in found.ranked("fps")]
    assert rates == sorted(rates, reverse=True)
    assert all(c.feasible and c.matters for c in found.changes)
    assert all(not c.feasible and c.reason for c in found.infeasible)


def test_fewer_steps_are_the_first_steps() -> None:
    rng = np.random.default_rng(3)
    where = Geometry((10,), (4,))
    operand = spiking(rng, (10,), steps=6)
    whole = Workload("net", (product("fc", where, operand, rng),), 6, samples=2)
    assert operand.words is not None
    for steps in range(1, 7):
        cut = truncated(whole, steps)
        bits = (operand.words[:, None, :] >> np.arange(steps)[None, :, None]) & 1
        np.testing.assert_allclose(active_rows(cut.layers[0]), bits.sum(axis=1).mean(axis=0))
        assert (cut.steps, cut.layers[0].steps) == (steps, tuple(range(steps)))
    with pytest.raises(UsageError, match="allowed: 1 to 6"):
        truncated(whole, 7)


def test_signed_and_real_operands_are_cut_too() -> None:
    rng = np.random.default_rng(4)
    where = Geometry((5,), (4,))
    words = rng.integers(0, 256, size=(2, 3, 5)).astype(np.uint8)
    operand = dataclasses.replace(
        real(rng, (5,)), steps=3, words=words, negative=rng.random(words.shape) < 0.5, per_step=True
    )
    layer = product("fc", where, operand, rng)
    cut = truncated(Workload("net", (layer,), 3, samples=2), 2).layers[0].operands[0]
    assert cut.words is not None and cut.negative is not None
    np.testing.assert_array_equal(cut.words, words[:, :2])
    assert cut.negative.shape == cut.words.shape


def test_fewer_steps_leave_what_runs_once() -> None:
    whole = small_network()
    cut = truncated(whole, 2)
    assert cut.layers[0] is whole.layers[0]
    shorter = estimate(cut, chip())
    change = next(c for c in estimate(whole, chip()).bottlenecks().changes if c.title == "T 4 → 2")
    assert (
        change.factors["energy_J"]
        == shorter.total("energy_J")[0] / estimate(whole, chip()).total("energy_J")[0]
    )
    assert change.accuracy == "yes"


def test_one_step_can_not_be_cut() -> None:
    found = estimate(shapes.cnn(steps=1), chip()).bottlenecks()
    assert not [c for c in found.changes if c.kind == "steps"]


def test_rates_alone_are_said_to_be_taken_as_constant() -> None:
    found = estimate(shapes.cnn(steps=4), chip()).bottlenecks()
    assert all("constant" in c.why for c in found.changes if c.kind == "steps")


def test_weights_fixed_to_other_bits_are_a_reason_not_an_error() -> None:
    whole = small_network()
    layers = tuple(dataclasses.replace(x, bits=4) if x.is_matmul else x for x in whole.layers)
    found = estimate(dataclasses.replace(whole, layers=layers), chip()).bottlenecks()
    refused = [c for c in found.infeasible if "crossbar.weight_bits" in c.changes]
    assert refused and all("fixed to 4-bit weights" in c.reason for c in refused)
    assert {c.title for c in found.changes} >= {"adc.bits 5 → 4"}
    json.dumps(found.to_dict(), allow_nan=False)


def test_on_a_chip_that_does_not_fit_only_what_fits_is_offered() -> None:
    small = chip(chip__max_tiles=1)
    base = estimate(small_network(), small)
    assert not base.feasible[0]
    found = base.bottlenecks()
    for change in found.changes:
        if change.changes:
            assert estimate(small_network(), small.replace(change.changes)).feasible[0]


def test_a_point_of_a_sweep() -> None:
    swept = estimate(small_network(), chip(), {"adc.bits": [4, 7]})
    assert (
        swept.bottlenecks(1).to_dict() == estimate(small_network(), chip(adc__bits=7)).bottlenecks().to_dict()
    )


def test_accuracy_is_yes_no_or_unknown_with_a_reason(found: Bottlenecks) -> None:
    assert {c.accuracy for c in found.changes} == {"no", "yes", "unknown"}
    assert all(c.why for c in (*found.changes, *found.infeasible))
    assert effect_of_path("adc.kind")[0] == "no" and effect_of_path("adc.bits")[0] == "yes"
    assert effect_of_path("something.new") == ("unknown", "no rule says whether accuracy depends on it")
    assert effect_of(["adc.kind", "crossbar.rows"])[0] == "yes"


def test_offers_that_change_cost_are_ranked_and_repairs_are_listed() -> None:
    shorter = Offer("drop-steps", workload=truncated(small_network(), 2), why="fewer steps")
    narrower = Offer("coarse-adc", changes={"adc.bits": 4}, why="coarser sums")
    broken = Offer("broken", changes={"adc.bitz": 4})
    repair = Offer("bn-adapt", "chip", note="what it takes is not modelled")
    base = estimate(small_network(), chip())
    found = base.bottlenecks(offers=(shorter, narrower, broken, repair))
    ranked: dict[str, Any] = {c.title: c for c in found.changes if c.kind == "technique"}
    alone = estimate(small_network(), chip(adc__bits=4))
    assert ranked["coarse-adc"].factors["energy_J"] == alone.total("energy_J")[0] / base.total("energy_J")[0]
    assert ranked["drop-steps"].factors["energy_J"] < 1
    assert [c for c in found.infeasible if c.title == "broken" and "adc.bitz" in c.reason]
    assert found.techniques == (repair,)
    assert repair.words.startswith("repairs accuracy")


def test_techniques_are_listed_without_torch(found: Bottlenecks) -> None:
    assert {t.name for t in found.techniques} == set(registry.names("techniques"))


def test_the_chip_itself_several_times() -> None:
    swept = sweep_changes(small_network(), chip(), [{}, {}, {"device": "rram-neurram"}])
    assert len(swept.feasible) == 3 and len(set(swept.totals["energy_J"].tolist())) == 1


def test_json_and_messages(found: Bottlenecks) -> None:
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert set(told) == {"components", "cells", "changes", "infeasible", "techniques"}
    with pytest.raises(UsageError, match="did you mean 'energy_J'"):
        found.top("enrgy_J")
    with pytest.raises(UsageError, match="unknown figure"):
        found.ranked("speed")


def test_every_component_explains_itself() -> None:
    one = estimate(small_network(), chip())
    for name in one.components:
        told = one.explain(name)
        text = told.text()
        assert text.startswith(f"{name}: ")
        for quantity in ("energy", "latency", "area", "leakage"):
            assert f"{name}.{quantity}" in text
        spent = [q for q in QUANTITIES if one.by_component(q)[0][one.components.index(name)] > 0]
        assert text.count("formula     ") == len(spent)
        assert "x/÷" in text or not spent
        json.dumps(told.to_dict(), allow_nan=False)
