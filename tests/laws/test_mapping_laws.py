"""Laws of mapping and schedule, on random networks and chips."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from axbar.cost import estimate
from axbar.cost._types import QUANTITIES
from axbar.spec import ImcSpec, load_hardware
from axbar.workload import Workload

LAW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
BASE = load_hardware("imc-rram-65nm")
#: relative rounding that sums in another order may show
ROUNDING = 1e-12


@st.composite
def networks(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Convolutions (plain, grouped, strided; the first may read an image), then a linear layer."""
    layers: list[dict[str, Any]] = []
    channels, size = draw(st.sampled_from([1, 3, 8])), draw(st.sampled_from([4, 7]))
    for i in range(draw(st.integers(1, 3))):
        outputs, stride = draw(st.sampled_from([8, 16, 72])), draw(st.sampled_from([1, 1, 2]))
        groups = draw(st.sampled_from([1, 1, 2, 8])) if channels % 8 == 0 else 1
        layers.append(
            {
                "name": f"c{i}", "in_channels": channels, "out_channels": outputs, "in_size": size, "groups": groups,
                "stride": stride, "rate": draw(st.floats(0.01, 0.9)), "kernel": draw(st.sampled_from([1, 3, 5])),
                **({"bits": 8, "steps": 1} if i == 0 and draw(st.booleans()) else {}),
            }
        )  # fmt: skip
        channels, size = outputs, (size - 1) // stride + 1
    features = channels * size * size
    layers.append({"name": "fc", "in_channels": features, "out_channels": 5, "op": "linear", "neuron": False})
    return layers


@st.composite
def chips(draw: st.DrawFn) -> ImcSpec:
    """Random mappings and schedules on random arrays and tiles."""
    changes = {
        "crossbar.rows": draw(st.sampled_from([16, 64])),
        "crossbar.cols": draw(st.sampled_from([16, 64])),
        "tile.arrays_per_pe": draw(st.integers(1, 9)),
        "tile.pes_per_tile": draw(st.integers(1, 4)),
        "chip.max_tiles": draw(st.sampled_from([4, 30, 5000])),
        "chip.max_dies": draw(st.sampled_from([1, 1, 3])),
        "chip.power_gating": draw(st.sampled_from(["none", "tile"])),
        "interconnect.kind": draw(st.sampled_from(["htree", "mesh"])),
        "mapping.layout": draw(st.sampled_from(["flattened", "kernel_split"])),
        "mapping.duplication": draw(st.sampled_from([1, 1, 2, 5])),
        "mapping.balance": draw(st.sampled_from(["none", "none", "throughput"])),
        "mapping.order": draw(st.sampled_from(["step", "layer"])),
        "mapping.pipeline": draw(st.sampled_from(["none", "layers"])),
        "mapping.first_layer": draw(st.sampled_from(["once", "every_step"])),
    }
    spec = BASE.replace(changes)
    assert isinstance(spec, ImcSpec)
    return spec


def _workload(layers: list[dict[str, Any]], steps: int = 4, factor: float = 1.0) -> Workload:
    scaled = [layer | {"rate": layer.get("rate", 0.2) * factor} for layer in layers]
    return Workload.from_layers(scaled, steps=steps)


@LAW
@given(networks(), chips())
def test_children_sum_to_parents(layers: list[dict[str, Any]], spec: ImcSpec) -> None:
    done = estimate(_workload(layers), spec)
    for quantity in QUANTITIES:
        cells, total = getattr(done, quantity), done.total(quantity)
        assert np.isfinite(cells).all() and (cells >= 0).all()
        for sums in (
            cells.sum(axis=(1, 2)),
            done.by_component(quantity).sum(axis=1),
            done.by_layer(quantity).sum(axis=1),
        ):
            np.testing.assert_allclose(sums, total, rtol=ROUNDING)
        np.testing.assert_allclose(sum(done.by_group(quantity).values()), total, rtol=ROUNDING)


@LAW
@given(networks(), chips(), st.floats(0.05, 0.95), st.integers(1, 6))
def test_energy_grows_with_activity_and_steps(
    layers: list[dict[str, Any]], spec: ImcSpec, factor: float, steps: int
) -> None:
    quiet, busy = (estimate(_workload(layers, factor=f), spec) for f in (factor, 1.0))
    assert (busy.energy_J >= quiet.energy_J * (1 - ROUNDING)).all()
    fixed = spec.replace({"mapping.balance": "none"})  # balanced copies depend on the steps
    short, long = (estimate(_workload(layers, t), fixed) for t in (steps, steps + 1))
    assert short.total("energy_J")[0] < long.total("energy_J")[0]
    assert short.total("latency_s")[0] <= long.total("latency_s")[0] * (1 + ROUNDING)
    assert (long.throughput_Hz <= short.throughput_Hz * (1 + ROUNDING)).all()


