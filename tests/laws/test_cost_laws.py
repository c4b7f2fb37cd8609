"""Laws of the cost models, on random networks and chips."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from axbar.cost import estimate
from axbar.cost._types import QUANTITIES
from axbar.spec import ImcSpec, load_hardware
from axbar.workload import Workload, shapes

LAW = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])

BASE = load_hardware("imc-rram-65nm")

#: relative rounding that sums in another order may show
ROUNDING = 1e-12


@st.composite
def networks(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Two to four layers: convolutions (plain, grouped, depthwise, strided), then a linear one."""
    layers: list[dict[str, Any]] = []
    channels, size = draw(st.sampled_from([1, 3, 4])), draw(st.sampled_from([4, 6, 9]))
    for i in range(draw(st.integers(1, 3))):
        outputs = draw(st.sampled_from([4, 8, 16, 70]))
        groups = draw(st.sampled_from([1, 1, 2, 4])) if channels % 4 == 0 else 1
        stride = draw(st.sampled_from([1, 1, 2]))
        layers.append(
            {
                "name": f"c{i}", "in_channels": channels, "out_channels": outputs - outputs % groups,
                "in_size": size, "stride": stride, "groups": groups, "rate": draw(st.floats(0.01, 0.9)),
                "bits": 8 if i == 0 and draw(st.booleans()) else 1,
            }
        )  # fmt: skip
        channels, size = outputs - outputs % groups, (size - 1) // stride + 1
    features = channels * size * size
    layers.append(
        {
            "in_channels": features,
            "out_channels": 5,
            "op": "linear",
            "rate": 0.2,
            "neuron": False,
            "name": "fc",
        }
    )
    return layers


@st.composite
def chips(draw: st.DrawFn) -> ImcSpec:
    """Random chips around the default one."""
    changes = {
        "crossbar.rows": draw(st.sampled_from([16, 64, 128])),
        "crossbar.cols": draw(st.sampled_from([16, 64, 128])),
        "crossbar.weight_bits": draw(st.integers(2, 8)),
        "crossbar.cell_bits": draw(st.integers(1, 3)),
        "adc.kind": draw(st.sampled_from(["sar", "flash", "survey", "ramp"])),
        "read.mode": draw(st.sampled_from(["voltage", "current"])),
        "adc.bits": draw(st.integers(1, 11)),
        "adc.cols_per_adc": draw(st.sampled_from([1, 8, 100])),
        "interconnect.kind": draw(st.sampled_from(["htree", "mesh"])),
        "technology.sram": draw(st.sampled_from(["HP", "LOP", "LSTP"])),
        "technology.node_m": draw(st.floats(7e-9, 180e-9)),
        "tile.arrays_per_pe": draw(st.integers(1, 9)),
        "tile.pes_per_tile": draw(st.integers(1, 9)),
        "neuron.membrane_bits": draw(st.integers(2, 32)),
    }
    spec = BASE.replace(changes)
    assert isinstance(spec, ImcSpec)
    return spec


def _workload(layers: list[dict[str, Any]], steps: int = 4) -> Workload:
    return Workload.from_layers(layers, steps=steps)


def _with_rates(layers: list[dict[str, Any]], factor: float) -> Workload:
    return _workload([layer | {"rate": layer["rate"] * factor} for layer in layers])


def _grows(low: np.ndarray, high: np.ndarray) -> bool:
    return bool((high >= low * (1 - ROUNDING)).all())


@LAW
@given(networks(), chips())
def test_children_sum_to_parents(layers: list[dict[str, Any]], spec: ImcSpec) -> None:
    done = estimate(_workload(layers), spec)
    for quantity in QUANTITIES:
        cells, total = getattr(done, quantity), done.total(quantity)
        assert np.isfinite(cells).all() and (cells >= 0).all()
        np.testing.assert_allclose(cells.sum(axis=(1, 2)), total, rtol=ROUNDING)
        np.testing.assert_allclose(done.by_component(quantity).sum(axis=1), total, rtol=ROUNDING)
        np.testing.assert_allclose(done.by_layer(quantity).sum(axis=1), total, rtol=ROUNDING)
        np.testing.assert_allclose(sum(done.by_group(quantity).values()), total, rtol=ROUNDING)


@LAW
@given(networks(), chips())
def test_silence_costs_no_array_and_no_driver_energy(layers: list[dict[str, Any]], spec: ImcSpec) -> None:
    done = estimate(_with_rates(layers, 0.0), spec)
    by_name = dict(zip(done.components, done.energy_J[0].T, strict=True))
    assert (by_name["cells"] == 0).all()
    assert (by_name["row_drivers"] == 0).all()
    assert (by_name["bit_lines"] == 0).all()
    assert done.total("energy_J")[0] > 0


@LAW
@given(networks(), chips(), st.floats(0.05, 0.95))
def test_energy_grows_with_activity_and_area_does_not(
    layers: list[dict[str, Any]], spec: ImcSpec, factor: float
) -> None:
    quiet, busy = (estimate(_with_rates(layers, f), spec) for f in (factor, 1.0))
    assert _grows(quiet.energy_J, busy.energy_J)
    assert quiet.total("energy_J")[0] < busy.total("energy_J")[0]
    assert (quiet.area_m2 == busy.area_m2).all()
    assert (quiet.leakage_W == busy.leakage_W).all()


