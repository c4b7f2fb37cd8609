"""Settings that are known to work, with what they reach."""

from __future__ import annotations

from typing import Any

from axbar.nn._config import TrainConfig

__all__ = ["demo_recipe"]


def demo_recipe() -> tuple[str, dict[str, Any], TrainConfig]:
    """Return ``(model name, model config, training settings)`` of the demo."""
    return (
        "spiking-cnn",
        {"width": 16, "steps": 4, "input_shape": (1, 28, 28), "classes": 10},
        TrainConfig(epochs=10, batch_size=50, lr=4e-3, augment="shift"),
    )
