"""Who holds what: one row per component, one bar per quantity side by side, each out of 100 %."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from axbar.report import _palette
from axbar.report._scale import percent
from axbar.report._svg import element, rect, svg, text

__all__ = ["held_chart"]

_ROW = 26
_TOP = 22
#: percent of a panel's width that its bars may fill, with the gap to the next panel; pixels of a figure beside it
_FILL, _FIGURE = 0.5, 6


def held_chart(
    rows: Sequence[tuple[str, Sequence[float]]], heads: Sequence[str], components: Iterable[str]
) -> str:
    """Draw the share of each component in each quantity.

    Args:
        rows: (component, share 0..1 of each quantity), from top to bottom.
        heads: names of the quantities.
        components: all components of the chip in drawing order, so that colours stay those of the other charts.
    """
    shades = _palette.colours(components)
    wide = 100 / max(1, len(heads))
    marks = "".join(text(name, i * wide, _TOP - 9, class_="tick") for i, name in enumerate(heads))
    for y, (name, shares) in enumerate(rows):
        body = text(_palette.label(name), 0, 17, dx=-10, class_="lab end")
        for i, share in enumerate(shares):
            tip = f"{_palette.label(name)}: {percent(share)} of the {heads[i].lower()}"
            body += rect(i * wide, 5, _FILL * wide, _ROW - 10, class_="track", data_tip=tip)
            body += rect(
                i * wide, 5, _FILL * wide * min(1.0, share), _ROW - 10, fill=shades[name], data_tip=tip
            )
            body += text(percent(share, 0), (i + _FILL) * wide, 17, dx=_FIGURE, class_="sub")
        marks += element("g", body, transform=f"translate(0,{_TOP + _ROW * y})")
    said = "; ".join(
        f"{_palette.label(name)} {', '.join(percent(s, 0) for s in shares)}" for name, shares in rows
    )
    label = f"Shares of {', '.join(h.lower() for h in heads)} by component: {said}"
    return svg(marks, _TOP + _ROW * len(rows) + 4, "held", label)
