"""The hardware kind ``sparse``: sums, laws, sweeps, what does not fit, and the engine's own counts behind it."""

from __future__ import annotations

import dataclasses
import functools
import operator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from axbar.cost import estimate
from axbar.cost.sparse import DATAFLOWS, simulate, simulate_layers
from axbar.cost.sparse.kind import COMPONENTS
from axbar.errors import UsageError
from axbar.spec import load_hardware
from axbar.workload import Geometry, LayerTrace, NeuronTrace, Operand, Workload, pack, shapes, unpack

LIF = NeuronTrace(kind="LIF", beta=0.5, threshold=1.0, reset="subtract")
FLOWS = tuple(DATAFLOWS)
LEVELS = ("published", "join", "pipeline")
QUANTITIES = ("energy_J", "latency_s", "area_m2", "leakage_W")


def product(name: str, where: Geometry, spikes: np.ndarray, weight: np.ndarray, source: str) -> LayerTrace:
    """A layer on recorded spikes ``[T, B, *shape]``."""
    operand = Operand(where.in_shape, steps=len(spikes), words=pack(spikes))
    op = "conv2d" if len(where.in_shape) == 3 else "linear"
    return LayerTrace(name, op, (source,), where, tuple(range(len(spikes))), (operand,), weight=weight)


def network(rate: float = 0.3, seed: int = 0, steps: int = 4, batch: int = 2, dense: float = 0.4) -> Workload:
    """A grouped, strided, padded convolution with neurons, and a linear layer."""
    rng = np.random.default_rng(seed)
    conv = Geometry((8, 9, 9), (6, 5, 5), kernel=(3, 3), stride=(2, 2), padding=(1, 1), groups=2)
    line = Geometry((150,), (7,))
    noise = rng.random((steps, batch, 8, 9, 9)), rng.random((steps, batch, 150))
    kept = rng.random((6, 4, 3, 3)) < dense, rng.random((7, 150)) < dense
    weights = [(rng.normal(size=mask.shape) * mask).astype(np.float32) for mask in kept]
    layers = (
        product("conv", conv, noise[0] < rate, weights[0], "input"),
        LayerTrace(
            "lif", "neuron", ("conv",), Geometry(conv.out_shape, conv.out_shape), tuple(range(steps)),
            output=Operand(conv.out_shape, steps=steps, words=pack(noise[1].reshape(steps, batch, 6, 5, 5) < rate)),
            neuron=LIF,
        ),
        product("fc", line, noise[1] < rate, weights[1], "lif"),
    )  # fmt: skip
    return Workload("net", layers, steps, samples=batch)


def chip(name: str = "loas", **changes: Any) -> Any:
    return load_hardware(name, {key.replace("__", "."): value for key, value in changes.items()})


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", FLOWS)
def test_components_and_layers_sum_to_the_totals(name: str, level: str) -> None:
    done = estimate(network(), chip(name, fidelity=level))
    assert done.feasible.all()
    for quantity in QUANTITIES:
        cells = getattr(done, quantity)[0]
        assert (cells >= 0).all() and np.isfinite(cells).all()
        assert cells.sum() == pytest.approx(done.total(quantity)[0], rel=1e-12)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", FLOWS)
def test_counts_are_the_engines_mean_over_samples(name: str, level: str) -> None:
    """An independent unfolding by loops gives the same cycles, operations and traffic."""
    work, spec = network(), chip(name, fidelity=level)
    counts = estimate(work, spec).plan.events[0].counts
    layer = work.matmuls[1]
    from axbar.devices import quantise

    w = quantise(layer.weight, 8)[0].T
    each = [simulate(unpack(words, 4)[:, None], w, name, level) for words in layer.operands[0].words]
    for event, field in (("cycles", "cycles"), ("matches", "ops"), ("corrections", "corrections")):
        assert counts[event][1] == np.mean([getattr(c, field) for c in each]), event
    if level != "pipeline":
        assert counts["cache_bits"][1] == np.mean([c.sram_total_bits for c in each])


