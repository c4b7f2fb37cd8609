"""Changes to both sides of zero, each with its error: what is lost goes left, what is gained right."""

from __future__ import annotations

from collections.abc import Sequence

from axbar.report._scale import ticks
from axbar.report._svg import element, line, rect, svg, text
from axbar.report._text import shorten

__all__ = ["signed_chart"]

_ROW = 26
_TOP = 4
#: half the least width of the axis, so that nothing looks like much
_LEAST = 0.5


def signed_chart(rows: Sequence[tuple[str, float, float, bool, str]], unit: str, what: str) -> str:
    """Draw one bar per row from zero.

    Args:
        rows: (name, change, standard error, whether the change is more than its error, figure in words).
        unit: of the axis, in words.
        what: the chart in words, for screen readers.
    """
    low = min([0.0, *(change - error for _, change, error, _, _ in rows)])
    high = max([0.0, *(change + error for _, change, error, _, _ in rows)])
    if high - low < _LEAST:
        low, high = (low - _LEAST, high) if low < -high else (low, high + _LEAST)

    def at(change: float) -> float:
        return 100 * (change - low) / (high - low)

    bottom = _TOP + _ROW * len(rows)
    marks = ""
    for value in ticks(low, high, 4):
        marks += line(at(value), _TOP, at(value), bottom, class_="one" if value == 0 else "grid")
        marks += text(f"{value:g}".replace("-", "−"), at(value), bottom + 15, class_="tick mid")
    for i, (name, change, error, sure, words) in enumerate(rows):
        kind = ("loss" if change < 0 else "gain") + ("" if sure else " faint")
        body = text(shorten(name), 0, 17, dx=-10, class_="lab end", data_tip=name)
        left, right = sorted((at(0.0), at(change)))
        body += rect(left, 5, right - left, _ROW - 10, class_=f"step {kind}", data_tip=f"{name}: {words}")
        if error > 0:
            body += line(at(change - error), _ROW / 2, at(change + error), _ROW / 2, class_="error")
        body += text(words, 100, 17, dx=10, class_="val" if sure else "sub")
        marks += element("g", body, transform=f"translate(0,{_TOP + _ROW * i})")
    marks += text(unit, 50, bottom + 34, class_="axis mid")
    said = "; ".join(f"{name} {words}" for name, _, _, _, words in rows)
    return svg(marks, bottom + 42, "signed", f"{what}: {said}")
