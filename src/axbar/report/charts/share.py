"""One whole split into shares, each named below its part."""

from __future__ import annotations

from collections.abc import Sequence

from axbar.report._scale import percent
from axbar.report._svg import rect, svg

__all__ = ["share_chart"]


def share_chart(parts: Sequence[tuple[str, float, str]], what: str) -> str:
    """Draw a bar of 100 %.

    Args:
        parts: (name, share 0..1, class of the mark); the page's legend names them.
        what: the whole, in words.
    """
    marks, x = "", 0.0
    for name, share, kind in parts:
        tip = f"{name}: {percent(share)} of {what}"
        marks += rect(x, 2, 100 * share, 18, class_=f"part {kind}", data_tip=tip)
        x += 100 * share
    said = ", ".join(f"{name} {percent(share)}" for name, share, _ in parts)
    return svg(marks, 22, "share", f"Shares of {what}: {said}")
