"""Sweeps: figures of single estimates bit for bit, fronts of all pairs, classes, and why designs can't be built."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from sweep_cases import BASE, alone, by_pairs, by_steps, network, points_of, space_of

from axbar.cost import estimate
from axbar.errors import DataError, UsageError
from axbar.search.space.parts import PointParts
from axbar.search.sweep import Swept, costs_of, sweep
from axbar.search.sweep.costs import COST_QUANTITIES, SHARED
from axbar.search.sweep.variants import Variant, class_paths
from axbar.spec import HardwareSpec, load_hardware
from axbar.workload import Workload

#: one kind, words and blocks among its parameters
CHIP = {
    "device": ["rram-hfo2", "pcm-mushroom"],
    "crossbar.rows": [32, 64],
    "crossbar.cell_bits": [1, 2],
    "adc.kind": ["sar", "flash"],
    "adc.bits": "4..5",
    "adc.cols_per_adc": [2, 8],
}
#: three kinds, of which each has parameters of its own
KINDS = {
    "hardware": ["imc-rram-65nm", "sata", "loas"],
    "crossbar.rows": [32, 64, 128],
    "adc.bits": [4, 6],
    "array.rows": [8, 16],
    "neuron.membrane_bits": [8, 12],
    "clock_Hz": {"values": ["100 MHz", "200 MHz"], "when": "hardware in [sata, loas]"},
    "model.steps": [2, 4],
}


def figures(found: Swept) -> np.ndarray:
    """``[K, quantities]``."""
    return np.stack([found.costs.values[q] for q in COST_QUANTITIES], axis=1)


@pytest.mark.parametrize("parameters", [CHIP, KINDS], ids=["one kind", "three kinds"])
def test_every_design_costs_what_it_costs_alone(parameters: dict[str, Any]) -> None:
    space = space_of(parameters, "energy_J min")
    found = sweep(space, BASE, by_steps)
    assert found.looked_at == found.of == space.count == len(found)
    for i, point in enumerate(points_of(space, found)):
        one = alone(space, point)
        got = {q: found.costs.values[q][i] for q in COST_QUANTITIES}
        assert got == {
            "energy_J": one.total("energy_J")[0],
            "latency_s": one.total("latency_s")[0],
            "area_m2": one.total("area_m2")[0],
            "leakage_W": one.total("leakage_W")[0],
            "edp_Js": one.edp_Js[0],
            "throughput_Hz": one.throughput_Hz[0],
        }
        assert found.costs.feasible[i] == one.feasible[0]
        for quantity in SHARED:
            groups = one.by_group(quantity)
            total = one.total(quantity)
            for name, share in found.costs.shares[quantity].items():
                part = groups.get(name, np.zeros(1))
                assert share[i] == np.float32(part[0] / total[0] if total[0] > 0 else 0.0)


def test_designs_stand_in_the_order_of_the_grid_each_once() -> None:
    space = space_of(KINDS, "energy_J min")
    found = sweep(space, None, by_steps)
    assert space.count is not None
    every = space.distinct(np.arange(space.count))
    assert points_of(space, found) == [space.point(every, i) for i in range(space.count)]


def test_shares_add_up_to_one() -> None:
    found = sweep(space_of(KINDS, "energy_J min"), None, by_steps)
    for quantity in SHARED:
        total = np.sum(list(found.costs.shares[quantity].values()), axis=0)
        np.testing.assert_allclose(total, 1.0, rtol=1e-6)


@pytest.mark.parametrize("parameters", [CHIP, KINDS], ids=["one kind", "three kinds"])
def test_fronts_are_those_of_all_pairs(parameters: dict[str, Any]) -> None:
    space = space_of(parameters, "accuracy max", "energy_J min", "throughput_Hz max", "area_m2 min")
    found = sweep(space, BASE, by_steps)
    values = np.stack(
        [found.costs.values["energy_J"], -found.costs.values["throughput_Hz"], found.costs.values["area_m2"]],
        axis=1,
    )
    assert found.front.tolist() == by_pairs(values).tolist()
    assert found.candidate.tolist() == by_pairs(values, found.class_).tolist()
    assert 0 < found.front.sum() < found.candidate.sum() < len(found)


def test_without_accuracy_the_candidates_are_the_front() -> None:
    found = sweep(space_of(KINDS, "energy_J min", "area_m2 min"), None, by_steps)
    assert found.candidate.tolist() == found.front.tolist()


def test_a_constraint_on_accuracy_asks_for_it() -> None:
    space = space_of(CHIP, "energy_J min", constraints=["accuracy >= 0.9"])
    found = sweep(space, BASE, by_steps)
    assert found.infeasible == {}
    assert found.front.sum() == 1 < found.candidate.sum()


def test_classes_are_points_that_agree_in_what_may_move_accuracy() -> None:
    space = space_of(KINDS, "accuracy max", "energy_J min")
    found = sweep(space, None, by_steps)
    paths = class_paths(space)
    assert "clock_Hz" not in paths
    assert {"hardware", "crossbar.rows", "model.steps"} <= set(paths)
    keys = [tuple((p, v) for p, v in point.items() if p in paths) for point in points_of(space, found)]
    numbers = dict(zip(keys, found.class_.tolist(), strict=True))
    assert [numbers[key] for key in keys] == found.class_.tolist()
    assert sorted(numbers.values()) == list(range(len(numbers)))


def test_constraints_are_counted_and_bind() -> None:
    space = space_of(CHIP, "energy_J min", "latency_s min")
    free = sweep(space, BASE, by_steps)
    limit = float(np.median(free.costs.values["area_m2"]))
    slow = float(np.quantile(free.costs.values["latency_s"], 0.8))
    bound = dataclasses.replace(
        space,
        constraints=space_of(
            CHIP, constraints=[f"area_m2 <= {limit!r}", f"latency_s <= {slow!r}"]
        ).constraints,
    )
    found = sweep(bound, BASE, by_steps)
    wide = free.costs.values["area_m2"] > limit
    late = free.costs.values["latency_s"] > slow
    assert dict(found.infeasible) == {
        str(bound.constraints[0]): wide.sum(),
        str(bound.constraints[1]): late.sum(),
    }
    assert not (found.front & (wide | late)).any()
    values = np.stack([found.costs.values[q] for q in ("energy_J", "latency_s")], axis=1)
    values[wide | late] = np.inf
    assert found.front.tolist() == (by_pairs(values) & ~(wide | late)).tolist()
    assert found.costs.feasible.all()  # they can be built, they are only not wanted


def test_what_cannot_be_built_is_told_once_a_kind() -> None:
    space = space_of({"chip.max_tiles": [1, 2, 1024], "crossbar.rows": [32, 64]}, "energy_J min")
    found = sweep(space, BASE, by_steps)
    few = found.columns.values["chip.max_tiles"] < 1024
    assert few.any()
    assert found.costs.feasible.tolist() == [
        bool(alone(space, p).feasible[0]) for p in points_of(space, found)
    ]
    ((sentence, designs),) = found.infeasible.items()
    assert designs == (~found.costs.feasible).sum() > 1
    told = [alone(space, p).reasons[0] for p in points_of(space, found)]
    assert sentence in told
    assert {bool(r) for r, ok in zip(found.costs.reasons, found.costs.feasible, strict=True) if ok} == {False}


def test_constraints_count_what_can_be_built_only() -> None:
    space = space_of({"chip.max_tiles": [1, 1024], "adc.bits": [4, 5]}, constraints=["area_m2 <= 1 um²"])
    found = sweep(space, BASE, by_steps)
    assert (~found.costs.feasible).sum() == 2
    assert found.infeasible[str(space.constraints[0])] == 2


def test_a_space_of_which_nothing_is_left_says_what_removed_it() -> None:
    space = space_of(CHIP, "energy_J min", constraints=["area_m2 <= 1 um²", "latency_s <= 1 ns"])
    found = sweep(space, BASE, by_steps)
    assert not found.front.any() and not found.candidate.any()
    assert list(found.infeasible.values()) == [64, 64]
    text = found.notes[-1]
    assert text.startswith("no design is left of 64: ") and text.count("(64 designs)") == 2
    assert all(str(constraint) in text for constraint in space.constraints)


def test_a_network_that_cannot_be_made_is_the_reason_of_its_designs() -> None:
    def refuses(variant: Variant, spec: HardwareSpec) -> Workload:
        if dict(variant.arguments)["steps"] == 2 and spec.kind == "sparse":
            raise DataError("no images of 2 steps")
        return by_steps(variant, spec)

    space = space_of(KINDS, "energy_J min")
    found = sweep(space, None, refuses)
    points = points_of(space, found)
    lost = [p["hardware"] == "loas" and p["model.steps"] == 2 for p in points]
    assert found.infeasible == {"no images of 2 steps": sum(lost)}
    assert found.costs.reasons == tuple("no images of 2 steps" if gone else "" for gone in lost)
    assert np.isnan(figures(found)[lost]).all() and np.isfinite(figures(found)[~np.array(lost)]).all()


def test_networks_are_made_once_a_chip() -> None:
    asked: list[tuple[Variant, str]] = []

    def counts(variant: Variant, spec: HardwareSpec) -> Workload:
        asked.append((variant, spec.name))
        return by_steps(variant, spec)

    sweep(space_of(KINDS, "energy_J min"), None, counts)
    assert len(asked) == len(set(asked)) == 2 * 3


def fixed(bits: int) -> Workload:
    """The network with weights that a technique fixed."""
    layers = tuple(
        dataclasses.replace(layer, bits=bits) if layer.is_matmul else layer for layer in network().layers
    )
    return dataclasses.replace(network(), layers=layers)


def test_other_bits_than_a_technique_fixed_are_reasons() -> None:
    workload = fixed(4)
    space = space_of({"crossbar.weight_bits": "3..5", "adc.bits": [4, 5]}, "energy_J min")
    found = sweep(space, BASE, lambda variant, spec: workload)
    same = found.columns.values["crossbar.weight_bits"] == 4
    assert found.costs.feasible.tolist() == same.tolist()
    ((sentence, designs),) = found.infeasible.items()
    assert designs == 4 and "fixed to 4-bit weights" in sentence
    for i in np.flatnonzero(same):
        spec = BASE.replace(space.split(space.point(found.columns, i)).changes)
        assert found.costs.values["energy_J"][i] == estimate(workload, spec).total("energy_J")[0]


def test_techniques_set_the_chip_where_the_space_does_not() -> None:
    workload = fixed(4)

    def settings(parts: PointParts, base: HardwareSpec) -> dict[str, Any]:
        bits = parts.techniques.get("mint", {}).get("bits")
        return {} if bits is None else {"crossbar.weight_bits": bits}

    asked = {"technique.mint": [True, False], "technique.mint.bits": [4, 6], "adc.bits": [4, 5]}
    wider = {**asked, "crossbar.weight_bits": {"values": [4, 6], "when": "adc.bits == 5"}}
    for parameters in (asked, wider):
        space = space_of(parameters, "energy_J min")
        found = sweep(
            space, BASE, lambda v, spec: workload if v.techniques else network(), settings_of=settings
        )
        for i, point in enumerate(points_of(space, found)):
            changes = {**settings(space.split(point), BASE), **space.split(point).changes}
            if point["technique.mint"] and changes["crossbar.weight_bits"] != 4:
                assert "fixed to 4-bit weights" in found.costs.reasons[i]
                continue
            one = estimate(workload if point["technique.mint"] else network(), BASE.replace(changes))
            assert found.costs.values["energy_J"][i] == one.total("energy_J")[0]


def test_settings_of_programmed_chips_cost_nothing() -> None:
    parameters = {
        "adc.bits": [4, 5],
        "technique.bn-adapt": [True, False],
        "technique.prune": [True, False],
    }
    space = space_of(parameters, "accuracy max", "energy_J min")
    found = sweep(space, BASE, by_steps)
    assert len(found) == 8 and found.candidate.all()
    assert len(set(found.costs.values["energy_J"].tolist())) == 2
    assert len(set(found.class_.tolist())) == 8


def test_a_space_that_asks_for_no_cost_takes_the_least_energy() -> None:
    found = sweep(space_of(CHIP, "accuracy max"), BASE, by_steps)
    energy = found.costs.values["energy_J"]
    assert found.front.tolist() == (energy == energy.min()).tolist()
    assert any("asks for no cost" in note for note in found.notes)


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    sweep(space_of(CHIP, "energy_J min"), BASE, by_steps, progress=lambda *at: told.append(at))
    assert told == [(64, 64)]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"points": 0}, "points = 0 of a sweep"),
        ({"keep": 1.5}, "keep = 1.5"),
        ({"variants": -1}, "variants = -1"),
        ({"seed": -1}, "seed = -1"),
    ],
)
def test_numbers_out_of_range_are_errors(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        sweep(space_of(CHIP, "energy_J min"), BASE, by_steps, **wrong)


def test_a_space_without_a_chip_is_an_error() -> None:
    with pytest.raises(UsageError, match="the space has no chip"):
        sweep(space_of({"model.steps": [2, 4]}, "energy_J min"), None, by_steps)


def test_costs_of_a_few_designs_are_those_of_each() -> None:
    changes: list[dict[str, Any]] = [
        {}, {"adc.bits": 5}, {"device": "pcm-mushroom", "device.g_on_S": 1e-5}, {"chip.max_tiles": 1}, {"adc.bits": 99},
        {"crossbar.rows": 32, "adc.bits": 6}, {}, {"chip.max_tiles": 2}, {"no.such": 1},
    ]  # fmt: skip
    costs = costs_of(network(), BASE, changes)
    for i in (0, 1, 2, 3, 5, 6, 7):
        one = estimate(network(), BASE.replace(changes[i]))
        assert costs.values["energy_J"][i] == one.total("energy_J")[0]
        assert costs.reasons[i] == one.reasons[0]
    assert "99" in costs.reasons[4] and "no.such" in costs.reasons[8]
    assert np.isnan(costs.values["area_m2"][[4, 8]]).all()
    assert costs.feasible.tolist() == [not reason for reason in costs.reasons]


def test_costs_of_none_are_none() -> None:
    assert len(costs_of(network(), load_hardware("sata"), [])) == 0
