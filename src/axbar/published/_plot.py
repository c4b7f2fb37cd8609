"""Line and bar panels for the figures of studies, as one SVG.

Rendering rooms stand beside this one, hence a few marks of its own. Series differ by mark and by name as well as by
colour (Okabe and Ito 2008), so that a figure reads in black and white; every panel says its units.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape

__all__ = ["Bars", "Lines", "Series", "figure"]

WIDTH, HEIGHT = 400, 290  # of a panel
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 16, 58, 52
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5158BB", "#7A5C3E", "#9A9A9A")
_INK, _GRID = "#222", "#DDD"
_LETTER = 7.0  # width of a letter below an axis, at most
_BESIDE = 0.3  # of the way between two cases, how far their marks may stand beside them


@dataclass(frozen=True)
class Series:
    """One line of a panel.

    Args:
        name: as in the legend.
        x, y: points, left out where y is None.
        spread: half a whisker at each point, in units of y.
        dashed: for what is published or modelled beside what was measured.
        joined: with a line; without one where x only counts cases.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float | None]
    spread: Sequence[float] = ()
    dashed: bool = False
    joined: bool = True


@dataclass(frozen=True)
class Lines:
    """A panel of lines; axes are logarithmic where said, else start at zero if all is positive.

    With ``x_names`` x counts cases from 0, which are written below their marks; marks of a case stand side by side.
    """

    title: str
    series: Sequence[Series]
    x_label: str
    y_label: str
    x_log: bool = False
    y_log: bool = False
    x_names: Sequence[str] = ()

    def draw(self) -> str:
        """Return the panel's marks, 400 x 290."""
        series, cases = self._side_by_side(), list(range(len(self.x_names)))
        points = [(x, y) for s in series for x, y in zip(s.x, s.y, strict=True) if y is not None]
        x_values = [-_BESIDE, *cases, cases[-1] + _BESIDE] if cases else [x for x, _ in points]
        x_axis = _Axis.of(x_values, self.x_log, _LEFT, WIDTH - _RIGHT, ticks_at_data=True)
        tops = [y + half for s in series for y, half in zip(s.y, s.spread, strict=False) if y is not None]
        y_axis = _Axis.of([*(y for _, y in points), *tops], self.y_log, HEIGHT - _BOTTOM, _TOP)
        parts = [_frame(self.title, self.y_label), _text(_middle(), HEIGHT - 14, self.x_label, "middle")]
        parts += [_rule(y_axis.place(v), _label(v)) for v in y_axis.ticks]
        names = dict(zip(cases, self.x_names, strict=True)) or _apart(
            {v: _label(v) for v in x_axis.ticks}, x_axis
        )
        parts += [_text(x_axis.place(v), HEIGHT - _BOTTOM + 16, name, "middle") for v, name in names.items()]
        parts += [_line(s, i, x_axis, y_axis) for i, s in enumerate(series)]
        return "".join([*parts, _legend([s.name for s in series])])

    def _side_by_side(self) -> list[Series]:
        """Return the series, moved apart where x counts cases."""
        apart = 2 * _BESIDE / len(self.series) if self.x_names else 0.0
        moved = [apart * (i - (len(self.series) - 1) / 2) for i in range(len(self.series))]
        return [replace(s, x=[x + by for x in s.x]) for s, by in zip(self.series, moved, strict=True)]


def _apart(names: Mapping[float, str], axis: _Axis) -> dict[float, str]:
    """Leave out names that would run into the one before them."""
    kept: dict[float, str] = {}
    end = -math.inf
    for value, name in sorted(names.items()):
        half = _LETTER * len(name) / 2
        if axis.place(value) - half >= end:
            kept[value], end = name, axis.place(value) + half + _LETTER / 2
    return kept


@dataclass(frozen=True)
class Bars:
    """A panel of stacked bars, one per group."""

    title: str
    groups: Sequence[str]
    parts: Mapping[str, Sequence[float]]
    y_label: str

    def draw(self) -> str:
        """Return the panel's marks, 400 x 290."""
        totals = [sum(values[i] for values in self.parts.values()) for i in range(len(self.groups))]
        y_axis = _Axis.of([0.0, *totals], False, HEIGHT - _BOTTOM, _TOP)
        drawn = [_frame(self.title, self.y_label), *(_rule(y_axis.place(v), _label(v)) for v in y_axis.ticks)]
        step = (WIDTH - _LEFT - _RIGHT) / max(1, len(self.groups))
        for i, group in enumerate(self.groups):
            x, base = _LEFT + step * (i + 0.18), 0.0
            for k, values in enumerate(self.parts.values()):
                top, foot = y_axis.place(base + values[i]), y_axis.place(base)
                if foot - top > 0.2:
                    drawn.append(_rect(x, top, 0.64 * step, max(0.2, foot - top - 0.6), _colour(k)))
                base += values[i]
            drawn.append(_text(x + 0.32 * step, HEIGHT - _BOTTOM + 16, group, "middle"))
        return "".join([*drawn, _legend(list(self.parts))])


