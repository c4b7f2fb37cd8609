"""The systolic kind: exact operations, closed-form cycles, traffic by the table, components, sweeps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cost_cases import (
    Recorder,
    between,
    geometry,
    mixed_network,
    neuron,
    product,
    silent,
    small_network,
    spiking,
)

from axbar.cost import Component, Estimate, estimate
from axbar.cost._engine import make_plan
from axbar.cost._sweep import read_sweep
from axbar.cost._types import QUANTITIES
from axbar.cost.fair import as_ann
from axbar.cost.systolic import COMPONENTS, KIND
from axbar.cost.systolic.cycles import os_cycles, ws_cycles
from axbar.cost.training import TRAFFIC, backward_pairs
from axbar.errors import UsageError
from axbar.report._bottleneck_view import merit_words
from axbar.spec import HardwareSpec, load_hardware
from axbar.workload import (
    Geometry,
    GradTrace,
    Operand,
    Workload,
    backward_synops,
    pack,
    shapes,
    synops,
    unpack,
)


def sata(**changes: Any) -> HardwareSpec:
    """The preset; ``array__rows=8`` sets ``array.rows``."""
    return load_hardware("sata", {key.replace("__", "."): value for key, value in changes.items()})


def events(workload: Workload, spec: HardwareSpec) -> dict[str, np.ndarray]:
    return dict(estimate(workload, spec).plan.events[0].counts)


def energies(found: Estimate) -> dict[str, float]:
    return dict(zip(found.components, found.by_component("energy_J")[0].tolist(), strict=True))


def test_operations_are_those_of_the_recorded_spikes() -> None:
    network = small_network()
    counted = events(network, sata())
    layers = network.matmuls
    assert counted["spike_ops"].tolist() == [0.0, *(synops(layer) for layer in layers[1:])]
    assert counted["real_ops"][0] == synops(layers[0])
    dense = events(network, sata(gating="none"))
    assert (dense["spike_ops"] >= counted["spike_ops"]).all() and dense["real_ops"][1:].sum() == 0
    assert dense["fwd_cycles"].tolist() == counted["fwd_cycles"].tolist()


def test_zero_spikes_make_no_forward_operations() -> None:
    quiet = silent(small_network())
    counted = events(quiet, sata(task="training"))
    for name in ("spike_ops", "real_ops", "wup_spike_ops", "wup_real_ops"):
        assert counted[name].sum() == 0
    found = energies(estimate(quiet, sata(task="training")))
    assert found["mac_fwd"] == found["mac_wup"] == 0.0
    assert found["mac_bwd"] > 0.0 and found["dram_fwd"] > 0.0


@pytest.mark.parametrize(("dataflow", "form"), [("os", os_cycles), ("ws", ws_cycles)])
def test_cycles_are_those_of_the_closed_form(dataflow: str, form: Any) -> None:
    counted = events(small_network(), sata(dataflow=dataflow, task="training"))
    # conv1 runs once, conv2 has two groups of 4 x 9 inputs and 6 filters on 36 positions, fc one position
    expected = [1 * form(36, 27, 8, 16, 8), 4 * 2 * form(36, 36, 6, 16, 8), 4 * form(1, 432, 5, 16, 8)]
    assert counted["fwd_cycles"].tolist() == expected
    assert counted["bwd_cycles"].tolist() == [0, 4 * 2 * form(36, 6, 36, 16, 8), 4 * form(1, 5, 432, 16, 8)]
    assert counted["wup_cycles"].tolist()[2] == 4 * form(432, 1, 5, 16, 8)
    found = estimate(small_network(), sata(dataflow=dataflow))
    assert found.latency_s[0, 1, found.components.index("mac_fwd")] == pytest.approx(expected[1] / 4e8)


def test_traffic_of_training_is_the_table_in_bits() -> None:
    counted = events(small_network(), sata(task="training", memory__reads="table"))
    weights, states = 12 * 36.0, 4 * 12 * 36.0  # of conv2, whose 432 neurons update on 4 steps
    inputs = 4 * 8 * 36.0
    for name, row in TRAFFIC.items():
        forward = name.endswith("fwd")
        w, u = (8.0, 16.0) if forward else (16.0, 16.0)
        expected = row.of_weights(weights * w, 4.0) + row.of_maps(states * u, inputs)
        parts = [counted[key][1] for key in counted if key.startswith(name)]
        assert sum(parts) == pytest.approx(expected), name


def test_an_inference_keeps_maps_on_the_chip_as_far_as_they_fit() -> None:
    network = small_network()
    counted = events(network, sata())
    assert counted["map_bits"].tolist() == [8 * 3 * 36.0, 4 * 8 * 36.0, 4 * 432.0]
    for reads in ("table", "array"):  # one column fold each, so that both write and read once
        roomy, tight = (
            estimate(network, sata(memory__glb_map_B=size, memory__reads=reads)) for size in (4096, 64)
        )
        here = energies(roomy)["dram_fwd"], energies(tight)["dram_fwd"]
        spilt = 2 * (4 * 8 * 36.0 - 512 + 4 * 432.0 - 512)
        if reads == "array":  # membranes of conv2 (6 filters of a group) take the 512 bits, and more
            spilt += 2 * 512 + 2 * 3 * 432 * 16.0 * (1 - 512 / (36 * 6 * 16.0))
        assert here[1] - here[0] == pytest.approx(spilt * 8e-12)
    names = {name for name, value in energies(roomy).items() if value == 0.0}
    assert names == {c.name for c in COMPONENTS if c.name == "pgu" or c.name.endswith(("_bwd", "_wup"))}


def _dram_bits(network: Workload, spec: HardwareSpec) -> dict[str, float]:
    return {
        name: value / 8e-12 for name, value in energies(estimate(network, spec)).items() if "dram" in name
    }


def test_weights_of_a_fold_that_does_not_fit_pass_dram_once_per_row_fold() -> None:
    network, tight = (
        small_network(),
        256,
    )  # bytes; a column fold of fc takes 432 x 5 x 8 bits, of conv2 36 x 6 x 8
    roomy, small = (_dram_bits(network, sata(memory__glb_weight_B=size)) for size in (147456, tight))
    held = 8 * tight
    # fc: 1 row fold on 4 steps; conv2 fits its 216 B; conv1 (27 x 8) too
    expected = 432 * 5 * 8.0 * (4 * 1 - 1) * (1 - held / (432 * 5 * 8.0))
    assert small["dram_fwd"] - roomy["dram_fwd"] == pytest.approx(expected)
    table = [_dram_bits(network, sata(memory__glb_weight_B=s, memory__reads="table")) for s in (147456, 256)]
    assert table[0] == table[1]


def test_maps_that_do_not_fit_pass_dram_once_per_column_fold() -> None:
    network = small_network()
    roomy, small = (_dram_bits(network, sata(memory__glb_map_B=s, array__cols=2)) for s in (4096, 64))
    # membranes of two filters of conv2 come first and leave no room for its map
    image, conv2, fc = 8 * 3 * 36.0 - 512, 4 * 8 * 36.0, 4 * 432.0 - 512
    membranes = 2 * 3 * 432 * 16.0 * (1 - 512 / (36 * 2 * 16.0))
    # the image is read 4 times for 8 filters, the others are written once and read 3 times for 6 and 5 filters
    assert small["dram_fwd"] - roomy["dram_fwd"] == pytest.approx(3 * image + 4 * conv2 + 4 * fc + membranes)


@pytest.mark.parametrize(
    ("path", "size", "needed"),
    [("memory.glb_weight_B", 64, 256), ("memory.glb_map_B", 64, 128), ("memory.spad_B", 1, 4)],
)
def test_a_memory_without_room_for_the_operands_in_flight_is_infeasible(
    path: str, size: int, needed: int
) -> None:
    base = {"array.rows": 64, "array.cols": 2} if "map" in path else {}
    one, enough = (estimate(small_network(), load_hardware("sata", base | {path: b})) for b in (size, needed))
    assert not one.feasible[0] and enough.feasible[0]
    assert f"{path} is {size} B" in one.reasons[0] and f"set {path} to" in one.reasons[0]


def test_shrinking_buffers_is_no_free_profit() -> None:
    network = shapes.vgg9(width=16)
    for task in ("inference", "training"):
        base = estimate(network, sata(task=task)).total("energy_J")[0]
        for change in ({"memory__glb_weight_B": 256}, {"memory__glb_map_B": 64}):
            assert estimate(network, sata(task=task, **change)).total("energy_J")[0] > base, (task, change)


def test_a_training_step_is_not_called_an_inference() -> None:
    stepped, inferred = (estimate(small_network(), sata(task=task)) for task in ("training", "inference"))
    assert "training steps/s" in merit_words(stepped.metrics)
    assert "inferences/s" in merit_words(inferred.metrics)
    assert not any("inference" in m.label + m.definition for m in stepped.metrics.values())
    both = estimate(small_network(), sata(), {"task": ["inference", "training"]}).metrics
    assert both["fps"].label == "inferences or training steps per second"


def test_packed_spikes_are_stored_as_a_mask_and_words() -> None:
    network = small_network(rate=0.05)
    packed, raw = (events(network, sata(memory__spikes=how))["map_bits"] for how in ("packed", "raw"))
    words = network.matmuls[1].operands[0].words
    assert words is not None
    assert packed[1] == 8 * 36 + 4 * np.count_nonzero(words) / 2
    assert packed[1] < raw[1]


def test_the_array_reads_again_what_folds_need() -> None:
    table, array = (events(small_network(), sata(memory__reads=how)) for how in ("table", "array"))
    # conv2, output-stationary: 3 folds of 16 rows over 36 positions; 1 of 8 columns over 6 filters
    weights, inputs = 12 * 36.0, 4 * 8 * 36.0
    assert array["glb_fwd_weight_bits"][1] == 8 * weights * (1 + 4 * 3)
    windows = 4 * 2 * 36 * 36.0
    assert array["glb_fwd_map_bits"][1] - table["glb_fwd_map_bits"][1] == windows - inputs
    for name in ("dram_fwd_bits", "spad_fwd_bits", "fwd_cycles"):
        assert array[name].tolist() == table[name].tolist()


def _with_gradients(network: Workload, rng: np.random.Generator, rate: float = 0.4) -> Workload:
    grad: dict[str, GradTrace] = {}
    neurons = {"conv1": "lif1", "conv2": "lif2"}
    for layer in network.matmuls:
        steps = len(layer.steps)
        shape = (network.samples, *layer.geometry.out_shape)
        du = pack(rng.random((steps, *shape)) < rate)
        after = neurons.get(layer.name)
        df = None if after is None else pack(rng.random((network.steps, *shape)) < rate)
        grad[layer.name] = GradTrace(
            du, df, steps=steps, df_steps=0 if df is None else network.steps, neuron=after
        )
    return replace(network, grad=grad)


def _backward_by_hand(shape: Geometry, du: np.ndarray, df: np.ndarray, steps: int) -> float:
    """Loop over gradients and the inputs of their windows."""
    total = 0
    for b in range(len(du)):
        back, want = unpack(du[b], steps), unpack(df[b], steps)
        for t, k, y, x in np.argwhere(back):
            per = shape.in_shape[0] // shape.groups
            first = k // (shape.out_shape[0] // shape.groups) * per
            for r in range(shape.kernel[0]):
                for s in range(shape.kernel[1]):
                    i = y * shape.stride[0] + r * shape.dilation[0] - shape.padding[0]
                    j = x * shape.stride[1] + s * shape.dilation[1] - shape.padding[1]
                    if 0 <= i < shape.in_shape[1] and 0 <= j < shape.in_shape[2]:
                        total += int(want[t, first : first + per, i, j].sum())
    return total / len(du)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2)])
def test_backward_pairs_equal_a_loop(groups: int, stride: int, dilation: int) -> None:
    rng = np.random.default_rng(groups * 10 + stride)
    side = (7 + 2 - dilation * 2 - 1) // stride + 1
    shape = Geometry(
        (4, 7, 7), (6, side, side), (3, 3), (stride, stride), (1, 1), (dilation, dilation), groups
    )
    du, df = (pack(rng.random((3, 2, *size)) < 0.3) for size in (shape.out_shape, shape.in_shape))
    assert backward_pairs(shape, du, df, 3) == _backward_by_hand(shape, du, df, 3)
    full = pack(np.ones((3, 2, *shape.in_shape), dtype=bool))
    assert backward_pairs(shape, du, None, 3) == _backward_by_hand(shape, du, full, 3)


def test_recorded_gradients_are_counted_exactly() -> None:
    network = _with_gradients(small_network(), np.random.default_rng(5))
    assert network.grad is not None
    found = estimate(network, sata(task="training"))
    counted = found.plan.events[0].counts
    conv2, fc = network.layer("conv2"), network.layer("fc")
    df1, df2 = network.grad["conv1"].df, network.grad["conv2"].df
    assert df1 is not None and df2 is not None
    assert counted["bwd_ops"][0] == 0.0  # nobody needs the gradient of the image
    assert counted["bwd_ops"][1] == _backward_by_hand(conv2.geometry, network.grad["conv2"].du, df1, 4)
    back = unpack(network.grad["fc"].du, 4).sum(axis=2) * unpack(df2, 4).sum(axis=(2, 3, 4))
    assert counted["bwd_ops"][2] == back.sum() / 2
    assert fc.geometry.in_shape == (432,)
    assert counted["pgu_updates"][0] == unpack(df1, 4).sum() / 2
    assert not any("assumed" in note for note in found.notes)


def test_without_surrogates_every_input_of_a_gradient_counts() -> None:
    network = _with_gradients(small_network(), np.random.default_rng(6))
    assert network.grad is not None
    blind = {name: replace(found, df=None, df_steps=0, neuron=None) for name, found in network.grad.items()}
    counted = events(replace(network, grad=blind), sata(task="training"))
    layers = network.matmuls[1:]
    assert counted["bwd_ops"][1:] == pytest.approx([backward_synops(x, blind[x.name]).sum() for x in layers])


def test_a_pooled_input_is_wanted_where_any_of_its_neurons_is() -> None:
    rng = np.random.default_rng(2)
    first, second = geometry(2, 3, 4), Geometry((12,), (5,))
    layers = (
        product("conv", first, spiking(rng, first.in_shape), rng),
        neuron("lif", "conv", first.out_shape),
        between("pool", "pool", "max", ("lif",), (3, 4, 4), (3, 2, 2), 4, kernel=(2, 2)),
        product("fc", second, spiking(rng, (12,)), rng, "pool"),
    )
    network = Workload("pooled", layers, 4, samples=2)
    df, du = (pack(rng.random((4, 2, *size)) < 0.1) for size in (first.out_shape, (5,)))
    grad = {
        "conv": GradTrace(pack(rng.random((4, 2, 3, 4, 4)) < 0.5), df, steps=4, df_steps=4, neuron="lif"),
        "fc": GradTrace(du, steps=4),
    }
    counted = events(replace(network, grad=grad), sata(task="training"))
    wanted = unpack(df, 4).reshape(4, 2, 3, 2, 2, 2, 2).any(axis=(4, 6)).sum(axis=(2, 3, 4))
    assert counted["bwd_ops"][1] == (wanted * unpack(du, 4).sum(axis=2)).sum() / 2


def test_what_was_not_recorded_is_assumed_and_said() -> None:
    found = estimate(small_network(), sata(task="training", training__du_sparsity=0.5))
    note = next(n for n in found.notes if "gradients" in n and "assumed" in n)
    assert "training.du_sparsity = 0.5 and training.df_sparsity = 0.6" in note
    counted = found.plan.events[0].counts
    assert counted["pgu_updates"] == pytest.approx(0.4 * counted["lif_updates"])
    silent_on = estimate(small_network(), sata())
    assert not any("gradients" in note for note in silent_on.notes)


def test_gradients_of_another_shape_are_refused() -> None:
    network = _with_gradients(small_network(), np.random.default_rng(0))
    grad = {**(network.grad or {}), "conv2": GradTrace(np.zeros((2, 3), np.uint8), steps=4)}
    with pytest.raises(Exception, match="gradients of layer 'conv2' have the shape"):
        estimate(replace(network, grad=grad), sata(task="training"))


def test_early_exit_saves_in_an_inference_and_not_in_training() -> None:
    network = small_network()
    early = replace(network, exit_step=np.array([1, 4]))
    assert energies(estimate(early, sata()))["mac_fwd"] < energies(estimate(network, sata()))["mac_fwd"]
    one, other = (energies(estimate(w, sata(task="training"))) for w in (early, network))
    assert one == other


def test_conventional_networks_and_attention_shapes_run() -> None:
    ann = as_ann(small_network())
    counted = events(ann, sata(input__bits=3))
    assert counted["spike_ops"].sum() == 0 and counted["real_ops"].min() > 0
    assert counted["lif_updates"].sum() == 0
    found = estimate(mixed_network(), sata(task="training"))
    assert found.feasible[0] and np.isfinite(found.total("energy_J")).all()
    assert ("soft", "softmax") in found.unpriced and "softmax" in " ".join(found.notes)


def test_wrong_workloads_are_refused() -> None:
    with pytest.raises(UsageError, match="no layer with stored weights"):
        estimate(Workload("empty", (neuron("n", "input", (3,)),), 4), sata())
    fixed = replace(small_network(), layers=tuple(replace(x, bits=4) for x in small_network().layers))
    with pytest.raises(UsageError, match="weight_bits is 8 on sata; give --set weight_bits=4"):
        estimate(fixed, sata())
    bare = replace(small_network().matmuls[0], operands=(Operand((3, 6, 6), "real", 8),))
    with pytest.raises(UsageError, match="neither recorded spikes nor a rate"):
        estimate(Workload("bare", (bare,), 1), sata())


SWEEP = {
    "array.rows": [8, 16, 4, 16, 16],
    "task": ["inference", "training", "training", "inference", "training"],
    "dataflow": ["os", "os", "ws", "ws", "os"],
    "memory.spikes": ["raw", "packed", "raw", "raw", "raw"],
    "memory.reads": ["table", "array", "array", "table", "table"],
    "training.df_sparsity": [0.6, 0.6, 0.1, 0.6, 1.0],
    "dram.kind": ["lpddr4", "hbm2", "none", "lpddr4", "lpddr4"],
    "technology.sram": ["HP", "LSTP", "LOP", "LSTP", "LSTP"],
    "clock_Hz": [1e8, 2e8, 4e8, 4e8, 1e9],
}


def test_sweeps_are_bit_equal_to_single_estimates() -> None:
    network = small_network()
    swept = estimate(network, sata(), SWEEP)
    for i in range(5):
        point = {path: column[i] for path, column in SWEEP.items()}
        alone = estimate(network, load_hardware("sata", point))
        for quantity in QUANTITIES:
            assert swept.total(quantity)[i] == alone.total(quantity)[0], (i, quantity)
        assert swept.energy_J[i].tolist() == alone.energy_J[0].tolist()


def test_dram_stalls_only_for_what_the_array_does_not_hide() -> None:
    slow = estimate(small_network(), sata(dram__width_bits=1, dram__transfer_Hz=1e6))
    at = {name: slow.latency_s[0, :, i] for i, name in enumerate(slow.components)}
    bits = slow.plan.events[0].counts["dram_fwd_bits"]
    assert at["dram_fwd"] + at["mac_fwd"] == pytest.approx(bits / 1e6)
    fast = estimate(small_network(), sata(dram__width_bits=8192))
    assert fast.by_component("latency_s")[0, fast.components.index("dram_fwd")] == 0.0


def test_a_chip_without_dram_is_warned_of() -> None:
    assert "dram.kind is none" in estimate(small_network(), sata(dram__kind="none")).warnings[0]
    assert estimate(small_network(), sata(neuron__membrane_bits=32)).warnings[0] == ""


WORDS = {
    "task": ("inference", "training"),
    "dram.kind": ("none", "lpddr4"),
    "technology.sram": ("HP", "LSTP"),
}
CHIPS = [(task, dram, memory) for task in WORDS["task"] for dram in WORDS["dram.kind"]
         for memory in WORDS["technology.sram"]]  # fmt: skip


@pytest.mark.parametrize(("task", "dram", "memory"), CHIPS)
def test_explain_names_exactly_what_a_formula_reads(task: str, dram: str, memory: str) -> None:
    spec = sata(task=task, dram__kind=dram, technology__sram=memory)
    x = make_plan(KIND, small_network(), spec, read_sweep(spec, None)).at(0)
    recorder = Recorder(x.events, x.numbers, x.texts, x.results)
    for component in COMPONENTS:
        for quantity in QUANTITIES:
            term = component.terms(recorder)[quantity]
            recorder.read.clear()
            value = term.value(recorder)
            assert np.isfinite(value).all() and (value >= 0).all()
            _compare(component, quantity, recorder, term)
        for counted in (component.event, component.turn, component.instance):
            if counted is not None:
                recorder.read.clear()
                assert (counted.value(recorder) >= 0).all()
                _compare(component, "count", recorder, counted)


def _compare(component: Component, what: str, x: Recorder, declared: Any) -> None:
    read = {kind: {name for k, name in x.read if k == kind} for kind in ("event", "path", "constant")}
    assert read["event"] == set(declared.events), (component.name, what)
    assert read["path"] == set(declared.paths), (component.name, what)
    constants = {constant.name for constant in getattr(declared, "constants", ())}
    assert read["constant"] <= constants, (component.name, what)


def test_seventeen_components_in_five_groups() -> None:
    found = estimate(small_network(), sata())
    assert {group: len(names) for group, names in found.groups.items()} == {
        "compute": 4, "memory": 9, "neuron": 2, "digital": 1, "leakage": 1,
    }  # fmt: skip
    assert all(c.summary and c.spread > 1 for c in COMPONENTS)


def test_area_and_leakage_are_the_chips_once() -> None:
    one, more = (estimate(shapes.vgg9(width=w), sata()) for w in (8, 16))
    for quantity in ("area_m2", "leakage_W"):
        assert one.total(quantity)[0] == pytest.approx(more.total(quantity)[0], rel=1e-12)
    trained = estimate(shapes.vgg9(width=8), sata(task="training"))
    assert trained.total("area_m2")[0] > one.total("area_m2")[0]


def test_advice_changes_the_chip_and_not_the_question() -> None:
    held = estimate(small_network(), sata(task="training")).bottlenecks()
    titles = [change.title for change in (*held.changes, *held.infeasible)]
    assert any(title.startswith("clock_Hz") for title in titles)
    assert not any(title.startswith(("task", "memory.reads", "training.d")) for title in titles)
    assert not any(title.startswith("dram.kind") and title.endswith("none") for title in titles)
