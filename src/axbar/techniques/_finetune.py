"""Train a network inside a technique: the training loop of ``axbar.nn`` on some of the training images."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import nn

from axbar.nn import EpochRecord, Progress, TrainConfig, train
from axbar.techniques._base import TechniqueConfig
from axbar.techniques._tuning import count_macs, device_of, pick

__all__ = ["FewImages", "TuneConfig", "fit", "training_cost"]


class TuneConfig(TechniqueConfig):
    """Settings of techniques that train with AdamW, warm-up and a cosine down to zero."""

    lr: float = Field(default=1e-3, gt=0, le=10, description="peak learning rate of AdamW")
    batch: int = Field(default=64, ge=1, le=100_000, description="images of a step")
    images: int = Field(default=60_000, ge=1, le=10_000_000, description="labelled training images, at most")
    augment: Literal["none", "shift", "flip", "shift-flip"] = Field(
        default="none", description="random shifts by two pixels, horizontal flips, or both"
    )
    loss: Literal["mean", "tet"] = Field(
        default="mean", description="cross-entropy of the mean over time, or of every step (tet)"
    )
    seed: int = Field(default=0, ge=0, description="of the choice of images and of their order")


@dataclass(frozen=True)
class _Part:
    """Some images of a split, by number."""

    split: Any
    chosen: NDArray[np.int64]

    @property
    def y(self) -> NDArray[np.int64]:
        return self.split.labels(self.chosen)

    def images(self, index: Any) -> NDArray[np.float32]:
        return self.split.images(self.chosen[index])

    def labels(self, index: Any) -> NDArray[np.int64]:
        return self.split.labels(self.chosen[index])


class FewImages:
    """The view of the data that a technique trains on: chosen training images, all calibration images."""

    def __init__(self, data: Any, images: int, seed: int) -> None:
        self._data = data
        self.chosen = pick(data.train, images, seed)
        self.train, self.calibration = _Part(data.train, self.chosen), data.calibration
        self.name = str(getattr(data, "name", "images"))
        self.classes = getattr(data, "classes", None) or range(int(np.max(data.train.y)) + 1)

    @cached_property
    def image(self) -> torch.Tensor:
        """One image ``[1, C, H, W]``."""
        return torch.from_numpy(self.train.images(slice(0, 1)))

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one image."""
        return tuple(self.image.shape[1:])

    def hash(self) -> str:
        """Return a hash of data and choice."""
        return hashlib.sha256(self._data.hash().encode() + self.chosen.tobytes()).hexdigest()[:16]


def fit(
    model: nn.Module,
    few: FewImages,
    config: TuneConfig,
    epochs: int,
    *,
    folder: Path | None = None,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    progress: Progress | None = None,
) -> float:
    """Train in place and return the accuracy (0..1) on the calibration images; the caller's draws stay.

    Args:
        folder: run folder; if it holds this run, training goes on from its last finished epoch.
        on_epoch: called after each epoch that is run now.
    """
    place = device_of(model)
    settings = TrainConfig(
        epochs=epochs, batch_size=config.batch, lr=config.lr, loss=config.loss, augment=config.augment,
        seed=config.seed, device=str(place),
    )  # fmt: skip
    data: Any = few
    with torch.random.fork_rng(devices=[place] if place.type == "cuda" else []):
        done = train(model, data, settings, folder, resume=True, on_epoch=on_epoch, progress=progress)
    return done.history[-1].calibration_accuracy


def training_cost(
    model: nn.Module, few: FewImages, config: TuneConfig, epochs: int, start: float
) -> dict[str, Any]:
    """Return what ``epochs`` of training took, with the time since ``start``."""
    images = len(few.chosen)
    size = min(config.batch, images)
    seen = epochs * (images // size) * size
    macs = count_macs(model, few.image).forward
    return {
        "seconds": time.perf_counter() - start,
        "images": images if epochs else 0,
        "writes": 0,
        "settings": 0,
        "macs_forward": seen * macs,
        "macs_backward": 2 * seen * macs,
    }
