"""Networks, data and recipes of the study of first-spike networks (arXiv 2312.00919; Front. Neurosci. 2024).

Three tasks as published, the third made harder (``axbar.data``: a linear classifier solves the published one), four
networks on each, trained alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from axbar.data import Dataset, load_data, ridge_accuracy
from axbar.nn import TrainConfig, build_model, train
from axbar.nn._config import Augment
from axbar.nn.models import TtfsNetwork

__all__ = ["NETWORKS", "Task", "data_of", "linear_share", "trained"]

#: name in the study -> registered network
NETWORKS: Final = {
    "plain": "ttfs-plain",
    "add": "ttfs-add",
    "concat": "ttfs-concat",
    "concat, delay": "ttfs-concat-delay",
}


@dataclass(frozen=True)
class Task:
    """A data set and how networks are trained on it.

    Args:
        name: in the study.
        data: as ``load_data`` takes it.
        epochs, batch_size, lr, weight_decay, augment: of training.
        options: of the networks.
    """

    name: str
    data: str
    epochs: int
    batch_size: int = 128
    lr: float = 2e-3
    weight_decay: float = 0.0
    augment: Augment = "none"
    options: dict[str, Any] = field(default_factory=dict[str, Any])


def data_of(task: Task, data_dir: str | None) -> Dataset:
    """Return the task's data."""
    return load_data(task.data, data_dir)


def linear_share(data: Dataset) -> float:
    """Return the share of the test part that a linear classifier gets right, 0..1; it learns from all other images."""
    seen = (data.train, data.calibration)
    x, y = (np.concatenate([getattr(part, what) for part in seen]) for what in "xy")
    return ridge_accuracy((x, y), (data.test.x, data.test.y))


def trained(place: Path, task: Task, network: str, seed: int, data: Dataset, **options: Any) -> TtfsNetwork:
    """Return a network in evaluation mode; a finished run in ``place`` is read back, a stopped one goes on."""
    model = build_model(
        NETWORKS[network],
        input_shape=data.input_shape,
        classes=len(data.classes),
        seed=seed,
        **task.options,
        **options,
    )
    assert isinstance(model, TtfsNetwork)
    config = TrainConfig(
        epochs=task.epochs, batch_size=task.batch_size, lr=task.lr, weight_decay=task.weight_decay, seed=seed,
        augment=task.augment, warmup_epochs=min(1.0, task.epochs / 2),
    )  # fmt: skip
    train(model, data, config, place, resume=True)
    model.eval()
    return model
