"""Two totals of the same quantity on one axis, each split into named parts."""

from __future__ import annotations

from collections.abc import Sequence

from axbar.report._scale import Scale
from axbar.report._svg import rect, svg, text

__all__ = ["pair_chart"]

ROW = 44
_GAP, _GAPPED = 0.25, 0.9


def pair_chart(rows: Sequence[tuple[str, str, Sequence[tuple[str, float, str]]]], scale: Scale) -> str:
    """Draw one bar per row.

    Args:
        rows: (name, detail below it, parts); a part is (name, SI value, colour).
        scale: of the axis; its top is the largest row total.
    """
    marks = ""
    for i, (name, detail, parts) in enumerate(rows):
        y, x = ROW * i, 0.0
        marks += text(name, 0, y + 18, dx=-12, class_="lab end") + text(
            detail, 0, y + 32, dx=-12, class_="sub end"
        )
        total = sum(value for _, value, _ in parts)
        for part, value, colour in parts:
            width = scale.percent(value)
            tip = f"{part}: {scale.show(value)} {scale.unit}"
            drawn = width - _GAP if width > _GAPPED else width
            marks += rect(x, y + 8, drawn, ROW - 18, fill=colour, data_tip=tip)
            x += width
        marks += text(f"{scale.show(total)} {scale.unit}", x, y + 26, dx=10, class_="val strong")
    return svg(marks, ROW * len(rows), "pair", " beside ".join(name for name, _, _ in rows))
