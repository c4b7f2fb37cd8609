"""Tables of the study of spiking chips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from axbar.published._markdown import table

__all__ = ["markdown", "rows"]

Found = Mapping[str, Any]


def rows(found: Found) -> tuple[Mapping[str, Any], ...]:
    """Return the networks on the default chip, for the terminal."""
    return tuple(_networks(found))


def _networks(found: Found) -> list[dict[str, Any]]:
    table: list[dict[str, Any]] = []
    for name, v in found["crossover"].items():
        network = found["networks"].get(name) or found["networks"]["ANN"]
        table.append({
            "network": name,
            "float_%": 100 * network["accuracy"],
            "energy_uJ": 1e6 * v["energy_J"],
            "behind_layer_1_uJ": 1e6 * v["behind_J"],
            "latency_ms": 1e3 * v["latency_s"],
            "edp_nJs": 1e9 * v["edp_Js"],
            "area_mm2": 1e6 * v["area_m2"],
        })  # fmt: skip
    return table


def markdown(found: Found) -> str:
    """Return all tables."""
    parts = ["## Networks on one chip", table(_networks(found))]
    for name, shares in found["modules"].items():
        groups = sorted({g for share in shares.values() for g in share})
        body = [
            {
                "group": g,
                **{q.rpartition("_")[0] + "_%": 100 * share.get(g, 0.0) for q, share in shares.items()},
            }
            for g in groups
        ]
        parts += [f"## Where it goes: {name}", table(body)]
    parts += ["## Arrays", table(_columns(found["arrays"]))]
    converters = [{"kind": kind, **row} for kind, t in found["adcs"].items() for row in _columns(t)]
    parts += ["## Converters", table(converters)]
    parts += ["## Devices", table([{"device": name, **v} for name, v in found["devices"].items()])]
    state = [{"order": order, **row} for order, t in found["membranes"].items() for row in _columns(t)]
    parts += ["## Membranes", table(state)]
    own = found["rates"]
    beside = {"rate": f"{own['bits']} bit, conventional", **own["conventional"]}
    spiking = [{"order": order, **row} for order in ("step", "layer") for row in _columns(own[order])]
    parts += ["## Spike rate, T = 5", table([*spiking, beside])]
    parts += ["## Early exit", table([dict(found["exit"])])]
    moved = [{"case": name, "moved_uJ": 1e6 * v} for name, v in found["movement"].items()]
    parts += ["## Memories and wires", table(moved), "## Behind harsh wires", table([dict(found["wires"])])]
    parts += _designs(found)
    return "\n\n".join(parts) + "\n"


def _designs(found: Found) -> list[str]:
    """Tables of the designs on VGG16, and of accuracy by device."""
    mixed = [{"devices": k, **v} for k, v in found["hybrid"].items() if k != "chosen"]
    searched = [{"design": k, **found["search"][k]} for k in ("preset", "best")]
    shared = [{"network": name, **row} for name, t in found["shared"].items() for row in _columns(t)]
    by_device = [{"device": name, **row} for name, row in found["device_accuracy"].items()]
    return [
        "## Few bits", table(found["few_bits"]), "## Mixed devices", table(mixed),
        "## Search", table(searched), "## Shared membranes", table(shared),
        "## Accuracy by device", table(by_device),
    ]  # fmt: skip


def _columns(table: Mapping[str, Sequence[float]]) -> list[dict[str, Any]]:
    return [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]
