"""Tables of the study of dual-sparse accelerators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from axbar.published._markdown import table
from axbar.published.loas_claims import NAMES
from axbar.published.loas_priced import efficiencies

__all__ = ["markdown", "rows"]

Found = Mapping[str, Any]


def rows(found: Found) -> tuple[Mapping[str, Any], ...]:
    """Return cycles by accelerator and level on the trained network, for the terminal."""
    return tuple(_levels(found["real"]["levels"]))


def _levels(table: Mapping[str, Mapping[str, int]]) -> list[dict[str, Any]]:
    body: list[dict[str, Any]] = []
    for name, row in table.items():
        cycles = {level: row[level] for level in ("published", "join", "pipeline") if level in row}
        over = {
            f"{level}_speedup": float(table["sparten"][level]) / value if value else 0.0
            for level, value in cycles.items()
        }
        body.append({"accelerator": name, "ops": row["ops"], **cycles, **over})
    return body


def markdown(found: Found) -> str:
    """Return all tables."""
    real = found["real"]
    parts = ["## Published totals", table(_published(found))]
    parts += ["## Factors of the speed-up", table(_factors(found))]
    parts += ["## Cycles, columns of unequal density", table(_skew(found))]
    for net, value in found["synthetic"].items():
        parts += [f"## Cycles, synthetic {NAMES[net]}", table(_levels(value["levels"]))]
    parts += [f"## Cycles, trained network, {real['samples']} images", table(_levels(real["levels"]))]
    parts += ["## Cycles before pruning", table(_levels(real["dense_levels"]))]
    parts += ["## Energy, published sum, nJ", table(_published_energy(found))]
    parts += ["## Energy, own components, nJ", table(_energy(found))]
    parts += [
        "## Prefix sums: cycles",
        table(_circuits(found)),
        "## Prefix sums: costs",
        table(_costs(found)),
    ]
    parts += ["## Formats of spikes, trained network", table(_formats(found))]
    parts += ["## Trained network", table([{"stage": name, **v} for name, v in found["stages"].items()])]
    parts += ["## Sparsities", table([{"stage": name, **v} for name, v in real["sparsities"].items()])]
    by_layer = [{"stage": stage, **row} for stage, body in real["by_layer"].items() for row in body]
    parts += ["## Layers on LoAS", table(by_layer)]
    return "\n\n".join(parts) + "\n"


def _published(found: Found) -> list[dict[str, Any]]:
    return [
        {"network": NAMES[net], "accelerator": name, **row}
        for net, t in found["published"].items()
        for name, row in t.items()
    ]


def _factors(found: Found) -> list[dict[str, Any]]:
    body = [{"tensors": f"published {NAMES[net]}", **f} for net, f in found["published_factors"].items()]
    for net, value in found["synthetic"].items():
        body += [
            {"tensors": f"synthetic {NAMES[net]}, {level}", **f} for level, f in value["factors"].items()
        ]
    body += [
        {"tensors": f"unequal columns, {NAMES[net]}", **t["factors"]} for net, t in found["skew"].items()
    ]
    body += [{"tensors": f"trained, {level}", **f} for level, f in found["real"]["factors"].items()]
    body += [{"tensors": f"trained, {name} shuffled", **f} for name, f in found["real"]["shuffled"].items()]
    heads = list(max(body, key=len))
    return [{head: row.get(head, "") for head in heads} for row in body]


def _skew(found: Found) -> list[dict[str, Any]]:
    return [
        {"network": NAMES[net], "spread": t["spread"], "accelerator": name, "published": t["published"].get(name, ""),
         "uniform": found["synthetic"][net]["levels"][name]["published"], "unequal": cycles}
        for net, t in found["skew"].items()
        for name, cycles in t["cycles"].items()
    ]  # fmt: skip


def _published_energy(found: Found) -> list[dict[str, Any]]:
    body: list[dict[str, Any]] = []
    for net, modes in found["published_energy"].items():
        for mode, t in modes.items():
            over = efficiencies(t)
            body += [
                {"network": NAMES[net], "mode": mode, "accelerator": name, **row, "efficiency": over[name]}
                for name, row in t.items()
            ]
    return body


def _energy(found: Found) -> list[dict[str, Any]]:
    tables = {
        (NAMES[net], level): t for net, v in found["synthetic"].items() for level, t in v["energy"].items()
    }
    tables |= {("trained", level): t for level, t in found["real"]["energy"].items()}
    tables["trained, dense", "join"] = found["real"]["dense_energy"]
    return [
        {"network": net, "level": level, "accelerator": name, **row, "efficiency": efficiencies(t)[name]}
        for (net, level), t in tables.items()
        for name, row in t.items()
    ]


def _circuits(found: Found) -> list[dict[str, Any]]:
    cases = {NAMES[net]: v["circuits"] for net, v in found["synthetic"].items()}
    cases["trained"] = found["real"]["circuits"]
    return [
        {"network": net, "circuit": name, "cycles": value, "over_join": value / c["join"]}
        for net, c in cases.items()
        for name, value in c.items()
    ]


def _costs(found: Found) -> list[dict[str, Any]]:
    return [
        {"network": NAMES[net], "circuit": name, **row}
        for net, v in found["synthetic"].items()
        for name, row in v["circuit_costs"].items()
    ]


def _formats(found: Found) -> list[dict[str, Any]]:
    heads = ("stored_bits", "bursts", "runs", "bits_per_run", "useful")
    return [
        {"stage": stage, "format": form, **{head: row.get(head, "") for head in heads}}
        for stage, t in found["real"]["formats"].items()
        for form, row in t.items()
    ]
