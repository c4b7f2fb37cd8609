"""What the co-design study searches: three kinds of chips, their devices and circuits, and the network on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from axbar.published.snn_networks import Net, Tuning

__all__ = ["AXES", "BASE", "SCALES", "SPACE", "Scale"]

#: path -> values; the first-named of ``BASE`` is what the presets and the trained network have
SPACE: Final[Mapping[str, Any]] = {
    "hardware": ["imc-rram-65nm", "sata", "loas"],
    "device": ["rram-generic", "rram-cmo", "pcm-hermes"],
    "crossbar.rows": [32, 64, 128, 256],
    "adc.bits": "4..7",
    "adc.cols_per_adc": [4, 8, 16],
    "array.rows": [8, 16, 32],
    "pe.count": {"values": [8, 16, 32], "when": "hardware == loas"},
    "model.steps": [2, 3, 4],
    "technique.mint": [False, True],
    "technique.mint.bits": [4, 8],
    "technique.early-exit": [False, True],
    "technique.bn-adapt": {
        "values": [False, True],
        "when": "hardware == imc-rram-65nm and technique.mint == false",
    },
}

#: what nobody chose: the network as trained on chips as near to their presets as the space has them
BASE: Final[Mapping[str, Any]] = {
    "device": "rram-generic", "crossbar.rows": 64, "adc.bits": 6, "adc.cols_per_adc": 8, "array.rows": 16,
    "pe.count": 16, "model.steps": 4, "technique.mint": False, "technique.early-exit": False,
    "technique.bn-adapt": False,
}  # fmt: skip

#: axis as in tables -> its paths
AXES: Final[Mapping[str, tuple[str, ...]]] = {
    "device": ("device",),
    "crossbar": ("crossbar.rows",),
    "converter": ("adc.bits", "adc.cols_per_adc"),
    "digital array": ("array.rows", "pe.count"),
    "time steps": ("model.steps",),
    "MINT": ("technique.mint", "technique.mint.bits"),
    "early exit": ("technique.early-exit",),
    "BN adaptation": ("technique.bn-adapt",),
}


@dataclass(frozen=True)
class Scale:
    """How much to run.

    Args:
        net: the network and its training.
        fidelity: of the search.
        least_accuracy: that a design must reach, 0..1: what is cheap and wrong is no trade-off.
        space: values that replace those of ``SPACE``.
    """

    net: Net
    fidelity: Mapping[str, Any]
    least_accuracy: float
    space: Mapping[str, Any] = field(default_factory=dict[str, Any])


def _tuned(epochs: int, images: int) -> dict[str, Any]:
    return {"technique.mint.epochs": epochs, "technique.mint.images": images}


SCALES: Final[dict[str, Scale]] = {
    "quick": Scale(
        Net("VGG9, small", "spiking-vgg9", 6, "fashion-mnist-small", 2000, 3, 500, Tuning(1, 1000)),
        {
            "sweep": {"variants": 8},
            "proxy": {"images": 50, "survivors": 10, "generations": 1, "generation": 4, "set": _tuned(0, 200)},
            "full": {"images": 100, "chips": 2, "survivors": 4, "set": _tuned(1, 500)},
            "samples": 8,
        },
        0.5,
        {"model.steps": [2, 4], "technique.mint.bits": [8], "device": ["rram-generic", "pcm-hermes"]},
    ),
    "default": Scale(
        Net("VGG9, Fashion-MNIST", "spiking-vgg9", 16, "fashion-mnist", 30_000, 5, None, Tuning(2, 10_000)),
        {
            "sweep": {"variants": 18},
            "proxy": {"images": 200, "survivors": 28, "generations": 3, "set": _tuned(1, 2000)},
            "full": {"images": 1000, "chips": 5, "survivors": 10, "set": _tuned(2, 10_000)},
        },
        0.85,
    ),
    "full": Scale(
        Net("VGG9, Fashion-MNIST", "spiking-vgg9", 64, "fashion-mnist", 50_000, 100, None, Tuning(20, 50_000),
            augment="shift-flip"),
        {
            "sweep": {"variants": 18},
            "proxy": {"images": 1000, "survivors": 60, "generations": 10, "set": _tuned(2, 10_000)},
            "full": {"chips": 10, "survivors": 30, "set": _tuned(20, 50_000)},
        },
        0.85,
    ),
}  # fmt: skip
