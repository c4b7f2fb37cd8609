"""Laws of the systolic kind, on random networks and arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from axbar.cost import estimate
from axbar.cost._types import QUANTITIES
from axbar.cost.training import GROUPS
from axbar.published.sata import LEGACY, REAL, SataLayer, sata_training
from axbar.spec import HardwareSpec, load_hardware
from axbar.workload import Workload

LAW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
BASE = load_hardware("sata")
ROUNDING = 1e-12

shares = st.floats(0.0, 1.0)


@st.composite
def layers(draw: st.DrawFn) -> list[dict[str, Any]]:
    """One to three convolutions of spikes, then a linear layer."""
    found: list[dict[str, Any]] = []
    channels, size = draw(st.sampled_from([2, 4])), draw(st.sampled_from([3, 6]))
    for i in range(draw(st.integers(1, 3))):
        groups, stride = draw(st.sampled_from([1, 2])), draw(st.sampled_from([1, 2]))
        outputs = draw(st.sampled_from([2, 8, 20]))
        found.append({"name": f"c{i}", "in_channels": channels, "out_channels": outputs, "in_size": size,
                      "stride": stride, "groups": groups, "rate": 0.3})  # fmt: skip
        channels, size = outputs, (size - 1) // stride + 1
    found.append({"name": "fc", "op": "linear", "in_channels": channels * size**2, "out_channels": 5,
                  "rate": 0.3})  # fmt: skip
    return found


@st.composite
def chips(draw: st.DrawFn, **fixed: Any) -> HardwareSpec:
    """Random arrays around the preset."""
    changes = {
        "array.rows": draw(st.sampled_from([1, 4, 16])),
        "array.cols": draw(st.sampled_from([1, 8, 30])),
        "array.engines": draw(st.sampled_from([1, 2, 5])),
        "array.split": draw(st.sampled_from(["branches", "folds"])),
        "training.batch": draw(st.sampled_from([1, 3, 128])),
        "task": draw(st.sampled_from(["inference", "training"])),
        "dataflow": draw(st.sampled_from(["os", "ws"])),
        "memory.spikes": draw(st.sampled_from(["raw", "packed"])),
        "memory.reads": draw(st.sampled_from(["table", "array"])),
        "memory.glb_map_B": draw(st.sampled_from([64, 65536])),
        "dram.kind": draw(st.sampled_from(["none", "lpddr4"])),
    }
    return BASE.replace(changes | fixed)


def _network(shape: list[dict[str, Any]], steps: int, rate: float) -> Workload:
    return Workload.from_layers([{**layer, "rate": rate} for layer in shape], steps=steps)


@LAW
@given(layers(), chips(), st.integers(1, 8))
def test_totals_are_the_sums_of_their_parts(
    shape: list[dict[str, Any]], chip: HardwareSpec, steps: int
) -> None:
    found = estimate(_network(shape, steps, 0.2), chip)
    for quantity in QUANTITIES:
        total, cells = found.total(quantity)[0], getattr(found, quantity)[0]
        assert np.isfinite(cells).all() and (cells >= 0).all()
        assert abs(cells.sum() - total) <= ROUNDING * total
        assert abs(sum(v[0] for v in found.by_group(quantity).values()) - total) <= ROUNDING * total


@LAW
@given(layers(), chips(), st.integers(1, 6), shares, shares)
def test_fewer_spikes_never_cost_more(
    shape: list[dict[str, Any]], chip: HardwareSpec, steps: int, one: float, other: float
) -> None:
    low, high = (estimate(_network(shape, steps, rate), chip) for rate in sorted((one, other)))
    for part in ("energy_J", "latency_s"):
        assert (low.by_component(part) <= high.by_component(part) * (1 + ROUNDING)).all()


@LAW
@given(layers(), chips(task="training"), shares, shares, st.sampled_from(["du_sparsity", "df_sparsity"]))
def test_sparser_gradients_never_cost_more(
    shape: list[dict[str, Any]], chip: HardwareSpec, one: float, other: float, which: str
) -> None:
    found = estimate(_network(shape, 3, 0.2), chip, {f"training.{which}": sorted((one, other))})
    dense, sparse = found.by_component("energy_J")
    assert (sparse <= dense * (1 + ROUNDING)).all()


@LAW
@given(layers(), chips(**{"memory.spikes": "raw"}), st.integers(1, 4), st.integers(2, 8))
def test_computing_and_cycles_are_linear_in_steps(
    shape: list[dict[str, Any]], chip: HardwareSpec, steps: int, factor: int
) -> None:
    few, many = (estimate(_network(shape, t, 0.2), chip) for t in (steps, steps * factor))
    for name in ("lif", "pgu", "mac_fwd", "mac_bwd", "mac_wup", "registers", "control"):
        i = few.components.index(name)
        for part in ("energy_J", "latency_s"):
            a, b = (found.by_component(part)[0, i] for found in (few, many))
            assert abs(b - factor * a) <= 1e-9 * b


@LAW
@given(
    layers(),
    chips(**{"dram.kind": "lpddr4"}),
    st.integers(1, 6),
    st.sampled_from(["memory.glb_weight_B", "memory.glb_map_B"]),
    st.lists(st.integers(64, 200_000), min_size=2, max_size=4),
)
def test_a_smaller_buffer_never_moves_less_through_dram(
    shape: list[dict[str, Any]], chip: HardwareSpec, steps: int, path: str, sizes: list[int]
) -> None:
    found = estimate(_network(shape, steps, 0.3), chip, {path: sorted(sizes)})
    for name in ("dram_fwd", "dram_bwd", "dram_wup"):
        moved = found.by_component("energy_J")[:, found.components.index(name)]
        assert (np.diff(moved) <= ROUNDING * moved[1:]).all(), name


@LAW
@given(layers(), chips(), st.integers(1, 6))
def test_no_spikes_no_operations(shape: list[dict[str, Any]], chip: HardwareSpec, steps: int) -> None:
    found = estimate(_network(shape, steps, 0.0), chip)
    for name in ("mac_fwd", "mac_wup"):
        assert found.by_component("energy_J")[0, found.components.index(name)] == 0.0


@LAW
@given(layers(), chips(), st.sampled_from(["zero", "none"]))
def test_gating_saves_energy_and_no_time(
    shape: list[dict[str, Any]], chip: HardwareSpec, gating: str
) -> None:
    network = _network(shape, 2, 0.4)
    gated, blind = (estimate(network, chip.replace({"gating": how})) for how in ("zero", "none"))
    assert (gated.energy_J <= blind.energy_J * (1 + ROUNDING)).all()
    assert (gated.latency_s == blind.latency_s).all()


@LAW
@given(st.integers(1, 20), st.sampled_from([1, 2, 8, 16]), shares, shares, shares, st.booleans())
def test_published_sums_and_monotony(T: int, bits: int, s: float, du: float, df: float, real: bool) -> None:
    net = (SataLayer("conv", 3, 4, 3, 6, 6), SataLayer("linear", 144, 10), SataLayer("out_linear", 10, 3))
    asked: dict[str, Any] = {"T": T, "fwd_bits": bits, "quirks": REAL if real else LEGACY}
    found = sata_training(net, spike_sparsity=s, du_sparsity=du, df_sparsity=df, **asked)
    assert abs(sum(found.groups.values()) - found.total) <= ROUNDING * found.total
    assert {name for names in GROUPS.values() for name in names} == set(found.components)
    sparser = sata_training(
        net, spike_sparsity=(1 + s) / 2, du_sparsity=(1 + du) / 2, df_sparsity=(1 + df) / 2, **asked
    )
    for name, value in found.components.items():
        assert sparser.components[name] <= value * (1 + ROUNDING), name
