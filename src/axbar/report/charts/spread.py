"""How far off a model may be: each total as a range around its modelled value, on an axis of factors."""

from __future__ import annotations

import math
from collections.abc import Sequence

from axbar.report._svg import circle, element, line, svg, text

__all__ = ["spread_chart"]

_ROW = 30
_TOP = 4


def spread_chart(rows: Sequence[tuple[str, float, float, str]]) -> str:
    """Draw one range per row.

    Args:
        rows: (name, low / value, high / value, words for the range); factors are positive, low <= 1 <= high.
    """
    reach = max((max(high, 1 / max(low, 1e-3)) for _, low, high, _ in rows), default=2.0)
    octaves = max(1, math.ceil(math.log2(reach) - 1e-9))

    def at(factor: float) -> float:
        return 50 + 50 * math.log2(max(factor, 2.0**-octaves)) / octaves

    bottom = _TOP + _ROW * len(rows)
    marks = ""
    for power in range(-octaves, octaves + 1):
        if octaves <= 2 or power in (-octaves, 0, octaves):
            x = at(2.0**power)
            name = f"×{2**power}" if power >= 0 else f"÷{2**-power}"
            marks += line(x, _TOP, x, bottom, class_="one" if power == 0 else "grid")
            marks += text(name, x, bottom + 15, class_="tick mid")
    for i, (name, low, high, words) in enumerate(rows):
        body = text(name, 0, 4, dx=-10, class_="lab end") + text(words, 100, 4, dx=10, class_="val")
        body += line(at(low), 0, at(high), 0, class_="range") + circle(at(1.0), 0, 4.5, class_="dot")
        marks += element("g", body, transform=f"translate(0,{_TOP + _ROW * i + _ROW // 2})")
    return svg(marks, bottom + 20, "spread", "Range of each total around its modelled value")
