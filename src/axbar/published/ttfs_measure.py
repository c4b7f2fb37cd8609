"""What is measured of a trained first-spike network: accuracy, time of the answer, spikes, delays, disturbances.

Times of constant-slope networks are given after their windows were fitted to calibration images (99.9th percentile),
and in units of the window they were trained with, so that networks of different unit compare.
"""

from __future__ import annotations

import copy
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from axbar.data import Dataset
from axbar.nn import accuracy
from axbar.nn.models import TtfsNetwork
from axbar.nn.ttfs import Delay, FirstSpike, fit_windows, timing

__all__ = ["jitter", "measured", "sweep_bits", "sweep_jitter"]

_TIMED_IMAGES = 1000  # of the test part, on which times and spikes are taken
_FITTED_IMAGES = 512


def measured(network: TtfsNetwork, data: Dataset) -> dict[str, Any]:
    """Return accuracy (0..1), times, spikes per neuron and delays of a network."""
    unit = network.options.window
    images = torch.from_numpy(data.test.images(slice(0, _TIMED_IMAGES)))
    as_trained = accuracy(network, data.test)
    loose = timing(network, images)
    fitted = network
    if network.options.neuron == "slope":
        fitted = copy.deepcopy(network)
        fit_windows(fitted, torch.from_numpy(data.calibration.images(slice(0, _FITTED_IMAGES))))
    tight = timing(fitted, images)
    return {
        "accuracy": as_trained,
        "accuracy_fitted": accuracy(fitted, data.test),
        "latency": tight.latency / unit,
        "answered": tight.answered,
        "latency_trained": loose.latency / unit,
        "spikes_per_neuron": tight.spikes_per_neuron,
        "needless": dict(tight.needless),
        "gap": {block: value / unit for block, value in tight.gap.items()},
        "delays": {
            path.removesuffix(".delay"): [float(d) / unit for d in module.delay.detach()]
            for path, module in network.named_modules()
            if isinstance(module, Delay)
        },
    }


def sweep_bits(network: TtfsNetwork, data: Dataset, bits: Sequence[int]) -> list[dict[str, Any]]:
    """Return accuracies with spike times on the grids of ``bits``, windows fitted."""
    rows: list[dict[str, Any]] = []
    fitted = copy.deepcopy(network)
    fit_windows(fitted, torch.from_numpy(data.calibration.images(slice(0, _FITTED_IMAGES))))
    for wanted in bits:
        for module in _neurons(fitted):
            module.bits = wanted
        rows.append({"bits": wanted, "accuracy": accuracy(fitted, data.test)})
    return rows


def sweep_jitter(
    network: TtfsNetwork, data: Dataset, levels: Sequence[float], seed: int = 0
) -> list[dict[str, Any]]:
    """Return accuracies with spikes that come too early or late by a normal error, in windows of each layer."""
    rows: list[dict[str, Any]] = []
    fitted = copy.deepcopy(network)
    fit_windows(fitted, torch.from_numpy(data.calibration.images(slice(0, _FITTED_IMAGES))))
    for level in levels:
        with jitter(fitted, level, torch.Generator().manual_seed(seed)):
            rows.append({"sigma": level, "accuracy": accuracy(fitted, data.test)})
    return rows


@contextmanager
def jitter(network: nn.Module, sigma: float, generator: torch.Generator) -> Generator[None]:
    """Inside, each spike of each layer of constant slope is off by ``sigma`` windows; none is lost or made."""

    def disturb(module: nn.Module, given: Any, left: Tensor) -> Tensor:
        assert isinstance(module, FirstSpike)
        window = float(module.window)
        error = torch.randn(left.shape, generator=generator) * sigma * window
        return torch.where(left > 0, (left + error).clamp(1e-6 * window, window), left)

    hooks = [module.register_forward_hook(disturb) for module in _neurons(network)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _neurons(network: nn.Module) -> list[FirstSpike]:
    return [module for module in network.modules() if isinstance(module, FirstSpike)]
