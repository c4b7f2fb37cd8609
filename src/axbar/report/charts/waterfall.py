"""Accuracy from the network as trained to the chip, one bar per effect, hung where the one before it ends."""

from __future__ import annotations

from collections.abc import Sequence

from axbar.report._scale import ticks
from axbar.report._svg import circle, element, line, rect, svg, text
from axbar.report.charts.accuracy import domain

__all__ = ["Bar", "waterfall_chart"]

#: (name, detail, accuracy before 0..1, accuracy after, standard error of the change, class, figure, tip)
Bar = tuple[str, str, float, float, float, str, str, str]

_ROW = 34
_TOP = 10
#: percent of the plot below which a bar is drawn as a tick
_SLIVER = 0.4


def waterfall_chart(bars: Sequence[Bar], images: int) -> str:
    """Draw the steps from top to bottom on one axis of accuracy.

    Args:
        bars: the class is ``total`` (a dot at the accuracy), ``none`` (no such effect on the chip), ``same`` (no
            change), or ``loss`` or ``gain``, with ``faint`` added where the change is within its error.
        images: test images behind each figure.
    """
    ends = [
        share for _, _, before, after, error, *_ in bars for share in (before, after - error, after + error)
    ]
    low, high = domain([min(max(share, 0.0), 1.0) for share in ends])

    def at(share: float) -> float:
        return min(100.0, max(0.0, 100 * (100 * share - low) / (high - low)))

    bottom = _TOP + _ROW * len(bars)
    marks = "".join(
        line(x, _TOP, x, bottom, class_="grid") + text(f"{value:g}", x, bottom + 16, class_="tick mid")
        for value, x in ((value, at(value / 100)) for value in ticks(low, high, 5))
    )
    for i, (name, detail, before, after, error, kind, figure, tip) in enumerate(bars):
        body = text(name, 0, -1, dx=-12, class_="lab end") + text(detail, 0, 12, dx=-12, class_="sub end")
        if i + 1 < len(bars):
            body += line(at(after), 0, at(after), _ROW, class_="link")
        body += _mark(at(before), at(after), at(after - error), at(after + error), kind, tip)
        shown = "val strong" if kind == "total" else "sub" if kind == "none" else "val"
        body += text(figure, 100, 4, dx=12, class_=shown)
        marks += element("g", body, transform=f"translate(0,{_TOP + _ROW * i + _ROW // 2})")
    marks += text(f"accuracy on {images:,} test images, %", 50, bottom + 36, class_="axis mid")
    said = "; ".join(f"{name} {figure}" for name, _, _, _, _, _, figure, _ in bars)
    return svg(marks, bottom + 44, "waterfall", f"What each effect costs, step by step: {said}")


def _mark(before: float, after: float, low: float, high: float, kind: str, tip: str) -> str:
    if kind == "total":
        return circle(after, 0, 5, class_="total", data_tip=tip)
    if kind == "none":
        return ""
    left, width = min(before, after), abs(after - before)
    if width < _SLIVER:
        left, width = after - _SLIVER / 2, _SLIVER
    bar = rect(left, -9, width, 18, class_=f"step {kind}", data_tip=tip)
    if high - low < _SLIVER:
        return bar
    return (
        bar
        + line(low, 0, high, 0, class_="error")
        + "".join(line(x, -4, x, 4, class_="error") for x in (low, high))
    )
