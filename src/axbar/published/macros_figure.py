"""The figure of the study: modelled against measured energy per MAC, and what calibration does to each chip.

Left, log-log: every operating point, uncalibrated, the diagonal in the middle of a band of x/÷ 2. Right: model over
measured by chip, hollow without and filled with one factor per kind of component. Kinds of array differ by mark as
well as by colour (Okabe and Ito 2008).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

__all__ = ["figure"]

Row = Mapping[str, Any]

_SIZE, _LEFT, _TOP, _GAP = 380, 64, 74, 130
_LOW, _HIGH = 0.3, 3000.0  # fJ
_INK, _GRID = "#222", "#ddd"
#: kind of array -> (colour, outline around the origin)
_KINDS = {
    "charge": ("#0072B2", "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z"),
    "digital": ("#D55E00", "m-3.6-3.6h7.2v7.2h-7.2z"),
    "discharge": ("#009E73", "m0-5l5 5l-5 5l-5-5z"),
    "resistive-current": ("#CC79A7", "m0-4.6l4.6 8h-9.2z"),
    "resistive-voltage": ("#E69F00", "m0 4.6l4.6-8h-9.2z"),
}


def figure(rows: Sequence[Row]) -> str:
    """Return the SVG of both panels."""
    width, height = 2 * _SIZE + _LEFT + _GAP + 24, _TOP + _SIZE + 56
    body = (
        f'<g transform="translate({_LEFT},{_TOP})">{_scatter(rows)}</g>'
        f'<g transform="translate({_LEFT + _SIZE + _GAP},{_TOP})">{_strips(rows)}</g>'
    )
    label = "Modelled against measured energy per MAC of eleven macros, uncalibrated and calibrated"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="system-ui,sans-serif" font-size="12" role="img" aria-label="{label}">'
        f'<rect width="100%" height="100%" fill="#fff"/>{_legend()}{body}</svg>\n'
    )


def _place(value: float) -> float:
    """Return pixels along an axis of an energy in fJ."""
    return _SIZE * math.log(value / _LOW) / math.log(_HIGH / _LOW)


def _legend() -> str:
    parts, x = [], float(_LEFT)
    for name, (colour, outline) in _KINDS.items():
        parts.append(f'<path d="M{x:.0f} 20{outline}" fill="{colour}"/>' + _text(name, x + 10, 24))
        x += 26 + 7 * len(name)
    return "".join(parts)


def _scatter(rows: Sequence[Row]) -> str:
    parts = [_text("uncalibrated; band: x/÷ 2", 0, -14, bold=True), _band()]
    for decade in (1, 10, 100, 1000):
        at = _place(decade)
        parts.append(
            f'<path d="M0 {_SIZE - at:.1f}h{_SIZE}M{at:.1f} 0v{_SIZE}" stroke="{_GRID}" fill="none"/>'
        )
        parts.append(
            _text(f"{decade}", at, _SIZE + 18, "middle") + _text(f"{decade}", -8, _SIZE - at + 4, "end")
        )
    parts.append(_text("measured, fJ per MAC", _SIZE / 2, _SIZE + 38, "middle"))
    parts.append(
        f'<g transform="translate(-44,{_SIZE / 2}) rotate(-90)">' + _text("model, fJ per MAC", 0, 0, "middle")
    )
    parts.append("</g>")
    for row in rows:
        x, y = _place(float(row["measured_fJ"])), _SIZE - _place(max(float(row["model_fJ"]), _LOW))
        parts.append(_mark(row, x, y, "model_x", hollow=True))
    return "".join(parts)


def _strips(rows: Sequence[Row]) -> str:
    """Draw one line per chip: uncalibrated above, calibrated below."""
    chips = list(dict.fromkeys(str(row["chip"]) for row in rows))
    step = _SIZE / len(chips)
    low, high = _across(0.5), _across(2.0)
    parts = [_text("hollow: uncalibrated; filled: one factor per kind", 0, -14, bold=True)]
    parts.append(f'<rect x="{low:.1f}" width="{high - low:.1f}" height="{_SIZE}" fill="#eef3f7"/>')
    for ratio in (0.2, 0.5, 1.0, 2.0):
        x = _across(ratio)
        parts.append(
            f'<path d="M{x:.1f} 0v{_SIZE}" stroke="{"#888" if ratio == 1.0 else _GRID}" fill="none"/>'
        )
        parts.append(_text(f"x{ratio:g}", x, _SIZE + 18, "middle"))
    parts.append(_text("model / measured energy (*: fitted to)", _SIZE / 2, _SIZE + 38, "middle"))
    for i, chip in enumerate(chips):
        middle = step * (i + 0.5)
        own = [row for row in rows if row["chip"] == chip]
        star = "*" if own[0]["half"] == "calibrate" else ""
        parts.append(_text(f"{chip}{star}", -8, middle + 4, "end"))
        parts.append(f'<path d="M0 {step * (i + 1):.1f}h{_SIZE}" stroke="{_GRID}"/>')
        for ratio, shift, hollow in (("model_x", -6.0, True), ("calibrated_x", 6.0, False)):
            parts += [_mark(row, _across(float(row[ratio])), middle + shift, ratio, hollow) for row in own]
    parts.append(f'<rect width="{_SIZE}" height="{_SIZE}" fill="none" stroke="#999"/>')
    return "".join(parts)


def _across(ratio: float) -> float:
    """Return pixels along the axis of ratios, 0.12 to 4."""
    inside = min(max(ratio, 0.13), 3.7)
    return _SIZE * math.log(inside / 0.12) / math.log(4.0 / 0.12)


def _band() -> str:
    """Draw the diagonal and x/÷ 2 around it, cut at the frame."""
    step = _place(2 * _LOW)
    corners = ((0, _SIZE), (0, _SIZE - step), (_SIZE - step, 0), (_SIZE, 0), (_SIZE, step), (step, _SIZE))
    area = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    return (
        f'<polygon points="{area}" fill="#eef3f7"/>'
        f'<path d="M0 {_SIZE}L{_SIZE} 0" stroke="#888" stroke-dasharray="4 3"/>'
        f'<rect width="{_SIZE}" height="{_SIZE}" fill="none" stroke="#999"/>'
    )


def _mark(row: Row, x: float, y: float, ratio: str, hollow: bool) -> str:
    colour, outline = _KINDS[str(row["kind"])]
    told = f"{row['chip']}, {row['point']}: measured {row['measured_fJ']:.3g} fJ, x{row[ratio]:.2f}"
    return (
        f'<path d="M{x:.1f} {y:.1f}{outline}" fill="{"#fff" if hollow else colour}" stroke="{colour}" '
        f'stroke-width="1.4"><title>{escape(told)}</title></path>'
    )


def _text(words: str, x: float, y: float, anchor: str = "start", bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{_INK}"{weight}>{escape(words)}</text>'
    )
