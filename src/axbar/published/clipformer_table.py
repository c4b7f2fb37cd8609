"""Tables of the study of clipped keys and values."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from axbar.intervals import wilson
from axbar.published._markdown import table

__all__ = ["CLIPS", "crossover", "gain", "markdown", "mean", "rows", "spread"]

Found = Mapping[str, Any]
#: how attention was clipped, as in results and in words
CLIPS = {"none": "no clipping", "published": "α 2, β 0.25", "chosen": "chosen"}


def mean(values: Sequence[float]) -> float:
    """Return the mean in percent."""
    return 100 * statistics.fmean(values)


def spread(values: Sequence[float]) -> float:
    """Return the standard deviation over dies in percent, 0 for one."""
    return 100 * statistics.stdev(values) if len(values) > 1 else 0.0


def gain(row: Found, clip: str = "chosen") -> tuple[float, float]:
    """Return the points that a clip gains over none, mean over dies, and its standard error (0 for one die)."""
    apart = [100 * (a - b) for a, b in zip(row["accuracy"][clip], row["accuracy"]["none"], strict=True)]
    error = statistics.stdev(apart) / len(apart) ** 0.5 if len(apart) > 1 else 0.0
    return statistics.fmean(apart), error


def crossover(levels: Sequence[float], gains: Sequence[float]) -> float | None:
    """Return the level from which a gain is above zero, between two levels by a straight line; None if nowhere.

    >>> crossover([0.0, 0.1, 0.2], [-2.0, -1.0, 1.0])
    0.15
    """
    if gains[-1] <= 0:
        return None
    at = len(gains) - 1
    while at > 0 and gains[at - 1] > 0:
        at -= 1
    if at == 0:
        return levels[0]
    low, high = gains[at - 1], gains[at]
    share = -low / (high - low)
    return round(levels[at - 1] + share * (levels[at] - levels[at - 1]), 12)


def rows(found: Found) -> tuple[Mapping[str, Any], ...]:
    """Return accuracies of all networks, arms and levels, for the terminal."""
    return tuple(
        {"network": name, "training": which, **_accuracy(row)}
        for name, net in found["nets"].items()
        for which, levels in net["arms"].items()
        for row in levels
    )


def markdown(found: Found) -> str:
    """Return all tables."""
    text: list[str] = []
    for name, net in found["nets"].items():
        for which, levels in net["arms"].items():
            real = f"{100 * net['float'][which]:.1f} % in floating point, {levels[0]['tests']} test images"
            text += [f"## {name}, {which} ({real})", table([_accuracy(row) for row in levels])]
        text += [
            f"## {name}: signal-to-noise ratio of attention, dB, standard network",
            table(_ratios(net["arms"]["standard"])),
        ]
    text += ["## Devices, each with its own write errors", table(_devices(found["devices"]))]
    text += ["## DeiT-S at 224², from shapes", table(_costs(found["deit-s"]))]
    return "\n\n".join(text) + "\n"


def _accuracy(row: Found) -> dict[str, Any]:
    low, high = row["chosen"]
    every = {name: row["accuracy"][key] for key, name in CLIPS.items()}
    points, error = gain(row)
    band = wilson(statistics.fmean(row["accuracy"]["chosen"]), row["tests"])
    return {
        "γσ": row.get("level"), **{f"{name}, %": mean(values) for name, values in every.items()},
        "std over dies": spread(row["accuracy"]["chosen"]),
        "95 % of images": f"{100 * band[0]:.0f} to {100 * band[1]:.0f}",
        "α": low, "β": high, "points gained": points, "standard error": error,
    }  # fmt: skip


def _ratios(levels: Sequence[Found]) -> list[dict[str, Any]]:
    return [
        {
            "γσ": row["level"],
            **{f"({a:g}, {b:g})": each["snr_dB"] for each in row["snr"] for a, b in [each["clip"]]},
        }
        for row in levels
    ]


def _devices(devices: Found) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for name, row in devices.items():
        figures = _accuracy(row)
        del figures["γσ"]
        made.append({"device": name, **figures, "attention, dB": row["snr"][0]["snr_dB"]})
    return made


def _costs(chips: Found) -> list[dict[str, Any]]:
    return [
        {
            "chip": name, "energy_mJ": 1e3 * row["energy_J"], "latency_ms": 1e3 * row["latency_s"],
            "area_mm2": 1e6 * row["area_m2"], "of it attention, energy": row["attention_energy"],
            "of it attention, latency": row["attention_latency"], "cells written per image": int(row["cells"]),
            "life at 30 images/s, days": row["life_days"],
        }
        for name, row in chips.items()
    ]  # fmt: skip
