"""The figure of the study: where the energy and the area of one VGG9 go, in the released formula and in axbar.

Drawn by hand because rendering rooms stand beside this one. One order and one colour of classes for all bars (Okabe
and Ito 2008); wide parts also say their share.
"""

from __future__ import annotations

from html import escape

from axbar.published._svg import text as _text
from axbar.published.spikesim_claims import Pair
from axbar.published.spikesim_real import CHIP, CLASSES, Cost

__all__ = ["figure"]

_WIDTH, _LEFT, _RIGHT = 900, 150, 120
_BAR, _GAP = 34, 14
#: class -> (colour, colour of words upon it)
_COLOURS = {
    "arrays": ("#0072B2", "#FFF"),
    "converters": ("#E69F00", "#222"),
    "digital": ("#009E73", "#FFF"),
    "buffers": ("#56B4E9", "#222"),
    "interconnect": ("#CC79A7", "#222"),
    "neurons": ("#D55E00", "#FFF"),
    "leakage": ("#9A9A9A", "#222"),
    "other": ("#444", "#FFF"),
}
#: narrowest part, in percent, that has its share written in it
_ROOM = 3.0


def figure(default: Pair) -> str:
    """Return the SVG of the default case."""
    body, y = _legend(default, 22), 44.0
    panels = (
        ("Energy of one inference", "energy_by_class", "energy_J", 1e6, "µJ"),
        ("Area", "area_by_class", "area_m2", 1e6, "mm²"),
    )
    for title, parts, total, scale, unit in panels:
        body += _text(12, y + 14, title, size=14, bold=True)
        y += 26
        for name, cost in (("released formula", default.legacy), ("axbar", default.real)):
            body += _text(_LEFT - 10, y + _BAR / 2 + 4, name, anchor="end") + _bar(cost, parts, y)
            end = f"{scale * getattr(cost, total):.3g} {unit}"
            body += _text(_WIDTH - _RIGHT + 10, y + _BAR / 2 + 4, end)
            y += _BAR + _GAP
    caption = f"VGG9, 7 convolutions, T = 5, 64x64 arrays; axbar on {CHIP}; shares in percent"
    body += _text(12, y + 10, caption, size=11, colour="#555")
    y += 24
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y:.0f}" width="{_WIDTH}" height="{y:.0f}" '
        f'font-family="sans-serif" role="img" aria-label="{escape(_said(default), quote=True)}">'
        f'<rect width="{_WIDTH}" height="{y:.0f}" fill="white"/>{body}</svg>\n'
    )


def _said(default: Pair) -> str:
    legacy, ours = 100 * default.legacy.neuronal_share, 100 * default.real.neuronal_share
    return f"Shares of energy and area by class; neurons {legacy:.1f} and {ours:.1f} % of the area"


def _bar(cost: Cost, parts: str, y: float) -> str:
    values: dict[str, float] = getattr(cost, parts)
    total, x, drawn = sum(values.values()), float(_LEFT), ""
    for name in CLASSES:
        percent = 100 * values[name] / total
        width = (_WIDTH - _LEFT - _RIGHT) * percent / 100
        colour, words = _COLOURS[name]
        if percent > 0:
            drawn += (
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_BAR}" fill="{colour}" stroke="white">'
                f"<title>{name}: {percent:.1f} %</title></rect>"
            )
        if percent >= _ROOM:
            drawn += _text(x + width / 2, y + _BAR / 2 + 4, f"{percent:.0f}", anchor="middle", colour=words)
        x += width
    return drawn


def _legend(default: Pair, y: float) -> str:
    sides = [p for c in (default.legacy, default.real) for p in (c.energy_by_class, c.area_by_class)]
    drawn, x = "", 12.0
    for name in CLASSES:
        if any(side[name] > 0 for side in sides):
            drawn += f'<rect x="{x:.1f}" y="{y - 11:.1f}" width="13" height="13" fill="{_COLOURS[name][0]}"/>'
            drawn += _text(x + 18, y, name)
            x += 40 + 7.2 * len(name)
    return drawn