def unfold(layer: LayerTrace, sample: int, group: int) -> tuple[np.ndarray, np.ndarray]:
    """Spikes ``[T, M, K]`` and weights ``[K, N]`` of one group, by torch's definition of a convolution."""
    shape = layer.geometry
    x = unpack(layer.operands[0].words[sample], layer.operands[0].steps).astype(np.uint8)
    x = np.pad(x, ((0, 0), (0, 0), (shape.padding[0],) * 2, (shape.padding[1],) * 2))
    per = shape.in_shape[0] // shape.groups
    rows = [
        x[:, group * per : (group + 1) * per, i * s : i * s + 3, j * s : j * s + 3].reshape(len(x), -1)
        for s in shape.stride[:1]
        for i in range(shape.out_shape[1])
        for j in range(shape.out_shape[2])
    ]
    out = shape.out_shape[0] // shape.groups
    w = layer.weight[group * out : (group + 1) * out].reshape(out, -1).T
    return np.stack(rows, axis=1), w


@pytest.mark.parametrize("name", FLOWS)
def test_a_grouped_strided_padded_convolution_is_unfolded_right(name: str) -> None:
    work = network()
    found = simulate_layers(work, name, "join", sample=1)["conv"]
    each = [simulate(*unfold(work.matmuls[0], 1, group), name, "join") for group in (0, 1)]
    total = functools.reduce(operator.add, each)
    assert (found.cycles, found.ops, found.acs) == (total.cycles, total.ops, total.acs)
    assert found.sram_bits == total.sram_bits


@pytest.mark.parametrize("name", FLOWS)
def test_silence_costs_no_match_and_no_compute_at_the_published_level(name: str) -> None:
    done = estimate(network(rate=0.0), chip(name, fidelity="published"))
    counts = done.plan.events[0].counts
    for event in ("cycles", "matches", "corrections"):
        assert not counts[event].any(), event
    spent = dict(zip(done.components, done.by_component("energy_J")[0], strict=True))
    for part in ("control", "prefix_sums", "accumulators", "corrections", "merger", "pe_buffers", "leakage"):
        assert spent[part] == 0.0, part
    assert done.total("area_m2")[0] == pytest.approx(
        estimate(network(), chip(name)).total("area_m2")[0], rel=1e-12
    )


def test_pruned_weights_cost_no_match() -> None:
    work = network()
    masks = [np.zeros(layer.weight.shape, dtype=np.bool_) for layer in work.matmuls]
    pruned = [dataclasses.replace(layer, mask=mask) for layer, mask in zip(work.matmuls, masks, strict=True)]
    layers = (pruned[0], work.layers[1], pruned[1])
    done = estimate(dataclasses.replace(work, layers=layers), chip())
    assert not done.plan.events[0].counts["matches"].any()
    assert (done.mapping["weight_density"] == 0).all() and done.total("energy_J")[0] > 0


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(FLOWS), st.integers(0, 2**16), st.floats(0.05, 0.6), st.floats(0.1, 0.9))
def test_more_spikes_never_take_less(name: str, seed: int, rate: float, share: float) -> None:
    """The fewer spikes are a subset of the others, neuron by neuron."""
    few, many = (network(rate=r, seed=seed) for r in (rate * share, rate))
    for level in ("published", "join"):
        less, more = (
            estimate(work, chip(name, fidelity=level)).plan.events[0].counts for work in (few, many)
        )
        for event in ("cycles", "matches"):
            assert (less[event] <= more[event]).all(), (event, level)


@pytest.mark.parametrize("name", FLOWS)
def test_levels_never_take_less_time(name: str) -> None:
    cycles = [
        estimate(network(), chip(name, fidelity=level)).plan.events[0].counts["cycles"] for level in LEVELS
    ]
    assert (cycles[0] <= cycles[1]).all() and (cycles[1] <= cycles[2]).all()


