"""Noise that every read draws anew, referred to the foot of the columns.

Cells fluctuate independently from read to read. The sum of their fluctuations in one column is normal with

    sigma^2 = sum_r x_r^2 sigma_r^2,        x_r the pulse of row r in the steps of its driver,

so one draw per column and read has the law of one draw per cell. Draws are keyed by (die, layer, sample, step,
weight of the read), whatever the batch.

A read needs a draw for every conversion, so draws are made of 16 random bits each: one of 65,536 equally likely
quantiles of the normal law, scaled to unit variance. They end at 4.2 sigma, one read in 33,000, and cost a quarter of
exact normal draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtri
from torch import Tensor

from axbar.devices import stream

__all__ = ["ReadDraws"]

_BITS = 16


@cache
def _quantiles() -> NDArray[np.float32]:
    """Return equally likely values of zero mean and unit variance, in ascending order."""
    values = ndtri((np.arange(2**_BITS) + 0.5) / 2**_BITS)
    return (values / values.std()).astype(np.float32)


def _fill(out: NDArray[np.float32], generator: np.random.Generator) -> None:
    """Fill ``out`` with draws."""
    words = generator.bit_generator.random_raw(-(-out.size // 4))
    bits = np.asarray(words, dtype="<u8").view("<u2")[: out.size].reshape(out.shape)
    _quantiles().take(bits, out=out, mode="clip")


@dataclass(frozen=True)
class ReadDraws:
    """Standard normal draws of the reads of some samples of one layer.

    Args:
        seed: of the die.
        path: of the layer.
        sample, step: of each unit ``[U]`` of the operand.
        epoch: numbers passes over images that must not share draws.
    """

    seed: int
    path: str
    sample: NDArray[np.int64]
    step: NDArray[np.int64]
    epoch: int = 0

    def part(self, units: slice) -> ReadDraws:
        """Return the draws of some units."""
        return ReadDraws(self.seed, self.path, self.sample[units], self.step[units], self.epoch)

    def normal(self, reads: Sequence[int], columns: tuple[int, ...], positions: int) -> Tensor:
        """Return draws for every read of every unit.

        Args:
            reads: weight of each read of a unit (its bit and sign), which names it.
            columns: leading shape, as the read lays columns out.
            positions: input vectors (pixels) of one unit.

        Returns:
            ``[*columns, reads * U * positions]`` float32.
        """
        units = len(self.sample)
        name = ("read",) if self.epoch == 0 else ("read", f"epoch{self.epoch}")
        drawn = np.empty((len(reads), units, *columns, positions), dtype=np.float32)
        for r, weight in enumerate(reads):
            for u in range(units):
                key = (self.path, *name, int(self.sample[u]), int(self.step[u]), weight)
                _fill(drawn[r, u], stream(self.seed, *key))
        last = torch.from_numpy(drawn).movedim((0, 1), (-3, -2))
        return last.reshape(*columns, -1)
