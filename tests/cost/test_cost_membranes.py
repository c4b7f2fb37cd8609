"""Membranes and turns of neurons that share, counted by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cost_cases import chip, neuron, product, small_network, spiking

import axbar
from axbar.cost import Estimate, estimate
from axbar.cost._membranes import membranes_of, turns_of
from axbar.cost.imc._count import count as count_imc
from axbar.cost.systolic._count import count as count_systolic
from axbar.workload import LayerTrace, Workload
from axbar.workload._types import Geometry


def sharing(layer: LayerTrace, share: int) -> LayerTrace:
    assert layer.neuron is not None
    return replace(layer, neuron=replace(layer.neuron, share=share))


def one(share: int, outputs: int = 48, steps: int = 3) -> Workload:
    """One linear layer and its neurons."""
    rng = np.random.default_rng(0)
    layer = product("fc", Geometry((16,), (outputs,)), spiking(rng, (16,), steps), rng)
    return Workload("one", (layer, sharing(neuron("n", "fc", (outputs,), steps), share)), steps, samples=2)


def test_membranes_are_neurons_over_share_rounded_up() -> None:
    first, second = sharing(neuron("a", "x", (8, 3, 3)), 4), sharing(neuron("b", "x", (10,)), 3)
    assert membranes_of([first, second]) == 8 * 9 / 4 + 4
    assert membranes_of([]) == 0
    assert turns_of([[first, second], [], [neuron("c", "x", (5,))]]).tolist() == [4, 1, 1]
    assert membranes_of([replace(first, neuron=None)]) == 72


@pytest.mark.parametrize(
    ("share", "units", "passes"),
    # 48 neurons on 3 steps: turns of 48 / share membranes each
    [(1, 4, 3 * 12), (2, 4, 3 * 12), (4, 4, 3 * 12), (16, 4, 3 * 16), (1, 64, 3), (4, 64, 3 * 4), (6, 5, 3 * 6 * 2)],
)  # fmt: skip
def test_passes_of_the_units_by_hand(share: int, units: int, passes: int) -> None:
    spec = chip(neuron__units_per_tile=units)
    workload = one(share)
    events = count_imc(workload, spec).counts
    assert events["tiles"][0] == 1
    assert (events["neurons"][0], events["membranes"][0]) == (48 / share, 48 / share)
    assert (events["lif_updates"][0], events["membrane_updates"][0]) == (144, 144)
    found = estimate(workload, spec)
    lif = dict(zip(found.components, found.by_component("latency_s")[0], strict=True))["lif"]
    assert lif == pytest.approx(passes / spec.clock_Hz)


def test_layer_by_layer_stores_none_but_takes_turns() -> None:
    events = count_imc(one(4), chip(mapping__order="layer")).counts
    assert (events["membranes"][0], events["neurons"][0], events["membrane_turns"][0]) == (0, 12, 4)


def test_where_nothing_is_shared_a_turn_is_one_and_neurons_are_membranes() -> None:
    workload = small_network()
    for events in (count_imc(workload, chip()), count_systolic(workload, _sata())):
        assert (events.counts["membrane_turns"] == 1.0).all()
        assert events.counts["neurons"].tolist() == [8 * 36, 12 * 36, 0]


def _sata(**changes: Any) -> Any:
    return axbar.load_hardware("sata", {k.replace("__", "."): v for k, v in changes.items()})


def test_a_buffer_too_small_for_all_membranes_holds_them_once_shared() -> None:
    """SATA's buffer for maps keeps what a column fold leaves between steps; the rest passes DRAM."""
    shape = Geometry((16,), (128,))
    rng = np.random.default_rng(0)
    layer = product("fc", shape, spiking(rng, (16,), 4), rng)
    workloads = [
        Workload("fc", (layer, sharing(neuron("n", "fc", (128,)), share)), 4, samples=2) for share in (1, 4)
    ]
    alone, shared = (count_systolic(w, _sata()).counts for w in workloads)
    assert alone["again_state_bits"][0] == 2 * 3 * 128 * 16  # written and read, between four steps
    assert shared["again_state_bits"][0] * 4 == alone["again_state_bits"][0]
    assert shared["state_bits"][0] * 4 == alone["state_bits"][0]
    assert (shared["neurons"][0], shared["membrane_turns"][0], shared["lif_updates"][0]) == (32, 4, 512)
    for name in ("dram_fwd_bits", "glb_fwd_map_bits", "fwd_cycles"):
        assert shared[name][0] == alone[name][0], name


def buffer_energy(found: Estimate) -> float:
    return dict(zip(found.components, found.by_component("energy_J")[0], strict=True))["global_buffer"]


def test_what_does_not_fit_a_tile_shrinks_with_the_membranes() -> None:
    """512 neurons of 16 bits: 1 KiB. A tile of 256 B sends three quarters on; with four to a membrane, nothing."""
    spec = chip(neuron__membrane_B=256, neuron__membrane_bits=16)
    alone, half, shared = (buffer_energy(estimate(one(share, outputs=512), spec)) for share in (1, 2, 4))
    assert alone > half > shared
    roomy = spec.replace({"neuron.membrane_B": 1024})
    assert shared == buffer_energy(estimate(one(1, outputs=512), roomy))
