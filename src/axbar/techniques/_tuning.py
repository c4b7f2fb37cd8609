"""Small pieces that techniques with images share: which images, which loss, how many operations."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from axbar.calibration import CalibrationSource, run
from axbar.errors import ModelError

__all__ = ["Macs", "count_macs", "device_of", "loss_of", "pick", "weights_hash"]


def pick(split: Any, count: int, seed: int) -> NDArray[np.int64]:
    """Return which ``count`` images of a split to use: a seeded choice in rising order; all if there are fewer.

    Not the first ones: data sets may come sorted by class.
    """
    total = len(split.y)
    if count >= total:
        return np.arange(total)
    return np.sort(np.random.default_rng(seed).choice(total, count, replace=False))


def device_of(model: nn.Module) -> torch.device:
    """Return where the network lives; the CPU for one without tensors."""
    return next((t.device for t in (*model.parameters(), *model.buffers())), torch.device("cpu"))


def weights_hash(model: nn.Module) -> str:
    """Return a hash of all parameters and buffers by name."""
    digest = hashlib.sha256()
    for key, value in model.state_dict().items():
        digest.update(key.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def loss_of(output: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of the mean over time of logits ``[T, B, K]`` (or of ``[B, K]``) and ``[B]``.

    Raises:
        ModelError: the output is no logits for these labels.
    """
    logits = output if output.dim() == 3 else output.unsqueeze(0)
    if logits.dim() != 3 or logits.shape[1] != len(labels):
        raise ModelError(
            f"the network returned {tuple(output.shape)} for {len(labels)} images; it must return logits "
            "[T, B, K] or [B, K]."
        )
    return F.cross_entropy(logits.float().mean(0), labels)


@dataclass
class Macs:
    """Multiply-accumulates of one image through convolutions and linear layers.

    Attributes:
        forward: of the whole network.
        behind: of the layers that run after the first module of interest.
    """

    forward: int = 0
    behind: int = 0


def count_macs(model: nn.Module, image: Tensor, after: Collection[nn.Module] = ()) -> Macs:
    """Count the MACs of one image ``[1, ...]``, and how many come after the first of ``after``."""
    macs, started = Macs(), False

    def start(_module: nn.Module, _inputs: Any) -> None:
        nonlocal started
        started = True

    def count(layer: nn.Module, _inputs: Any, output: Tensor) -> None:
        weight: Any = layer.weight
        mine = output.numel() * weight[0].numel()
        macs.forward += mine
        macs.behind += mine if started else 0

    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    handles = [module.register_forward_pre_hook(start) for module in after]
    handles += [layer.register_forward_hook(count) for layer in layers]
    try:
        run(model, CalibrationSource(image, 1))
    finally:
        for handle in handles:
            handle.remove()
    return macs