@pytest.mark.parametrize(
    "column",
    [
        {"pe.count": [4, 8, 16, 32]},
        {"dataflow": list(FLOWS), "fidelity": ["join", "published"] * 3},
        {"tile.chunk": [32, 64, 128], "pe.steps": [1, 2, 4], "clock_Hz": [1e8, 4e8, 8e8]},
        {"dram.kind": ["none", "hbm2", "lpddr4"], "technology.sram": ["HP", "LOP", "LSTP"], "weight_bits": [4, 6, 8]},
        {"fidelity": ["pipeline"] * 3, "prefix": ["fast-laggy", "two-fast", "two-laggy"], "pe.fifo_depth": [1, 8, 9]},
    ],
)  # fmt: skip
def test_a_sweep_is_its_points_bit_for_bit(column: dict[str, list[Any]]) -> None:
    work, spec = network(), chip()
    swept = estimate(work, spec, column)
    for i in range(swept.plan.sweep.points):
        one = estimate(work, spec.replace({path: values[i] for path, values in column.items()}))
        for quantity in QUANTITIES:
            assert one.total(quantity)[0] == swept.total(quantity)[i], (quantity, i)


def test_a_repeated_count_is_the_same() -> None:
    first, again = (estimate(network(), chip()).total("energy_J")[0] for _ in range(2))
    assert first == again
    drawn = [estimate(shapes.cnn(width=8), chip()).total("energy_J")[0] for _ in range(2)]
    assert drawn[0] == drawn[1]


def test_steps_beyond_a_word_take_passes() -> None:
    done = estimate(network(steps=6), chip(pe__steps=4))
    assert done.mapping["passes"].tolist() == [2, 2]
    assert any("several passes" in note for note in done.notes)
    whole = estimate(network(steps=6), chip(pe__steps=6))
    assert whole.mapping["passes"].tolist() == [1, 1]
    assert whole.plan.events[0].counts["matches"].sum() < done.plan.events[0].counts["matches"].sum()


@pytest.mark.parametrize("signed", [False, True])
def test_a_real_input_is_presented_by_bit_planes(signed: bool) -> None:
    """The operations of a word per code equal those of its planes given as spikes."""
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 256, size=(2, 20)).astype(np.uint8)
    negative = (rng.random((2, 20)) < 0.5) & (codes > 0) if signed else None
    weight = rng.integers(-9, 10, size=(5, 20)).astype(np.float32)
    where = Geometry((20,), (5,))
    operand = Operand((20,), "real", bits=8, steps=1, words=codes, negative=negative)
    layer = LayerTrace("fc", "linear", ("input",), where, (0,), (operand,), weight=weight, bits=8, scale=1.0)
    work = Workload("real", (layer,), 1, samples=2)
    counts = estimate(work, chip(pe__steps=64)).plan.events[0].counts
    value = codes.astype(int) if negative is None else np.where(negative, -codes.astype(int), codes)
    planes = (value[None] >> np.arange(9 if signed else 8)[:, None, None]) & 1
    each = [simulate(planes[:, b : b + 1], weight.T, "loas") for b in range(2)]
    assert counts["cycles"][0] == np.mean([c.cycles for c in each])
    assert counts["corrections"][0] == np.mean([c.corrections for c in each])
    assert any("bit planes" in note for note in estimate(work, chip()).notes)


def test_signed_spikes_are_two_bits_a_step() -> None:
    rng = np.random.default_rng(5)
    trit = rng.integers(-1, 2, size=(3, 2, 12))
    words, minus = pack(trit != 0), pack(trit < 0)
    operand = Operand((12,), "signed", steps=3, words=words, negative=minus)
    weight = rng.integers(1, 5, size=(4, 12)).astype(np.float32)
    layer = LayerTrace(
        "fc", "linear", ("input",), Geometry((12,), (4,)), (0, 1, 2), (operand,), weight=weight
    )
    counts = estimate(Workload("signed", (layer,), 3, samples=2), chip("sparten")).plan.events[0].counts
    assert counts["matches"][0] == np.count_nonzero(trit) * 4 / 2


def test_a_workload_of_rates_is_drawn_and_said_so() -> None:
    notes = " ".join(estimate(shapes.cnn(width=8), chip()).notes)
    assert "drawn at random" in notes and "none of them is zero" in notes
    rate = estimate(shapes.cnn(width=8, rate=0.4), chip()).plan.events[0].counts["matches"]
    assert rate.sum() > estimate(shapes.cnn(width=8, rate=0.1), chip()).plan.events[0].counts["matches"].sum()


