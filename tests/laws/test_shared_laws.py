"""Laws of neurons that take turns on membranes, on every kind of chip."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from axbar.cost import Estimate, estimate
from axbar.cost._types import QUANTITIES
from axbar.cost.imc._count import count
from axbar.spec import load_hardware
from axbar.workload import NeuronTrace, Workload

LAW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
#: rounding of sums
ROUNDING = 1e-12
SHARES = (1, 2, 4, 8, 16)


def shared(workload: Workload, share: int) -> Workload:
    """The same network and activity with ``share`` neurons on one membrane."""

    def sharing(neuron: NeuronTrace | None) -> NeuronTrace | None:
        return None if neuron is None else dataclasses.replace(neuron, share=share)

    layers = [dataclasses.replace(at, neuron=sharing(at.neuron)) for at in workload.layers]
    return dataclasses.replace(workload, layers=tuple(layers))


@st.composite
def networks(draw: st.DrawFn) -> Workload:
    """One to three convolutions of 16 k channels with neurons, and a read-out without."""
    layers: list[dict[str, Any]] = []
    channels, size = draw(st.sampled_from([1, 3])), draw(st.sampled_from([4, 6, 12]))
    for i in range(draw(st.integers(1, 3))):
        outputs = draw(st.sampled_from([16, 32, 64]))
        layers.append(
            {"name": f"c{i}", "in_channels": channels, "out_channels": outputs, "in_size": size, "rate": 0.2,
             "bits": 8 if i == 0 and draw(st.booleans()) else 1}
        )  # fmt: skip
        channels = outputs
    layers.append(
        {"name": "fc", "op": "linear", "in_channels": channels * size**2, "out_channels": 5, "rate": 0.2,
         "neuron": False}
    )  # fmt: skip
    return Workload.from_layers(layers, steps=draw(st.sampled_from([1, 4])))


BASE = load_hardware("imc-rram-65nm")
CHIPS = st.fixed_dictionaries(
    {
        "neuron.units_per_tile": st.sampled_from([1, 7, 64, 4096]),
        "neuron.membrane_bits": st.sampled_from([4, 16]),
        "mapping.order": st.sampled_from(["step", "layer"]),
        "mapping.pipeline": st.sampled_from(["none", "layers"]),
        "technology.sram": st.sampled_from(["HP", "LSTP"]),
    }
).map(BASE.replace)


def parts(found: Estimate, quantity: str) -> dict[str, float]:
    return dict(zip(found.components, found.by_component(quantity)[0], strict=True))


@LAW
@given(networks(), CHIPS)
def test_less_memory_as_many_updates_and_no_other_component_changes(workload: Workload, chip: Any) -> None:
    found = [estimate(shared(workload, share), chip) for share in SHARES]
    for one, more in pairwise(found):
        was, now = ({q: parts(e, q) for q in QUANTITIES} for e in (one, more))
        for quantity in ("area_m2", "leakage_W", "energy_J"):
            less, most = now[quantity]["membrane"], was[quantity]["membrane"]
            assert less <= most * (1.0 + ROUNDING), quantity
            if (
                chip.mapping.order == "step" and quantity != "energy_J"
            ):  # banks may be too small to be cheaper yet
                assert less < most * (1.0 - ROUNDING), quantity
        assert now["energy_J"]["lif"] == was["energy_J"]["lif"]
        assert now["latency_s"]["lif"] >= was["latency_s"]["lif"]
        # smaller tiles have shorter wires between them, shorter runs leak less
        assert now["energy_J"]["interconnect"] <= was["energy_J"]["interconnect"]
        moved = {
            "energy_J": {"interconnect"},
            "latency_s": {"lif"},
            "area_m2": set[str](),
            "leakage_W": set[str](),
        }
        for quantity, others in moved.items():
            same = was[quantity].keys() - others - {"membrane", "leakage"}
            assert all(now[quantity][name] == was[quantity][name] for name in same), quantity


@LAW
@given(networks(), st.sampled_from([1, 3, 16, 64]))
def test_passes_lie_between_the_work_and_a_turn_for_each_group(workload: Workload, units: int) -> None:
    """Per step no fewer than updates over units, exactly that where the units never outnumber the membranes."""
    chip = BASE.replace({"neuron.units_per_tile": units})
    for share in SHARES:
        events = count(shared(workload, share), chip)
        tiles, size, turns = (events.counts[name] for name in ("tiles", "neurons", "membrane_turns"))
        passes = turns * np.ceil(size / (tiles * units))
        updates = events.counts["lif_updates"] / np.maximum(events.counts["neuron_steps"], 1.0)
        assert (passes >= np.ceil(updates / (tiles * units))).all()
        even = (size % (tiles * units) == 0) & (size > 0)
        np.testing.assert_array_equal(passes[even], (updates / (tiles * units))[even])


@LAW
@given(networks(), st.sampled_from([0, 16, 256, 1 << 20]), st.sampled_from(["inference", "training"]))
def test_a_systolic_array_never_moves_more_for_it(workload: Workload, glb_map_B: int, task: str) -> None:
    chip = load_hardware(
        "sata", {"memory.glb_map_B": max(64, glb_map_B), "task": task, "memory.reads": "array"}
    )
    found = [estimate(shared(workload, share), chip) for share in SHARES]
    for one, more in pairwise(found):
        for quantity in ("energy_J", "area_m2"):
            was, now = parts(one, quantity), parts(more, quantity)
            assert all(now[name] <= was[name] * (1.0 + ROUNDING) for name in was if name != "leakage"), (
                quantity
            )
        assert parts(more, "energy_J")["lif"] == parts(one, "energy_J")["lif"]


@LAW
@given(networks())
def test_a_dual_sparse_accelerator_stores_no_membrane_and_says_so(workload: Workload) -> None:
    alone, sharing = (estimate(shared(workload, share), "loas") for share in (1, 4))
    for quantity in QUANTITIES:
        assert sharing.total(quantity)[0] == alone.total(quantity)[0]
    assert any("share membranes: none is stored here" in note for note in sharing.notes)
    assert not any("share membranes" in note for note in alone.notes)
