"""SVG marks that the figures of several studies share."""

from __future__ import annotations

from html import escape

__all__ = ["text"]


def text(
    x: float,
    y: float,
    words: str,
    *,
    size: int = 12,
    anchor: str = "start",
    colour: str = "#222",
    bold: bool = False,
) -> str:
    """Return a label, escaped, at a place in pixels."""
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}"{weight}>'
        f"{escape(words)}</text>"
    )