@pytest.mark.parametrize(
    ("name", "changes", "steps", "words"),
    [
        ("gamma", {"fidelity": "published"}, 2, "T = 2"),
        ("loas", {"balance": "greedy"}, 4, "has no balance = greedy"),
        ("loas", {"buffer.input_values": 2**23}, 4, "cache.capacity_B"),
        ("ptb", {"balance": "greedy", "tile.batch": 16}, 4, "tile.batch = 8"),
    ],
)
def test_what_does_not_fit_is_a_result_with_a_reason(
    name: str, changes: dict, steps: int, words: str
) -> None:
    done = estimate(network(steps=steps), load_hardware(name, changes))
    assert not done.feasible[0] and words in done.reasons[0]
    assert all(np.isfinite(done.total(q)[0]) and done.total(q)[0] > 0 for q in QUANTITIES)


def test_weights_fixed_to_other_bits_are_refused() -> None:
    work = network()
    layers = tuple(dataclasses.replace(layer, bits=4) if layer.is_matmul else layer for layer in work.layers)
    with pytest.raises(UsageError, match="weight_bits=4"):
        estimate(dataclasses.replace(work, layers=layers), chip())


def test_early_exit_leaves_late_steps_out() -> None:
    work = network()
    early = dataclasses.replace(work, exit_step=np.array([1, 1]))
    for name in ("loas", "sparten"):
        whole, part = (estimate(each, chip(name)).plan.events[0].counts for each in (work, early))
        assert (part["cycles"] < whole["cycles"]).all() and (part["joins"] <= whole["joins"]).all()


def test_dram_delays_only_by_what_it_takes_longer() -> None:
    work = network()
    slow, fast, published = (
        estimate(work, chip(dram__transfer_Hz=f, fidelity=level))
        for f, level in ((1e6, "join"), (1e11, "join"), (1e6, "published"))
    )
    bits = slow.plan.events[0].counts["dram_bits"]
    compute = slow.plan.events[0].counts["cycles"] / 800e6
    assert slow.by_layer("latency_s")[0] == pytest.approx(np.maximum(bits / (1024 * 1e6), compute))
    assert fast.by_layer("latency_s")[0] == pytest.approx(compute)
    assert published.by_component("latency_s")[0][published.components.index("dram")] == 0


def test_a_busy_pe_takes_the_published_power_and_area() -> None:
    """One match per cycle with all four corrections and a join each: 2.321 mW for 2.5 ns, 0.0375 mm2."""
    done = estimate(network(), chip())
    x = done.plan.at(0)
    for event in ("matches", "joins"):
        x.events[event][:] = 1.0  # type: ignore[index]
    x.events["corrections"][:] = 4.0  # type: ignore[index]
    parts = [c for c in COMPONENTS if c.group == "compute"]
    energy = sum(float(np.ravel(c.terms(x).energy_J.value(x))[0]) for c in parts)
    assert energy == pytest.approx(2.321e-3 * 2.5e-9, rel=1e-9)
    area = sum(float(done.by_component("area_m2")[0][done.components.index(c.name)]) for c in parts)
    assert area == pytest.approx(16 * 0.0375e-6, rel=1e-9)
    assert done.by_component("leakage_W")[0][done.components.index("cache")] == pytest.approx(16 * 7.78e-3)
    assert done.by_component("area_m2")[0][done.components.index("cache")] == pytest.approx(1.147e-6)


