"""Layers of first-spike neurons on ``Spikes``: of constant slope (``slope``) and in closed form (``exact``)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from axbar.nn.ttfs.exact import ExactConv2d, ExactLinear
from axbar.nn.ttfs.slope import Delay, FirstSpike, check_window
from axbar.nn.ttfs.spikes import Spikes

__all__ = ["ExactOutput", "ExactSpiking", "SlopeOutput", "SlopeSpiking", "delayed"]


class SlopeSpiking(nn.Module):
    """Convolution, batch norm (folded into it where it runs) and neurons of constant slope.

    Args:
        channels, outs: C and O.
        kernel, stride: of the convolution; its padding keeps the map's centre.
        window, bits: as of ``FirstSpike``.
    """

    def __init__(
        self, channels: int, outs: int, kernel: int, stride: int, window: float, bits: int | None
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, outs, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(outs)
        self.neuron = FirstSpike(window, bits)

    def forward(self, x: Spikes) -> Spikes:
        """Return the layer's first spikes, in the window after that of the inputs."""
        values = self.neuron(self.norm(self.conv(x.values)))
        return Spikes(values, x.end + float(self.neuron.window), True)


class ExactSpiking(nn.Module):
    """Convolution of neurons in closed form; ``window`` is the time by which all spikes of the network have come."""

    def __init__(self, channels: int, outs: int, kernel: int, stride: int, window: float) -> None:
        super().__init__()
        self.conv = ExactConv2d(channels, outs, kernel, stride, kernel // 2, window)

    def forward(self, x: Spikes) -> Spikes:
        """Return the layer's first spikes; a neuron may fire while inputs still arrive."""
        return Spikes(self.conv(x.values), self.conv.window, False)


class SlopeOutput(nn.Module):
    """Output neurons of constant slope, which all fire: t = t_end + W - y.

    Their window stays open until the first of them has fired; what is negative comes after W. Logits are y, which fall
    with time. Where y exceeds W they are clipped but for training, as two that fire when the window opens are a draw.
    """

    window: Tensor

    def __init__(self, features: int, classes: int, window: float) -> None:
        super().__init__()
        check_window(window)
        self.fc = nn.Linear(features, classes)
        self.register_buffer("window", self.fc.weight.new_tensor(float(window)))

    def forward(self, x: Spikes) -> tuple[Tensor, Spikes]:
        """Return logits ``[B, K]`` and output times."""
        logits = self.fc(x.values.flatten(1))
        end, clipped = x.end + float(self.window), torch.minimum(logits, self.window)
        return logits if self.training else clipped, Spikes(end - clipped.detach(), end, False)


class ExactOutput(nn.Module):
    """Output neurons in closed form; logits are -e^t, that of the end of the window for silent ones."""

    def __init__(self, features: int, classes: int, window: float) -> None:
        super().__init__()
        self.fc = ExactLinear(features, classes, window)

    def forward(self, x: Spikes) -> tuple[Tensor, Spikes]:
        """Return logits ``[B, K]`` and output times."""
        times = self.fc(x.values.flatten(1))
        return -times.clamp(max=self.fc.window).exp(), Spikes(times.detach(), self.fc.window, False)


def delayed(delay: Delay, skip: Spikes, path: Spikes) -> Spikes:
    """Bring a skip to the window of the path it joins, each channel later by its delay; what comes after it is lost."""
    end = max(path.end, skip.end)
    values = delay(skip.values, end - skip.end, skip.early)
    if not skip.early:
        values = torch.where(values < end, values, torch.inf)
    return Spikes(values, end, skip.early)
