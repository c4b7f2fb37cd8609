"""What differs between a convolution and a linear layer: rows, positions, the integer operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from axbar.crossbar._mapping import Mapping

__all__ = ["ConvShape", "LinearShape"]

if TYPE_CHECKING:
    _Conv, _Linear = nn.Conv2d, nn.Linear
else:
    _Conv = _Linear = object


def _tiled(rows: Tensor, mapping: Mapping) -> Tensor:
    """Arrange stored rows ``[groups * stored_rows, positions]`` as ``[row_tiles, bundles, used_rows, positions]``."""
    positions = rows.shape[-1]
    if mapping.stored_positions > 1:
        return _split(rows, mapping)
    padded = rows.new_zeros(mapping.bundles, mapping.row_tiles * mapping.used_rows, positions)
    if mapping.row_tiles == 1:  # bundles follow each other without gaps; only the last may be half empty
        padded.view(-1, positions)[: rows.shape[0]] = rows
    else:
        padded[:, : mapping.stored_rows] = rows.view(mapping.bundles, mapping.stored_rows, positions)
    shape = (mapping.bundles, mapping.row_tiles, mapping.used_rows, positions)
    return padded.view(shape).transpose(0, 1).contiguous()


def _split(rows: Tensor, mapping: Mapping) -> Tensor:
    """As ``_tiled``, with row tiles of their own for every kernel position."""
    kernel, bundles, depth = mapping.stored_positions, mapping.bundles, mapping.tiles_per_position
    by_kernel = rows.view(-1, kernel, rows.shape[-1]).transpose(0, 1)
    padded = rows.new_zeros(kernel, bundles * depth * mapping.used_rows, rows.shape[-1])
    if depth == 1:
        padded[:, : by_kernel.shape[1]] = by_kernel
    else:
        by_bundle = by_kernel.reshape(kernel, bundles, mapping.position_rows, -1)
        padded.view(kernel, bundles, -1, rows.shape[-1])[:, :, : mapping.position_rows] = by_bundle
    tiles = padded.view(kernel, bundles, depth, mapping.used_rows, -1).transpose(1, 2)
    return tiles.reshape(mapping.row_tiles, bundles, mapping.used_rows, -1)


class ConvShape(_Conv):
    """A 2-D convolution: one input vector per output pixel."""

    @property
    def fan(self) -> tuple[int, int, int]:
        """Rows and outputs of one group, and the number of groups."""
        rows = self.in_channels // self.groups * self.kernel_size[0] * self.kernel_size[1]
        return rows, self.out_channels // self.groups, self.groups

    @property
    def kernel_positions(self) -> int:
        """Kernel positions of one channel."""
        return self.kernel_size[0] * self.kernel_size[1]

    def batch_of(self, x: Tensor) -> Tensor:
        """Return ``x`` as ``[samples, ...]``, the unit in which large inputs are cut."""
        return x if x.dim() == 4 else x[None]

    def shaped_like(self, y: Tensor, x: Tensor) -> Tensor:
        """Undo ``batch_of`` on the output."""
        return y if x.dim() == 4 else y[0]

    def values_per_sample(self, x: Tensor) -> int:
        """Return how many unfolded values one sample of ``batch_of(x)`` makes."""
        height, width = self._out_size(self._padded(x[:1]))
        return int(self.weight[0].numel()) * self.groups * height * width

    def _padded(self, x: Tensor) -> Tensor:
        mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
        amounts = cast(list[int], self._reversed_padding_repeated_twice)
        return F.pad(x, amounts, mode=mode) if any(amounts) else x

    def _out_size(self, padded: Tensor) -> tuple[int, int]:
        span = [d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel_size, strict=True)]
        high, wide = ((padded.shape[2 + i] - span[i]) // self.stride[i] + 1 for i in (0, 1))
        return high, wide

    def unfold(self, x: Tensor, mapping: Mapping) -> Tensor:
        """Return the stored rows driven at each pixel, ``[row_tiles, bundles, used_rows, samples * pixels]``."""
        padded = self._padded(x)
        windows = padded
        for axis in (0, 1):
            span = self.dilation[axis] * (self.kernel_size[axis] - 1) + 1
            windows = windows.unfold(2 + axis, span, self.stride[axis])
        windows = windows[..., :: self.dilation[0], :: self.dilation[1]]  # [Q, C, H, W, R, S]
        rows = windows.permute(1, 4, 5, 0, 2, 3)
        if mapping.stored is not None:
            kept = np.unravel_index(mapping.stored_index, self.weight.shape[1:])
            by_group = rows.unflatten(0, (mapping.groups, -1))
            rows = by_group[:, *(torch.tensor(each, device=x.device) for each in kept)]
        return _tiled(rows.reshape(mapping.groups * mapping.stored_rows, -1), mapping)

    def fold(self, y: Tensor, x: Tensor) -> Tensor:
        """Turn ``[outputs, samples * pixels]`` back into ``[samples, outputs, H, W]``."""
        height, width = self._out_size(self._padded(x[:1]))
        return y.view(-1, x.shape[0], height, width).transpose(0, 1)

    def integer(self, codes: Tensor, weight: Tensor) -> Tensor:
        """Convolve integers exactly; ``weight`` ``[N, K]`` sets the type of the sums."""
        kernel = weight.view(self.weight.shape)
        y = F.conv2d(
            self._padded(codes.to(weight.dtype)), kernel, None, self.stride, 0, self.dilation, self.groups
        )
        return y.round_()  # fast convolution algorithms may leave integers by a rounding error

    def plain(self, x: Tensor, weight: Tensor) -> Tensor:
        """Return the float operation without bias."""
        return self._conv_forward(x, weight, None)

    def bias_like(self, bias: Tensor) -> Tensor:
        """Shape the bias so that it adds to the output."""
        return bias.view(-1, 1, 1)


class LinearShape(_Linear):
    """A matrix multiplication on the last axis: one input vector per token."""

    @property
    def fan(self) -> tuple[int, int, int]:
        """Rows and outputs, and one group."""
        return self.in_features, self.out_features, 1

    @property
    def kernel_positions(self) -> int:
        """One: a vector has no positions."""
        return 1

    def batch_of(self, x: Tensor) -> Tensor:
        """Return ``x`` as ``[vectors, features]``."""
        return x.reshape(-1, x.shape[-1])

    def shaped_like(self, y: Tensor, x: Tensor) -> Tensor:
        """Undo ``batch_of`` on the output."""
        return y.view(*x.shape[:-1], y.shape[-1])

    def values_per_sample(self, x: Tensor) -> int:
        """Return how many values one vector has."""
        return int(x.shape[-1])

    def unfold(self, x: Tensor, mapping: Mapping) -> Tensor:
        """Return the stored rows driven by every vector: ``[row_tiles, 1, used_rows, vectors]``."""
        rows = x.t()
        if mapping.stored is not None:
            rows = rows[torch.tensor(mapping.stored_index, device=x.device)]
        return _tiled(rows, mapping)

    def fold(self, y: Tensor, x: Tensor) -> Tensor:
        """Turn ``[outputs, vectors]`` into ``[vectors, outputs]``."""
        return y.t()

    def integer(self, codes: Tensor, weight: Tensor) -> Tensor:
        """Multiply integers exactly; ``weight`` ``[N, K]`` sets the type of the sums."""
        return F.linear(codes.to(weight.dtype), weight)

    def plain(self, x: Tensor, weight: Tensor) -> Tensor:
        """Return the float operation without bias."""
        return F.linear(x, weight)

    def bias_like(self, bias: Tensor) -> Tensor:
        """Shape the bias so that it adds to the output."""
        return bias
