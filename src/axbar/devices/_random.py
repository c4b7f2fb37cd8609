"""Random numbers that depend on what is drawn, not on when.

Every array of cells has its own counter-based stream: numpy's Philox, whose 128-bit key is the BLAKE2b hash
of (seed, layer path, tile indices, effect). A draw is therefore the same bit for bit whatever the batch, the
order in which tiles are visited, or the number of threads. Salmon et al., "Parallel random numbers: as easy
as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

import hashlib
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Draws", "SeededDraws", "stream"]


def stream(seed: int, *key: object) -> np.random.Generator:
    """Return the generator that belongs to ``(seed, *key)``.

    >>> float(stream(0, "conv1", 0).random()) == float(stream(0, "conv1", 0).random())
    True
    """
    text = "\x1f".join(str(part) for part in (int(seed), *key))
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))


class Draws(Protocol):
    """The random numbers of some cells. The same effect always gives the same bits."""

    def normal(self, effect: str) -> NDArray[np.float64]:
        """Return standard normal draws, one per cell."""
        ...

    def uniform(self, effect: str) -> NDArray[np.float64]:
        """Return uniform draws in [0, 1), one per cell."""
        ...


class SeededDraws:
    """The draws of one array of cells: the streams of ``(seed, *key, effect)``.

    Args:
        shape: of the cells.
        seed: of the die.
        key: the place of the array: layer path, tile indices.

    >>> draws = SeededDraws((2, 3), 0, "conv1", 0)
    >>> bool((draws.normal("program") == draws.normal("program")).all())
    True
    """

    def __init__(self, shape: tuple[int, ...], seed: int, *key: object) -> None:
        self.shape, self.seed, self.key = shape, seed, key

    def normal(self, effect: str) -> NDArray[np.float64]:
        """Return standard normal draws, ``shape``."""
        return stream(self.seed, *self.key, effect).standard_normal(self.shape)

    def uniform(self, effect: str) -> NDArray[np.float64]:
        """Return uniform draws in [0, 1), ``shape``."""
        return stream(self.seed, *self.key, effect).random(self.shape)
