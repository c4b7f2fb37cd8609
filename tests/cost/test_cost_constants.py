"""Every number has a source, a unit and a confidence; none is used that says otherwise."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any, get_args

import numpy as np
import pytest

import axbar.cost
from axbar.cost import Constant
from axbar.cost.imc import COMPONENTS
from axbar.spec import Confidence


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
