"""The figure of the study, as one SVG: points lost by flaw, layer error by step, what mitigations bring back.

Drawn by hand because rendering rooms stand beside this one. Losses stand on an axis of sqrt(points), so that one point
and fifty can both be read; whiskers are spreads as in ``snn_vs_ann_study``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from axbar.published._svg import text as _text
from axbar.published.snn_vs_ann_conditions import ALL, CONTROL
from axbar.published.snn_vs_ann_study import Entry, Key

__all__ = ["figure"]

_WIDTH = 900
_LEFT, _RIGHT = 210, 24  # margins of the plots
_STEP = 9  # between the networks of one condition
#: conventional orange, spiking from light to dark blue: they differ in lightness too
_COLOURS = ("#D55E00", "#8CC9EE", "#3D9BD8", "#0072B2", "#00416B", "#001E33", "#5B5B5B", "#9A9A9A")
_MARKS = {"": "circle", "bn-adapt": "square", "noise-aware": "diamond", CONTROL: "ring"}


def figure(found: Sequence[Entry], caption: str) -> str:
    """Return the SVG of all panels.

    Args:
        found: entries of the study.
        caption: scale of the run.
    """
    networks = list(dict.fromkeys(entry.key.network for entry in found))
    colours = {network: _COLOURS[i % len(_COLOURS)] for i, network in enumerate(networks)}
    body, y = _legend(colours, 20), 44
    for panel in (_losses, _layers, _mitigations):
        drawn, height = panel(found, colours)
        body += f'<g transform="translate(0,{y})">{drawn}</g>'
        y += height
    body += _text(12, y + 4, caption, size=11, colour="#555")
    y += 16
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" width="{_WIDTH}" height="{y}" '
        f'font-family="sans-serif" role="img" aria-label="{escape(_said(found), quote=True)}">'
        f'<rect width="{_WIDTH}" height="{y}" fill="white"/>{body}</svg>\n'
    )


def _said(found: Sequence[Entry]) -> str:
    whole = [entry for entry in found if entry.key.condition == ALL and not entry.key.mitigation]
    return "Points lost with all flaws: " + ", ".join(f"{e.key.network} {e.lost:.1f}" for e in whole)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1.0) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width:g}"/>'


def _mark(kind: str, x: float, y: float, colour: str) -> str:
    place = f"{x:.1f} {y:.1f}"
    if kind == "square":
        return f'<path d="M{place} m-4 -4 h8 v8 h-8 z" fill="{colour}"/>'
    if kind == "diamond":
        return f'<path d="M{place} m0 -5.5 l5.5 5.5 l-5.5 5.5 l-5.5 -5.5 z" fill="{colour}"/>'
    fill = "white" if kind == "ring" else colour
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.8" fill="{fill}" stroke="{colour}" stroke-width="1.5"/>'


def _legend(colours: dict[str, str], y: float) -> str:
    body, x = "", 12.0
    for network, colour in colours.items():
        body += _mark("circle", x + 5, y - 4, colour) + _text(x + 14, y, network)
        x += 34 + 8 * len(network)
    return body


def _losses(found: Sequence[Entry], colours: dict[str, str]) -> tuple[str, int]:
    """Draw one band per flaw, one dot with whiskers per network."""
    bare = [entry for entry in found if not entry.key.mitigation]
    conditions = list(dict.fromkeys(entry.key.condition for entry in bare))
    low = min(0.0, *(entry.lost - entry.spread for entry in bare))
    high = max(1.0, *(entry.lost + entry.spread for entry in bare))
    start, end = _root(low), _root(high)

    def at(points: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (_root(points) - start) / (end - start)

    band = _STEP * len(colours) + 10
    bottom = 24 + band * len(conditions)
    body = _text(12, 12, "Points lost from the integer network to the chip", size=14, bold=True)
    for tick in (-10, -5, -2, 0, 1, 2, 5, 10, 20, 40, 60, 80):
        if low <= tick <= high:
            body += _line(at(tick), 24, at(tick), bottom, "#888" if tick == 0 else "#ddd")
            body += _text(at(tick), bottom + 14, f"{tick}".replace("-", "−"), size=11, anchor="middle")
    for i, condition in enumerate(conditions):
        top = 24 + band * i
        body += _text(_LEFT - 12, top + band / 2 + 4, condition, anchor="end")
        body += _line(12, top + band, _WIDTH - _RIGHT, top + band, "#eee")
        for j, entry in enumerate(e for e in bare if e.key.condition == condition):
            y, colour = top + 9 + _STEP * j, colours[entry.key.network]
            body += _line(at(entry.lost - entry.spread), y, at(entry.lost + entry.spread), y, colour)
            body += _mark("circle", at(entry.lost), y, colour)
    body += _text((_LEFT + _WIDTH) / 2, bottom + 30, "points lost (axis of square roots)", anchor="middle")
    return body, bottom + 50


def _root(points: float) -> float:
    return math.copysign(math.sqrt(abs(points)), points)


def _layers(found: Sequence[Entry], colours: dict[str, str]) -> tuple[str, int]:
    """Draw layer error against step, a plot per layer and one for the read-out; dashed on the same inputs."""
    whole = [entry for entry in found if entry.key.condition == ALL and not entry.key.mitigation]
    paths = [*whole[0].own, "mean logits"]
    steps = max(len(entry.chip) for entry in whole)
    top = (
        max(max(max(v) for v in (*e.own.values(), *e.same.values(), e.readout)) for e in whole) * 1.05 or 1.0
    )
    side, height = (_WIDTH - 60) / len(paths), 150
    body = _text(12, 12, "Relative error by step with all flaws", size=14, bold=True)
    body += _text(
        300, 12, "solid: in the network on the chip; dashed: on the inputs of the integer network", size=11
    )
    for i, path in enumerate(paths):
        left = 44 + side * i

        def at(t: int, error: float, left: float = left) -> tuple[float, float]:
            return left + (side - 24) * (t - 1) / max(1, steps - 1), 30 + height * (1 - error / top)

        body += _text(left, 26, path)
        body += _line(left, 30 + height, left + side - 20, 30 + height, "#888") + _line(
            left, 30, left, 30 + height, "#888"
        )
        for share in (0.0, 0.5, 1.0):
            if i == 0:
                body += _text(
                    left - 4, 34 + height * (1 - share), f"{top * share:.2f}", size=10, anchor="end"
                )
        for t in (1, steps):
            body += _text(at(t, 0)[0], 44 + height, f"{t}", size=10, anchor="middle")
        for entry in whole:
            colour = colours[entry.key.network]
            if path == "mean logits":
                curves = [(entry.readout, "")]
            else:
                curves = [(entry.own[path], ""), (entry.same[path], "4 3")]
            body += "".join(
                _curve([at(t, v) for t, v in enumerate(c, 1)], colour, dash) for c, dash in curves
            )
    body += _text(
        _WIDTH / 2, 60 + height, "step t (the first layer runs once for all steps)", anchor="middle"
    )
    return body, height + 84


def _curve(points: Sequence[tuple[float, float]], colour: str, dash: str) -> str:
    if len(points) == 1:
        return _mark("ring" if dash else "circle", *points[0], colour)
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    style = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="2"{style}/>'


def _mitigations(found: Sequence[Entry], colours: dict[str, str]) -> tuple[str, int]:
    """Draw accuracy on the chip with all flaws, network by network, by mitigation; a bar marks the integer network."""
    whole = [entry for entry in found if entry.key.condition == ALL]
    entries = {entry.key: entry for entry in whole}
    names = list(dict.fromkeys(entry.key.mitigation for entry in whole))
    shown = [v for e in whole for v in (e.chip[-1] - e.chip_std, e.chip[-1] + e.chip_std, e.integer[-1])]
    low, high = math.floor(min(shown)), math.ceil(max(shown))
    height, side = 170, (_WIDTH - 60 - _RIGHT) / len(colours)

    def at(accuracy: float) -> float:
        return 48 + height * (high - accuracy) / max(1, high - low)

    body = _text(12, 12, "Accuracy on the chip with all flaws, %", size=14, bold=True)
    x = 12.0
    for name in names:
        body += _mark(_MARKS[name], x + 5, 30, "#555") + _text(x + 14, 34, name or "as trained", size=11)
        x += 46 + 6.5 * len(name or "as trained")
    body += _line(x, 30, x + 16, 30, "#555", 2) + _text(x + 20, 34, "integer network", size=11)
    every = max(1, round((high - low) / 6))
    for tick in range(low, high + 1, every):
        body += _line(50, at(tick), _WIDTH - _RIGHT, at(tick), "#ddd") + _text(
            44, at(tick) + 4, f"{tick}", size=11, anchor="end"
        )
    for i, (network, colour) in enumerate(colours.items()):
        left = 60 + side * i
        body += _text(left + side / 2 - 10, 66 + height, network, anchor="middle")
        level = at(entries[Key(network, ALL)].integer[-1])
        body += _line(left, level, left + side - 20, level, colour, 2)
        for j, name in enumerate(names):
            entry = entries[Key(network, ALL, name)]
            x, y = left + (side - 20) * (j + 0.5) / len(names), at(entry.chip[-1])
            body += _line(
                x, at(entry.chip[-1] - entry.chip_std), x, at(entry.chip[-1] + entry.chip_std), colour
            )
            body += _mark(_MARKS[name], x, y, colour)
    return body, height + 92
