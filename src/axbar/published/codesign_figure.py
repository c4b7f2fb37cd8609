"""The figure of the co-design study: all chips on one Pareto plot, and what each choice of the best design is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from axbar.published._plot import Bars, Lines, Series, figure
from axbar.published.codesign_claims import gains

__all__ = ["panels"]

Found = Mapping[str, Any]
_NAMES = {"imc-rram-65nm": "crossbars", "sata": "SATA", "loas": "LoAS"}


def panels(found: Found, caption: str) -> str:
    """Return the SVG of all panels."""
    drawn: list[Lines | Bars] = [
        _plot(found["full"], "Several dies, many images", "energy_J", "energy, µJ", 1e6),
        _plot(found["full"], "The same by EDP", "edp_Js", "EDP, nJ s", 1e9),
        _plot(found["proxy"], "One die, few images", "edp_Js", "EDP, nJ s", 1e9),
    ]
    worth = gains(found)
    if worth:
        drawn.append(
            Bars(
                "Best design, one choice undone",
                list(worth),
                {"EDP": [g["edp"] for g in worth.values()]},
                "times",
            )
        )
    return figure(drawn, caption, "One search over three kinds of chips and the network on them", columns=2)


def _plot(rows: Sequence[Found], title: str, quantity: str, label: str, scale: float) -> Lines:
    series: list[Series] = []
    for hardware, name in _NAMES.items():
        mine = [row for row in rows if row["point"]["hardware"] == hardware]
        if mine:
            x = [scale * row[quantity] for row in mine]
            y: list[float | None] = [100 * (1 - row["accuracy"]) for row in mine]
            spread = [50 * (row["accuracy_high"] - row["accuracy_low"]) for row in mine]
            series.append(Series(name, x, y, spread, joined=False))
    return Lines(title, series, label, "error, %", x_log=True)
