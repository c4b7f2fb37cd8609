"""Whose reads these are: sample and time step of every row of a layer's operand.

Noise that every read draws anew is keyed by (sample, step), so that its bits depend on the image and not on
how images were cut into batches. Networks hand layers their operands as ``[B, ...]``, ``[T B, ...]`` (time
outermost), ``[T, B, ...]``, or step by step; the number of samples B of the current call tells them apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["ReadClock"]


class ReadClock:
    """Counts the samples that a network on arrays has seen since it was programmed.

    One clock is shared by a network and its layers.

    Attributes:
        seen: samples before the current call.
        epoch: of the draws; passes over images in different epochs share none.
    """

    def __init__(self) -> None:
        self.seen, self.epoch = 0, 0
        self._batch: int | None = None
        self._steps: dict[str, int] = {}

    def rewind(self, epoch: int = 0) -> None:
        """Start over: the next sample is the first of an epoch."""
        self.seen, self.epoch = 0, epoch
        self._steps.clear()

    @contextmanager
    def call(self, samples: int) -> Iterator[None]:
        """Cover one call of the network with ``samples`` images; calls inside it don't count."""
        if self._batch is not None:
            yield
            return
        self._batch = samples
        self._steps.clear()
        try:
            yield
        finally:
            self.seen += samples
            self._batch = None
            self._steps.clear()

    def leading(self, shape: torch.Size) -> int:
        """Return how many leading axes of a product's operand ``[..., M, K]`` count samples and steps.

        One of ``[B, ...]`` and ``[T B, ...]``, two of ``[T, B, ...]``; the axes behind are heads.
        """
        if len(shape) < 4 or self._batch is None or shape[0] == self._batch:
            return min(1, len(shape) - 2)
        steps_first = shape[1] == self._batch and (len(shape) > 4 or shape[0] % self._batch != 0)
        return 2 if steps_first else 1

    def places(self, x: Tensor, path: str, vectors: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return ``(sample, step)`` of each unit ``[U]`` of a layer's operand, and move its clock on.

        Args:
            x: operand as handed to the layer.
            path: of the layer.
            vectors: units U into which the layer cuts the operand (``batch_of``), in memory order.
        """
        batch = self._batch if self._batch is not None else (x.shape[0] if x.dim() > 1 else 1)
        first = self._steps.get(path, 0)
        sample, step, moved = _places(x.shape, batch, vectors)
        self._steps[path] = first + moved
        places = sample + self.seen, step + first
        if self._batch is None:  # a layer used by itself: every call brings new samples
            self.seen += batch
            self._steps.pop(path, None)
        return places


def _places(shape: torch.Size, batch: int, vectors: int) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Return sample, step (or token) and the steps that passed, for units in memory order."""
    unit = np.arange(vectors)
    if vectors == 0 or batch == 0:
        return unit, unit, 0
    rows = shape[0] * batch
    if (
        len(shape) >= 3 and shape[0] != batch == shape[1] and vectors >= rows
    ):  # [T, B, ...]; T = B can't be told
        inner = vectors // rows
        return (unit // inner) % batch, unit // (inner * batch) * inner + unit % inner, shape[0] * inner
    lead = shape[0] if len(shape) > 1 else 1
    if vectors % lead == 0 and lead % batch == 0:  # [B, ...] or [T B, ...], with tokens behind
        inner, steps = vectors // lead, lead // batch
        row = unit // inner
        return row % batch, row // batch * inner + unit % inner, steps * inner
    return np.zeros(vectors, dtype=np.int64), unit, vectors
