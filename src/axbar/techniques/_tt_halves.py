"""Whether a network runs as half layers need it: all steps in one call, T outermost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from axbar.calibration import CalibrationSource, run
from axbar.errors import ModelError
from axbar.nn.tensor_train import TTConv2d
from axbar.techniques._tuning import device_of

__all__ = ["check_halves", "steps_of"]


def steps_of(model: nn.Module, full_steps: int | None = None) -> int:
    """Return T of a network.

    Args:
        full_steps: on which the middle cores run, where that was said.

    Raises:
        ModelError: it does not say, or has one step, of which the middle cores would have none.
    """
    steps = getattr(model, "steps", None)
    if not isinstance(steps, int) or steps < 1:
        raise ModelError(
            f"mode htt treats the steps of a network unlike, and {type(model).__name__} has no attribute 'steps' that "
            "says how many there are; set it, or take mode=ptt."
        )
    if steps == 1 and full_steps is None:
        raise ModelError(
            f"mode htt on {type(model).__name__}, which runs one step, would leave kernels of 1x1 alone; take "
            "mode=ptt, or say so with full_steps=0."
        )
    return steps


def check_halves(model: nn.Module, trains: Mapping[str, TTConv2d], example: Tensor | None) -> None:
    """Refuse a network whose half layers do not get all steps in one call, T outermost.

    What a layer gets for one image alone tells where the entries of that image stand among those of two.

    Args:
        model: the network that holds ``trains``.
        trains: its half layers by path.
        example: images ``[B, ...]``, noise unless given.

    Raises:
        ModelError: with the layer.
    """
    batch = _images(model, example)
    both = _inputs(model, trains, batch)
    for path, given in both.items():
        steps = trains[path].steps
        if len(given) != steps * len(batch):
            raise ModelError(
                f"mode htt: layer '{path}' gets {len(given)} entries for {len(batch)} images, not all {steps} steps "
                "of them in one call; run the network on [T·B, ...] with time outermost, or take mode=ptt."
            )
    for path, alone in _inputs(model, trains, batch[:1]).items():
        if _apart(both[path][: len(alone)], alone) < _apart(both[path][:: len(batch)], alone):
            raise ModelError(
                f"mode htt: layer '{path}' gets the steps of one image after the other, [B·T, ...]; run the network on "
                "[T·B, ...] with time outermost, or take mode=ptt."
            )


def _images(model: nn.Module, example: Tensor | None) -> Tensor:
    if example is not None:
        images = example[:2] if len(example) > 1 else example[:1].repeat_interleave(2, 0)
        return images.to(device_of(model))
    shape: Any = getattr(model, "input_shape", None)
    if shape is None:
        raise ModelError(
            f"mode htt must see {type(model).__name__} run, which has no attribute 'input_shape'; give example=, a "
            "batch of images."
        )
    noise = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0))
    return noise.to(next(model.parameters()))


def _inputs(model: nn.Module, trains: Mapping[str, TTConv2d], batch: Tensor) -> dict[str, Tensor]:
    """Return what each layer gets in its first call; a layer that refuses it ends the run."""
    seen: dict[str, Tensor] = {}

    def look(path: str) -> Callable[..., None]:
        def hook(_layer: nn.Module, given: tuple[Tensor, ...]) -> None:
            seen.setdefault(path, given[0].detach().clone())

        return hook

    handles = [layer.register_forward_pre_hook(look(path)) for path, layer in trains.items()]
    try:
        run(model, CalibrationSource(batch, len(batch)))
    except ModelError:
        if not seen:
            raise
    finally:
        for handle in handles:
            handle.remove()
    return seen


def _apart(some: Tensor, other: Tensor) -> float:
    return float((some - other).abs().mean()) if some.shape == other.shape else float("inf")
