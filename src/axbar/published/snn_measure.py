"""Accuracy of a variant after every step, and what an inference of it costs on three chips."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from axbar.cost import Estimate, estimate
from axbar.data import Dataset
from axbar.nn import EarlyExit, predict_logits, read_out_of
from axbar.published.snn_networks import WEIGHT_BITS
from axbar.spec import HardwareSpec, load_hardware
from axbar.techniques.early_exit import exit_curve
from axbar.workload import Workload, trace

__all__ = ["CHIPS", "THRESHOLDS", "curve", "measure"]

#: name -> preset, path of the bits of a weight
CHIPS: Final[Mapping[str, tuple[str, str]]] = {
    "crossbar": ("imc-rram-65nm", "crossbar.weight_bits"),
    "systolic": ("sata", "weight_bits"),
    "dual-sparse": ("loas", "weight_bits"),
}
_MEMBRANE = "neuron.membrane_bits"
#: of a membrane that no technique fixed, for its memory alone: that of the digital chips
_PLAIN_BITS: Final = 16
#: entropies of the exit curve
THRESHOLDS: Final = (0.0, 1e-3, 3e-3, 1e-2, 3e-2, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0)


def measure(
    network: nn.Module, dataset: Dataset, *, tests: int | None, traced: int, bits: int, fixed: bool
) -> dict[str, Any]:
    """Return accuracy, steps, sparsity, memory and cost of a network.

    Args:
        tests: balanced test images for the accuracy; None for all.
        traced: test images whose spikes are charged; with early exit such that as many leave at each step as do of all.
        bits: of weights on the chips; ``fixed``: of membranes too.

    Returns:
        ``accuracy`` (0..1) by the network's read-out, ``by_step`` by the mean over the first t steps, ``images``,
        ``mean_steps``, ``left_at`` (images that leave after 1..T steps), ``weight_sparsity``, ``spike_rate``,
        ``memory_bits`` of weights and membranes, ``chips``.
    """
    test = dataset.test if tests is None else dataset.test.balanced(tests)
    logits, labels = predict_logits(network, test.images()), test.labels()
    so_far = logits.cumsum(0).argmax(-1).cpu().numpy() == labels
    read_out = read_out_of(network)
    answers = read_out(logits).argmax(-1).cpu().numpy()
    steps = _steps(read_out, logits)
    leaves = isinstance(read_out, EarlyExit)
    few = test.take(_like_all(steps, traced)) if leaves else dataset.test.balanced(traced)
    workload = trace(network, few.images())
    weights = [layer.weight for layer in workload.matmuls if layer.weight is not None]
    total = sum(w.size for w in weights)
    neurons = sum(int(np.prod(layer.geometry.out_shape)) for layer in workload.neurons)
    return {
        "accuracy": float((answers == labels).mean()),
        "by_step": so_far.mean(1).tolist(),
        "images": len(labels),
        "mean_steps": float(steps.mean()),
        "left_at": np.bincount(steps, minlength=len(logits) + 1)[1:].tolist(),
        "traced_steps": float(np.mean(workload.exit_step))
        if workload.exit_step is not None
        else float(len(logits)),
        "weight_sparsity": 1.0 - sum(int(np.count_nonzero(w)) for w in weights) / total,
        "memory_bits": {"weights": total * bits, "membranes": neurons * (bits if fixed else _PLAIN_BITS)},
        "chips": {name: _figures(estimate(workload, _chip(name, bits, fixed))) for name in CHIPS},
    }


def _steps(read_out: Any, logits: Any) -> NDArray[np.int64]:
    if isinstance(read_out, EarlyExit):
        return read_out.exit_step(logits).cpu().numpy().astype(np.int64)
    return np.full(logits.shape[1], len(logits), dtype=np.int64)


def _like_all(steps: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return ``count`` images whose steps are spread as those of all: every n-th in the order of steps."""
    every = (np.arange(count) + 0.5) * len(steps) / count
    return np.sort(np.argsort(steps, kind="stable")[every.astype(np.int64)])


def _chip(name: str, bits: int, fixed: bool) -> HardwareSpec:
    preset, path = CHIPS[name]
    spec = load_hardware(preset, {path: bits})
    return spec.replace({_MEMBRANE: bits}) if fixed and _MEMBRANE in spec.values() else spec


def _figures(found: Estimate) -> dict[str, float]:
    return {
        "energy_J": float(found.total("energy_J")[0]),
        "latency_s": float(found.total("latency_s")[0]),
        "area_m2": float(found.total("area_m2")[0]),
        "edp_Js": float(found.edp_Js[0]),
    }


def curve(network: nn.Module, dataset: Dataset, *, tests: int | None, traced: int) -> dict[str, list[float]]:
    """Return accuracy, mean steps, energy and energy-delay product on the crossbars by the threshold of early exit.

    The shares p_k of samples that leave after k steps are those of all test images, the cost E_k, L_k of k steps is
    that of the traced ones:

        energy = Σ_k p_k E_k,   EDP = Σ_k p_k E_k L_k
    """
    test = dataset.test if tests is None else dataset.test.balanced(tests)
    logits = predict_logits(network, test.images()).cpu()
    workload = trace(network, dataset.test.balanced(traced).images())
    each = [_until(workload, k + 1) for k in range(len(logits))]
    energy, latency = (np.array([cost[q] for cost in each]) for q in ("energy_J", "latency_s"))
    found = exit_curve(logits, torch.from_numpy(np.asarray(test.labels())), np.array(THRESHOLDS))
    steps = np.stack([_steps(EarlyExit(t), logits) for t in THRESHOLDS])
    shares = np.stack([(steps == k + 1).mean(1) for k in range(len(logits))], axis=1)
    return {
        "threshold": list(THRESHOLDS),
        "accuracy": found["accuracy"].tolist(),
        "mean_steps": found["mean_steps"].tolist(),
        "edp_Js": (shares @ (energy * latency)).tolist(),
        "energy_J": (shares @ energy).tolist(),
    }


def _until(workload: Workload, steps: int) -> dict[str, float]:
    """Return the cost on the crossbars if all samples leave after ``steps`` steps."""
    stops = np.full(workload.samples, steps)
    return _figures(estimate(replace(workload, exit_step=stops), _chip("crossbar", WEIGHT_BITS, False)))
