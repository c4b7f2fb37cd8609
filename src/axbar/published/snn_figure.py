"""The figure of the ladder: for every network what early exit trades, and what each variant costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from axbar.published._plot import Lines, Series, figure
from axbar.published.snn_measure import CHIPS
from axbar.published.snn_networks import BASE

__all__ = ["panels"]

Found = Mapping[str, Any]


def panels(found: Found, caption: str) -> str:
    """Return the SVG of all panels."""
    drawn = [
        panel
        for name, net in found["nets"].items()
        for panel in (_exit(name, net), _edp(name, net), _ladder(name, net))
    ]
    return figure(drawn, caption, "Spiking networks made cheaper, one technique at a time")


def _exit(name: str, net: Found) -> Lines:
    bend, base = net["curve"], net["rows"][BASE]
    fixed = base["by_step"]
    series = [
        Series("early exit", bend["mean_steps"], [100 * (1 - a) for a in bend["accuracy"]]),
        Series(
            "all samples stop at T",
            [t + 1.0 for t in range(len(fixed))],
            [100 * (1 - a) for a in fixed],
            dashed=True,
        ),
    ]
    return Lines(f"{name}: error by mean T", series, "mean T", "error, %")


def _edp(name: str, net: Found) -> Lines:
    bend = net["curve"]
    whole = bend["edp_Js"][0]
    series = [Series("crossbar", bend["mean_steps"], [100 * e / whole for e in bend["edp_Js"]])]
    return Lines(f"{name}: EDP by mean T", series, "mean T", "EDP of T = 4, %")


def _ladder(name: str, net: Found) -> Lines:
    rows, base = net["rows"], net["rows"][BASE]
    series = [
        Series(
            chip,
            [100 * row["chips"][chip]["edp_Js"] / base["chips"][chip]["edp_Js"] for row in rows.values()],
            [100 * (1 - row["accuracy"]) for row in rows.values()],
            joined=False,
        )
        for chip in CHIPS
    ]
    return Lines(f"{name}: variants", series, "EDP of T = 4, %", "error, %", True, False)
