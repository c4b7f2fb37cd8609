"""Tables of the tensor-train study."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from axbar.intervals import wilson
from axbar.published._markdown import table
from axbar.published.tt_claims import accuracies, lost, spread
from axbar.published.tt_networks import MODES

__all__ = ["markdown", "rows"]

Found = Mapping[str, Any]


def rows(found: Found) -> tuple[Mapping[str, Any], ...]:
    """Return accuracies of all networks and modes, for the terminal."""
    return tuple({"network": name, **row} for name, net in found["nets"].items() for row in _accuracy(net))


def markdown(found: Found) -> str:
    """Return all tables."""
    text: list[str] = []
    for name, net in found["nets"].items():
        text += [f"## {name}", table(_accuracy(net))]
    text += ["## Training step, measured", table(_steps(found["steps"]))]
    text += [
        f"## Training step, modelled, per sample: {found['traced']}",
        table(_training(found["training"])),
    ]
    wide = found["untrained"]
    text += [
        f"## Training step, modelled, per sample: untrained, width {wide['width']}",
        table(_training(wide["training"])),
    ]
    text += ["## Inference on crossbars", table(_inference(found["inference"]))]
    for data, modes in found["sizes"].items():
        text += [f"## Counted at full width, {data}, rank {found['rank']:g} min(I, O)", table(_sizes(modes))]
    text += [
        f"## Counted at full width, N-Caltech101, rank {found['solved']['rank']:.4f} min(I, O)",
        table(_sizes({mode: found["solved"][mode] for mode in MODES})),
    ]
    return "\n\n".join(text) + "\n"


def _accuracy(net: Found) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for mode, runs in net["runs"].items():
        values = accuracies(net, mode)
        low, high = wilson(statistics.fmean(values) / 100, runs[0]["tests"])
        points, error = lost(net, mode)
        made.append(
            {
                "mode": mode, "accuracy_%": statistics.fmean(values), "std over seeds": spread(values),
                "95 %": f"{100 * low:.1f} to {100 * high:.1f}", "points lost": points, "standard error": error,
                "merged_%": statistics.fmean(accuracies(net, mode, "merged_accuracy")),
                "weights": runs[0]["weights"], "MACs": runs[0]["macs"], "stored_KB": runs[0]["stored_bits"] / 8e3,
            }
        )  # fmt: skip
    return made


def _steps(at: Found) -> list[dict[str, Any]]:
    return [
        {
            "mode": name, "CPU s a step": row["step_s"], "of dense": row["step_ratio"], "highest": row["step_highest"],
            "kept_MB": row["kept_B"] / 1e6,
            "one image, of dense": row.get("image_ratio", ""),
        }
        for name, row in at["rows"].items()
    ]  # fmt: skip


def _training(chips: Found) -> list[dict[str, Any]]:
    dense = chips["dense"]["one array"]
    return [
        {
            "mode": mode, "array": array, "energy_uJ": 1e6 * row["energy_J"],
            "of dense": row["energy_J"] / dense["energy_J"],
            "time_us": 1e6 * row["latency_s"], "time of dense": row["latency_s"] / dense["latency_s"],
            **{f"{phase}_uJ": 1e6 * value for phase, value in row["phases"].items()},
            "of it memory": row["groups"]["memory"] / row["energy_J"],
        }
        for mode, arrays in chips.items()
        for array, row in arrays.items()
    ]  # fmt: skip


def _inference(chips: Found) -> list[dict[str, Any]]:
    return [
        {
            "mode": mode, "form": form, "arrays": int(row["arrays"]), "left out": int(row["arrays_saved"]),
            "energy_uJ": 1e6 * row["energy_J"], "converters_uJ": 1e6 * row["adc_energy_J"],
            "latency_us": 1e6 * row["latency_s"], "area_mm2": 1e6 * row["area_m2"],
        }
        for mode, forms in chips.items()
        for form, row in forms.items()
    ]  # fmt: skip


def _sizes(modes: Found) -> list[dict[str, Any]]:
    return [
        {
            "mode": mode, "parameters": row["params"], "fewer": row["param_ratio"], "MACs": row["macs"],
            "fewer MACs": row["mac_ratio"], "weights in training, 32 bits, MB": row["trained_B"] / 1e6,
            "merged, 8 bits, MB": row["stored_B"] / 1e6,
        }
        for mode, row in modes.items()
    ]  # fmt: skip
