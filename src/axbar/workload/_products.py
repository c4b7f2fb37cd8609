# pyright: standard
# (torch's own annotations are too thin for strict checking)
"""Products of two operands that are both computed at run time, as attention has them, and attention in such terms."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from axbar.errors import TraceError

__all__ = ["ATTENTION", "PRODUCTS", "attention", "check_product", "product_of"]

#: functions that may multiply two run-time operands
PRODUCTS = frozenset({"matmul", "rmatmul", "mm", "bmm"})
ATTENTION = "scaled_dot_product_attention"


def product_of(name: str, args: Any, kwargs: Any) -> tuple[Tensor, Tensor]:
    """Return the operands ``[..., M, K]`` and ``[..., K, N]`` of a call."""
    given = [*args, *(kwargs[key] for key in ("input", "other", "mat2") if key in kwargs)]
    left, right = given[:2]
    return (right, left) if name == "rmatmul" else (left, right)


def check_product(left: Tensor, right: Tensor, where: str) -> None:
    """Refuse operands of which no sample has products of its own.

    Raises:
        TraceError: other than ``[B, ..., M, K] @ [B, ..., K, N]`` with equal leading sizes.
    """
    if left.ndim < 3 or left.shape[:-2] != right.shape[:-2]:
        raise TraceError(
            f"the product of {list(left.shape)} and {list(right.shape)}, both computed at run time, {where} can't be "
            "traced; give both the batch in front and equal sizes before the last two axes, as "
            "[B, heads, M, K] @ [B, heads, K, N]."
        )


def attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
) -> Tensor:  # fmt: skip
    """Return ``softmax(scale Q Kᵀ + mask) V`` out of evaluation-mode operations that can be traced one by one.

    Arguments as of ``torch.nn.functional.scaled_dot_product_attention``; there is no dropout in evaluation.
    """
    if enable_gqa:
        shared = query.shape[-3] // key.shape[-3]
        key, value = key.repeat_interleave(shared, -3), value.repeat_interleave(shared, -3)
    share = 1.0 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = (query * share) @ key.transpose(-2, -1)
    if is_causal:
        allowed = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        scores = scores.masked_fill(~allowed, -math.inf)
    if attn_mask is not None:
        blocked = attn_mask.dtype == torch.bool
        scores = scores.masked_fill(~attn_mask, -math.inf) if blocked else scores + attn_mask
    return torch.softmax(scores, dim=-1) @ value
