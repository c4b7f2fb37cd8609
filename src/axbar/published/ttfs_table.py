"""Tables of the study of first-spike networks."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from axbar.published._markdown import table

__all__ = ["markdown", "mean", "rows", "spread"]

Found = Mapping[str, Any]


def mean(runs: Sequence[Found], what: str) -> float:
    """Return the mean over seeds."""
    return statistics.fmean(run[what] for run in runs)


def spread(runs: Sequence[Found], what: str) -> float:
    """Return the standard deviation over seeds, 0 for one."""
    return statistics.stdev(run[what] for run in runs) if len(runs) > 1 else 0.0


def rows(found: Found) -> tuple[Mapping[str, Any], ...]:
    """Return one row per task and network."""
    return tuple(
        {"task": name, "network": network, **_row(runs, task["linear"])}
        for name, task in found["tasks"].items()
        for network, runs in task["runs"].items()
    )


def markdown(found: Found) -> str:
    """Return all tables."""
    text = ["## Networks", table(rows(found))]
    for name, task in found["tasks"].items():
        text += [
            f"## {name}: delays and the time between path and skip, in windows", table(_delays(task["runs"])),
            f"## {name}: spike times in bits; accuracy, %", table(_sweep(task["bits"], "bits")),
            f"## {name}: jitter of spike times, in windows; accuracy, %", table(_sweep(task["jitter"], "sigma")),
            f"## {name}: the plain network on chips", table([_chip(row) for row in task["chips"]]),
        ]  # fmt: skip
    kinds = [{"neuron": kind, **_row(runs, None)} for kind, runs in found["exact"].items()]
    text += ["## Both kinds of neurons, concatenation with delay", table(kinds)]
    text += [
        "## Closed form: spikes of a layer that come after the answer, %",
        table(_needless(found["exact"])),
    ]
    text += ["## Poisson's equation: relative L2 error", table(_pde(found["pde"]))]
    return "\n\n".join(text) + "\n"


def _row(runs: Sequence[Found], linear: float | None) -> dict[str, Any]:
    return {
        "accuracy, %": 100 * mean(runs, "accuracy"), "std": 100 * spread(runs, "accuracy"),
        "linear, %": None if linear is None else 100 * linear,
        "windows fitted, %": 100 * mean(runs, "accuracy_fitted"),
        "first output spike, windows": mean(runs, "latency"), "as trained": mean(runs, "latency_trained"),
        "answered, %": 100 * mean(runs, "answered"), "spikes per neuron": mean(runs, "spikes_per_neuron"),
    }  # fmt: skip


def _delays(runs: Mapping[str, Sequence[Found]]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for network, seeds in runs.items():
        for block in seeds[0]["gap"]:
            delays = [d for run in seeds for d in run["delays"].get(block, [])]
            made.append(
                {
                    "network": network, "block": block,
                    "gap": statistics.fmean(run["gap"][block] for run in seeds),
                    "delay, mean": statistics.fmean(delays) if delays else None,
                    "delay, least": min(delays, default=None), "delay, most": max(delays, default=None),
                }
            )  # fmt: skip
    return made or [{"network": "", "block": "", "gap": None}]


def _needless(kinds: Mapping[str, Sequence[Found]]) -> list[dict[str, Any]]:
    """Return shares by layer; of constant slope they are 0, as windows follow each other."""
    return [
        {"layer": layer, **{kind: 100 * statistics.fmean(run["needless"][layer] for run in runs)
                            for kind, runs in kinds.items()}}
        for layer in next(iter(kinds.values()))[0]["needless"]
    ]  # fmt: skip


def _sweep(networks: Mapping[str, Sequence[Found]], what: str) -> list[dict[str, Any]]:
    first = next(iter(networks.values()))
    return [
        {what: row[what], **{name: 100 * rows_[n]["accuracy"] for name, rows_ in networks.items()}}
        for n, row in enumerate(first)
    ]


def _chip(row: Found) -> dict[str, Any]:
    return {
        "chip": row["chip"], "read as": row["read"], "bits": row["bits"],
        "energy, µJ": 1e6 * row["energy_J"], "latency, ms": 1e3 * row["latency_s"],
        "area, mm²": 1e6 * row["area_m2"], "integer network, %": 100 * row["digital"],
        "on dies, %": None if row["dies"] is None else 100 * row["dies"],
        "std over dies": None if row["std"] is None else 100 * row["std"],
    }  # fmt: skip


def _pde(found: Found) -> list[dict[str, Any]]:
    rows_ = [{"bits": "continuous", "relative L2 error, %": 100 * found["error"]}]
    return rows_ + [
        {"bits": row["bits"], "relative L2 error, %": 100 * row["error"]} for row in found["bits"]
    ]
