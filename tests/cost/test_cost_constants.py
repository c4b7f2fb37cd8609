"""Every number has a source, a unit and a confidence; none is used that says otherwise."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any, get_args

import numpy as np
import pytest
from cost_cases import small_network

import axbar.cost
from axbar import registry
from axbar.cost import Constant, estimate
from axbar.cost._basis import is_fact
from axbar.cost.imc import COMPONENTS
from axbar.report import estimate_text
from axbar.report._view import assumed_words
from axbar.spec import Confidence, load_hardware


def _modules() -> list[ModuleType]:
    return [
        importlib.import_module(m.name) for m in pkgutil.walk_packages(axbar.cost.__path__, "axbar.cost.")
    ]


def _constants(value: Any) -> list[Constant]:
    if isinstance(value, Constant):
        return [value]
    if isinstance(value, (tuple, list)):
        return [c for item in value for c in _constants(item)]
    if isinstance(value, dict):
        return [c for item in value.values() for c in _constants(item)]
    return []


def all_constants() -> dict[int, Constant]:
    found = [c for module in _modules() for value in vars(module).values() for c in _constants(value)]
    for component in COMPONENTS:
        for parts in component.parts.values():
            found += [
                c for q in ("energy_J", "latency_s", "area_m2", "leakage_W") for c in parts[q].constants
            ]
    return {id(c): c for c in found}


def test_every_constant_says_where_it_comes_from() -> None:
    constants = all_constants().values()
    assert len(constants) > 60
    for constant in constants:
        assert len(constant.source) > 15, constant.name
        assert constant.confidence in get_args(Confidence), constant.name
        assert constant.confidence != "user"
        assert constant.unit, constant.name
        assert np.isfinite(constant.value) and constant.value > 0, constant.name


def test_names_are_unique() -> None:
    names = [c.name for c in all_constants().values()]
    assert len(names) == len(set(names))


def test_a_constant_at_its_own_node_and_supply_is_itself() -> None:
    for constant in all_constants().values():
        node, supply = constant.node_m or 65e-9, constant.vdd_V or 1.0
        assert float(constant.at(node, supply)) == pytest.approx(constant.value, rel=1e-12), constant.name


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [
        ("none", 1.0),
        ("gate capacitance", 0.5),
        ("analog area", 0.5),
        ("capacitor energy", 0.5 * 0.25),
        ("wire energy", 0.25),
    ],
)
def test_scaling_rules(scaling: Any, expected: float) -> None:
    constant = Constant("c", 1.0, "J", "a source of some length", "code", scaling, 64e-9, 1.0)
    assert float(constant.at(32e-9, 0.5)) == pytest.approx(expected, rel=1e-12)


def test_a_constant_that_scales_must_name_its_node() -> None:
    with pytest.raises(AssertionError, match="node"):
        Constant("c", 1.0, "J", "a source of some length", "code", "digital energy")


SHIPPED = ("imc-rram-65nm", "imc-rram-32nm", "imc-pcm-14nm", "imc-sram-28nm")
#: words that pick terms -> what they need; every way in which a shipped chip may be read
READOUTS = [{}, {"adc.kind": "ramp"}, {"adc.kind": "sense", "adc.bits": 1}, {"adc.kind": "flash"},
            {"adc.kind": "survey"}, {"read.mode": "current"}]  # fmt: skip


@pytest.mark.parametrize("name", SHIPPED)
def test_every_number_that_a_term_reads_has_a_source_in_every_preset(name: str) -> None:
    spec = load_hardware(name)
    for component in COMPONENTS:
        for parts in component.parts.values():
            terms = [parts[q] for q in ("energy_J", "latency_s", "area_m2", "leakage_W")]
            for path in {path for term in terms for path in term.paths}:
                known = spec.sources[path]
                assert len(known.source) >= 10 and known.confidence in get_args(Confidence), (path, known)
            for constant in {c.name: c for term in terms for c in term.constants}.values():
                assert len(constant.source) > 15 and constant.confidence in get_args(Confidence), constant


@pytest.mark.parametrize("name", sorted(registry.names("devices")))
def test_every_number_of_every_device_has_a_source(name: str) -> None:
    spec = load_hardware("imc-rram-65nm", {"device": name, "crossbar.cell_bits": 1})
    for path in spec.values():
        if path.startswith("device."):
            known = spec.sources[path]
            assert len(known.source) >= 10 and known.confidence in get_args(Confidence), (path, known)


@pytest.mark.parametrize("name", SHIPPED)
def test_assumed_layout_figures_without_a_unit_are_assumptions(name: str) -> None:
    spec = load_hardware(name)
    listed = {basis.name for basis, _ in estimate(small_network(), spec).assumptions}
    for path in ("interconnect.length_factor", "buffer.global_B"):
        assert spec.confidence_of(path) == "assumed" and path in listed
    assert "crossbar.rows" not in listed and "buffer.word_bits" not in listed  # choices of the design


@pytest.mark.parametrize("changes", READOUTS, ids=str)
@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_assumed_is_listed_and_its_share_is_told(name: str, changes: dict[str, Any]) -> None:
    spec = load_hardware(name).replace(changes)
    done = estimate(small_network(), spec)
    listed = {basis.name: share for basis, share in done.assumptions}
    x, energy, weak = done.plan.at(0), done.breakdown()["energy_J"], 0.0
    for component in done.plan.components:
        term = component.terms(x).energy_J
        assumed = {c.name for c in term.constants if c.confidence == "assumed"}
        assumed |= {p for p in term.paths if is_fact(p) and spec.confidence_of(p) in ("assumed", "user")}
        assert assumed <= set(listed), component.name
        if component.name != "leakage":  # rests on the others' areas and times too
            spent = energy["component"][component.name]
            assert all(listed[a] >= spent / energy["total"] * (1 - 1e-9) for a in assumed), component.name
            weak += spent if assumed else 0.0
    assert all(0 <= share <= 1 + 1e-9 for share in listed.values())
    told = float(done.assumed_share[0])
    assert weak / energy["total"] * (1 - 1e-9) <= told <= 1 + 1e-9
    assert assumed_words(told) in " ".join(estimate_text(done).split())
