"""Where calibration takes its inputs from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from axbar.errors import DataError

__all__ = ["CalibrationSource"]


@dataclass(frozen=True)
class CalibrationSource:
    """Batches of network inputs, always the same in the same order.

    Args:
        x: ``[B, ...]`` float.
        batch_size: samples per forward call. A network that calls each layer once per forward is calibrated
            layer by layer on converted inputs if all samples come in one batch.
    """

    x: Tensor
    batch_size: int = 256

    @classmethod
    def of(cls, data: Any) -> CalibrationSource:
        """Take a source, a tensor, an array, or a data split with ``images()``.

        Raises:
            DataError: none of these, empty, or not finite.
        """
        if isinstance(data, cls):
            return data
        if hasattr(data, "images"):
            data = data.images(slice(None))
        x = torch.as_tensor(data) if isinstance(data, np.ndarray | list | tuple) else data
        if not isinstance(x, Tensor) or x.dim() < 2 or len(x) == 0:
            shape = tuple(getattr(x, "shape", ()))
            raise DataError(
                "calibration data must be a batch of inputs [B, ...], "
                f"got {type(data).__name__} of shape {shape}."
            )
        x = x if x.is_floating_point() else x.float()
        if not bool(torch.isfinite(x).all()):
            raise DataError("calibration data holds NaN or infinity; remove those samples.")
        return cls(x)

    def __len__(self) -> int:
        return len(self.x)

    def __iter__(self) -> Iterator[Tensor]:
        yield from self.x.split(self.batch_size)
