"""Spike rates over time: one row per layer, one column per step, darker is busier."""

from __future__ import annotations

from collections.abc import Sequence

from axbar.report._scale import percent
from axbar.report._svg import rect, svg, text
from axbar.report._text import shorten

__all__ = ["binned", "rates_chart"]

ROW = 28
_TOP = 22
_COLUMNS = 16
_NUMBERED = 8


def rates_chart(layers: Sequence[tuple[str, Sequence[float]]]) -> str:
    """Draw a heat map of spikes per neuron and step.

    Args:
        layers: (name, rate 0..1 at each step); layers may run on different numbers of steps.
    """
    columns = max((len(rates) for _, rates in layers), default=1)
    folded = [(name, rates, binned(rates, _COLUMNS)) for name, rates in layers]
    count = max((len(cells) for _, _, cells in folded), default=1)
    top = max((rate for _, _, cells in folded for _, _, rate in cells), default=0.0) or 1.0
    marks = _head(binned([0.0] * columns, _COLUMNS))
    for i, (name, rates, cells) in enumerate(folded):
        y = _TOP + ROW * i
        marks += text(shorten(name), 0, y + 18, dx=-10, class_="lab end", data_tip=name)
        for j, (first, last, rate) in enumerate(cells):
            when = f"step {first}" if first == last else f"steps {first} to {last}"
            marks += _cell(j, count, y, rate, top, f"{name}, {when}: {_rate_text(rate)} %")
        mean = sum(rates) / len(rates) if rates else 0.0
        marks += text(f"{_rate_text(mean)} %", 100, y + 18, dx=54, class_="val end")
    bottom = _TOP + ROW * len(layers)
    marks += text("step", 50, bottom + 16, class_="axis mid") + text(
        "mean", 100, _TOP - 8, dx=54, class_="tick end"
    )
    return svg(
        marks, bottom + 24, "rates", "Spike rate of each layer at each step, in percent of its neurons"
    )


def binned(rates: Sequence[float], limit: int) -> list[tuple[int, int, float]]:
    """Return (first step, last step, mean rate), joining neighbouring steps until at most ``limit`` are left.

    >>> binned([0.1, 0.3, 0.2, 0.4], 2)
    [(1, 2, 0.2), (3, 4, 0.30000000000000004)]
    """
    width = -(-len(rates) // limit) if rates else 1
    groups = [(i, list(rates[i : i + width])) for i in range(0, len(rates), width)]
    return [(i + 1, i + len(group), sum(group) / len(group)) for i, group in groups]


def _head(cells: Sequence[tuple[int, int, float]]) -> str:
    every = -(-len(cells) // _NUMBERED)
    width = 100 / len(cells)
    return "".join(
        text(str(first), (j + 0.5) * width, _TOP - 8, class_="tick mid")
        for j, (first, _, _) in enumerate(cells)
        if j % every == 0
    )


def _cell(j: int, count: int, y: float, rate: float, top: float, tip: str) -> str:
    width, depth = 100 / count, rate / top
    shade = round(0.06 + 0.94 * depth, 2)
    mark = rect(j * width, y + 1, width, ROW - 2, class_="cell", fill_opacity=shade, data_tip=tip)
    if count > _NUMBERED:
        return mark
    # Where a cell is too deep for dark text depends on the theme; the style sheet decides.
    tone = "num mid deep" if shade > 0.85 else "num mid half" if shade > 0.62 else "num mid"
    return mark + text(_rate_text(rate), (j + 0.5) * width, y + 18, class_=tone)


def _rate_text(rate: float) -> str:
    return percent(rate, 0 if rate >= 0.0995 else 1).removesuffix(" %")
