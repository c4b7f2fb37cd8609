"""Leakage as energy: what is on for how long, and what waking costs."""

from __future__ import annotations

import itertools

import numpy as np
from cost_cases import chip, small_network
from hypothesis import given, settings
from hypothesis import strategies as st

from axbar.cost import Estimate, estimate
from axbar.cost.components.leakage import ARRAY_PARTS

GATING = ("none", "tile", "pe", "array")


def _energy(done: Estimate) -> np.ndarray:
    return done.energy_J[0, :, done.components.index("leakage")]


def _power(done: Estimate, *names: str) -> np.ndarray:
    return sum(done.leakage_W[0, :, done.components.index(name)] for name in names)


def _kept(done: Estimate, outliving: bool = True) -> np.ndarray:
    return _power(done, "cells", "global_buffer", *(["membrane"] if outliving else []))


def test_without_gating_every_tile_leaks_for_the_whole_inference() -> None:
    one = estimate(small_network(), chip(chip__power_gating="none"))
    power = one.leakage_W[0].sum(axis=1)
    np.testing.assert_allclose(_energy(one), power * one.total("latency_s")[0], rtol=1e-12)
    assert (_power(one, "leakage") == 0).all()
    assert one.latency_s[0, :, one.components.index("leakage")].sum() == 0


def test_a_gated_tile_leaks_while_its_layer_works_and_wakes() -> None:
    for order, wakes in (("step", 4), ("layer", 1)):
        one = estimate(small_network(), chip(chip__wake_s=2e-7, mapping__order=order))
        kept = _kept(one, outliving=order == "step")
        gated, time = one.leakage_W[0].sum(axis=1) - kept, one.by_layer("latency_s")[0]
        on = time + wakes * 2e-7
        expected = gated * on + kept * one.total("latency_s")[0]
        np.testing.assert_allclose(_energy(one), expected, rtol=1e-12)
        np.testing.assert_allclose(one.latency_s[0, :, one.components.index("leakage")], wakes * 2e-7)


def test_volatile_cells_are_never_switched_off() -> None:
    one = estimate(small_network(), chip(device="sram", crossbar__cell_bits=1, chip__wake_s=0))
    kept = _kept(one)
    assert (_power(one, "cells") > 0).all()
    gated = one.leakage_W[0].sum(axis=1) - kept
    total, time = one.total("latency_s")[0], one.by_layer("latency_s")[0]
    np.testing.assert_allclose(_energy(one), gated * time + kept * total, rtol=1e-12)


def test_arrays_without_weights_can_be_off() -> None:
    # conv1 of the small network needs one of a tile's 72 arrays
    spec = chip(chip__wake_s=0)
    tile, pe, array = (estimate(small_network(), spec.replace({"chip.power_gating": w})) for w in GATING[1:])
    counts = tile.plan.events[0].counts
    time, built = tile.by_layer("latency_s")[0], _power(tile, *ARRAY_PARTS)
    for done, name in ((pe, "powered_arrays"), (array, "used_arrays")):
        off = (1 - counts[name] / counts["arrays_built"]) * built
        np.testing.assert_allclose(_energy(tile) - _energy(done), off * time, rtol=1e-9)
    assert counts["used_arrays"][0] == 1 and counts["powered_arrays"][0] == 9


@settings(max_examples=20, deadline=None)
@given(
    st.integers(1, 12), st.integers(1, 12), st.sampled_from([16, 64, 128]), st.sampled_from(["sram", "ideal"])
)
def test_finer_gates_never_leak_more(pes: int, arrays: int, rows: int, device: str) -> None:
    spec = chip(
        tile__pes_per_tile=pes, tile__arrays_per_pe=arrays, crossbar__rows=rows, device=device,
        crossbar__cell_bits=1, chip__wake_s=0,
    )  # fmt: skip
    found = [estimate(small_network(), spec.replace({"chip.power_gating": word})) for word in GATING]
    energies = [float(_energy(done).sum()) for done in found]
    for coarse, fine in itertools.pairwise(energies):
        assert fine <= coarse * (1 + 1e-12)
    assert energies[-1] > 0
    for name in ("area_m2", "leakage_W"):
        assert len({float(done.total(name)[0]) for done in found}) == 1


def test_waking_takes_time_and_energy() -> None:
    done = estimate(small_network(), chip(), {"chip.wake_s": [0, 1e-7, 1e-6]})
    for quantity in ("energy_J", "latency_s"):
        assert (np.diff(done.total(quantity)) > 0).all()
