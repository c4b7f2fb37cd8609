"""The MNIST network that sinabs ships for conversion, as it was trained and as a spiking network.

    axbar evaluate examples/networks/sinabs_mnist.py:ann --weights DATA/weights/sinabs_mnist_cnn.npz \\
        --data mnist --data-dir DATA
    axbar evaluate examples/networks/sinabs_mnist.py:snn --weights DATA/weights/sinabs_mnist_cnn.npz \\
        --data mnist --data-dir DATA --config steps=16

Convolutions 5×5 of 20, 5×5 of 32 and 3×3 of 128 channels with an average pool behind each, linear layers of 500 and 10,
no biases. The spiking network has integrate-and-fire neurons in place of the ReLUs, see ``in_a_row``.
"""

from __future__ import annotations

from collections.abc import Sequence

from in_a_row import InARow, neurons
from torch import nn

#: 99.9th percentile of the positive activations behind each ReLU, on the first 512 training images
MAXIMA = (1.203, 0.569, 0.258, 0.101)


def build(between: Sequence[nn.Module], steps: int) -> InARow:
    """Return the layers with ``between[l]`` behind the l-th of them."""
    first, second, third, fourth = between
    return InARow(
        *(nn.Conv2d(1, 20, 5, bias=False), first, nn.AvgPool2d(2)),
        *(nn.Conv2d(20, 32, 5, bias=False), second, nn.AvgPool2d(2)),
        *(nn.Conv2d(32, 128, 3, bias=False), third, nn.AvgPool2d(2), nn.Flatten()),
        *(nn.Linear(128, 500, bias=False), fourth, nn.Linear(500, 10, bias=False)),
        input_shape=(1, 28, 28), classes=10, steps=steps,
    )  # fmt: skip


def ann() -> InARow:
    """Return the network as it was trained."""
    return build([nn.ReLU() for _ in MAXIMA], steps=1)


def snn(steps: int = 16) -> InARow:
    """Return the spiking network; each image is shown for ``steps``."""
    return build(neurons(MAXIMA), steps)
