"""Each component: it reads what it declares, its figures are finite, its counts are named."""

from __future__ import annotations

import numpy as np
import pytest
from cost_cases import Recorder, chip, every_unit, small_network

from axbar.cost import Component, estimate
from axbar.cost._engine import make_plan
from axbar.cost._sweep import read_sweep
from axbar.cost._types import QUANTITIES
from axbar.cost.imc import COMPONENTS, KIND
from axbar.spec import ImcSpec

WORDS = {
    "technology.sram": ("HP", "LOP", "LSTP"),
    "adc.kind": ("sar", "flash", "survey", "ramp", "sense"),
    "read.mode": ("voltage", "current"),
    "interconnect.kind": ("htree", "mesh", "none"),
    "dram.kind": ("none", "hbm2", "lpddr4"),
    "chip.power_gating": ("none", "tile", "pe", "array"),
}


#: a sense amplifier decides no more
ONE_BIT = {"adc__bits": 1}


def _recorder(spec) -> Recorder:
    plan = make_plan(KIND, every_unit(), spec, read_sweep(spec, None))  # no unit is idle
    x = plan.at(0)
    return Recorder(x.events, x.numbers, x.texts, x.results)


VARIANTS = [(c.name, word) for c in COMPONENTS for word in c.parts]


def _choosing(component: Component, word: str) -> ImcSpec:
    """The chip on which a component has the terms ``word``, or ``one/other`` where several words pick them."""
    paths = (component.choose,) if isinstance(component.choose, str) else component.choose
    chosen = {path: each for path, each in zip(paths, word.split("/"), strict=True) if path}
    return chip(**ONE_BIT if word == "sense" else {}).replace(chosen)


@pytest.mark.parametrize(("name", "word"), VARIANTS)
def test_explain_names_exactly_what_a_formula_reads(name: str, word: str) -> None:
    component = next(c for c in COMPONENTS if c.name == name)
    x = _recorder(_choosing(component, word))
    for quantity in QUANTITIES:
        term = component.terms(x)[quantity]
        x.read.clear()
        value = term.value(x)
        assert np.isfinite(value).all() and (value >= 0).all()
        assert {n for kind, n in x.read if kind == "event"} == set(term.events), quantity
        constants = {c.name for c in term.constants}
        assert {n for kind, n in x.read if kind == "constant"} <= constants, quantity
        paths = {n for kind, n in x.read if kind == "path"}
        assert paths == set(term.paths), quantity


@pytest.mark.parametrize("name", [c.name for c in COMPONENTS])
def test_counts_of_pins_name_what_they_read(name: str) -> None:
    component = next(c for c in COMPONENTS if c.name == name)
    x = _recorder(chip())
    for counted in (component.event, component.turn, component.instance):
        if counted is None:
            continue
        x.read.clear()
        assert (counted.value(x) >= 0).all()
        assert {n for kind, n in x.read if kind == "event"} == set(counted.events)
        assert {n for kind, n in x.read if kind == "path"} == set(counted.paths)


def test_components_have_own_names_and_groups() -> None:
    names = [c.name for c in COMPONENTS]
    assert len(names) == len(set(names))
    assert all(c.spread > 1 and c.summary and c.group for c in COMPONENTS)


@pytest.mark.parametrize("path", WORDS)
def test_words_change_the_estimate(path: str) -> None:
    base = chip(**ONE_BIT if path == "adc.kind" else {})
    energies = {
        float(estimate(small_network(), base.replace({path: w})).total("energy_J")[0]) for w in WORDS[path]
    }
    assert len(energies) == len(WORDS[path])


def test_a_column_multiplexer_grows_with_its_inputs() -> None:
    few, many = (estimate(small_network(), chip(adc__cols_per_adc=n)) for n in (4, 16))
    at = few.components.index("mux")
    assert many.energy_J[0, :, at] == pytest.approx(4 * few.energy_J[0, :, at])
    assert many.area_m2[0, :, at] == pytest.approx(
        few.area_m2[0, :, at]
    )  # a quarter of them, four times as large


def test_a_sar_cannot_be_faster_than_its_own_bits() -> None:
    fast, faster = (estimate(small_network(), chip(adc__sample_rate_Hz=f, adc__bits=8)) for f in (2e8, 4e8))
    at = fast.components.index("adc")
    assert (fast.latency_s[0, :, at] == faster.latency_s[0, :, at]).all()
