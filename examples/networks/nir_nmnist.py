"""The conventional network behind the N-MNIST graph of the NIR paper, on frames of counted events.

    axbar evaluate examples/networks/nir_nmnist.py:nmnist --weights DATA/weights/nir_nmnist_ann.npz \\
        --data n-mnist:frames=3,cap=5 --data-dir DATA

Convolutions 5×5 (stride 2) of 16, 3×3 of 16 and 3×3 of 8 channels, pools behind the last two, linear layers of 256 and
10, no biases (J. E. Pedersen et al., "Neuromorphic intermediate representation", Nature Communications 15:8122, 2024).
Its pools sum and those here average: without biases that scales all logits alike. It was trained on thirds of
recordings, so a recording is three frames here, classified one by one, and their logits averaged.
"""

from __future__ import annotations

from collections.abc import Sequence

from in_a_row import InARow
from torch import nn


def nmnist(input_shape: Sequence[int] = (3, 2, 34, 34)) -> InARow:
    """Return the network for ``input_shape[0]`` frames."""
    return InARow(
        *(nn.Conv2d(2, 16, 5, stride=2, padding=1, bias=False), nn.ReLU()),
        *(nn.Conv2d(16, 16, 3, padding=1, bias=False), nn.ReLU(), nn.AvgPool2d(2)),
        *(nn.Conv2d(16, 8, 3, padding=1, bias=False), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten()),
        *(nn.Linear(128, 256, bias=False), nn.ReLU(), nn.Linear(256, 10, bias=False)),
        input_shape=tuple(input_shape), classes=10,
    )  # fmt: skip
