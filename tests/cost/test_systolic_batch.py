"""Weights that are written once per batch: what is shared, what every sample does."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from cost_cases import small_network

from axbar.cost import Estimate, estimate
from axbar.cost.training import TRAFFIC
from axbar.errors import AxbarError
from axbar.spec import HardwareSpec, load_hardware
from axbar.workload import Workload

SHARED = ("dram_wup", "glb_wup", "spad_wup")


def sata(batch: int = 1, **changes: Any) -> HardwareSpec:
    """One array that trains; ``array__rows=8`` sets ``array.rows``."""
    own = {key.replace("__", "."): value for key, value in changes.items()}
    return load_hardware("sata", {"task": "training", "training.batch": batch, **own})


def events(spec: HardwareSpec, workload: Workload | None = None) -> dict[str, np.ndarray]:
    return dict(estimate(workload or small_network(), spec).plan.events[0].counts)


def energy_J(found: Estimate, component: str) -> float:
    return found.by_component("energy_J")[0, found.components.index(component)].item()


#: weights of conv1, conv2 (two groups) and fc, and their steps
WEIGHTS, STEPS = np.array([27 * 8.0, 36 * 12.0, 432 * 5.0]), np.array([1.0, 4.0, 4.0])


@pytest.mark.parametrize("reads", ["table", "array"])
def test_weights_and_their_gradients_pass_once_per_batch(reads: str) -> None:
    one = events(sata(memory__reads=reads))
    for batch in (2, 3, 128):
        many = events(sata(batch, memory__reads=reads))
        saved = 2 * 16.0 * WEIGHTS * (1 - 1 / batch)
        for name in ("dram_wup_bits", "glb_wup_weight_bits", "spad_wup_bits"):
            assert one[name] - many[name] == pytest.approx(saved), name
        same = one.keys() - {"dram_wup_bits", "glb_wup_weight_bits", "spad_wup_bits", "again_wup_bits"}
        assert all(one[name].tolist() == many[name].tolist() for name in same)


def test_what_passes_dram_for_the_update_halves_with_twice_the_batch() -> None:
    passed = [energy_J(estimate(small_network(), sata(batch)), "dram_wup") for batch in (1, 2, 4, 8)]
    assert passed[0] == pytest.approx(2 * 16 * WEIGHTS.sum() * 8e-12)
    assert [b / a for a, b in itertools.pairwise(passed)] == pytest.approx([0.5] * 3)


def test_the_limit_is_what_every_sample_does() -> None:
    """Sums of gradients are read and written at every step: 2 T W in the buffer, 4 T W in scratchpads."""
    endless = events(sata(2**20))
    per_step = 16.0 * WEIGHTS * STEPS
    assert endless["glb_wup_weight_bits"] == pytest.approx(2 * per_step, rel=1e-5)
    maps = events(sata(2**20, memory__reads="table"))
    assert maps["spad_wup_bits"] - maps["glb_wup_map_bits"] == pytest.approx(4 * per_step, rel=1e-5)
    assert endless["dram_wup_bits"] == pytest.approx(0.0, abs=0.1)


def test_sums_that_find_no_room_pass_dram_for_every_sample_but_the_first() -> None:
    # 2 (r - 1/B) passes of each weight's gradient: per batch of B samples of r steps, all but the first step reads
    for batch in (1, 2, 128):
        again = events(sata(batch))["again_wup_bits"]
        assert again == pytest.approx(16.0 * WEIGHTS * 2 * (STEPS - 1 / batch))


def test_every_batch_costs_a_sample_no_more_than_a_smaller_one() -> None:
    sweep = {"training.batch": [1, 2, 5, 64, 1000]}
    for network in (small_network(), small_network(steps=1)):
        found = estimate(network, sata(), sweep)
        for quantity in ("energy_J", "latency_s"):
            assert (np.diff(found.total(quantity)) <= 0).all()
        names = [name for i, name in enumerate(found.components)
                 if np.ptp(found.by_component("energy_J")[:, i]) > 0]  # fmt: skip
        assert set(names) <= {*SHARED, "leakage"} and set(SHARED) <= set(names)


def test_an_inference_knows_no_batch() -> None:
    one, many = (estimate(small_network(), sata(batch, task="inference")) for batch in (1, 128))
    assert (one.energy_J == many.energy_J).all() and one.notes == many.notes


def test_notes_say_how_many_samples_share_an_update() -> None:
    def said(batch: int) -> str:
        return next(note for note in estimate(small_network(), sata(batch)).notes if "training step" in note)

    assert said(1) == "a training step of one sample: weights are updated after every sample"
    assert "of which 128 share an update of weights" in said(128)


def test_only_the_update_has_shared_weights() -> None:
    for name, row in TRAFFIC.items():
        shared, alone = row.of_weights(10.0, 3.0, batch=5.0), row.of_weights(10.0, 3.0)
        assert alone - shared == pytest.approx(0.8 * 10.0 * row.weights), name
    assert TRAFFIC["glb_wup"].of_weights(1.0, 2.0, batch=4.0) == 2 / 4 + 2 * 2


def test_a_batch_has_a_sample_at_least() -> None:
    with pytest.raises(AxbarError, match=r"training\.batch = 0 is out of range"):
        sata(0)


def test_nobody_is_advised_to_change_the_batch() -> None:
    held = estimate(small_network(), sata()).bottlenecks()
    assert not any(change.title.startswith("training.batch") for change in (*held.changes, *held.infeasible))
