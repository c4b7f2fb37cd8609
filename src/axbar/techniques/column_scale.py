"""Give every output of a layer a digital gain and offset, fitted to what its arrays should deliver; no labels.

The transformer's counterpart of ``bn-adapt``, for networks without batch norms, and no published method. On
calibration images that run through the integer network, layer by layer with o an output,

    t = what the integer network has there, u = what the arrays deliver on the same inputs, both without the bias,
    a = std(t) / std(u),   b = mean(t) - a mean(u),

over images and places. Moments are matched, not squares of differences made least: the gain of least squares shrinks
with the noise of an output, as cov(t, u) / var(u), and hands the next layer a signal weaker than it was trained on.
Each layer is given the integer network's inputs, so that a gain mends its own arrays and not the
errors of those before it, and one pass fits all layers. Errors that are the same for every input, such as a
column's mean loss to wires or drift, go; those that come with single cells stay. a is bounded. Factors are digital: no
cell is written.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from axbar.calibration import CalibrationSource, run
from axbar.crossbar import Effects
from axbar.errors import UsageError
from axbar.techniques._base import TechniqueConfig, TechniqueResult
from axbar.techniques._tuning import count_macs

__all__ = ["TECHNIQUE", "ColumnScale", "ColumnScaleConfig"]

_BATCH = 32  # images of a pass


class ColumnScaleConfig(TechniqueConfig):
    """Settings of ``column-scale``."""

    images: int = Field(default=64, ge=1, le=4096, description="calibration images to use")
    offset: bool = Field(default=True, description="offsets too, where a layer has a bias to hold them")
    limit: float = Field(default=4.0, gt=1, le=1000, description="largest gain; the smallest is its inverse")


class ColumnScale:
    """Fit a gain and an offset to every output of a die."""

    name = "column-scale"
    stage: Literal["network", "chip"] = "chip"
    reads_chip: Literal["no", "accuracy", "all"] = "accuracy"
    Config: type[TechniqueConfig] = ColumnScaleConfig

    def apply(
        self, target: nn.Module, hardware: Any, data: Any, config: ColumnScaleConfig
    ) -> TechniqueResult:
        """Return a copy of the die with other gains and biases; nothing else differs.

        Raises:
            UsageError: the target is no network on crossbar arrays.
        """
        start = time.perf_counter()
        die: Any = copy.deepcopy(target)
        if not hasattr(die, "chip_layers"):
            raise UsageError(f"{type(die).__name__} is on no crossbar arrays; convert it with to_analog.")
        exact = copy.deepcopy(die).set_effects(Effects.none())
        images = torch.from_numpy(data.calibration.images(slice(0, config.images)))
        sums = _compare(exact, die.chip_layers, images)
        settings = sum(_set(die.chip_layers[path], found, config) for path, found in sums.items())
        macs = count_macs(die, images[:1]).forward
        cost = {
            "seconds": time.perf_counter() - start,
            "images": len(images),
            "writes": 0,
            "settings": settings,
            "macs_forward": 2 * len(images) * macs,
        }
        return TechniqueResult(die, cost)


class _Sums:
    """Sums of what an array delivers, u, and should deliver, t, by output, ``[O]`` float64."""

    def __init__(self) -> None:
        self.count = 0
        self.u, self.t, self.uu, self.tt = (torch.zeros(()).double() for _ in range(4))

    def add(self, u: Tensor, t: Tensor) -> None:
        """Take in values ``[N, O]``."""
        u, t = u.double(), t.double()
        self.count += len(u)
        self.u, self.t = self.u + u.sum(0), self.t + t.sum(0)
        self.uu, self.tt = self.uu + (u * u).sum(0), self.tt + (t * t).sum(0)

    def fit(self, offset: bool, limit: float) -> tuple[Tensor, Tensor]:
        """Return gains and offsets, ``[O]``; 1 and 0 where one of the two does not vary.

        Without offset the mean squares are matched in place of the variances.
        """
        share = 1.0 if offset else 0.0
        mean_u, mean_t = share * self.u / self.count, share * self.t / self.count
        var_u, var_t = self.uu / self.count - mean_u**2, self.tt / self.count - mean_t**2
        alive = (var_u > 1e-12 * (self.uu / self.count).max()) & (
            var_t > 1e-12 * (self.tt / self.count).max()
        )
        ratio = (var_t / var_u.where(alive, torch.ones_like(var_u))).where(alive, torch.ones_like(var_u))
        gain = ratio.sqrt().clamp(1 / limit, limit)
        return gain, torch.where(alive, mean_t - gain * mean_u, torch.zeros_like(gain))


def _compare(exact: nn.Module, layers: Mapping[str, Any], images: Tensor) -> dict[str, _Sums]:
    """Run images through the integer network, and what each layer is given through the layer of the die too."""
    sums: dict[str, _Sums] = {}
    paths = {module: path for path, module in exact.named_modules() if path in layers}

    def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        layer = layers[paths[module]]
        found = sums.setdefault(paths[module], _Sums())
        gain = 1.0 if layer.output_gain is None else torch.from_numpy(layer.output_gain)
        delivered = _by_output(layer, layer(inputs[0])) / gain
        found.add(delivered, _by_output(layer, output))

    handles = [module.register_forward_hook(hook) for module in paths]
    try:
        run(exact, CalibrationSource(images, _BATCH))
    finally:
        for handle in handles:
            handle.remove()
    return sums


def _by_output(layer: nn.Module, y: Tensor) -> Tensor:
    """Return a layer's output without its bias, ``[N, O]``."""
    last = y.movedim(-3, -1) if isinstance(layer, nn.Conv2d) else y
    flat = last.reshape(-1, last.shape[-1]).detach().cpu()
    bias: Any = layer.bias
    return flat if bias is None else flat - bias.detach().cpu()


@torch.no_grad()
def _set(layer: Any, found: _Sums, config: ColumnScaleConfig) -> int:
    """Set gains and offsets of a layer; return how many numbers that are."""
    bias: Any = layer.bias
    with_offset = config.offset and bias is not None
    gain, offset = found.fit(with_offset, config.limit)
    layer.output_gain = gain.numpy()
    if bias is not None and with_offset:
        bias += offset.to(bias)
    return gain.numel() * (2 if with_offset else 1)


TECHNIQUE = ColumnScale()
