"""Running a network on images: logits in batches, accuracy on a split."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from axbar.errors import ModelError
from axbar.nn.read_out import ReadOut, read_out_of

if TYPE_CHECKING:
    from axbar.data import Split

__all__ = ["accuracy", "device_of", "evaluating", "predict_logits"]


def device_of(model: nn.Module) -> torch.device:
    """Return where the weights of a network live; the CPU for one without any."""
    for tensor in (*model.parameters(), *model.buffers()):
        return tensor.device
    return torch.device("cpu")


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Run a block in evaluation mode and without gradients; the modes of all modules are put back."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True


def predict_logits(model: nn.Module, x: Tensor | NDArray[np.float32], batch_size: int = 256) -> Tensor:
    """Return logits ``[T, N, K]`` of images ``x[N, ...]``, on the device of the network.

    A network that returns ``[B, K]`` counts as T = 1.

    Raises:
        ModelError: the output is no logits.

    >>> from axbar.nn import build_model
    >>> predict_logits(build_model("spiking-cnn", width=2), torch.rand(3, 1, 28, 28)).shape
    torch.Size([4, 3, 10])
    """
    images = torch.as_tensor(x)
    device = device_of(model)
    with evaluating(model):
        parts = [_logits(model(part.to(device)), len(part)) for part in images.split(max(1, batch_size))]
    return torch.cat(parts, dim=1)


def _logits(output: object, batch: int) -> Tensor:
    if isinstance(output, Tensor) and output.ndim == 2:
        output = output.unsqueeze(0)
    if not isinstance(output, Tensor) or output.ndim != 3 or output.shape[1] != batch:
        found = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ModelError(
            f"the network returned {found} for {batch} images; it must return logits [T, B, K] or [B, K]."
        )
    return output


def accuracy(model: nn.Module, split: Split, batch_size: int = 256, read_out: ReadOut | None = None) -> float:
    """Return the share (0..1) of images of a split whose largest score is the right class.

    Args:
        model: network with logits ``[T, B, K]`` (or ``[B, K]``).
        split: images and labels.
        batch_size: images at a time; the result does not depend on it but for rounding.
        read_out: scores from logits; that of the network unless given.
    """
    scores_of = read_out or read_out_of(model)
    right = 0
    for start in range(0, len(split.y), batch_size):
        part = slice(start, start + batch_size)
        scores = scores_of(predict_logits(model, split.images(part), batch_size))
        labels = torch.from_numpy(split.labels(part)).to(scores.device)
        right += int((scores.argmax(-1) == labels).sum())
    return right / len(split.y)
