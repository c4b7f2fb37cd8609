"""The picture of a device fit: sigma against conductance with the fitted law, and what the law leaves over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import numpy as np

from axbar.devices.fit import DeviceFit, Level
from axbar.report._scale import scale_for, ticks
from axbar.report._svg import circle, element, line, text

__all__ = ["render"]

_WIDTH, _LEFT, _RIGHT = 760, 90, 30
_PANEL, _GAP, _TOP = 240, 76, 34
_MEASURED, _LAW, _SPREAD = "#0072B2", "#D55E00", "#56B4E9"
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#222}.mid{text-anchor:middle}.end{text-anchor:end}"
    ".grid{stroke:#ddd}.zero{stroke:#888}.title{font-weight:600}"
    f".measured{{stroke:{_MEASURED};stroke-width:1.5}}.dot{{fill:{_MEASURED}}}"
    f".law{{stroke:{_LAW};stroke-width:2}}.spread{{stroke:{_SPREAD};stroke-width:5}}"
)


def render(fit: DeviceFit, page: bool = False) -> str:
    """Return one self-contained SVG image, or an offline HTML page with the fit's numbers below it."""
    panels = [_sigma_panel(fit), _residual_panel(fit, "programming")]
    if any(residual.law == "drift" for residual in fit.residuals):
        panels.append(_residual_panel(fit, "drift"))
    height = _TOP + len(panels) * (_PANEL + _GAP)
    body = element("style", _STYLE) + '<rect width="100%" height="100%" fill="#fff"/>'
    for i, panel in enumerate(panels):
        body += element(
            "svg", panel, x=_LEFT, y=_TOP + i * (_PANEL + _GAP), width=_WIDTH - _LEFT - _RIGHT, height=_PANEL + _GAP,
            overflow="visible",
        )  # fmt: skip
    image = element(
        "svg", body, xmlns="http://www.w3.org/2000/svg", width=_WIDTH, height=height,
        viewBox=f"0 0 {_WIDTH} {height}", role="img", aria_label=f"Fit of {fit.name}",
    )  # fmt: skip
    if not page:
        return image + "\n"
    name, numbers = escape(fit.name), escape(fit.summary)
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Fit of {name}</title>\n'
        f'<body style="margin:2em;font-family:system-ui,sans-serif">{image}\n<pre>{numbers}</pre></body></html>\n'
    )


def _sigma_panel(fit: DeviceFit) -> str:
    """Draw the spread of first reads with its interval, and the laws of programming and of both together."""
    g = np.linspace(min(fit.levels[0].target_S, fit.g_off_S), fit.g_on_S, 121)
    x = g / fit.g_on_S
    law = fit.law
    program = np.maximum(sum(law[f"program_c{k}"] * x**k for k in range(4)), 0.0) * fit.g_on_S
    top = max(max(level.std_interval_S[1] for level in fit.levels), float(program.max())) * 1.05
    across, up = _axis(0.0, fit.g_on_S), _height(0.0, top)
    body = _frame(fit, 0.0, top, up, top_unit=True)
    body += text(
        "std of first reads with 95 % interval (points); fitted sigma of programming (line)",
        0,
        -12,
        class_="title",
    )
    for k in range(len(g) - 1):
        body += line(
            across(float(g[k])),
            up(float(program[k])),
            across(float(g[k + 1])),
            up(float(program[k + 1])),
            class_="law",
        )
    for level in fit.levels:
        body += _bar(across(level.target_S), up(level.std_interval_S[0]), up(level.std_interval_S[1]))
        body += circle(across(level.target_S), up(level.std_S), 4, class_="dot", data_tip=_tip(level))
    return body


def _residual_panel(fit: DeviceFit, law: str) -> str:
    """Draw mean and mean +- std of the standardised residuals; a good fit has 0 and +-1."""
    found = [residual for residual in fit.residuals if residual.law == law]
    reach = max(1.5, max(abs(r.mean) + r.std for r in found) * 1.1)
    across, up = _axis(0.0, fit.g_on_S), _height(-reach, reach)
    body = _frame(fit, -reach, reach, up, top_unit=False)
    body += text(f"residuals of {law}: mean ± std, in standard deviations of the law", 0, -12, class_="title")
    for level in (-1.0, 0.0, 1.0):
        body += line(0, up(level), 100, up(level), class_="zero")
    for r in found:
        at = across(r.target_S)
        body += line(at, up(r.mean - r.std), at, up(r.mean + r.std), class_="spread")
        error = 1.96 * r.std / r.count**0.5
        body += _bar(at, up(r.mean - error), up(r.mean + error)) + circle(at, up(r.mean), 4, class_="dot")
    return body


def _frame(fit: DeviceFit, low: float, high: float, up: Callable[[float], float], top_unit: bool) -> str:
    """Draw grid, ticks and axis names; heights in S get the prefix that fits."""
    g_scale = scale_for(fit.g_on_S, "S")
    across = _axis(0.0, fit.g_on_S)
    body = ""
    for value in ticks(0.0, fit.g_on_S / g_scale.factor):
        at = across(value * g_scale.factor)
        body += line(at, 0, at, _PANEL, class_="grid") + text(f"{value:g}", at, _PANEL + 16, class_="mid")
    scale = scale_for(high, "S") if top_unit else None
    factor = scale.factor if scale else 1.0
    for value in ticks(low / factor, high / factor):
        y = up(value * factor)
        body += line(0, y, 100, y, class_="grid") + text(f"{value:g}", 0, y + 4, dx=-8, class_="end")
    body += text(f"target conductance, {g_scale.unit}", 50, _PANEL + 34, class_="mid")
    if scale:
        body += text(scale.unit, 0, 14, dx=-46, class_="end")
    return body


def _axis(low: float, high: float) -> Callable[[float], float]:
    """Return a conductance's place in percent of the panel's width, with room at both ends."""
    return lambda value: 3 + 94 * (value - low) / (high - low)


def _height(low: float, high: float) -> Callable[[float], float]:
    """Return a value's place in pixels from the top of the panel."""
    return lambda value: float(_PANEL * (high - value) / (high - low))


def _bar(x: float, low: float, high: float) -> str:
    ends: Sequence[float] = (low, high)
    caps = "".join(line(x - 0.7, y, x + 0.7, y, class_="measured") for y in ends)
    return line(x, low, x, high, class_="measured") + caps


def _tip(level: Level) -> str:
    return f"{level.cells} cells at {level.target_S:.4g} S: std {level.std_S:.3g} S"
