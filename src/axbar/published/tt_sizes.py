"""Weights and operations of the tensor-train study: counted, at full width, on the shapes of the paper's data.

MS-ResNet18 of width 64. Images of CIFAR-10: 3 × 32 × 32, T = 4, 10 classes; frames of N-Caltech101's events:
2 × 48 × 48, T = 6, 101 classes. Strides by max pools and the classifier once, as published. The paper's ranks by layer
are not published openly; ``solved`` finds the share of min(I, O), the same in all layers, that has the published ratio
of parameters on N-Caltech101, and counts operations there.

Memory for weights: the train in training, in 32 bits; merged kernels without their empty taps in inference, in 8 bits.
A half layer has two kernels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from torch import nn

from axbar.nn import build_model
from axbar.techniques import TTCounts, tt_counts
from axbar.techniques._tt_layers import tt_layers

__all__ = ["PUBLISHED_PARAMS", "SHAPES", "STORED_BITS", "TRAINED_BITS", "merged_weights", "sizes", "solved"]

#: bits of a weight in training and in inference
TRAINED_BITS: Final = 32
STORED_BITS: Final = 8

PUBLISHED_PARAMS: Final = 7.98
#: data -> arguments of ``tt_counts``
SHAPES: Final[Mapping[str, Mapping[str, int]]] = {
    "CIFAR-10": {"timesteps": 4, "in_channels": 3, "size": 32, "classes": 10},
    "N-Caltech101": {"timesteps": 6, "in_channels": 2, "size": 48, "classes": 101},
}
_MODES: Final = ("stt", "ptt", "htt")
#: taps with a weight when merged; a cross has 5, the second kernel of a half layer one more
_TAPS: Final[Mapping[str, int]] = {"dense": 9, "stt": 9, "ptt": 5, "htt": 5 + 1}
_STEPS: Final = 24  # of the bisection: the ratio changes in jumps, as ranks are whole


def sizes(rank: float) -> dict[str, dict[str, Any]]:
    """Return parameters, MACs and memory by data and mode, at one share of min(I, O)."""
    return {data: _rows(data, rank) for data in SHAPES}


def solved() -> dict[str, Any]:
    """Return the share of min(I, O) with the published ratio of parameters on N-Caltech101, and its ratios of MACs."""
    low, high = 1 / 16, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _counts("N-Caltech101", "ptt", middle).param_ratio > PUBLISHED_PARAMS:
            low = middle
        else:
            high = middle
    return {"rank": high, **_rows("N-Caltech101", high)}


def merged_weights(network: nn.Module, mode: str) -> int:
    """Return weights of convolutions and classifier where a dense network's trains are merged, without empty taps."""
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    empty = sum((9 - _TAPS[mode]) * c.in_channels * c.out_channels for c in tt_layers(network).values())
    return sum(p.numel() for layer in layers for p in layer.parameters(recurse=False)) - empty


def _counts(data: str, mode: str, rank: float) -> TTCounts:
    at = SHAPES[data]
    return tt_counts(
        model="ms-resnet18", mode=mode, rank_fraction=rank, timesteps=at["timesteps"], in_channels=at["in_channels"],
        size=at["size"], classes=at["classes"],
    )  # fmt: skip


def _rows(data: str, rank: float) -> dict[str, dict[str, Any]]:
    at = SHAPES[data]
    shape = (at["in_channels"], at["size"], at["size"])
    dense = build_model("ms-resnet18", input_shape=shape, classes=at["classes"])
    return {mode: _row(_counts(data, mode, rank), merged_weights(dense, mode)) for mode in ("dense", *_MODES)}


def _row(found: TTCounts, merged: int) -> dict[str, Any]:
    return {
        "params": found.params, "macs": found.macs, "param_ratio": found.param_ratio, "mac_ratio": found.mac_ratio,
        "trained_B": found.params * TRAINED_BITS // 8, "stored_B": merged * STORED_BITS // 8,
    }  # fmt: skip