def test_the_busy_system_takes_the_published_power() -> None:
    """16 busy TPPEs at 2.5 ns: PEs 23.9 %, cache (its leakage) 65.9 %, rest 10.2 % of 189 mW."""
    done = estimate(network(), chip(clock_Hz=400e6))
    x = done.plan.at(0)
    for event, count in (
        ("cycles", 1),
        ("pe_cycles", 16),
        ("matches", 16),
        ("joins", 16),
        ("corrections", 64),
    ):
        x.events[event][:] = float(count)  # type: ignore[index]
    leaking = dict(zip(done.components, done.by_component("leakage_W")[0], strict=True))
    power = {c.name: float(np.ravel(c.terms(x).energy_J.value(x))[0]) / 2.5e-9 for c in COMPONENTS[:-1]}
    logic = [c.name for c in COMPONENTS if c.group == "compute"]
    shares = {
        "pes": sum(power[name] + leaking[name] for name in logic),
        "cache": leaking["cache"],
        "rest": power["control"] + leaking["lif"],
    }
    total = sum(shares.values())
    assert total == pytest.approx(189e-3, rel=0.005)
    for name, percent in (("pes", 23.9), ("cache", 65.9), ("rest", 10.2)):
        assert 100 * shares[name] / total == pytest.approx(percent, abs=0.2), name


@pytest.mark.parametrize("name", FLOWS)
def test_control_is_a_fixed_share_of_busy_pes(name: str) -> None:
    """Every PE of the dataflow finds a match in every cycle: control takes about half of what the PEs take."""
    x = estimate(network(), chip(name)).plan.at(0)
    busy = {
        "cycles": 1,
        "pe_cycles": 16,
        "matches": 16,
        "joins": 16,
        "corrections": 64 * (name[:4] == "loas"),
    }
    for event, count in busy.items():
        x.events[event][:] = float(count)  # type: ignore[index]
    spent = {c.name: float(np.ravel(c.terms(x).energy_J.value(x))[0]) for c in COMPONENTS[:-1]}
    pes = sum(spent[c.name] for c in COMPONENTS if c.group == "compute")
    assert spent["control"] / pes == pytest.approx(0.518, rel=0.08 if name == "ptb" else 0.005)


def test_ptb_is_an_array_of_columns_times_lanes_everywhere() -> None:
    """6 positions of one window in 2 groups of 4 lanes, 20 outputs in 2 folds of 16 columns, 3 busy inputs."""
    spikes = np.ones((4, 1, 3, 2, 3), dtype=np.bool_)
    where = Geometry((3, 2, 3), (20, 2, 3), kernel=(1, 1))
    work = Workload(
        "array", (product("conv", where, spikes, np.ones((20, 3, 1, 1), np.float32), "input"),), 4, 1
    )
    done = estimate(work, chip("ptb"))
    counts = {name: values[0] for name, values in done.plan.events[0].counts.items()}
    pipelined = 2 * 2 * 3 + 2 * 2 * (4 + 16 - 2)
    assert counts["cycles"] == pipelined == simulate(np.ones((4, 6, 3)), np.ones((3, 20)), "ptb").cycles
    assert counts["matches"] == 6 * 3 * 20
    assert counts["pes"] == 64 == DATAFLOWS["ptb"].pes
    assert counts["pe_cycles"] == 64 * pipelined
    assert done.mapping["utilisation"][0] == pytest.approx(360 / (64 * pipelined))
    bit_m2 = 0.000488e-6 / 16
    area = done.by_component("area_m2")[0][done.components.index("accumulators")]
    assert area == pytest.approx(64 * 16 * bit_m2)
    half = chip("ptb", pe__count=8)
    assert estimate(work, half).plan.events[0].counts["pes"][0] == 32 == DATAFLOWS["ptb"].with_pes(32).pes


@pytest.mark.parametrize("name", FLOWS)
def test_presets_count_the_whole_pipeline(name: str) -> None:
    assert chip(name).fidelity == "pipeline"
    assert simulate_layers(network(), name)["fc"].fidelity == "pipeline"
    assert "400 MHz" in chip(name).description


