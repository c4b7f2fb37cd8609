"""The few SVG marks that the charts are made of, as strings.

Horizontal positions are percentages of the plot's width and everything else is in pixels: a chart then
fills any width from phone to projector while its text keeps its size. Labels stand outside of the plot, in
margins that the style sheet reserves (``--l`` and ``--r`` of the chart's class).
"""

from __future__ import annotations

from html import escape

__all__ = ["circle", "element", "line", "rect", "svg", "text"]


def element(tag: str, body: str = "", /, **attributes: str | float | int | None) -> str:
    """Return one element: attribute values are escaped, ``body`` is markup, ``class_`` means ``class``."""
    parts = [tag]
    for name, value in attributes.items():
        if value is None:
            continue
        key = name.rstrip("_").replace("_", "-")
        shown = (
            f"{value:.2f}".rstrip("0").rstrip(".")
            if isinstance(value, float)
            else escape(str(value), quote=True)
        )
        parts.append(f'{key}="{shown}"')
    return f"<{' '.join(parts)}>{body}</{tag}>" if body else f"<{' '.join(parts)}/>"


def _percent(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") + "%"


def svg(body: str, height: float, kind: str, label: str) -> str:
    """Wrap marks into one image of a chart class; ``label`` is what a screen reader says."""
    return element("svg", body, class_=f"chart {kind}", height=height, role="group", aria_label=label)


def rect(x: float, y: float, width: float, height: float, **attributes: str | float | int | None) -> str:
    """Return a bar: ``x`` and ``width`` in percent of the plot, ``y`` and ``height`` in pixels."""
    return element("rect", x=_percent(x), y=y, width=_percent(width), height=height, **attributes)


def line(x1: float, y1: float, x2: float, y2: float, **attributes: str | float | int | None) -> str:
    """Return a line: x in percent, y in pixels."""
    return element("line", x1=_percent(x1), y1=y1, x2=_percent(x2), y2=y2, **attributes)


def circle(x: float, y: float, radius: float, **attributes: str | float | int | None) -> str:
    """Return a dot: x in percent, y and radius in pixels."""
    return element("circle", cx=_percent(x), cy=y, r=radius, **attributes)


def text(content: str, x: float, y: float, **attributes: str | float | int | None) -> str:
    """Return a label (escaped): x in percent, y in pixels; ``dx`` moves it by pixels."""
    return element("text", escape(content), x=_percent(x), y=y, **attributes)
