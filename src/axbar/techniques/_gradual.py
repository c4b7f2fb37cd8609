"""Remove weights little by little while the rest learns, instead of all at once.

    s_t = s_1 + (s_0 − s_1) · (1 − t / n)³,   t = 0..n     (Zhu and Gupta, "To prune, or not to prune", 2017, eq. 1)

s_0 is the sparsity that the network came with, s_1 the one asked for, n the steps over which it rises: fast while many
weights are redundant, slowly at the end. After each of the n steps the weights of smallest magnitude go; what is
removed stays so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import torch

from axbar.techniques._masks import Layer, Masks, zero, zeros_of

__all__ = ["Gradual", "sparsity_at"]

#: steps between two rankings: a ranking costs as much as a step of a small network
_EVERY: Final = 5


def sparsity_at(step: int, steps: int, first: float, last: float) -> float:
    """Return the sparsity after ``step`` of ``steps`` steps of training.

    >>> [round(sparsity_at(t, 4, 0.0, 0.8), 3) for t in range(5)]
    [0.0, 0.463, 0.7, 0.788, 0.8]
    """
    left = 1.0 - min(step, steps) / steps if steps else 0.0
    return last + (first - last) * left**3


class Gradual:
    """Masks that grow: called after every step of a training, with what ``axbar.nn.Progress`` says.

    Args:
        layers: those to prune, by path.
        masks: of what is kept so far, of these layers and perhaps others; changed in place.
        wanted: sparsity -> masks of the layers as they are now.
        share: of all steps over which the sparsity rises (0..1).
        last: sparsity at the end.
        epochs: of the training.
    """

    def __init__(
        self,
        layers: Mapping[str, Layer],
        masks: Masks,
        wanted: Callable[[float], Masks],
        share: float,
        last: float,
        epochs: int,
    ) -> None:
        self._layers, self._masks, self._wanted = layers, {path: masks[path] for path in layers}, wanted
        self._share, self._last, self._epochs = share, last, epochs
        zeros = zeros_of(layers)
        self._first = 1.0 - sum(int(m.sum()) for m in zeros.values()) / sum(m.numel() for m in zeros.values())
        self._done = False

    def __call__(self, epoch: int, step: int, steps: int, loss: float, accuracy: float, /) -> None:
        """Remove what is due now; before that, once more what momentum moved away from zero."""
        zero(self._layers, self._masks)
        now, rise = epoch * steps + step, max(1, round(self._share * self._epochs * steps))
        if not self._done and (now % _EVERY == 0 or now >= rise):
            self._grow(sparsity_at(now, rise, self._first, max(self._first, self._last)))
            self._done = now >= rise

    @torch.no_grad()
    def _grow(self, sparsity: float) -> None:
        for path, kept in self._wanted(sparsity).items():
            self._masks[path] &= kept.to(self._masks[path].device)
        zero(self._layers, self._masks)
