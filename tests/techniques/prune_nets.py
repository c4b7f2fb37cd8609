"""A small spiking network and one for blobs, for the tests of pruning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from bn_nets import blobs
from torch import Tensor, nn

from axbar.nn import build_model
from axbar.techniques import TechniqueResult, parse_technique

DATA = blobs()
SHAPE: dict[str, Any] = {"input_shape": (1, 8, 8), "classes": 4}


def spiking(seed: int = 0, **options: Any) -> nn.Module:
    """Two convolutions of 4 and 8 channels, linear layers 16 and 4, T = 4; weights 36, 288, 512, 64."""
    return build_model("spiking-cnn", width=4, steps=4, seed=seed, **SHAPE, **options).eval()


def applied(text: str, model: nn.Module) -> TechniqueResult:
    """Apply a technique on the training part of the blobs."""
    technique, config = parse_technique(text)
    return technique.apply(model, None, DATA.tuning(), config)


def weights(model: nn.Module) -> dict[str, Tensor]:
    """Weights of convolutions and linear layers by path."""
    layers = {p: m for p, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}
    return {path: layer.weight.detach() for path, layer in layers.items()}


def zeros(model: nn.Module) -> dict[str, int]:
    """Exact zeros of each layer's weight."""
    return {path: int((weight == 0).sum()) for path, weight in weights(model).items()}


def images(count: int = 16) -> Tensor:
    """Test images."""
    return torch.from_numpy(DATA.test.images(slice(0, count)))


def finished_rounds(folder: Path) -> list[str]:
    """Names of the run folders of a lottery."""
    return sorted(path.name for path in folder.glob("round-*"))
