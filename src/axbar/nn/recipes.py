"""Settings that are known to work, with what they reach."""

from __future__ import annotations

from typing import Any

from axbar.nn._config import TrainConfig

__all__ = ["demo_recipe"]


def demo_recipe() -> tuple[str, dict[str, Any], TrainConfig]:
    """Return ``(model name, model config, training settings)`` of the demo.

    A spiking CNN of 16 and 32 channels with four steps, for 28×28 grey images. The noise on the weights makes up for
    the few levels that they have on a chip.

    >>> name, config, settings = demo_recipe()
    >>> name, config["steps"], settings.epochs
    ('spiking-cnn', 4, 8)
    """
    return (
        "spiking-cnn",
        {"width": 16, "steps": 4, "input_shape": (1, 28, 28), "classes": 10},
        TrainConfig(epochs=8, batch_size=50, lr=4e-3, label_smoothing=0.05, weight_noise=0.08),
    )
