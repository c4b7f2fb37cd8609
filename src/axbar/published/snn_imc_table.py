"""Tables of the study of spiking chips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
    parts = ["## Networks on one chip", _table(_networks(found))]
    for name, shares in found["modules"].items():
        groups = sorted({g for share in shares.values() for g in share})
        body = [
            {
                "group": g,
                **{q.rpartition("_")[0] + "_%": 100 * share.get(g, 0.0) for q, share in shares.items()},
            }
            for g in groups
        ]
        parts += [f"## Where it goes: {name}", _table(body)]
    parts += ["## Arrays", _table(_columns(found["arrays"]))]
    converters = [{"kind": kind, **row} for kind, t in found["adcs"].items() for row in _columns(t)]
    parts += ["## Converters", _table(converters)]
    parts += ["## Devices", _table([{"device": name, **v} for name, v in found["devices"].items()])]
    state = [{"order": order, **row} for order, t in found["membranes"].items() for row in _columns(t)]
    parts += ["## Membranes", _table(state)]
    own = found["rates"]
    beside = {"rate": f"{own['bits']} bit, conventional", **own["conventional"]}
    spiking = [{"order": order, **row} for order in ("step", "layer") for row in _columns(own[order])]
    parts += ["## Spike rate, T = 5", _table([*spiking, beside])]
    parts += ["## Early exit", _table([dict(found["exit"])])]
    moved = [{"case": name, "moved_uJ": 1e6 * v} for name, v in found["movement"].items()]
    parts += ["## Memories and wires", _table(moved), "## Behind harsh wires", _table([dict(found["wires"])])]
    parts += _designs(found)
    return "\n\n".join(parts) + "\n"


def _designs(found: Found) -> list[str]:
    """Tables of the designs on VGG16, and of accuracy by device."""
    mixed = [{"devices": k, **v} for k, v in found["hybrid"].items() if k != "chosen"]
    searched = [{"design": k, **found["search"][k]} for k in ("preset", "best")]
    shared = [{"network": name, **row} for name, t in found["shared"].items() for row in _columns(t)]
    by_device = [{"device": name, **row} for name, row in found["device_accuracy"].items()]
    return [
        "## Few bits", _table(found["few_bits"]), "## Mixed devices", _table(mixed),
        "## Search", _table(searched), "## Shared membranes", _table(shared),
        "## Accuracy by device", _table(by_device),
    ]  # fmt: skip


def _columns(table: Mapping[str, Sequence[float]]) -> list[dict[str, Any]]:
    return [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]


def _table(body: Sequence[Mapping[str, Any]]) -> str:
    heads = list(body[0])
    lines = [heads, ["---"] * len(heads), *([_cell(row.get(head, "")) for head in heads] for row in body)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
