"""Random numbers that depend on what is drawn, not on when.

Every array of cells has its own counter-based stream: numpy's Philox, whose 128-bit key is the BLAKE2b hash
of (seed, layer path, tile indices, effect). A draw is therefore the same bit for bit whatever the batch, the
order in which tiles are visited, or the number of threads. Salmon et al., "Parallel random numbers: as easy
as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

__all__ = ["normal", "stream"]


def stream(seed: int, *key: object) -> np.random.Generator:
    """Return the generator that belongs to ``(seed, *key)``.

    >>> float(stream(0, "conv1", 0).random()) == float(stream(0, "conv1", 0).random())
    True
    """
    text = "\x1f".join(str(part) for part in (int(seed), *key))
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))


def normal(shape: tuple[int, ...], seed: int, *key: object) -> NDArray[np.float64]:
    """Return standard normal draws for ``(seed, *key)``."""
    return stream(seed, *key).standard_normal(shape)
