"""Residual networks: the spiking ResNet19 and the conventional ResNet20.

**ResNet19** (Zheng et al., AAAI 2021): stem 3×3 of w = ``width`` channels; basic blocks 3 × w, 3 × 2w (first
with stride 2), 2 × 4w (first with stride 2); global average pool; linear 2w, classes. 19 weight layers,
shortcuts not counted; w = 128 in the paper. A block adds the norm of its second convolution to its shortcut
(the spikes themselves, or a 1×1 convolution with norm where shapes change) and fires on the sum; both norms
in front of a sum have α = 1/√2. All convolutions behind the stem read binary spikes. The one exception in the
network: the first linear layer reads averages of spikes, multiples of 1/(rows·columns).

**ResNet20** (He et al., CVPR 2016, section 4.2): stem of w channels, three stages of three blocks with w, 2w,
4w, shortcuts without parameters (option A: every second pixel, new channels zero), global average pool, one
linear layer; w = 16. The parameter names are those of the widely used CIFAR-10 checkpoints, so that these
load as they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from axbar.errors import ModelError
from axbar.nn._pixels import every_pixel
from axbar.nn.models._options import NetworkOptions, check_sizes, config_of, one_step, options_of, seeded
from axbar.nn.network import SpikingNetwork

__all__ = ["ResNet20", "SpikingResNet19", "resnet20", "spiking_resnet19"]

_STAGES = ((1, 1, 3), (2, 2, 3), (4, 2, 2))  # ResNet19: channels as a multiple of width, first stride, blocks


def _conv(wide_in: int, wide_out: int, stride: int, kernel: int = 3, bias: bool = False) -> nn.Conv2d:
    return nn.Conv2d(wide_in, wide_out, kernel, stride=stride, padding=kernel // 2, bias=bias)


def _norm_or_identity(norm: nn.Module | None) -> nn.Module:
    return nn.Identity() if norm is None else norm


class _SpikingBlock(nn.Module):
    """conv-norm-neuron-conv-norm, plus shortcut, then neuron; on folded ``[T·B, C, H, W]``."""

    def __init__(self, wide_in: int, wide_out: int, stride: int, options: NetworkOptions, steps: int) -> None:
        super().__init__()
        bias = options.norm == "none"
        alpha = 1.0 / math.sqrt(2.0)
        self.conv1 = _conv(wide_in, wide_out, stride, bias=bias)
        self.norm1 = _norm_or_identity(options.make_norm(wide_out, spiking=True, steps=steps))
        self.neuron1 = options.make_neuron()
        self.conv2 = _conv(wide_out, wide_out, 1, bias=bias)
        self.norm2 = _norm_or_identity(options.make_norm(wide_out, spiking=True, alpha=alpha, steps=steps))
        self.shortcut = nn.Sequential()
        if stride != 1 or wide_in != wide_out:
            self.shortcut.append(_conv(wide_in, wide_out, stride, kernel=1, bias=bias))
            self.shortcut.append(
                _norm_or_identity(options.make_norm(wide_out, spiking=True, alpha=alpha, steps=steps))
            )
        self.neuron2 = options.make_neuron()


class SpikingResNet19(SpikingNetwork):
    """The spiking ResNet19; see the module for the layers."""

    def __init__(
        self, width: int, steps: int, input_shape: Sequence[int], classes: int, options: NetworkOptions
    ) -> None:
        super().__init__(steps, input_shape, classes, **options.network_arguments())
        channels, rows, columns = self.frame_shape
        self.conv1 = _conv(channels, width, 1, bias=options.norm == "none")
        self.norm1 = _norm_or_identity(options.make_norm(width, spiking=True, steps=steps))
        self.neuron1 = options.make_neuron()
        self.blocks = nn.ModuleList()
        wide = width
        for multiple, first_stride, count in _STAGES:
            for n in range(count):
                stride = first_stride if n == 0 else 1
                self.blocks.append(_SpikingBlock(wide, multiple * width, stride, options, steps))
                wide = multiple * width
                rows, columns = -(-rows // stride), -(-columns // stride)
        self.pool = nn.AvgPool2d((rows, columns))
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(wide, 2 * width, bias=options.norm == "none")
        self.norm2 = _norm_or_identity(options.make_norm(2 * width, spiking=True, maps=False, steps=steps))
        self.neuron2 = options.make_neuron()
        self.fc2 = nn.Linear(2 * width, classes)

    def body(self, x: Tensor, batch: int) -> Tensor:
        """Run stem, blocks and classifier."""
        x = self.fire(self.neuron1, self.fire(self.norm1, self.conv1(x), batch), batch)
        for block in self.blocks:
            assert isinstance(block, _SpikingBlock)
            y = self.fire(block.neuron1, block.norm1(block.conv1(x)), batch)
            y = block.norm2(block.conv2(y))
            x = self.fire(block.neuron2, y + block.shortcut(x), batch)
        y = self.fc1(self.flatten(self.pool(x)))
        return self.fc2(self.fire(self.neuron2, self.norm2(y), batch))


class OptionAShortcut(nn.Module):
    """Shortcut without parameters: every ``stride``-th pixel, new channels as zeros, half on either side."""

    def __init__(self, stride: int, new_channels: int) -> None:
        super().__init__()
        self.stride, self.before = stride, new_channels // 2
        self.after = new_channels - self.before

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[N, C + new, ⌈H/stride⌉, ⌈W/stride⌉]``."""
        return F.pad(every_pixel(x, self.stride, self.stride), (0, 0, 0, 0, self.before, self.after))


