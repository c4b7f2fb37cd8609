"""The tables of the study in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from axbar.units import format_quantity

__all__ = ["markdown"]

_HEADS = (
    "flaw", "device", "array", "", "none", "adapted", "fine-tuned", "recovered by adaptation", "by fine-tuning",
    "PC2 median (max)", "gain", "paper (VGG16)",
)  # fmt: skip
#: (flaw, device, array, detail) -> published none / adapted / fine-tuned in percent, of 88.62 (third-party notes);
#: drift from the points lost, of a device that the notes do not name
_PAPER = {
    ("parasitics", "rram-bn", 64, ""): "74.37 / 86.31 / 87.97",
    ("parasitics", "rram-bn", 128, ""): "32.9 / 83.03 / 87.81",
    ("parasitics + read noise", "rram-bn", 64, "sigma 0.1"): "62.28 / - / 83.22",
    ("parasitics + read noise", "rram-bn", 128, "sigma 0.1"): "27.86 / - / 81.59",
    ("read noise", "fefet-2bit", 64, "sigma 0.05"): "- / 87.78 / -",
    ("read noise", "fefet-2bit", 64, "sigma 0.15"): "- / 77.89 / -",
    ("drift", "rram-bn", 64, "1e+10 s"): "12.1 / - / 83.6",
}


def markdown(rows: Sequence[Mapping[str, Any]], prices: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Return a table of accuracies and one of costs per network.

    Args:
        rows: of the study.
        prices: of ``bn_cost.costs``, by network.
    """
    lines: list[str] = []
    for network in dict.fromkeys(row["network"] for row in rows):
        lines += [
            f"## {network}",
            "",
            *_table(_HEADS, [_cells(r) for r in rows if r["network"] == network]),
            "",
        ]
        lines += _table(
            ("method", "memory", "MACs", "cells written", "energy", "time"),
            [_price(p) for p in prices[network]],
        )
        lines.append("")
    return "\n".join(lines)


def _table(heads: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(line)} |" for line in (heads, ["---"] * len(heads), *body)]


def _cells(row: Mapping[str, Any]) -> list[str]:
    recovered = [_number(row[f"{arm}_recovered_%"], "{:.0f} %") for arm in ("adapt", "tune")]
    pc2 = "" if row["pc2_max"] is None else f"{row['pc2_median']:.1e} ({row['pc2_max']:.1e})"
    return [
        row["flaw"], row["device"], f"{row['array']}²", row["detail"].replace("kohm", "kΩ").replace("sigma", "σ"),
        *(_accuracy(row, arm) for arm in ("none", "adapt", "tune")),
        *recovered, pc2, _number(row["gain"], "{:.2f}"),
        _PAPER.get((row["flaw"], row["device"], row["array"], row["detail"]), ""),
    ]  # fmt: skip


def _accuracy(row: Mapping[str, Any], arm: str) -> str:
    mean, std = row[f"{arm}_%"], row[f"{arm}_std"]
    if mean is None:
        return ""
    return f"{mean:.1f} %" if std is None else f"{mean:.1f} ± {std:.1f} %"


def _number(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def _price(row: Mapping[str, Any]) -> list[str]:
    return [
        row["method"], format_quantity(row["memory_B"], "B"), f"{row['macs']:.2e}", f"{row['cells_written']:.2e}",
        format_quantity(row["energy_J"], "J"), format_quantity(row["time_s"], "s"),
    ]  # fmt: skip