@LAW
@given(networks(), chips(), st.integers(1, 8))
def test_energy_and_latency_grow_with_steps_and_area_does_not(
    layers: list[dict[str, Any]], spec: ImcSpec, steps: int
) -> None:
    short, long = (estimate(_workload(layers, t), spec) for t in (steps, steps + 1))
    assert short.total("energy_J")[0] < long.total("energy_J")[0]
    assert short.total("latency_s")[0] < long.total("latency_s")[0]
    assert (short.area_m2 == long.area_m2).all()


@LAW
@given(networks(), chips())
def test_energy_and_area_grow_with_converter_bits(layers: list[dict[str, Any]], spec: ImcSpec) -> None:
    done = estimate(_workload(layers), spec, {"adc.bits": np.arange(1, 13)})
    for quantity in ("energy_J", "area_m2"):
        assert (np.diff(done.total(quantity)) > 0).all()


@LAW
@given(networks(), chips())
def test_area_grows_with_membrane_bits(layers: list[dict[str, Any]], spec: ImcSpec) -> None:
    done = estimate(_workload(layers), spec, {"neuron.membrane_bits": np.arange(2, 33)})
    assert (np.diff(done.total("area_m2")) > 0).all()


@LAW
@given(networks(), chips())
def test_a_smaller_node_never_raises_digital_energy(layers: list[dict[str, Any]], spec: ImcSpec) -> None:
    nodes = [7e-9, 10e-9, 14e-9, 20e-9, 22e-9, 28e-9, 32e-9, 40e-9, 45e-9, 65e-9, 90e-9, 130e-9, 180e-9]
    done = estimate(_workload(layers), spec, {"technology.node_m": nodes})
    for name in (
        "shift_add",
        "accumulators",
        "input_buffer",
        "output_buffer",
        "lif",
        "membrane",
        "interconnect",
        "row_drivers",
        "bit_lines",
    ):
        energy = done.by_component("energy_J")[:, done.components.index(name)]
        assert _grows(energy[:-1], energy[1:]), name


@LAW
@given(networks(), chips(), st.data())
def test_a_point_of_a_sweep_is_the_single_estimate(
    layers: list[dict[str, Any]], spec: ImcSpec, data: st.DataObject
) -> None:
    points = 7
    ranges = {
        "adc.bits": st.integers(1, 12), "adc.kind": st.sampled_from(["sar", "survey"]),
        "crossbar.rows": st.sampled_from([8, 64, 200]), "crossbar.cell_bits": st.integers(1, 4),
        "technology.vdd_V": st.floats(0.5, 1.5), "read.t_read_s": st.floats(1e-9, 1e-6),
        "clock_Hz": st.floats(1e7, 1e9), "neuron.units_per_tile": st.integers(1, 64),
        "device.g_on_S": st.floats(1e-6, 1e-4),
    }  # fmt: skip
    chosen = data.draw(st.lists(st.sampled_from(sorted(ranges)), min_size=1, max_size=5, unique=True))
    sweep = {path: data.draw(st.lists(ranges[path], min_size=points, max_size=points)) for path in chosen}
    workload = _workload(layers)
    swept = estimate(workload, spec, sweep)
    for i in (0, points - 1):
        alone = estimate(workload, spec, {path: [values[i]] for path, values in sweep.items()})
        assert alone.feasible[0] == swept.feasible[i]
        for quantity in QUANTITIES:
            assert (getattr(swept, quantity)[i] == getattr(alone, quantity)[0]).all()
            assert swept.total(quantity)[i] == alone.total(quantity)[0]


@LAW
@given(networks(), chips(), st.randoms())
def test_the_order_of_layers_does_not_matter_to_a_symmetric_network(
    layers: list[dict[str, Any]], spec: ImcSpec, random: Any
) -> None:
    tree = spec.replace({"interconnect.kind": "htree"})
    order = list(range(len(layers)))
    random.shuffle(order)
    nodes = _workload([layer | {"neuron": True} for layer in layers]).layers
    pairs = [nodes[2 * i : 2 * i + 2] for i in order]
    shuffled = Workload("shuffled", tuple(node for pair in pairs for node in pair), 4, spikes_of="assumed")
    first, second = (
        estimate(_workload([layer | {"neuron": True} for layer in layers]), tree),
        estimate(shuffled, tree),
    )
    for quantity in QUANTITIES:
        np.testing.assert_allclose(first.total(quantity), second.total(quantity), rtol=1e-9)


@LAW
@given(st.floats(0.5, 8.0))
def test_energy_of_wires_grows_with_their_length(factor: float) -> None:
    # larger cells: longer word lines, larger tiles, longer links
    here = BASE.values()["device.cell_area_F2"]
    done = estimate(shapes.vgg9(), BASE, {"device.cell_area_F2": [here, here * (1 + factor)]})
    for name in ("row_drivers", "bit_lines", "interconnect"):
        energy = done.by_component("energy_J")[:, done.components.index(name)]
        assert energy[1] > energy[0]


def test_the_same_estimate_twice_has_the_same_bits() -> None:
    one, two = (estimate(shapes.vgg9(), BASE) for _ in range(2))
    assert (one.energy_J == two.energy_J).all()
    changed = dataclasses.replace(shapes.vgg9(), name="other")
    assert (estimate(changed, BASE).energy_J == one.energy_J).all()
