"""Attention with its products as modules of their own, which chips compute as they compute layers.

    Q, K, V = split(x W_qkv)        S = softmax(Q Kᵀ / √d)        y = (S V) W_proj        per head of d features

Vaswani et al., "Attention is all you need", NeurIPS 2017. ``S`` and ``S V`` are products of two operands that are both
computed at run time: what stands on the right, Kᵀ and V, has to be written into arrays before the left can drive them.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from axbar.errors import ModelError

__all__ = ["Attention", "MatMul"]


class MatMul(nn.Module):
    """The product of two operands that are both computed at run time.

    >>> import torch
    >>> MatMul()(torch.rand(2, 3, 5, 4), torch.rand(2, 3, 4, 7)).shape
    torch.Size([2, 3, 5, 7])
    """

    #: the whole module is one product, to tracing and to chips
    is_product: ClassVar[bool] = True

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Return ``[..., M, N]`` of ``[..., M, K]``, which drives, and ``[..., K, N]``, which is written."""
        return left @ right


class Attention(nn.Module):
    """Multi-head self-attention over tokens.

    Args:
        width: features of a token.
        heads: that divide the width.
        bias: of the projection to Q, K and V.

    Raises:
        ModelError: the heads do not divide the width.

    >>> import torch
    >>> Attention(8, 2)(torch.rand(3, 5, 8)).shape
    torch.Size([3, 5, 8])
    """

    def __init__(self, width: int, heads: int, bias: bool = True) -> None:
        super().__init__()
        if heads < 1 or width % heads:
            raise ModelError(
                f"attention of width {width} can't have {heads} heads; give a divisor of the width."
            )
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=bias)
        self.scores = MatMul()
        self.softmax = nn.Softmax(dim=-1)
        self.mix = MatMul()
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[B, M, width]`` of ``[B, M, width]``."""
        batch, tokens, width = x.shape
        split = self.qkv(x).view(batch, tokens, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind(0)  # [B, heads, tokens, d] each
        scores = self.scores(query * query.shape[-1] ** -0.5, key.transpose(-2, -1))
        mixed = self.mix(self.softmax(scores), value)
        return self.proj(mixed.transpose(1, 2).reshape(batch, tokens, width))

    def extra_repr(self) -> str:
        """Show sizes in ``print(model)``."""
        return f"heads={self.heads}"
