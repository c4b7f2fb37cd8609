"""Tables of the ladder of cheaper spiking networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scipy.stats import binomtest

from axbar.published._markdown import table
from axbar.published.snn_measure import CHIPS

__all__ = ["markdown", "rows"]

Found = Mapping[str, Any]


def rows(found: Found) -> tuple[Mapping[str, Any], ...]:
    """Return all variants of all networks, for the terminal."""
    made: list[Mapping[str, Any]] = []
    for name, net in found["nets"].items():
        made += [{"network": name, **row} for row in _rows(net)]
    return tuple(made)


def _rows(net: Found) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for name, at in net["rows"].items():
        right = round(at["accuracy"] * at["images"])
        low, high = binomtest(right, at["images"]).proportion_ci(method="wilson")
        row: dict[str, Any] = {
            "variant": name, "accuracy_%": 100 * at["accuracy"], "95 %": f"{100 * low:.1f} to {100 * high:.1f}",
            "mean T": at["mean_steps"], "zero_%": 100 * at["weight_sparsity"],
            "memory_KB": sum(at["memory_bits"].values()) / 8e3,
        }  # fmt: skip
        for chip in CHIPS:
            own = at["chips"][chip]
            row |= {f"{chip}_uJ": 1e6 * own["energy_J"], f"{chip}_us": 1e6 * own["latency_s"],
                    f"{chip}_mm2": 1e6 * own["area_m2"]}  # fmt: skip
        made.append(row)
    return made


def markdown(found: Found) -> str:
    """Return all tables."""
    text: list[str] = []
    for name, net in found["nets"].items():
        text += [f"## {name}", table(_rows(net))]
        bend = net["curve"]
        text += [f"## {name}: early exit against its threshold", table([
            {"threshold": t, "accuracy_%": 100 * a, "mean T": s, "energy_uJ": 1e6 * e, "edp_nJs": 1e9 * d}
            for t, a, s, e, d in zip(
                bend["threshold"], bend["accuracy"], bend["mean_steps"], bend["energy_J"], bend["edp_Js"], strict=True
            )
        ])]  # fmt: skip
    return "\n\n".join(text) + "\n"
