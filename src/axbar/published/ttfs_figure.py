"""The figure of the study of first-spike networks."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from axbar.published._plot import Bars, Lines, Series, figure
from axbar.published.ttfs_networks import NETWORKS
from axbar.published.ttfs_table import mean, spread

__all__ = ["panels"]

Found = Mapping[str, Any]
_SKIPS = ("concat", "concat, delay")


def panels(found: Found, caption: str) -> str:
    """Return the SVG of all panels."""
    tasks: Mapping[str, Any] = found["tasks"]
    drawn: list[Lines | Bars] = [
        _errors(tasks),
        _by_task(tasks, "latency", "First output spike", "windows"),
        _by_task(tasks, "spikes_per_neuron", "Spikes per neuron", "mean"),
        *(_gaps(name, task["runs"]) for name, task in tasks.items()),
        *(_sweep(name, task["bits"], "bits", "bits of a spike's time") for name, task in tasks.items()),
        *(_sweep(name, task["jitter"], "sigma", "jitter, windows") for name, task in tasks.items()),
        *(_energy(name, task["chips"]) for name, task in tasks.items()),
    ]
    return figure(
        drawn, caption, "First-spike networks: accuracy, time, spikes, delays and what chips make of them"
    )


def _by_task(tasks: Mapping[str, Any], what: str, title: str, unit: str) -> Lines:
    places = list(range(len(tasks)))
    series = [
        Series(
            network, places, [mean(task["runs"][network], what) for task in tasks.values()],
            [spread(task["runs"][network], what) for task in tasks.values()], joined=False,
        )
        for network in NETWORKS
    ]  # fmt: skip
    return Lines(title, series, "", unit, x_names=_names(tasks))


def _errors(tasks: Mapping[str, Any]) -> Lines:
    places = list(range(len(tasks)))
    series = [
        Series(
            network, places, [100 * (1 - mean(task["runs"][network], "accuracy")) for task in tasks.values()],
            [100 * spread(task["runs"][network], "accuracy") for task in tasks.values()], joined=False,
        )
        for network in NETWORKS
    ]  # fmt: skip
    linear = [100 * (1 - task["linear"]) for task in tasks.values()]
    series.append(Series("linear classifier", places, linear, joined=False))
    return Lines("Test error", series, "", "%", x_names=_names(tasks), y_log=True)


def _names(tasks: Mapping[str, Any]) -> list[str]:
    return [name.split(",")[0] for name in tasks]


def _gaps(name: str, runs: Mapping[str, Any]) -> Lines:
    blocks = list(runs[_SKIPS[0]][0]["gap"])
    series = [
        Series(
            network, range(len(blocks)),
            [statistics.fmean(run["gap"][block] for run in runs[network]) for block in blocks], joined=False,
        )
        for network in _SKIPS
    ]  # fmt: skip
    learned = [
        statistics.fmean(d for run in runs[_SKIPS[1]] for d in run["delays"][block]) for block in blocks
    ]
    series.append(Series("delay learned", range(len(blocks)), learned, joined=False))
    return Lines(
        f"{name}: path behind skip",
        series,
        "",
        "windows",
        x_names=[f"block {n + 1}" for n in range(len(blocks))],
    )


def _sweep(name: str, networks: Mapping[str, Any], what: str, label: str) -> Lines:
    series = [
        Series(network, [row[what] for row in rows], [100 * row["accuracy"] for row in rows])
        for network, rows in networks.items()
    ]
    title = "times in few bits" if what == "bits" else "times that are off"
    return Lines(f"{name}: {title}", series, label, "test, %")


def _energy(name: str, rows: Any) -> Lines:
    every = sorted({(row["chip"], row["read"]) for row in rows})
    series = [
        Series(
            f"{chip.split('-')[0]}, {read}",
            [row["bits"] for row in rows if (row["chip"], row["read"]) == (chip, read)],
            [1e6 * row["energy_J"] for row in rows if (row["chip"], row["read"]) == (chip, read)],
        )
        for chip, read in every
    ]
    return Lines(
        f"{name}: plain, on chips", series, "bits of a spike's time", "energy per image, µJ", y_log=True
    )
