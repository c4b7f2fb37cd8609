"""Networks that ship with their weights, so that figures of trained networks need no training and no download.

Each lies in a run folder of its own beside this file, weights in 16 bits, ``result.json`` with what it was trained on
and how well it does. ``load_network`` reads such a folder like any other; here it has a name.

``examples/train_vit.py`` made them:

- ``vit-tiny-cifar-10``, patches of 4×4: ``--data cifar-10 --epochs 16 --warmup 2``
- ``vit-tiny-fashion-mnist``, patches of 7×7: ``--data fashion-mnist --patch 7 --epochs 16 --warmup 2 --shift 2``
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

__all__ = ["FOLDER", "shipped_result", "vit_tiny_cifar_10", "vit_tiny_fashion_mnist"]

#: where the run folders lie
FOLDER = Path(__file__).parent / "weights"


def vit_tiny_cifar_10(
    *, input_shape: Sequence[int] = (3, 32, 32), classes: int = 10, steps: int = 1
) -> nn.Module:
    """Return ``vit-tiny`` as trained on 29,488 images of CIFAR-10, in evaluation mode.

    Args:
        input_shape, classes, steps: those of CIFAR-10; others are refused.

    Raises:
        OptionError, ModelError: another shape, number of classes or of steps.
    """
    return _shipped("vit-tiny-cifar-10", input_shape=tuple(input_shape), classes=classes, steps=steps)


def vit_tiny_fashion_mnist(
    *, input_shape: Sequence[int] = (1, 28, 28), classes: int = 10, steps: int = 1
) -> nn.Module:
    """Return ``vit-tiny`` as trained on Fashion-MNIST, in evaluation mode.

    Args:
        input_shape, classes, steps: those of Fashion-MNIST; others are refused.

    Raises:
        OptionError, ModelError: another shape, number of classes or of steps.

    >>> import torch
    >>> vit_tiny_fashion_mnist()(torch.rand(2, 1, 28, 28)).shape
    torch.Size([1, 2, 10])
    """
    return _shipped("vit-tiny-fashion-mnist", input_shape=tuple(input_shape), classes=classes, steps=steps)


def shipped_result(name: str) -> dict[str, Any]:
    """Return what is known of a network that ships with its weights: its training and its accuracy on test images."""
    return json.loads((FOLDER / name / "result.json").read_text(encoding="utf-8"))


def _shipped(name: str, **given: Any) -> nn.Module:
    from axbar.nn._load import load_network  # which finds networks by the registry, and so this file

    return load_network(FOLDER / name, **given)