@pytest.mark.parametrize(("adders", "held"), [(16, True), (5, False), (5, True)])
def test_laggy_circuits_of_a_spec_are_those_of_the_engine(adders: int, held: bool) -> None:
    work = network(rate=0.6, dense=0.9)
    spec = chip(pe__laggy_adders=adders, pe__addresses="tile" if held else "join", tile__chunk=32)
    flow = dataclasses.replace(DATAFLOWS["loas"], tile=dataclasses.replace(DATAFLOWS["loas"].tile, chunk=32))
    each = [simulate_layers(work, flow, sample=s, adders=adders, hold_addresses=held) for s in (0, 1)]
    done = estimate(work, spec)
    for i, layer in enumerate(("conv", "fc")):
        assert done.plan.events[0].counts["cycles"][i] == np.mean([found[layer].cycles for found in each])
    assert any(("once per tile" in note) == held for note in done.notes if "addresses" in note)
    plain = estimate(work, chip(tile__chunk=32))
    area = [e.by_component("area_m2")[0][e.components.index("prefix_sums")] for e in (done, plain)]
    more = (adders - 16) * 0.000306e-6 * 3 / 16 + held * 32 * 4 * 0.000176e-6 / 16
    assert area[0] - area[1] == pytest.approx(16 * more)


def test_deeper_fifos_take_area_and_leakage() -> None:
    """Two 16-bit FIFOs of 0.00330 mm2 and 0.0658 mW at depth 8, in each of 16 PEs; none without a laggy partner."""

    def buffers(depth: int, prefix: str = "fast-laggy", name: str = "loas") -> list[float]:
        done = estimate(network(), chip(name, pe__fifo_depth=depth, prefix=prefix))
        at = done.components.index("pe_buffers")
        return [float(done.by_component(q)[0][at]) for q in ("area_m2", "leakage_W", "energy_J")]

    one, published, deep = (buffers(depth) for depth in (1, 8, 24))
    assert published[0] == pytest.approx(16 * 0.01579775e-6)
    assert published[1] == pytest.approx(published[0] * 0.495e-3 / 0.0375e-6)
    assert deep[0] - published[0] == pytest.approx(16 * 2 * 0.00330e-6 * 2)
    assert deep[1] - published[1] == pytest.approx(16 * 2 * 0.0658e-3 * 2)
    assert published[1] - one[1] == pytest.approx(16 * 2 * 0.0658e-3 * 7 / 8) and min(one) > 0
    assert one[2] == published[2] == deep[2]
    for prefix, name in (("two-fast", "loas"), ("two-laggy", "loas"), ("fast-laggy", "sparten")):
        assert buffers(8, prefix, name)[:2] == buffers(24, prefix, name)[:2]


def test_addresses_are_held_by_rows_only() -> None:
    done = estimate(network(), chip("loas-nmtk", pe__addresses="tile"))
    assert not done.feasible[0] and "set pe.addresses=join" in done.reasons[0]
    for name in ("sparten", "gospa", "gamma", "ptb"):  # not built there, so without effect
        tile, join = (estimate(network(), chip(name, pe__addresses=word)) for word in ("tile", "join"))
        assert tile.feasible[0] and tile.total("energy_J")[0] == join.total("energy_J")[0]


@pytest.mark.parametrize("name", FLOWS)
def test_recorded_output_spikes_are_what_is_written(name: str) -> None:
    work = network()
    words = work.layers[1].output.words
    firing, spikes = np.count_nonzero(words, axis=(1, 2, 3)), unpack(words, 4).sum(axis=(0, 2, 3, 4))
    size = 6 * 5 * 5
    expected = {
        "loas": 4 * firing + size, "loas-nmtk": 4 * firing + size, "gospa": 8 * spikes, "gamma": 6 * spikes,
    }.get(name, np.full(2, 4 * size))  # fmt: skip
    for sample in (0, 1):
        found = simulate_layers(work, name, sample=sample)
        assert found["conv"].dram_bits["out"] == expected[sample]
        assert not any(note.startswith("output spikes") for note in found["conv"].notes)
    assert estimate(work, chip(name)).mapping["dram_output_bits"][0] == pytest.approx(expected.mean())


@pytest.mark.parametrize("name", ["published", "join", "pipeline"])
def test_bottlenecks_and_explanations_work(name: str) -> None:
    done = estimate(network(), chip(fidelity=name))
    found = done.bottlenecks()
    assert found.top() and not any("fidelity" in c.title for c in found.changes)
    assert "LoAS" in done.explain("prefix_sums.energy").text()
