"""SATA's published model: its quirks one by one, and the real model with its assumptions."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from axbar.cost import estimate
from axbar.cost.training import COMPUTE, MEMORY, mac_J
from axbar.errors import UsageError
from axbar.published.sata import (
    LEGACY,
    NETS,
    REAL,
    Quirks,
    SataLayer,
    SataNet,
    sata_inference_cycles,
    sata_training,
)
from axbar.published.sata_cycles import sata_inference, unpadded_positions
from axbar.spec import HardwareSpec, load_hardware
from axbar.workload import Workload, shapes

#: quirk -> components that it touches on VGG5
TOUCHES = {
    "overwrites": {"mac_fwd"},
    "dense_linear": {"mac_fwd", "mac_bwd", "mac_wup"},
    "no_output": {*COMPUTE, *MEMORY},
    "no_surrogate": {"pgu", "mac_bwd"},
    "hard_coded": set(),
    "dense_memory": {name for name in MEMORY if name not in ("spad_bwd", "dram_wup")},
    "wide_spikes": {"dram_bwd", "glb_bwd", "glb_wup", "spad_wup"},
    "image_gradient": {"mac_bwd"},
}


@pytest.mark.parametrize("quirk", [f.name for f in fields(Quirks)])
def test_each_quirk_touches_what_it_says(quirk: str) -> None:
    published, mended = sata_training(), sata_training(quirks=replace(LEGACY, **{quirk: False}))
    changed = {name for name, count in published.counts.items() if mended.counts[name] != count}
    assert changed == TOUCHES[quirk]
    assert published.unit_energy == mended.unit_energy


def test_quirks_switched_back_one_by_one_end_at_the_published_model() -> None:
    quirks, seen = REAL, [sata_training(quirks=REAL).total]
    for f in fields(Quirks):
        quirks = replace(quirks, **{f.name: True})
        seen.append(sata_training(quirks=quirks).total)
    assert quirks == LEGACY
    assert seen[-1] == sata_training().total
    assert len(set(seen)) >= len(seen) - 2  # only 'hard_coded' says nothing of VGG5, and order may hide one


def test_the_lost_forward_operations() -> None:
    assert sata_training().counts["mac_fwd"] == 33_554_432
    kept = sata_training(quirks=replace(LEGACY, overwrites=False))
    assert kept.counts["mac_fwd"] == pytest.approx(56_911_462.4)
    sparse = sata_training(quirks=replace(LEGACY, overwrites=False, dense_linear=False))
    assert sparse.counts["mac_fwd"] == pytest.approx(26_712_473.6)


def test_df_is_read_and_never_used() -> None:
    assert sata_training(df_sparsity=0.0).total == sata_training(df_sparsity=0.6).total


def test_a_hard_coded_network_wins_over_what_is_asked() -> None:
    fixed = SataNet("fixed", NETS["vgg5_cifar10"].layers, fixed=(8, 8))
    assert sata_training(net=fixed, T=2, fwd_bits=4).counts == sata_training(T=8, fwd_bits=8).counts
    free = replace(LEGACY, hard_coded=False)
    assert (
        sata_training(net=fixed, T=2, fwd_bits=4, quirks=free).counts == sata_training(T=2, fwd_bits=4).counts
    )


LAYERS = (
    SataLayer("conv", 8, 16, 1, 6, 6),
    SataLayer("conv", 16, 12, 1, 6, 6),
    SataLayer("linear", 432, 40),
    SataLayer("out_linear", 40, 10),
)


def _workload(steps: int, rate: float) -> Workload:
    """The same layers; kernels of one pixel, so that no input lies on a rim."""
    size = {"in_size": 6, "kernel": 1, "padding": 0}
    layers = [
        {"name": "a", "in_channels": 8, "out_channels": 16, **size},
        {"name": "b", "in_channels": 16, "out_channels": 12, **size},
        {"name": "c", "in_channels": 432, "out_channels": 40, "op": "linear"},
        {"name": "d", "in_channels": 40, "out_channels": 10, "op": "linear"},
    ]
    return Workload.from_layers([{**layer, "rate": rate} for layer in layers], steps=steps)


def _chip(bits: int, du: float, df: float, spikes: str) -> HardwareSpec:
    """SATA at its published ratios: a scratchpad word costs one multiply-accumulate, DRAM 200."""
    ratios = {"spad": 1.0, "glb": 1.95 / 0.2779, "dram": 200.0}
    pins = {f"pins.{name}.energy_J": ratios[name.partition("_")[0]] * mac_J() / 16 for name in MEMORY}
    return load_hardware("sata", {
        "task": "training", "weight_bits": bits, "neuron.membrane_bits": bits, "memory.spikes": spikes,
        "memory.reads": "table", "training.du_sparsity": du, "training.df_sparsity": df, **pins,
    })  # fmt: skip


@pytest.mark.parametrize("spikes", ["packed", "raw"])
@pytest.mark.parametrize(("steps", "bits", "s", "du", "df"), [(4, 2, 0.9, 0.7, 0.6), (7, 8, 0.5, 0.0, 0.25)])
def test_the_real_model_is_the_published_one_without_quirks(
    spikes: str, steps: int, bits: int, s: float, du: float, df: float
) -> None:
    found = estimate(_workload(steps, 1 - s), _chip(bits, du, df, spikes))
    quirks = replace(REAL, dense_memory=spikes == "raw")
    published = sata_training(
        LAYERS, T=steps, fwd_bits=bits, spike_sparsity=s, du_sparsity=du, df_sparsity=df, quirks=quirks
    )
    energies = dict(zip(found.components, found.by_component("energy_J")[0], strict=True))
    for name, macs in published.components.items():
        assert energies[name] == pytest.approx(macs * mac_J(), rel=1e-9), name
    assert set(energies) == {*published.components, "registers", "control", "leakage"}


def test_sparsities_may_be_swept_as_plain_numbers() -> None:
    totals = [sata_training(quirks=REAL, du_sparsity=du).total for du in np.linspace(0, 1, 5).tolist()]
    assert totals == sorted(totals, reverse=True)


def test_what_can_not_be_asked() -> None:
    with pytest.raises(UsageError, match="vgg5_cifar10"):
        sata_training(net="vgg5-cifar10")
    with pytest.raises(UsageError, match="no layers"):
        sata_training([])
    with pytest.raises(UsageError, match="share from 0 to 1"):
        sata_training(spike_sparsity=90)
    with pytest.raises(UsageError, match="T is 0"):
        sata_training(T=0)
    with pytest.raises(UsageError, match="kind of layer"):
        SataLayer("pool", 1, 1)
    with pytest.raises(UsageError, match="whole number from 1"):
        sata_inference_cycles(0, 3, 4)
    with pytest.raises(UsageError, match="does not fit"):
        unpadded_positions(2, 5)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: sata_training([(3, 3)]), r"layers\[0\] is \(3, 3\); give SataLayer"),
        (lambda: sata_training(shapes.cnn(width=4)), r"type Workload; .*axbar\.estimate\(workload, 'sata'\)"),
        (lambda: sata_training("vgg5_cifar10"), "layers are of type str"),
        (lambda: sata_training(quirks="real"), "quirks is 'real'; give LEGACY, REAL"),
        (lambda: sata_training(net=shapes.cnn(width=4)), "net is of type Workload; give a name in NETS"),
        (lambda: sata_training(T="a"), "T is 'a'; give a whole number from 1 to 10000"),
        (lambda: sata_training(du_sparsity="a"), "du_sparsity is 'a'; give a share from 0 to 1"),
        (lambda: sata_inference_cycles("a", 1, 1), "M is 'a'; give a whole number from 1"),
        (lambda: sata_inference_cycles(1, float("nan"), 1), "K is nan"),
        (lambda: sata_inference_cycles(1, 1, float("inf")), "N is inf"),
        (lambda: sata_inference([(1, 2)], 4), r"layers\[0\] is \(1, 2\); give \(M, K, N\)"),
        (lambda: sata_inference(shapes.cnn(width=4), 4), "layers are of type Workload"),
        (lambda: unpadded_positions("a", 3), "in_size is 'a'"),
    ],
)
def test_what_only_looks_like_an_argument_is_one_sentence(ask, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        ask()


def test_numbers_of_numpy_are_numbers() -> None:
    assert sata_inference_cycles(np.int64(900), 27, 64) == sata_inference_cycles(900, 27, 64)
    assert (
        sata_training(T=np.int32(4), du_sparsity=np.float32(0.5)).total
        == sata_training(du_sparsity=0.5).total
    )
