"""Life of cells on a logarithmic axis from a second to a century: one dot per rate of images."""

from __future__ import annotations

import math
from collections.abc import Sequence

from axbar.report._svg import circle, element, line, svg, text

__all__ = ["life_chart"]

_ROW = 28
_TOP = 4
_DAY_s = 86_400.0
#: lines of the axis: words, seconds
_MARKS = (
    ("second", 1.0),
    ("hour", 3600.0),
    ("day", _DAY_s),
    ("year", 365.25 * _DAY_s),
    ("century", 36525 * _DAY_s),
)


def life_chart(rows: Sequence[tuple[str, float, str]]) -> str:
    """Draw one dot per row.

    Args:
        rows: (rate in words, life in s, the same in words); lives off the axis stand at its end.
    """
    low, high = (math.log10(seconds) for _, seconds in (_MARKS[0], _MARKS[-1]))

    def at(seconds: float) -> float:
        return 100 * min(max((math.log10(seconds) - low) / (high - low), 0.0), 1.0)

    bottom = _TOP + _ROW * len(rows)
    marks = ""
    for name, seconds in _MARKS:
        marks += line(at(seconds), _TOP, at(seconds), bottom, class_="grid")
        marks += text(name, at(seconds), bottom + 15, class_="tick mid")
    for i, (name, seconds, words) in enumerate(rows):
        x = at(seconds)
        body = text(name, 0, 4, dx=-10, class_="lab end") + text(words, 100, 4, dx=10, class_="val")
        body += line(0, 0, x, 0, class_="range") + circle(x, 0, 4.5, class_="dot")
        marks += element("g", body, transform=f"translate(0,{_TOP + _ROW * i + _ROW // 2})")
    return svg(
        marks,
        bottom + 20,
        "spread life",
        "How long cells that are written at run time live, by images per second",
    )
