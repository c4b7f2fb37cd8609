"""The figure of the study: accuracy of the three arms under wires, read noise and drift, one column per network.

Drawn by hand because rendering rooms stand beside this one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

__all__ = ["figure"]

Row = Mapping[str, object]

_WIDTH, _PLOT, _TOP, _GAP = 440, 170, 66, 92
_LEFT, _RIGHT = 56, 20
#: arm -> (name, colour); Okabe and Ito (2008), told apart by mark as well
_ARMS = {
    "none": ("as trained", "#D55E00"),
    "adapt": ("adapted", "#0072B2"),
    "tune": ("fine-tuned", "#009E73"),
}
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#222}"
    ".bold{font-weight:600}.mid{text-anchor:middle}.end{text-anchor:end}"
)


def figure(rows: Sequence[Mapping[str, object]]) -> str:
    """Return an SVG image of the rows of the study."""
    networks = list(dict.fromkeys(str(row["network"]) for row in rows))
    panels = (
        ("wires", _wires_of, _wires_axis),
        ("read noise, sigma of the conductance", _sigmas_of, _number_axis),
        ("drift, seconds since programming", _ages_of, _power_axis),
    )
    width, height = _WIDTH * len(networks), _TOP + len(panels) * (_PLOT + _GAP)
    image = Element(
        "svg", xmlns="http://www.w3.org/2000/svg", width=str(width), height=str(height),
        viewBox=f"0 0 {width} {height}", role="img",
    )  # fmt: skip
    image.set("aria-label", "Accuracy as trained, adapted and fine-tuned under wires, read noise and drift")
    SubElement(image, "style").text = _STYLE
    SubElement(image, "rect", width="100%", height="100%", fill="#fff")
    _legend(image)
    for column, network in enumerate(networks):
        own = [row for row in rows if row["network"] == network]
        ideal = next(_value(row, "none_%") for row in own if row["flaw"] == "ideal")
        for line, (title, pick, axis) in enumerate(panels):
            group = SubElement(
                image, "g",
                transform=f"translate({column * _WIDTH + _LEFT},{_TOP + line * (_PLOT + _GAP)})",
            )  # fmt: skip
            _text(group, f"{network}: {title}", 0, -12, "bold")
            _panel(group, pick(own), axis, ideal or 0.0)
    return ElementTree.tostring(image, encoding="unicode") + "\n"


def _legend(image: Element) -> None:
    for i, (arm, (name, _)) in enumerate(_ARMS.items()):
        x = _LEFT + 110 * i
        _mark(image, arm, x, 20)
        _text(image, name, x + 10, 24)
    _line(image, _LEFT + 330, 20, _LEFT + 350, 20, "#666", dash="4 3")
    _text(image, "ideal", _LEFT + 356, 24)


Point = tuple[float, Row]
Axis = Callable[[Sequence[Point]], tuple[float, float, list[tuple[float, str]]]]


def _wires_of(rows: Sequence[Row]) -> list[Point]:
    """Wires alone, then with read noise: one place per row."""
    plain = [r for r in rows if r["flaw"] == "parasitics" and not r["detail"]]
    both = [r for r in rows if r["flaw"] == "parasitics + read noise"]
    return [(float(i), row) for i, row in enumerate((*plain, *both))]


def _wires_axis(points: Sequence[Point]) -> tuple[float, float, list[tuple[float, str]]]:
    names = [
        f"{str(row['device']).replace('-bn', '')}|{row['array']}²"
        + ("|noise" if "read" in str(row["flaw"]) else "")
        for _, row in points
    ]
    return -0.5, len(points) - 0.5, [(x, name) for (x, _), name in zip(points, names, strict=True)]


def _sigmas_of(rows: Sequence[Row]) -> list[Point]:
    found = [r for r in rows if r["flaw"] == "read noise" and r["device"] == "rram-bn"]
    return [(float(str(r["detail"]).removeprefix("sigma ")), r) for r in found]


def _number_axis(points: Sequence[Point]) -> tuple[float, float, list[tuple[float, str]]]:
    high = max((x for x, _ in points), default=1.0)
    return 0.0, 1.05 * high, [(x, f"{x:g}") for x, _ in points]


def _ages_of(rows: Sequence[Row]) -> list[Point]:
    found = [r for r in rows if r["flaw"] == "drift"]
    return [(math.log10(float(str(r["detail"]).removesuffix(" s"))), r) for r in found]


def _power_axis(points: Sequence[Point]) -> tuple[float, float, list[tuple[float, str]]]:
    high = max((x for x, _ in points), default=1.0)
    return -0.05 * high, 1.05 * high, [(x, f"1e{x:.0f}") for x, _ in points]


def _panel(group: Element, points: Sequence[Point], axis: Axis, ideal: float) -> None:
    """Draw accuracy in percent over the axis: a mark per arm, whiskers of one standard deviation over dies."""
    low, high, ticks = axis(points)
    span = _WIDTH - _LEFT - _RIGHT

    def across(x: float) -> float:
        return span * (x - low) / (high - low)

    def up(percent: float) -> float:
        return _PLOT * (1 - percent / 100)

    for percent in (0, 20, 40, 60, 80, 100):
        _line(group, 0, up(percent), span, up(percent), "#ddd")
        _text(group, f"{percent} %" if percent == 100 else str(percent), -8, up(percent) + 4, "end")
    for x, name in ticks:
        for i, part in enumerate(name.split("|")):
            _text(group, part, across(x), _PLOT + 16 + 13 * i, "mid")
    _line(group, 0, up(ideal), span, up(ideal), "#666", dash="4 3")
    joined = axis is not _wires_axis
    for place, arm in enumerate(_ARMS):
        shift = 0.0 if joined else 9.0 * (place - 1)
        seen = [(across(x) + shift, row) for x, row in points if row[f"{arm}_%"] is not None]
        colour = _ARMS[arm][1]
        if joined:
            for (x1, one), (x2, two) in pairwise(seen):
                _line(group, x1, up(_value(one, f"{arm}_%")), x2, up(_value(two, f"{arm}_%")), colour)
        for x, row in seen:
            mean, std = _value(row, f"{arm}_%"), _value(row, f"{arm}_std")
            if std:
                _line(group, x, up(mean - std), x, up(min(mean + std, 100.0)), colour)
            _mark(group, arm, x, up(mean))


def _value(row: Row, key: str) -> float:
    value = row[key]
    return float(value) if isinstance(value, float | int) else 0.0


def _line(
    parent: Element, x1: float, y1: float, x2: float, y2: float, colour: str, dash: str | None = None
) -> None:
    line = SubElement(
        parent, "line", x1=f"{x1:.1f}", y1=f"{y1:.1f}", x2=f"{x2:.1f}", y2=f"{y2:.1f}", stroke=colour
    )
    if dash:
        line.set("stroke-dasharray", dash)


def _text(parent: Element, words: str, x: float, y: float, kind: str | None = None) -> None:
    text = SubElement(parent, "text", x=f"{x:.1f}", y=f"{y:.1f}")
    text.text = words
    if kind:
        text.set("class", kind)


def _mark(parent: Element, arm: str, x: float, y: float) -> None:
    """Draw a circle, a square or a diamond: arms differ in shape as well as in colour."""
    colour = _ARMS[arm][1]
    if arm == "none":
        SubElement(parent, "circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="4", fill=colour)
    elif arm == "adapt":
        SubElement(parent, "rect", x=f"{x - 4:.1f}", y=f"{y - 4:.1f}", width="8", height="8", fill=colour)
    else:
        path = f"M{x:.1f} {y - 5:.1f}l5 5l-5 5l-5 -5z"
        SubElement(parent, "path", d=path, fill=colour)
