"""Names cut to size."""

from __future__ import annotations

__all__ = ["shorten"]


def shorten(name: str, limit: int = 15) -> str:
    """Keep both ends of a long module path, where its meaning is.

    >>> shorten("features.block3.conv2")
    'feature….conv2'
    """
    if len(name) <= limit:
        return name
    tail = min(len(name.rsplit(".", 1)[-1]) + 1, limit - 4)
    head = limit - 2 - tail
    return f"{name[:head]}…{name[-tail:]}"