@LAW
@given(networks(), chips(), st.integers(1, 6))
def test_step_by_step_the_area_does_not_depend_on_the_steps(
    layers: list[dict[str, Any]], spec: ImcSpec, steps: int
) -> None:
    stepwise = spec.replace({"mapping.order": "step", "mapping.balance": "none"})
    short, long = (estimate(_workload(layers, t), stepwise) for t in (steps, steps + 1))
    assert (short.area_m2 == long.area_m2).all()
    assert (short.leakage_W == long.leakage_W).all()


@LAW
@given(networks(), chips())
def test_a_pipeline_is_as_fast_as_its_slowest_layer(layers: list[dict[str, Any]], spec: ImcSpec) -> None:
    alone, both = (
        estimate(_workload(layers), spec.replace({"mapping.pipeline": p})) for p in ("none", "layers")
    )
    np.testing.assert_allclose(alone.throughput_Hz, 1.0 / alone.total("latency_s"), rtol=ROUNDING)
    slowest = alone.by_layer("latency_s").max(axis=1)
    np.testing.assert_allclose(both.throughput_Hz, 1.0 / slowest, rtol=ROUNDING)
    assert (both.total("latency_s") <= alone.total("latency_s") * (1 + ROUNDING)).all()
    assert (both.total("latency_s") >= slowest * (1 - ROUNDING)).all()
    assert (both.area_m2 == alone.area_m2).all()
    dynamic = [i for i, name in enumerate(both.components) if name != "leakage"]
    assert (both.energy_J[..., dynamic] == alone.energy_J[..., dynamic]).all()


@LAW
@given(networks(), chips(), st.integers(1, 4))
def test_more_copies_never_slow_reads_nor_shrink_the_chip(
    layers: list[dict[str, Any]], spec: ImcSpec, copies: int
) -> None:
    plain = spec.replace({"mapping.balance": "none", "chip.max_dies": 1})
    few, more = (
        estimate(_workload(layers), plain.replace({"mapping.duplication": c})) for c in (copies, 2 * copies)
    )
    for name in ("cells", "adc", "accumulators", "lif"):
        at = few.components.index(name)
        assert (more.plan.events[0].counts["reads"] <= few.plan.events[0].counts["reads"]).all()
        assert (more.energy_J[..., at] == few.energy_J[..., at]).all(), name
    # what the chip has once is shared out to layers by their tiles, so only the sum must grow
    assert more.total("area_m2")[0] >= few.total("area_m2")[0] * (1 - ROUNDING)


@LAW
@given(networks(), chips(), st.data())
def test_leaving_earlier_never_costs_more(
    layers: list[dict[str, Any]], spec: ImcSpec, data: st.DataObject
) -> None:
    fixed = spec.replace({"mapping.balance": "none", "mapping.pipeline": "none"})
    later = np.array(data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=5)))
    sooner = np.maximum(
        1, later - np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(later), max_size=len(later))))
    )
    early, late = (
        estimate(dataclasses.replace(_workload(layers), exit_step=stops), fixed) for stops in (sooner, later)
    )
    assert early.mean_steps <= late.mean_steps
    for quantity in ("energy_J", "latency_s"):
        assert (early.total(quantity) <= late.total(quantity) * (1 + ROUNDING)).all(), quantity
    assert (early.area_m2 == late.area_m2).all()


@LAW
@given(networks(), chips(), st.data())
def test_a_point_of_a_sweep_is_the_single_estimate(
    layers: list[dict[str, Any]], spec: ImcSpec, data: st.DataObject
) -> None:
    ranges = {
        "mapping.layout": st.sampled_from(["flattened", "kernel_split"]), "mapping.duplication": st.integers(1, 6),
        "mapping.balance": st.sampled_from(["none", "throughput"]), "mapping.order": st.sampled_from(["step", "layer"]),
        "mapping.pipeline": st.sampled_from(["none", "layers"]), "chip.max_dies": st.integers(1, 4),
        "mapping.first_layer": st.sampled_from(["once", "every_step"]), "chip.max_tiles": st.integers(2, 60),
    }  # fmt: skip
    sweep = {path: data.draw(st.lists(values, min_size=4, max_size=4)) for path, values in ranges.items()}
    workload = _workload(layers)
    swept = estimate(workload, spec, sweep)
    for i in (0, 3):
        alone = estimate(_workload(layers), spec.replace({path: values[i] for path, values in sweep.items()}))
        assert alone.feasible[0] == swept.feasible[i]
        assert alone.throughput_Hz[0] == swept.throughput_Hz[i]
        for quantity in QUANTITIES:
            assert (getattr(swept, quantity)[i] == getattr(alone, quantity)[0]).all(), quantity
