"""Windows fitted to data: as short as activations allow, since the length of all windows is the latency.

A neuron of constant slope whose activation exceeds its window would cross before the window opens, and is clipped. So a
window has to hold the largest activation, or nearly so: W = the given percentile of positive activations on calibration
images, layer by layer in the order in which they run, each behind the windows that were fitted before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from axbar.errors import ModelError
from axbar.nn.ttfs.layers import SlopeOutput
from axbar.nn.ttfs.slope import FirstSpike

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

    The window of the network's input, whose pixels end at 1, stays.

    Args:
        images: ``[B, C, H, W]`` of calibration, never of the test part.
        percentile: above 0, up to 100.

    Raises:
        ModelError: the percentile is out of range, or the network has no such layer.
    """
    if not 0 < percentile <= 100:
        raise ModelError(f"percentile = {percentile} is out of range; give a number above 0, up to 100.")
    found: dict[str, Fitted] = {}

    def fit(path: str, window: Tensor, values: Tensor) -> None:
        chosen = _percentile(values, percentile)
        if chosen > 0:
            window.fill_(chosen)
        found[path] = Fitted(float(window), float((values > window).float().mean()))

    def before(path: str, module: FirstSpike) -> object:
        return module.register_forward_pre_hook(lambda _, given: fit(path, module.window, given[0].detach()))

    def after(path: str, module: SlopeOutput) -> object:
        return module.fc.register_forward_hook(
            lambda _, given, made: fit(path, module.window, made.detach().amax(1))
        )

    layers = {path: m for path, m in network.named_modules() if isinstance(m, FirstSpike | SlopeOutput)}
    first = next(iter(layers), None)
    hooks = [
        before(path, m) if isinstance(m, FirstSpike) else after(path, m)
        for path, m in layers.items()
        if path != first
    ]
    if not hooks:
        raise ModelError(
            f"{type(network).__name__} has no layer of constant slope, so there is no window to fit."
        )
    mode = network.training
    try:
        with torch.no_grad():
            network.eval()(images)
    finally:
        network.train(mode)
        for hook in hooks:
            hook.remove()  # type: ignore[attr-defined]
    return found


def _percentile(values: Tensor, percentile: float) -> float:
    positive = values[values > 0].flatten()
    if not positive.numel():
        return 0.0
    stride = -(-positive.numel() // _SAMPLED)
    return float(torch.quantile(positive[::stride].double(), percentile / 100))
