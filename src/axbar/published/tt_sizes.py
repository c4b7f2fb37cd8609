"""Weights and operations of the tensor-train study: counted, at full width, on the shapes of the paper's data.

MS-ResNet18 of width 64. Images of CIFAR-10: 3 × 32 × 32, T = 4, 10 classes; frames of N-Caltech101's events:
2 × 48 × 48, T = 6, 101 classes. Strides by max pools and the classifier once, as published. The paper's ranks by layer
are not published openly; ``solved`` finds the share of min(I, O), the same in all layers, that has the published ratio
of parameters on N-Caltech101, and counts operations there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from axbar.techniques import TTCounts, tt_counts

__all__ = ["PUBLISHED_PARAMS", "SHAPES", "sizes", "solved"]

PUBLISHED_PARAMS: Final = 7.98
#: data -> arguments of ``tt_counts``
SHAPES: Final[Mapping[str, Mapping[str, int]]] = {
    "CIFAR-10": {"timesteps": 4, "in_channels": 3, "size": 32, "classes": 10},
    "N-Caltech101": {"timesteps": 6, "in_channels": 2, "size": 48, "classes": 101},
}
_MODES: Final = ("stt", "ptt", "htt")
_STEPS: Final = 24  # of the bisection: the ratio changes in jumps, as ranks are whole


def sizes(rank: float) -> dict[str, dict[str, Any]]:
    """Return parameters and MACs by data and mode, at one share of min(I, O)."""
    return {data: {mode: _row(_counts(data, mode, rank)) for mode in _MODES} for data in SHAPES}


def solved() -> dict[str, Any]:
    """Return the share of min(I, O) with the published ratio of parameters on N-Caltech101, and its ratios of MACs."""
    low, high = 1 / 16, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _counts("N-Caltech101", "ptt", middle).param_ratio > PUBLISHED_PARAMS:
            low = middle
        else:
            high = middle
    found = {mode: _row(_counts("N-Caltech101", mode, high)) for mode in _MODES}
    return {"rank": high, **found}


def _counts(data: str, mode: str, rank: float) -> TTCounts:
    at = SHAPES[data]
    return tt_counts(
        model="ms-resnet18", mode=mode, rank_fraction=rank, timesteps=at["timesteps"], in_channels=at["in_channels"],
        size=at["size"], classes=at["classes"],
    )  # fmt: skip


def _row(found: TTCounts) -> dict[str, Any]:
    return {
        "params": found.params, "macs": found.macs, "param_ratio": found.param_ratio, "mac_ratio": found.mac_ratio,
        "dense_params": found.dense_params, "dense_macs": found.dense_macs,
    }  # fmt: skip
