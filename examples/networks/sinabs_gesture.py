"""The DVS-gesture network that sinabs ships, as a spiking network on event frames.

    export AXBAR_DATA=DATA
    axbar trace examples/networks/sinabs_gesture.py:gesture --weights DATA/weights/sinabs_dvs_gesture.npz \\
        --data examples/networks/sinabs_gesture.py:street --out gesture.npz
    axbar estimate gesture.npz

Seven convolutions, average pools, two linear layers, 11 gestures, no biases, 128×128 pixels (A. Amir et al., "A Low
Power, Fully Event-Based Gesture Recognition System", CVPR 2017). Integrate-and-fire neurons stand for the ReLUs, see
``in_a_row``. They fire at most once a step; those of sinabs may fire several times.

The gestures themselves are not at hand. ``street`` gives it 128×128 windows of a street scene from an event camera
instead: real events with their real sparsity, but labels that mean nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from in_a_row import InARow, neurons
from numpy.typing import NDArray
from torch import nn

from axbar.data import event_frames, read_events

SIDE = 128
#: 99th percentile of the positive activations behind each ReLU, on the mean of 8 frames of 36 street windows
MAXIMA = (0.262, 0.586, 0.666, 0.661, 0.586, 0.301, 0.313, 1.085)


def gesture(input_shape: Sequence[int] = (8, 2, SIDE, SIDE)) -> InARow:
    """Return the network for ``input_shape[0]`` frames."""
    first, *inner, next_to_last, last = neurons(MAXIMA)
    layers: list[nn.Module] = [nn.Conv2d(2, 16, 2, stride=2, bias=False), first]
    for wide_in, wide_out, neuron in zip((16, 16, 32, 32, 64), (16, 32, 32, 64, 64), inner, strict=True):
        layers += [nn.Conv2d(wide_in, wide_out, 3, padding=1, bias=False), neuron, nn.AvgPool2d(2)]
    layers += [
        nn.Dropout2d(0.5),
        nn.Conv2d(64, 256, 2, bias=False),
        next_to_last,
        nn.Dropout2d(0.5),
        nn.Flatten(),
    ]
    layers += [nn.Linear(256, 128, bias=False), last, nn.Linear(128, 11, bias=False)]
    return InARow(*layers, input_shape=tuple(input_shape), classes=11)


def street(frames: int = 8) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the 50 windows of a 1280×720 recording of 54 ms as ``[50, frames, 2, 128, 128]``, and labels 0."""
    events = read_events(Path(os.environ["AXBAR_DATA"]) / "prophesee" / "evt3_sample.npz")
    windows = []
    for row in range(720 // SIDE):
        for column in range(1280 // SIDE):
            here = events[(events["y"] // SIDE == row) & (events["x"] // SIDE == column)]
            here["x"] -= column * SIDE
            here["y"] -= row * SIDE
            windows.append(event_frames(here, frames, (SIDE, SIDE)) > 0)
    return np.stack(windows).astype(np.float32), np.zeros(len(windows), dtype=np.int64)
