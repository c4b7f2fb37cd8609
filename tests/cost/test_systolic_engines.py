"""Several arrays side by side: who runs beside whom, what passes in time, and what stays the same."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from cost_cases import Recorder, between, geometry, neuron, product, small_network, spiking
from tt_nets import factored

from axbar.cost import Estimate, estimate
from axbar.cost._charged import charged
from axbar.cost._engine import make_plan
from axbar.cost._sweep import read_sweep
from axbar.cost._types import QUANTITIES
from axbar.cost.systolic import COMPONENTS, KIND
from axbar.cost.systolic._engines import at_once, branch_turns, siblings_of
from axbar.cost.systolic.cycles import os_cycles, ws_cycles
from axbar.spec import HardwareSpec, load_hardware
from axbar.spec.systolic import SystolicSpec
from axbar.workload import Workload

PHASES = ("fwd", "bwd", "wup")
MIDDLE = ("middle.0", "middle.1")


def chip(engines: int = 2, split: str = "branches", **changes: Any) -> HardwareSpec:
    """Two arrays of 8 x 8 that train; ``array__rows=4`` sets ``array.rows``."""
    own = {key.replace("__", "."): value for key, value in changes.items()}
    return load_hardware("tt-train", {"array.engines": engines, "array.split": split, **own})


@cache
def train(kind: str = "parallel", **options: Any) -> Workload:
    return factored(parallel=kind == "parallel", **options)


def counts(workload: Workload, spec: HardwareSpec) -> dict[str, dict[str, float]]:
    """Event -> layer -> count."""
    events = estimate(workload, spec).plan.events[0]
    return {
        name: dict(zip(events.layers, column.tolist(), strict=True)) for name, column in events.counts.items()
    }


def names_of(workload: Workload) -> list[tuple[str, ...]]:
    """The groups of siblings, by name."""
    graph = charged(workload, "once")
    return [tuple(graph.layers[i].name for i in group) for group in siblings_of(graph, workload)]


def seconds(found: Estimate, component: str) -> dict[str, float]:
    at = found.latency_s[0, :, found.components.index(component)]
    return dict(zip(found.plan.events[0].layers, at.tolist(), strict=True))


# makespans by hand


@pytest.mark.parametrize(
    ("work", "engines", "expected"),
    [
        ([5.0, 3.0], 1, [5.0, 3.0]),
        ([5.0, 3.0], 2, [5.0, 0.0]),
        ([3.0, 5.0], 2, [0.0, 5.0]),
        ([4.0, 4.0], 2, [4.0, 0.0]),  # a tie goes to the first engine
        ([4.0, 4.0], 64, [4.0, 0.0]),
        ([7.0, 5.0, 4.0, 3.0], 2, [7.0, 0.0, 0.0, 3.0]),  # 7 + 3 beside 5 + 4
        (
            [2.0, 2.0, 3.0, 3.0, 2.0],
            2,
            [2.0, 0.0, 3.0, 0.0, 2.0],
        ),  # 3 + 2 + 2 beside 3 + 2: 6 would be possible
        ([0.0, 0.0], 2, [0.0, 0.0]),
    ],
)
def test_makespans(work: list[float], engines: int, expected: list[float]) -> None:
    group = tuple(range(len(work)))
    assert branch_turns(np.array(work), [group], engines).tolist() == expected


def test_the_longest_first_rule_keeps_its_bounds() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        work = rng.integers(1, 50, size=rng.integers(2, 6)).astype(float)
        engines = int(rng.integers(1, 4))
        passed = branch_turns(work, [tuple(range(len(work)))], engines).sum()
        best = min(
            max(sum(w for w, at in zip(work, where, strict=True) if at == e) for e in range(engines))
            for where in itertools.product(range(engines), repeat=len(work))
        )
        assert best <= passed <= (4 / 3 - 1 / (3 * engines)) * best


def test_products_outside_a_group_take_their_turn() -> None:
    work = np.array([9.0, 5.0, 8.0, 3.0, 2.0])
    assert branch_turns(work, [(1, 3)], 2).tolist() == [9.0, 5.0, 8.0, 0.0, 2.0]
    assert at_once(work, [(1, 3)], 2).tolist() == [9.0, 8.0, 8.0, 8.0, 2.0]
    assert at_once(work, [(1, 3)], 1).tolist() == work.tolist()


@pytest.mark.parametrize("form", [os_cycles, ws_cycles])
def test_folds_are_divided_whole(form: Any) -> None:
    one = form(40, 40, 20, 8, 8)
    fold = 1 + (form(8, 40, 8, 8, 8) if form is os_cycles else form(40, 8, 8, 8, 8))
    folds = 5 * 3
    assert one == folds * fold - 1
    for engines in (1, 2, 4, 15, 64):
        assert form(40, 40, 20, 8, 8, engines) == -(-folds // engines) * fold - 1


# who is a sibling of whom


def test_middle_cores_of_a_parallel_train_are_siblings_and_of_a_sequential_one_are_not() -> None:
    assert names_of(train()) == [MIDDLE]
    assert names_of(train("sequential")) == []
    assert names_of(train(join="concat")) == [MIDDLE]
    assert names_of(train(branches=3)) == [(*MIDDLE, "middle.2")]


def residual(meet: bool = True, again: bool = False) -> Workload:
    """A convolution and its shortcut on one map of spikes."""
    rng = np.random.default_rng(0)
    shape = geometry(4, 6, 6)
    map_ = shape.out_shape
    around = product("around", geometry(4, 6, 6, kernel=1), spiking(rng, shape.in_shape), rng, "lif0")
    deep = product("deep", shape, spiking(rng, shape.in_shape), rng, "lif0")
    layers = [
        product("stem", geometry(4, 4, 6), spiking(rng, shape.in_shape), rng, "back" if again else "input"),
        neuron("lif0", "stem", shape.in_shape),
        deep,
        around,
    ]
    if meet:
        layers += [
            between("join", "add", "add", ("deep", "around"), map_, map_, 4),
            neuron("lif1", "join", map_),
        ]
    else:
        layers += [neuron("lif1", "deep", map_), neuron("lif2", "around", map_)]
    layers.append(product("back", geometry(6, 4, 6), spiking(rng, map_), rng, "lif1"))
    return Workload("residual", tuple(layers), 4, samples=2)


def test_siblings_come_from_the_graph() -> None:
    assert names_of(residual()) == [("deep", "around")]
    assert names_of(residual(meet=False)) == []  # nothing waits for both
    assert names_of(residual(again=True)) == []  # a loop: each depends on the other
    assert names_of(small_network()) == []


def test_a_block_and_its_shortcut_run_side_by_side() -> None:
    found = counts(residual(), chip())
    for phase in PHASES:
        work, turns = found[f"{phase}_cycles"], found[f"{phase}_turns"]
        assert work["deep"] > work["around"] > 0
        assert (turns["deep"], turns["around"]) == (work["deep"], 0.0)
        assert turns["stem"] == work["stem"] and turns["back"] == work["back"]


# what passes


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("dataflow", ["os", "ws"])
def test_middle_cores_overlap_exactly(phase: str, dataflow: str) -> None:
    one, two = (estimate(train(), chip(engines, dataflow=dataflow, dram__kind="none")) for engines in (1, 2))
    alone, beside = (seconds(found, f"mac_{phase}") for found in (one, two))
    pair = [alone[name] for name in MIDDLE]
    assert min(pair) > 0
    assert [beside[name] for name in MIDDLE] == [max(pair), 0.0]
    others = [name for name in alone if name not in MIDDLE]
    assert [beside[name] for name in others] == [alone[name] for name in others]


def test_a_hand_worked_parallel_train() -> None:
    # maps of 6 x 6 = 36 positions, rank 3, 2 steps: both cores take 9 inputs; on 8 x 8, 14 cycles to fill
    found = counts(train(), chip())
    forward = 2 * (5 * 1 * (9 + 14) - 1)
    back = 2 * (5 * 2 * (3 + 14) - 1)
    update = 2 * (2 * 1 * (36 + 14) - 1)
    for phase, cycles in (("fwd", forward), ("bwd", back), ("wup", update)):
        assert [found[f"{phase}_cycles"][name] for name in MIDDLE] == [cycles, cycles]
        assert [found[f"{phase}_turns"][name] for name in MIDDLE] == [cycles, 0.0]
    folds = counts(train(), chip(split="folds"))
    assert folds["fwd_turns"]["middle.0"] == folds["fwd_turns"]["middle.1"] == 2 * (3 * 23 - 1)
    assert folds["bwd_turns"]["middle.0"] == 2 * (5 * 17 - 1)
    assert folds["wup_turns"]["middle.0"] == 2 * (1 * 50 - 1)


def test_a_sequential_train_does_not_overlap() -> None:
    one, two = (estimate(train("sequential"), chip(engines)) for engines in (1, 2))
    assert (one.latency_s == two.latency_s).all()
    divided = estimate(train("sequential"), chip(2, "folds"))
    assert divided.total("latency_s")[0] < one.total("latency_s")[0]


def test_three_siblings_on_two_arrays() -> None:
    found = counts(train(branches=3), chip())
    names = (*MIDDLE, "middle.2")
    for phase in PHASES:
        work = [found[f"{phase}_cycles"][name] for name in names]
        turns = [found[f"{phase}_turns"][name] for name in names]
        assert sum(turns) == max(work[2], work[0] + work[1])
    three = counts(train(branches=3), chip(3))
    assert sum(three["fwd_turns"][name] for name in names) == three["fwd_cycles"]["middle.2"]


@pytest.mark.parametrize("rate", [1e6, 4e7, 1e11])
def test_one_dram_serves_all_arrays(rate: float) -> None:
    spec = chip(dram__width_bits=1, dram__transfer_Hz=rate)
    found = estimate(train(), spec)
    moved = found.plan.events[0].counts
    layers = found.plan.events[0].layers
    for phase in PHASES:
        bits = dict(zip(layers, moved[f"dram_{phase}_bits"].tolist(), strict=True))
        array, stall = seconds(found, f"mac_{phase}"), seconds(found, f"dram_{phase}")
        together = sum(bits[name] for name in MIDDLE) / rate
        passed = sum(array[name] for name in MIDDLE)
        assert sum(stall[name] for name in MIDDLE) == pytest.approx(max(0.0, together - passed), abs=1e-15)
        assert stall["middle.1"] == 0.0
        for name in set(layers) - set(MIDDLE):
            assert stall[name] == pytest.approx(max(0.0, bits[name] / rate - array[name]), abs=1e-15)


# what stays


@pytest.mark.parametrize("split", ["branches", "folds"])
def test_work_and_energy_do_not_depend_on_who_shares_it(split: str) -> None:
    one, more = (estimate(train(), chip(engines, split)) for engines in (1, 4))
    work, shared = one.plan.events[0].counts, more.plan.events[0].counts
    told = {"fwd_turns", "bwd_turns", "wup_turns", "beside"}
    held = {name for name in work if name.startswith(("fold_", "least_", "state_"))}
    for name in work.keys() - told - held:
        assert work[name].tolist() == shared[name].tolist(), name
    for i, name in enumerate(one.components):
        if name != "leakage":
            assert (one.energy_J[0, :, i] == more.energy_J[0, :, i]).all(), name
    assert more.total("latency_s")[0] < one.total("latency_s")[0]


def test_all_arrays_take_area_and_leak() -> None:
    one, four = (estimate(train(), chip(engines)) for engines in (1, 4))
    for name in ("mac_fwd", "mac_bwd", "registers", "spad_fwd"):
        i = one.components.index(name)
        for quantity in ("area_m2", "leakage_W"):
            a, b = (found.by_component(quantity)[0, i] for found in (one, four))
            assert b == pytest.approx(4 * a) and a > 0
    for name in ("lif", "pgu", "glb_fwd"):
        i = one.components.index(name)
        assert one.by_component("area_m2")[0, i] == four.by_component("area_m2")[0, i]
    leak = four.by_component("energy_J")[0, four.components.index("leakage")]
    assert leak == pytest.approx(four.total("leakage_W")[0] * four.total("latency_s")[0])


@pytest.mark.parametrize("task", ["inference", "training"])
@pytest.mark.parametrize("split", ["branches", "folds"])
def test_parts_sum_to_the_whole(task: str, split: str) -> None:
    for network in (train(), train("sequential"), residual()):
        found = estimate(network, chip(3, split, task=task))
        for quantity in QUANTITIES:
            cells, total = getattr(found, quantity)[0], found.total(quantity)[0]
            assert (cells >= 0).all() and cells.sum() == pytest.approx(total, rel=1e-12)


def test_one_array_is_one_array_however_it_would_be_split() -> None:
    for network in (train(), residual(), small_network()):
        found = [estimate(network, chip(1, split)) for split in ("branches", "folds")]
        for quantity in QUANTITIES:
            assert (getattr(found[0], quantity) == getattr(found[1], quantity)).all()


def test_branches_pay_against_a_waiting_array_and_not_against_a_larger_one() -> None:
    """While the outer cores run, one of two arrays waits; a map too small for the rows of the large one turns this."""

    def taken_s(kind: str, size: int, spec: HardwareSpec) -> float:
        return estimate(train(kind, rank=16, size=size, channels=(16, 16)), spec).total("latency_s")[0]

    large = chip(1, array__rows=16)
    for size in (2, 8):
        sequential, branches = taken_s("sequential", size, chip()), taken_s("parallel", size, chip())
        folds = taken_s("parallel", size, chip(split="folds"))
        assert folds < branches < sequential
        assert folds < taken_s("parallel", size, large)
        assert (branches < taken_s("parallel", size, large)) == (size == 2)


def test_more_arrays_never_take_longer() -> None:
    for network in (train(), train("sequential"), train(branches=3), residual()):
        for split in ("branches", "folds"):
            taken = estimate(network, chip(1, split), {"array.engines": [1, 2, 3, 4, 8]}).total("latency_s")
            assert (np.diff(taken) <= 0).all(), split


def test_arrays_at_work_need_room_at_the_same_time() -> None:
    base, two, divided = (
        counts(train(), chip(*how)) for how in ((1, "branches"), (2, "branches"), (2, "folds"))
    )
    for event in ("least_weight_bits", "least_map_bits", "fold_fwd_bits", "fold_bwd_bits", "fold_wup_bits"):
        pair = [base[event][name] for name in MIDDLE]
        assert [two[event][name] for name in MIDDLE] == [sum(pair)] * 2, event
        assert two[event]["first"] == base[event]["first"]
    # 5 row folds of one column fold: two arrays share its weights, but each has operands in flight
    assert divided["fold_fwd_bits"] == base["fold_fwd_bits"]
    assert divided["least_weight_bits"]["middle.0"] == 2 * base["least_weight_bits"]["middle.0"]
    tight = [estimate(train(), chip(engines, memory__glb_weight_B=100)) for engines in (1, 2)]
    assert tight[0].feasible[0] and not tight[1].feasible[0]
    assert "of each array at work" in tight[1].reasons[0]


# how it is said


def test_notes_name_who_runs_beside_whom() -> None:
    def said(network: Workload, spec: HardwareSpec) -> str:
        return next((note for note in estimate(network, spec).notes if "arrays of" in note), "")

    assert "middle.0 and middle.1 run side by side" in said(train(), chip())
    assert "one works at a time" in said(train("sequential"), chip())
    assert "divide the folds" in said(train(), chip(split="folds"))
    assert said(train(), chip(1)) == ""


def test_sweeps_over_arrays_are_bit_equal_to_single_estimates() -> None:
    sweep = {
        "array.engines": [1, 2, 2, 5, 2],
        "array.split": ["branches", "branches", "folds", "branches", "branches"],
        "training.batch": [1, 128, 1, 7, 1],
        "dram.width_bits": [32, 32, 1, 1, 1],
    }
    swept = estimate(train(), chip(), sweep)
    for i in range(5):
        alone = estimate(train(), load_hardware("tt-train", {path: c[i] for path, c in sweep.items()}))
        for quantity in QUANTITIES:
            assert getattr(swept, quantity)[i].tolist() == getattr(alone, quantity)[0].tolist(), (i, quantity)


@pytest.mark.parametrize("split", ["branches", "folds"])
def test_explain_names_what_overlapping_formulas_read(split: str) -> None:
    spec = chip(2, split, dram__width_bits=1)
    x = make_plan(KIND, train(), spec, read_sweep(spec, None)).at(0)
    recorder = Recorder(x.events, x.numbers, x.texts, x.results)
    for component in COMPONENTS:
        for quantity in QUANTITIES:
            term = component.terms(recorder)[quantity]
            recorder.read.clear()
            term.value(recorder)
            read = {kind: {name for k, name in recorder.read if k == kind} for kind in ("event", "path")}
            assert read == {"event": set(term.events), "path": set(term.paths)}, (component.name, quantity)


def test_a_pinned_cycle_is_one_that_passes() -> None:
    pins = {"pins.mac_fwd.latency_s": 1e-9, "pins.mac_fwd.source": "test bench"}
    found = estimate(train(), load_hardware("tt-train", pins))
    turns = found.plan.events[0].counts["fwd_turns"].sum()
    assert found.by_component("latency_s")[0, found.components.index("mac_fwd")] == pytest.approx(
        turns * 1e-9
    )


def test_the_preset_has_the_elements_and_memories_of_sata() -> None:
    own, other = load_hardware("tt-train"), load_hardware("sata")
    assert isinstance(own, SystolicSpec) and isinstance(other, SystolicSpec)
    elements = [c.array.engines * c.array.rows * c.array.cols for c in (own, other)]
    assert elements[0] == elements[1] == 128
    different = {path for path, value in own.values().items() if other.values()[path] != value}
    assert different == {"name", "task", "array.rows", "array.engines", "training.batch"} & set(own.values())
    assert "parameters of the published accelerator were not read" in " ".join(own.description.split())
    said = {path: source.confidence for path, source in own.sources.items()}
    read = {"technology.vdd_V", "array.split", "dram.kind", "training.batch"}
    assert {path for path, confidence in said.items() if confidence != "assumed"} - {
        "kind",
        "name",
        "description",
    } == read


def test_neurons_between_siblings_and_their_junction_take_turns() -> None:
    """Units that update neurons are there once: only products overlap."""
    rng = np.random.default_rng(1)
    shape = geometry(4, 6, 6)
    layers = list(residual(meet=False).layers)
    map_ = shape.out_shape
    layers[6] = replace(
        product("back", geometry(6, 4, 6), spiking(rng, map_), rng),
        inputs=("both",),
        operands=layers[6].operands,
    )
    layers.insert(6, between("both", "mul", "mul", ("lif1", "lif2"), map_, map_, 4))
    network = Workload("query", tuple(layers), 4, samples=2)
    assert names_of(network) == [("deep", "around")]
    one, two = (estimate(network, chip(engines)) for engines in (1, 2))
    for name in ("lif", "pgu"):
        assert seconds(one, name) == seconds(two, name)
    assert seconds(two, "mac_fwd")["around"] == 0.0
