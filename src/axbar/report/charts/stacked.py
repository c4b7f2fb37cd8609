"""Layers as stacked bars: who spends what, where. Segments keep order and colour; gaps part them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from axbar.report import _palette
from axbar.report._scale import Scale, ticks
from axbar.report._svg import element, line, rect, svg, text
from axbar.report._text import shorten

__all__ = ["stacked_chart"]

ROW = 26
_TOP = 22
#: percent of the plot: what is too narrow to see; the gap between neighbours; what is wide enough for one
_SLIVER, _GAP, _GAPPED = 0.12, 0.25, 0.9


def stacked_chart(
    layers: Sequence[tuple[str, int]],
    index: Mapping[str, int],
    values: NDArray[np.float64],
    scale: Scale,
    what: str,
) -> str:
    """Draw one stacked bar per layer.

    Args:
        layers: (name, number of its row in ``values``), from top to bottom.
        index: component -> its column in ``values``, in drawing order.
        values: SI values ``[L, C]``, not negative.
        scale: of the axis; its top is the largest layer total.
        what: the axis title in words, with its unit.
    """
    shades = _palette.colours(index)
    bottom = _TOP + ROW * len(layers)
    marks = ""
    for value in ticks(0, scale.top, 4) if scale.top else []:
        x = scale.percent(value * scale.factor)
        marks += line(x, _TOP - 4, x, bottom, class_="grid") + text(
            f"{value:g}", x, _TOP - 9, class_="tick mid"
        )
    for i, (name, row) in enumerate(layers):
        total = float(values[row].sum())
        body = text(shorten(name), 0, 17, dx=-10, class_="lab end", data_tip=name)
        body += _segments(values[row], index, shades, scale)
        body += text(scale.column(total), 100, 17, dx=54, class_="val end", data_sum=row)
        marks += element("g", body, data_l=row, transform=f"translate(0,{_TOP + ROW * i})")
    marks += text(what, 50, bottom + 18, class_="axis mid")
    return svg(marks, bottom + 26, "stacked", f"{what}, by layer and component")


def _segments(
    row: NDArray[np.float64], index: Mapping[str, int], shades: Mapping[str, str], scale: Scale
) -> str:
    marks, x = "", 0.0
    for name, column in index.items():
        width = scale.percent(float(row[column]))
        if width > _SLIVER:
            drawn = width - _GAP if width > _GAPPED else width
            marks += rect(x, 4, drawn, ROW - 8, fill=shades[name], data_c=column)
        x += width
    return marks
