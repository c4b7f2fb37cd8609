"""The settings of a training run, and what a run leaves behind."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Protocol, get_args

from axbar.errors import UsageError, unknown_name

__all__ = ["Augment", "EpochRecord", "Loss", "Optimizer", "Progress", "TrainConfig", "TrainResult"]

Optimizer = Literal["adamw", "sgd"]
Loss = Literal["mean", "tet"]
Augment = Literal["none", "shift", "flip", "shift-flip"]

_CHOICES: dict[str, tuple[str, ...]] = {
    "optimizer": get_args(Optimizer),
    "loss": get_args(Loss),
    "augment": get_args(Augment),
}
#: field -> (lowest, highest) allowed
_RANGES: dict[str, tuple[float, float]] = {
    "epochs": (1, 100_000), "batch_size": (1, 1_000_000), "momentum": (0, 1), "weight_decay": (0, 10),
    "warmup_epochs": (0, 100_000), "label_smoothing": (0, 1), "tet_mse": (0, 1), "shift_px": (0, 64),
    "weight_noise": (0, 1),
}  # fmt: skip


@dataclass(frozen=True)
class TrainConfig:
    """How to train.

    Args:
        epochs: passes over the training images.
        batch_size: images per step; a smaller rest of an epoch is left out.
        lr: peak learning rate; linear warm-up to it, then a cosine down to zero.
        warmup_epochs: length of the warm-up, may be a fraction.
        optimizer: ``adamw`` or ``sgd`` (Nesterov).
        momentum: of ``sgd``.
        weight_decay: of weights; norms, biases and embeddings have none.
        loss: ``mean``, cross-entropy of the logits' mean over time; ``tet``, mean over time of the
            cross-entropies (Deng et al., ICLR 2022), which keeps early steps useful.
        tet_mse: λ in (1 − λ)·TET + λ·MSE(logits, 1).
        label_smoothing: share of the target spread over all classes.
        augment: random shifts by up to ``shift_px`` pixels, horizontal flips, or both.
        grad_clip: largest norm of the gradient; None for no limit.
        weight_clip: limit of each weight matrix in multiples of its standard deviation, kept after every
            step; tames outliers that would cost resolution when weights are quantised. None for no limit.
        weight_noise: Gaussian noise on every weight matrix while gradients are taken, as a fraction of its
            largest weight; the network learns to bear coarse weights and imprecise devices (Joshi et al.,
            Nat. Commun. 11:2473, 2020).
        amp: bfloat16 in matrix products.
        device: ``auto`` (CUDA where present), ``cpu``, ``cuda``, ``cuda:1``, ...
        seed: of order and augmentation. The same seed gives the same bits on one machine and thread count.

    Raises:
        UsageError: a value is out of range.
    """

    epochs: int = 8
    batch_size: int = 100
    lr: float = 2e-3
    warmup_epochs: float = 0.5
    optimizer: Optimizer = "adamw"
    momentum: float = 0.9
    weight_decay: float = 1e-2
    loss: Loss = "mean"
    tet_mse: float = 0.0
    label_smoothing: float = 0.0
    augment: Augment = "none"
    shift_px: int = 2
    grad_clip: float | None = 5.0
    weight_clip: float | None = None
    weight_noise: float = 0.0
    amp: bool = False
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise UsageError(unknown_name(f"training {name}", getattr(self, name), allowed))
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise UsageError(f"training {name} = {value} is out of range; give {low:g} to {high:g}.")
        for name in ("lr", "grad_clip", "weight_clip"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise UsageError(f"training {name} = {value} is out of range; give a finite number above 0.")

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainConfig:
        """Return settings from plain values.

        Raises:
            UsageError: a key is unknown or a value is out of range.
        """
        known = [f.name for f in fields(cls)]
        for key in values:
            if key not in known:
                raise UsageError(unknown_name("training setting", key, known))
        return cls(**values)


@dataclass(frozen=True)
class EpochRecord:
    """One finished epoch (from 0): mean training loss, accuracies 0..1, learning rate of its last step."""

    epoch: int
    loss: float
    train_accuracy: float
    calibration_accuracy: float
    lr: float


@dataclass(frozen=True)
class TrainResult:
    """What training found: a record per epoch, the best calibration accuracy (0..1) and its epoch."""

    history: tuple[EpochRecord, ...]
    best_accuracy: float
    best_epoch: int


class Progress(Protocol):
    """Called after each step: epoch from 0, step 1..steps, loss and accuracy (0..1) of the epoch so far."""

    def __call__(self, epoch: int, step: int, steps: int, loss: float, accuracy: float, /) -> None: ...
