"""Windows fitted to data: as short as activations allow, since the length of all windows is the latency.

A neuron of constant slope whose activation exceeds its window would cross before the window opens, and is clipped. So a
window has to hold the largest activation, or nearly so: W = the given percentile of positive activations on calibration
images, layer by layer in the order in which they run, each behind the windows that were fitted before it.

How far a joined skip comes ahead of its path is part of what was learned. Where the path's windows become shorter, the
skip waits as much less; one that has no such delay to spare keeps the path's last window open for the rest. Where they
become longer, it waits longer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from axbar.errors import ModelError
from axbar.nn.ttfs.layers import SlopeOutput
from axbar.nn.ttfs.slope import Delay, FirstSpike

__all__ = ["Fitted", "fit_windows"]

_SAMPLED = 1 << 20  # activations of a layer that a percentile is taken of


@dataclass(frozen=True)
class Fitted:
    """One window.

    Args:
        window: W, in units of time.
        clipped: share of the activations seen that lie above it.
    """

    window: float
    clipped: float


def fit_windows(network: nn.Module, images: Tensor, percentile: float = 99.9) -> dict[str, Fitted]:
    """Set the window of every layer of constant slope in ``network``; return them by the layer's path.

    The window of the network's input, whose pixels end at 1, stays. But for what is clipped, the network computes what
    it did before.

    Args:
        images: ``[B, C, H, W]`` of calibration, never of the test part.
        percentile: above 0, up to 100.

    Raises:
        ModelError: the percentile is out of range, or the network has no such layer.
    """
    if not 0 < percentile <= 100:
        raise ModelError(f"percentile = {percentile} is out of range; give a number above 0, up to 100.")
    layers = {path: m for path, m in network.named_modules() if isinstance(m, FirstSpike | SlopeOutput)}
    layers.pop(next(iter(layers), ""), None)
    if not layers:
        raise ModelError(
            f"{type(network).__name__} has no layer of constant slope, so there is no window to fit; leave it out, or "
            "take a network such as ttfs-plain with neuron = slope."
        )
    mode = network.training
    network.eval()
    try:
        with torch.no_grad():
            fit = _Fit(percentile, _gaps(network, images))
            with _hooked([fit.of(path, module) for path, module in layers.items()], fit.waits(network)):
                network(images)
    finally:
        network.train(mode)
    return fit.found


class _Fit:
    """Windows fitted so far, in the order in which layers run."""

    def __init__(self, percentile: float, gaps: dict[Delay, float]) -> None:
        self.percentile, self.gaps = percentile, gaps
        self.found: dict[str, Fitted] = {}
        self._last: tuple[str, Tensor, Tensor] | None = None

    def of(self, path: str, module: FirstSpike | SlopeOutput) -> Any:
        """Hook a layer: its window is set before its values are computed."""
        if isinstance(module, FirstSpike):
            return module.register_forward_pre_hook(lambda _, given: self._set(path, module.window, given[0]))
        return module.fc.register_forward_hook(
            lambda _, given, made: self._set(path, module.window, made.amax(1))
        )

    def waits(self, network: nn.Module) -> list[Any]:
        """Hook delays: they, and where need be the window before them, make up for what was fitted."""
        return [
            delay.register_forward_pre_hook(self._keep) for delay in network.modules() if isinstance(delay, Delay)
        ]  # fmt: skip

    def _set(self, path: str, window: Tensor, values: Tensor, at_least: float = 0.0) -> None:
        chosen = max(_percentile(values, self.percentile), at_least)
        if chosen > 0:
            window.fill_(chosen)
        self.found[path] = Fitted(float(window), float((values > window).float().mean()))
        self._last = (path, window, values)

    def _keep(self, delay: Delay, given: tuple[Tensor, float, bool]) -> tuple[Tensor, float, bool]:
        values, gap, early = given
        wait = delay.delay + (gap - self.gaps[delay])
        short = max(0.0, -float(wait.min()))
        if short and self._last is not None:
            path, window, seen = self._last
            self._set(path, window, seen, float(window) + short)
        delay.delta.copy_((wait + short) / delay.unit)
        return values, gap + short, early


def _gaps(network: nn.Module, images: Tensor) -> dict[Delay, float]:
    """Return how far each joined skip comes ahead of its path, before its delay."""
    found: dict[Delay, float] = {}

    def see(delay: Delay, given: tuple[Tensor, float, bool]) -> None:
        found[delay] = given[1]

    delays = [module for module in network.modules() if isinstance(module, Delay)]
    with _hooked([delay.register_forward_pre_hook(see) for delay in delays]):
        network(images[:1])
    return found


@contextmanager
def _hooked(*hooks: list[Any]) -> Iterator[None]:
    try:
        yield
    finally:
        for hook in (hook for several in hooks for hook in several):
            hook.remove()


def _percentile(values: Tensor, percentile: float) -> float:
    positive = values[values > 0].flatten()
    if not positive.numel():
        return 0.0
    stride = -(-positive.numel() // _SAMPLED)
    return float(torch.quantile(positive[::stride].double(), percentile / 100))
