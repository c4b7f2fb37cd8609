"""The figure of the study of clipped keys and values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from axbar.published._plot import Bars, Lines, Series, figure
from axbar.published.clipformer_networks import ARMS
from axbar.published.clipformer_table import CLIPS, mean, spread
from axbar.techniques.clipformer import CHOICES

__all__ = ["panels"]

Found = Mapping[str, Any]


def panels(found: Found, caption: str) -> str:
    """Return the SVG of all panels."""
    drawn: list[Lines | Bars] = []
    for name in found["nets"]:
        drawn += [_accuracy(found, name, which) for which in ARMS]
        drawn.append(_ratios(found, name))
    drawn += [_devices(found["devices"]), _energy(found["deit-s"]), _cells(found["deit-s"])]
    return figure(
        drawn, caption, "Clipped keys and values: accuracy and signal-to-noise ratio against write noise"
    )


def _accuracy(found: Found, name: str, which: str) -> Lines:
    rows = found["nets"][name]["arms"][which]
    series = [
        Series(
            words, [row["level"] for row in rows], [mean(row["accuracy"][clip]) for row in rows],
            [spread(row["accuracy"][clip]) for row in rows],
        )
        for clip, words in CLIPS.items()
    ]  # fmt: skip
    return Lines(f"{name}, {which}", series, "write noise γσ", "top-1 on dies, %")


def _ratios(found: Found, name: str) -> Lines:
    rows = [row for row in found["nets"][name]["arms"]["standard"] if row["level"] > 0]
    series = [
        Series(
            f"({low:g}, {high:g})" if at else "no clipping", [row["level"] for row in rows],
            [row["snr"][at]["snr_dB"] for row in rows],
        )
        for at, (low, high) in enumerate(CHOICES)
    ]  # fmt: skip
    return Lines(f"{name}: attention", series, "write noise γσ", "signal-to-noise ratio, dB")


def _devices(devices: Found) -> Lines:
    series = [
        Series(
            words, range(len(devices)), [mean(row["accuracy"][clip]) for row in devices.values()],
            [spread(row["accuracy"][clip]) for row in devices.values()], joined=False,
        )
        for clip, words in CLIPS.items()
    ]  # fmt: skip
    names = [name.removeprefix("rram-").removeprefix("pcm-") for name in devices]
    return Lines("Cells of devices, own errors", series, "", "top-1 on dies, %", x_names=names)


def _energy(chips: Found) -> Bars:
    shares = [row["attention_energy"] for row in chips.values()]
    whole = [1e3 * row["energy_J"] for row in chips.values()]
    parts = {
        "attention's products": [a * b for a, b in zip(shares, whole, strict=True)],
        "all else": [(1 - a) * b for a, b in zip(shares, whole, strict=True)],
    }
    return Bars("DeiT-S, from shapes", _short(chips), parts, "energy per image, mJ")


def _cells(chips: Found) -> Bars:
    written = {"cells": [row["cells"] / 1e6 for row in chips.values()]}
    return Bars("DeiT-S, cells written", _short(chips), written, "million per image")


def _short(chips: Found) -> list[str]:
    short = {"cells, clipped": "clipped", "SRAM cells": "SRAM", "digital units": "digital"}
    return [short.get(name, name) for name in chips]
