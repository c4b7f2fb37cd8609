"""Plain stacks of layers: the small CNN, VGG9, VGG16 and a perceptron, spiking or conventional.

| network | convolutions at full width (M: max-pool of 2×2) | linear |
|---|---|---|
| cnn | 32 M 64 M | 128, classes |
| vgg9 | 64 64 M 128 128 M 256 256 256 M | 1024, classes |
| vgg16 | 64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M | 512, 512, classes |
| mlp | none | 128, 128, classes |

``width`` is the size of the first layer, in channels or neurons; all others scale with it. Convolutions are 3×3,
padding 1, each followed by norm and neurons (or ReLU). Pools take the maximum of spikes, so every convolution
behind the first and every linear layer reads binary spikes. A pool whose map has one row or column left is
skipped.

VGG9 is the network of SpikeSim (Moitra et al., IEEE TCAD 2023); VGG16 follows Simonyan & Zisserman (ICLR
2015) with the narrow classifier that is usual for 32×32 images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from axbar.nn.models._options import NetworkOptions, check_sizes, config_of, one_step, options_of, seeded
from axbar.nn.network import SpikingNetwork

__all__ = [
    "FeedForward",
    "cnn",
    "mlp",
    "spiking_cnn",
    "spiking_mlp",
    "spiking_vgg9",
    "spiking_vgg16",
    "vgg9",
    "vgg16",
]

POOL = "M"
#: full width, convolutions and hidden linear layers at that width, least rows and columns of an image
_PLANS: dict[str, tuple[int, tuple[int | str, ...], tuple[int, ...], int]] = {
    "cnn": (32, (32, POOL, 64, POOL), (128,), 4),
    "vgg9": (64, (64, 64, POOL, 128, 128, POOL, 256, 256, 256, POOL), (1024,), 8),
    "vgg16": (
        64,
        (64, 64, POOL, 128, 128, POOL, 256, 256, 256, POOL, 512, 512, 512, POOL, 512, 512, 512, POOL),
        (512, 512),
        16,
    ),
    "mlp": (128, (), (128, 128), 1),
}


class FeedForward(SpikingNetwork):
    """A stack of layers in the order of their names; ``order`` lists them."""

    def __init__(
        self,
        plan: str,
        width: int,
        steps: int,
        input_shape: Sequence[int],
        classes: int,
        spiking: bool,
        options: NetworkOptions,
    ) -> None:
        super().__init__(steps, input_shape, classes, **options.network_arguments())
        base, convolutions, hidden, _ = _PLANS[plan]
        self.order: list[str] = []
        self._spiking, self._options = spiking, options
        channels, rows, columns = self.frame_shape
        n = 0
        for item in convolutions:
            if item == POOL:
                if min(rows, columns) >= 2:
                    self._append(f"pool{n}", nn.MaxPool2d(2))
                    rows, columns = rows // 2, columns // 2
                continue
            n += 1
            wide = _scaled(int(item), width, base)
            self._append(f"conv{n}", nn.Conv2d(channels, wide, 3, padding=1, bias=options.norm == "none"))
            self._activate(n, wide, maps=True)
            channels = wide
        self._append("flatten", nn.Flatten())
        features = channels * rows * columns
        for m, item in enumerate(hidden, start=1):
            wide = _scaled(item, width, base)
            self._append(f"fc{m}", nn.Linear(features, wide, bias=options.norm == "none"))
            self._activate(n + m, wide, maps=False)
            features = wide
        self._append(f"fc{len(hidden) + 1}", nn.Linear(features, classes))

    def _append(self, name: str, layer: nn.Module) -> None:
        self.add_module(name, layer)
        self.order.append(name)

    def _activate(self, n: int, channels: int, maps: bool) -> None:
        norm = self._options.make_norm(channels, self._spiking, maps=maps, steps=self.steps)
        if norm is not None:
            self._append(f"norm{n}", norm)
        if self._spiking:
            self._append(f"neuron{n}", self._options.make_neuron())
        else:
            self._append(f"relu{n}", nn.ReLU())

    def body(self, x: Tensor, batch: int) -> Tensor:
        """Run the layers in order."""
        for name in self.order:
            x = self.fire(self.get_submodule(name), x, batch)
        return x


def _scaled(channels: int, width: int, base: int) -> int:
    return max(1, channels * width // base)


def _build(
    name: str,
    plan: str,
    width: int,
    steps: int,
    input_shape: Sequence[int],
    classes: int,
    options: dict[str, Any],
) -> FeedForward:
    spiking = name.startswith("spiking-")
    read = options_of(options, spiking)
    check_sizes(name, width, steps, input_shape, classes, smallest=_PLANS[plan][3])
    with seeded(read.seed):
        network = FeedForward(plan, width, steps, input_shape, classes, spiking, read)
    return network.ready(config_of(name, width, steps, input_shape, classes, read, spiking))


def spiking_cnn(
    *,
    width: int = 32,
    steps: int = 4,
    input_shape: Sequence[int] = (1, 28, 28),
    classes: int = 10,
    **options: Any,
) -> FeedForward:
    """Return a spiking CNN with two convolutions; ``options`` as in ``NetworkOptions``.

    >>> spiking_cnn(width=4).classes
    10
    """
    return _build("spiking-cnn", "cnn", width, steps, input_shape, classes, options)


def spiking_mlp(
    *,
    width: int = 128,
    steps: int = 4,
    input_shape: Sequence[int] = (1, 28, 28),
    classes: int = 10,
    **options: Any,
) -> FeedForward:
    """Return a spiking perceptron with two hidden layers, for small sensors; ``options`` as in ``NetworkOptions``."""
    return _build("spiking-mlp", "mlp", width, steps, input_shape, classes, options)


def spiking_vgg9(
    *,
    width: int = 64,
    steps: int = 4,
    input_shape: Sequence[int] = (3, 32, 32),
    classes: int = 10,
    **options: Any,
) -> FeedForward:
    """Return the spiking VGG9; ``options`` as in ``NetworkOptions``."""
    return _build("spiking-vgg9", "vgg9", width, steps, input_shape, classes, options)


def spiking_vgg16(
    *,
    width: int = 64,
    steps: int = 4,
    input_shape: Sequence[int] = (3, 32, 32),
    classes: int = 10,
    **options: Any,
) -> FeedForward:
    """Return the spiking VGG16; ``options`` as in ``NetworkOptions``."""
    return _build("spiking-vgg16", "vgg16", width, steps, input_shape, classes, options)


def cnn(
    *,
    width: int = 32,
    steps: int = 1,
    input_shape: Sequence[int] = (1, 28, 28),
    classes: int = 10,
    **options: Any,
) -> FeedForward:
    """Return the conventional twin of ``spiking-cnn``: ReLU, T = 1."""
    return _build("cnn", "cnn", width, one_step("cnn", steps), input_shape, classes, options)


def mlp(
    *,
    width: int = 128,
    steps: int = 1,
    input_shape: Sequence[int] = (1, 28, 28),
    classes: int = 10,
    **options: Any,
) -> FeedForward:
    """Return the conventional twin of ``spiking-mlp``: ReLU, T = 1."""
    return _build("mlp", "mlp", width, one_step("mlp", steps), input_shape, classes, options)


def vgg9(
    *,
    width: int = 64,
    steps: int = 1,
    input_shape: Sequence[int] = (3, 32, 32),
    classes: int = 10,
    **options: Any,
) -> FeedForward:
    """Return the conventional twin of ``spiking-vgg9``: ReLU, T = 1."""
    return _build("vgg9", "vgg9", width, one_step("vgg9", steps), input_shape, classes, options)


def vgg16(
    *,
    width: int = 64,
    steps: int = 1,
    input_shape: Sequence[int] = (3, 32, 32),
    classes: int = 10,
    **options: Any,
) -> FeedForward:
    """Return the conventional twin of ``spiking-vgg16``: ReLU, T = 1."""
    return _build("vgg16", "vgg16", width, one_step("vgg16", steps), input_shape, classes, options)
