"""Membrane-shortcut residual networks: MS-ResNet18 and MS-ResNet34.

Stem 3×3 of w = ``width`` channels with norm; four stages of w, 2w, 4w, 8w channels with 2, 2, 2, 2 (18) or 3, 4, 6, 3
(34) basic blocks, each stage but the first halving the map in its first block; neurons, global average pool, one
linear layer. A block fires before it weighs and adds potentials, not spikes:

    y = norm(conv(fire(norm(conv(fire(x)))))) + shortcut(x),

with the identity as shortcut, or a 1×1 convolution with norm of every second pixel where shapes change. So every 3×3
convolution behind the stem reads binary spikes, and the three 1×1 convolutions read numbers. Hu, Deng, Wu, Yao and Li,
"Advancing spiking neural networks towards deep residual learning", IEEE TNNLS 2024.

Constants are those with which TT-SNN (Lee, Yin, Kim, Moitra, Li and Panda, DATE 2024) trains it: θ = 0.5, β = 0.25,
reset to zero, rectangular surrogate of half-width 0.5, norms scaled to θ, the second one of a block to 0.2 θ. There the
classifier reads the mean over time, here its logits of each step are averaged, which is the same as it is linear.

Checked: 11,164,362 weights of convolutions and classifier and 9,600 of norms at w = 64 and 10 classes, as published.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from axbar.nn import coding
from axbar.nn._pixels import every_pixel
from axbar.nn.models._options import NetworkOptions, check_sizes, config_of, options_of, seeded
from axbar.nn.network import SpikingNetwork

__all__ = ["MSResNet", "ms_resnet18", "ms_resnet34"]

#: name -> blocks of the four stages
_BLOCKS = {"ms-resnet18": (2, 2, 2, 2), "ms-resnet34": (3, 4, 6, 3)}
#: the norm in front of a sum starts with this share of the threshold
_SECOND = 0.2
#: what differs from the defaults of ``NetworkOptions``
_OWN: dict[str, Any] = {"beta": 0.25, "threshold": 0.5, "reset": "zero", "surrogate": "rect"}


class _Block(nn.Module):
    """neuron-conv-norm-neuron-conv-norm, plus shortcut; on folded ``[T·B, C, H, W]``."""

    def __init__(self, wide_in: int, wide_out: int, stride: int, options: NetworkOptions, steps: int) -> None:
        super().__init__()
        bias = options.norm == "none"
        self.stride = stride
        self.neuron1 = options.make_neuron()
        self.conv1 = nn.Conv2d(wide_in, wide_out, 3, stride=stride, padding=1, bias=bias)
        self.norm1 = _norm(options, wide_out, steps)
        self.neuron2 = options.make_neuron()
        self.conv2 = nn.Conv2d(wide_out, wide_out, 3, padding=1, bias=bias)
        self.norm2 = _norm(options, wide_out, steps, alpha=_SECOND)
        self.shortcut = nn.Sequential()
        if stride != 1 or wide_in != wide_out:
            self.shortcut.append(nn.Conv2d(wide_in, wide_out, 1, bias=bias))
            self.shortcut.append(_norm(options, wide_out, steps))


def _norm(options: NetworkOptions, channels: int, steps: int, alpha: float = 1.0) -> nn.Module:
    made = options.make_norm(channels, spiking=True, alpha=alpha, steps=steps)
    return nn.Identity() if made is None else made


class MSResNet(SpikingNetwork):
    """An MS-ResNet; see the module for the layers."""

    def __init__(
        self,
        counts: Sequence[int],
        width: int,
        steps: int,
        input_shape: Sequence[int],
        classes: int,
        options: NetworkOptions,
    ) -> None:
        super().__init__(steps, input_shape, classes, **options.network_arguments())
        channels, rows, columns = self.frame_shape
        self.conv1 = nn.Conv2d(channels, width, 3, padding=1, bias=options.norm == "none")
        self.norm1 = _norm(options, width, steps)
        self.blocks = nn.ModuleList()
        wide = width
        for stage, count in enumerate(counts):
            for n in range(count):
                stride = 2 if stage > 0 and n == 0 else 1
                self.blocks.append(_Block(wide, width << stage, stride, options, steps))
                wide = width << stage
                rows, columns = -(-rows // stride), -(-columns // stride)
        self.neuron = options.make_neuron()
        self.pool = nn.AvgPool2d((rows, columns))
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(wide, classes)

    def body(self, x: Tensor, batch: int) -> Tensor:
        """Run stem, blocks and classifier."""
        x = self.fire(self.norm1, self.conv1(x), batch)
        for block in self.blocks:
            assert isinstance(block, _Block)
            y = self.fire(block.norm1, block.conv1(self.fire(block.neuron1, x, batch)), batch)
            y = self.fire(block.norm2, block.conv2(self.fire(block.neuron2, y, batch)), batch)
            x = y + self._on_every_step(self._shortcut(block, x, batch), batch)
        return self.fc(self.flatten(self.pool(self.fire(self.neuron, x, batch))))

    def _shortcut(self, block: _Block, x: Tensor, batch: int) -> Tensor:
        # Pixels are left out before the 1×1 convolution: the same numbers as its stride, without oneDNN's strided
        # 1×1 kernels, which rule channels last out (``SpikingNetwork.ready``).
        kept = every_pixel(x, block.stride, block.stride)
        for layer in block.shortcut:
            kept = self.fire(layer, kept, batch)
        return kept

    def _on_every_step(self, x: Tensor, batch: int) -> Tensor:
        """Repeat what is constant over time, ``[B, ...]`` to ``[T·B, ...]``."""
        if x.shape[0] != batch or self.steps == 1:
            return x
        return coding.direct(x, self.steps).flatten(0, 1)


def ms_resnet18(
    *,
    width: int = 64,
    steps: int = 4,
    input_shape: Sequence[int] = (3, 32, 32),
    classes: int = 10,
    **options: Any,
) -> MSResNet:
    """Return the MS-ResNet18; ``options`` as in ``NetworkOptions``, with the constants above where none are given.

    >>> len(ms_resnet18(width=2).blocks)
    8
    """
    return _build("ms-resnet18", width, steps, input_shape, classes, options)


def ms_resnet34(
    *,
    width: int = 64,
    steps: int = 4,
    input_shape: Sequence[int] = (3, 32, 32),
    classes: int = 10,
    **options: Any,
) -> MSResNet:
    """Return the MS-ResNet34; ``options`` as of ``ms_resnet18``."""
    return _build("ms-resnet34", width, steps, input_shape, classes, options)


def _build(
    name: str, width: int, steps: int, input_shape: Sequence[int], classes: int, options: dict[str, Any]
) -> MSResNet:
    read = options_of(_OWN | options)
    check_sizes(name, width, steps, input_shape, classes, smallest=8)
    with seeded(read.seed):
        network = MSResNet(_BLOCKS[name], width, steps, input_shape, classes, read)
    return network.ready(config_of(name, width, steps, input_shape, classes, read))
