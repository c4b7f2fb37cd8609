"""The engine knows no hardware kind: a toy chip with two components, without technology, tiles or rules."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from cost_cases import small_network
from pydantic import Field

from axbar.cost import NOTHING, Component, Constant, Context, Count, Events, Parts, Rule, Term
from axbar.cost._engine import make_plan
from axbar.cost._result import Estimate, evaluate_plan
from axbar.cost._sweep import read_sweep
from axbar.spec import HardwareKind, HardwareSpec
from axbar.workload import Workload, macs

MAC_J = Constant("toy.mac", 1e-12, "J/MAC", "a made-up number for this test", "assumed")


class ToySpec(HardwareSpec):
    """A chip that multiplies."""

    kind: Literal["toy"] = "toy"
    lanes: int = Field(default=4, ge=1, le=64)
    width: int = Field(default=1, ge=1, le=8)
    cycle_s: float = Field(default=1e-9, gt=0)


def _count(workload: Workload, spec: ToySpec) -> Events:
    products = workload.matmuls
    work = np.array([float(macs(layer)) for layer in products]) * spec.width
    return Events(tuple(layer.name for layer in products), {"macs": work}, {}, {"macs": "multiplication"})


def _energy(x: Context) -> np.ndarray:
    return x.n("macs") * x.c(MAC_J)


def _latency(x: Context) -> np.ndarray:
    return np.ceil(x.n("macs") / x.p("lanes")) * x.p("cycle_s")


def _macs(x: Context) -> np.ndarray:
    return x.n("macs")


PE = Component(
    "pe", "compute", "multipliers",
    {"": Parts(Term("macs · E", _energy, ("macs",), (), (MAC_J,)),
               Term("⌈macs / lanes⌉ · cycle", _latency, ("macs",), ("lanes", "cycle_s")))},
    Count("one multiplication", _macs, ("macs",)), Count("one cycle", _macs, ("macs",)), None, 1.5,
)  # fmt: skip
IDLE = Component("idle", "rest", "nothing at all", {"": Parts(NOTHING)}, None, None, None, 2.0)
TOO_SLOW = Rule(
    lambda x: x.p("cycle_s") > 1e-6, lambda x: f"a cycle of {x.p('cycle_s').item():g} s is too slow"
)
KIND = HardwareKind("toy", "multiplies", ToySpec, _count, (PE, IDLE), frozenset({"width"}), rules=(TOO_SLOW,))


def _estimate(sweep: dict | None = None) -> Estimate:
    spec = ToySpec(name="toy")
    return evaluate_plan(make_plan(KIND, small_network(), spec, read_sweep(spec, sweep)))


def test_a_toy_kind_gives_a_full_estimate() -> None:
    one = _estimate()
    work = sum(macs(layer) for layer in small_network().matmuls)
    assert one.total("energy_J")[0] == pytest.approx(work * 1e-12)
    assert one.groups == {"compute": ("pe",), "rest": ("idle",)}
    assert "a made-up number" in one.explain("pe.energy").text()
    assert one.assumed_share[0] == 1.0
    assert one.to_dict()["feasible"] is True


def test_structural_and_other_columns_of_a_toy_kind() -> None:
    done = _estimate({"width": [1, 2, 2], "lanes": [1, 1, 64], "cycle_s": [1e-9, 1e-9, 1e-3]})
    assert done.total("energy_J")[1] == 2 * done.total("energy_J")[0]
    assert done.total("latency_s")[1] == 2 * done.total("latency_s")[0]
    assert done.feasible.tolist() == [True, True, False]
    assert done.reasons[2] == "a cycle of 0.001 s is too slow"
    assert len(done.plan.events) == 2