def figure(panels: Sequence[Lines | Bars], caption: str, label: str, columns: int = 3) -> str:
    """Return the SVG of all panels, row by row.

    Args:
        panels: what to draw.
        caption: scale of the run, printed below.
        label: what a screen reader says.
        columns: panels side by side.
    """
    rows = math.ceil(len(panels) / columns)
    width, height = WIDTH * min(columns, len(panels)), HEIGHT * rows + 26
    body = "".join(
        f'<g transform="translate({WIDTH * (i % columns)},{HEIGHT * (i // columns)})">{panel.draw()}</g>'
        for i, panel in enumerate(panels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="system-ui,sans-serif" font-size="11" role="img" aria-label="{escape(label, quote=True)}">'
        f'<rect width="{width}" height="{height}" fill="white"/>{body}{_text(12, height - 8, caption)}</svg>\n'
    )


@dataclass(frozen=True)
class _Axis:
    """From values to pixels."""

    low: float
    high: float
    log: bool
    start: float
    end: float
    ticks: Sequence[float]

    @classmethod
    def of(
        cls, values: Sequence[float], log: bool, start: float, end: float, ticks_at_data: bool = False
    ) -> _Axis:
        """An axis that holds all values; with ``ticks_at_data`` few distinct values are the ticks."""
        low, high = min(values), max(values)
        distinct = sorted(set(values))
        if log:
            low, high = low / 1.15, high * 1.15
            ticks = _log_ticks(low, high)
        else:
            low = min(0.0, low) if not ticks_at_data else low
            pad = 0.06 * (high - low) or 1.0
            low, high = (low - pad, high + pad) if ticks_at_data else (low - pad * (low < 0), high + pad)
            ticks = _round_ticks(low, high)
        return cls(low, high, log, start, end, distinct if ticks_at_data and len(distinct) <= 8 else ticks)

    def place(self, value: float) -> float:
        """Return the pixel of a value."""
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = math.log(low), math.log(high), math.log(value)
        return self.start + (self.end - self.start) * (at - low) / (high - low)


def _round_ticks(low: float, high: float) -> list[float]:
    raw = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * (1 - 1e-9))
    return [round(i * step, 12) for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if high / low < 200 else (1,)
    return [m * 10.0**d for d in decades for m in steps if low <= m * 10.0**d <= high]


def _line(series: Series, index: int, x_axis: _Axis, y_axis: _Axis) -> str:
    colour = _colour(index)
    places = [
        (x_axis.place(x), y_axis.place(y)) for x, y in zip(series.x, series.y, strict=True) if y is not None
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dash = ' stroke-dasharray="5 4"' if series.dashed else ""
    line = f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"{dash}/>'
    parts = [line] if series.joined else []
    parts += [_mark(index, x, y) for x, y in places]
    for x, y, half in zip(series.x, series.y, series.spread, strict=False):
        if y is not None and half > 0:
            foot, top = y_axis.place(max(y - half, y_axis.low)), y_axis.place(y + half)
            at = f"{x_axis.place(x):.1f}"
            parts.append(f'<line x1="{at}" x2="{at}" y1="{foot:.1f}" y2="{top:.1f}" stroke="{colour}"/>')
    return "".join(parts)


def _mark(index: int, x: float, y: float) -> str:
    shapes = ("m-3.4 0a3.4 3.4 0 1 0 6.8 0a3.4 3.4 0 1 0-6.8 0", "m-3.2-3.2h6.4v6.4h-6.4z",
              "m0-4.4l4.4 4.4l-4.4 4.4l-4.4-4.4z", "m0-4l4 7h-8z")  # fmt: skip
    return f'<path d="M{x:.1f} {y:.1f}{shapes[index % len(shapes)]}" fill="{_colour(index)}"/>'


def _frame(title: str, y_label: str) -> str:
    turned = f'<text transform="translate(14,{(HEIGHT - _BOTTOM + _TOP) / 2:.0f}) rotate(-90)" text-anchor="middle"'
    return (
        f'<text x="{_LEFT}" y="20" font-size="13" font-weight="600" fill="{_INK}">{escape(title)}</text>'
        f'{turned} fill="{_INK}">{escape(y_label)}</text>'
    )


def _legend(names: Sequence[str]) -> str:
    if len(names) < 2:
        return ""
    parts, x, y = [], float(_LEFT), 36.0
    for i, name in enumerate(names):
        wide = 20 + 6.2 * len(name)
        if x + wide > WIDTH and x > _LEFT:
            x, y = float(_LEFT), y + 13
        parts.append(_mark(i, x + 4, y - 4) + _text(x + 12, y, name))
        x += wide
    return "".join(parts)


def _rule(y: float, label: str) -> str:
    line = f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{_GRID}"/>'
    return line + _text(_LEFT - 6, y + 4, label, "end")


def _rect(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{_INK}">{escape(words)}</text>'


def _middle() -> float:
    return (_LEFT + WIDTH - _RIGHT) / 2


def _colour(index: int) -> str:
    return _COLOURS[index % len(_COLOURS)]


def _label(value: float) -> str:
    return f"{value:g}" if 1e-3 <= abs(value) < 1e5 or value == 0 else f"{value:.0e}"