class _Block(nn.Module):
    """conv-norm-ReLU-conv-norm, plus shortcut, then ReLU."""

    def __init__(self, wide_in: int, wide_out: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(wide_in, wide_out, stride), nn.BatchNorm2d(wide_out)
        self.relu1 = nn.ReLU()
        self.conv2, self.bn2 = _conv(wide_out, wide_out, 1), nn.BatchNorm2d(wide_out)
        changes = stride != 1 or wide_in != wide_out
        self.shortcut = OptionAShortcut(stride, wide_out - wide_in) if changes else nn.Sequential()
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        return self.relu2(y + self.shortcut(x))


class ResNet20(SpikingNetwork):
    """The conventional ResNet20 for small images; see the module for the layers."""

    def __init__(self, width: int, input_shape: Sequence[int], classes: int, options: NetworkOptions) -> None:
        super().__init__(1, input_shape, classes, **options.network_arguments())
        channels, rows, columns = self.frame_shape
        self.conv1, self.bn1 = _conv(channels, width, 1), nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.layer1 = nn.Sequential(*(_Block(width, width, 1) for _ in range(3)))
        self.layer2 = nn.Sequential(
            *(_Block(w, 2 * width, s) for w, s in ((width, 2), *[(2 * width, 1)] * 2))
        )
        self.layer3 = nn.Sequential(
            *(_Block(w, 4 * width, s) for w, s in ((2 * width, 2), *[(4 * width, 1)] * 2))
        )
        self.pool = nn.AvgPool2d((-(-rows // 4), -(-columns // 4)))
        self.flatten = nn.Flatten()
        self.linear = nn.Linear(4 * width, classes)

    def body(self, x: Tensor, batch: int) -> Tensor:
        """Run stem, stages and classifier."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(self.flatten(self.pool(x)))


def spiking_resnet19(
    *,
    width: int = 128,
    steps: int = 4,
    input_shape: Sequence[int] = (3, 32, 32),
    classes: int = 10,
    **options: Any,
) -> SpikingResNet19:
    """Return the spiking ResNet19; ``options`` as in ``NetworkOptions``.

    >>> len(spiking_resnet19(width=2).blocks)
    8
    """
    read = options_of(options)
    check_sizes("spiking-resnet19", width, steps, input_shape, classes, smallest=8)
    with seeded(read.seed):
        network = SpikingResNet19(width, steps, input_shape, classes, read)
    return network.ready(config_of("spiking-resnet19", width, steps, input_shape, classes, read))


def resnet20(
    *,
    width: int = 16,
    steps: int = 1,
    input_shape: Sequence[int] = (3, 32, 32),
    classes: int = 10,
    **options: Any,
) -> ResNet20:
    """Return the conventional ResNet20; ``options`` as in ``NetworkOptions``, of which ``norm`` is fixed."""
    read = options_of(options, spiking=False)
    if read.norm == "none":
        raise ModelError("resnet20 has no form without batch norm; leave out norm=none.")
    one_step("resnet20", steps)
    check_sizes("resnet20", width, steps, input_shape, classes, smallest=8)
    with seeded(read.seed):
        network = ResNet20(width, input_shape, classes, read)
    return network.ready(config_of("resnet20", width, steps, input_shape, classes, read, spiking=False))
