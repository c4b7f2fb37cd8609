"""Keep integer sums exact whatever the caller set for speed.

Reduced-precision matmul (TF32, bfloat16) and autocast would round operands that must not be rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

__all__ = ["exact_arithmetic"]


@contextmanager
def exact_arithmetic(device: torch.device) -> Iterator[None]:
    """Run full-precision, gradient-free arithmetic on ``device``; settings are restored afterwards."""
    restore = _full_precision()
    try:
        with torch.no_grad(), torch.autocast(device.type, enabled=False):
            yield
    finally:
        restore()


def _full_precision() -> Callable[[], None]:
    """Switch reduced precision off; returns what switches it back.

    torch 2.9 and later keep one setting per backend, and refuse to answer the older global question once a
    backend was set by itself.
    """
    if not hasattr(torch.backends.cuda.matmul, "fp32_precision"):
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")
        return lambda: torch.set_float32_matmul_precision(before)
    known: Any = torch.backends
    backends = (known.cuda.matmul, known.mkldnn.matmul)
    changed = [(b, b.fp32_precision) for b in backends if b.fp32_precision not in ("ieee", "none")]
    for backend, _ in changed:
        backend.fp32_precision = "ieee"

    def restore() -> None:
        for backend, value in changed:
            backend.fp32_precision = value

    return restore
