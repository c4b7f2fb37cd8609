"""The figure of the co-design study: all chips on one Pareto plot, and what each choice of the best design is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from axbar.published._plot import Bars, Lines, Series, figure
from axbar.published.codesign_claims import gains

__all__ = ["panels"]

Found = Mapping[str, Any]
_NAMES = {"imc-rram-65nm": "crossbars", "sata": "SATA", "loas": "LoAS"}


def panels(found: Found, caption: str) -> str:
    """Return the SVG of all panels."""
    drawn: list[Lines | Bars] = [
        _plot(found, "Energy", "energy_J", "energy, µJ", 1e6),
        _plot(found, "Latency", "latency_s", "latency, ms", 1e3),
        _plot(found, "Energy times delay", "edp_Js", "EDP, nJ s", 1e9),
    ]
    worth = gains(found)
    if worth:
        drawn.append(
            Bars(
                "Best design, one choice undone",
                list(worth),
                {"EDP": [g["edp"] for g in worth.values()]},
                "times the EDP",
            )
        )
    return figure(drawn, caption, "One search over three kinds of chips and the network on them", columns=2)


def _plot(found: Found, title: str, quantity: str, label: str, scale: float) -> Lines:
    """Return error against a cost: the careful rung by kind of chip, and the designs that nobody changed."""
    groups = {
        name: [row for row in found["full"] if row["point"]["hardware"] == hardware]
        for hardware, name in _NAMES.items()
    }
    groups["untouched"] = [row for row in found["untouched"] if "accuracy" in row]
    series: list[Series] = []
    for name, rows in groups.items():
        if rows:
            x = [scale * row[quantity] for row in rows]
            y: list[float | None] = [100 * (1 - row["accuracy"]) for row in rows]
            spread = [50 * (row["accuracy_high"] - row["accuracy_low"]) for row in rows]
            series.append(Series(name, x, y, spread, joined=False))
    return Lines(title, series, label, "error, %", x_log=True)
