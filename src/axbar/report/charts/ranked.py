"""Components by size, one named bar each, largest first: the legend and the buttons of the page."""

from __future__ import annotations

from collections.abc import Mapping

from axbar.report import _palette
from axbar.report._scale import percent, scale_for
from axbar.report._svg import element, rect, svg, text
from axbar.units import format_quantity

__all__ = ["ranked_chart"]

ROW = 26


def ranked_chart(totals: Mapping[str, float], unit: str, index: Mapping[str, int], what: str) -> str:
    """Draw bars of component totals.

    Args:
        totals: component -> SI value; zero and unrecorded ones are left out (the page names them).
        unit: SI unit of the totals.
        index: component -> its number in the embedded data (links bar, stack and table).
        what: the quantity in words, for screen readers.
    """
    whole = sum(value for value in totals.values() if value > 0) or 1.0
    shades = _palette.colours(index)
    marks = ""
    kept = sorted(((v, c) for c, v in totals.items() if v > 0), key=lambda pair: -pair[0])
    scale = scale_for(kept[0][0] if kept else 0.0, unit)
    for i, (value, name) in enumerate(kept):
        y = i * ROW
        shown = format_quantity(value, unit)
        body = rect(0, y + 1, 100, ROW - 2, class_="hit") + rect(
            0, y + 5, scale.percent(value), ROW - 10, rx=2, fill=shades[name]
        )
        body += text(_palette.label(name), 0, y + 17, dx=-10, class_="lab end")
        body += text(shown, 100, y + 17, dx=70, class_="val end")
        body += text(percent(value / whole), 100, y + 17, dx=122, class_="sub end")
        marks += element(
            "g",
            body,
            class_="row",
            role="button",
            tabindex=0,
            aria_pressed="false",
            data_c=index[name],
            aria_label=f"{_palette.label(name)}: {shown}, {percent(value / whole)} of {what}",
        )
    return svg(marks, max(1, len(kept)) * ROW + 4, "ranked", f"{what} by component, largest first")
