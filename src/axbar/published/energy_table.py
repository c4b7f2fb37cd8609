"""Tables of the study of energy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from axbar.published._markdown import table
from axbar.published.energy_chips import CHIPS, CONDITIONS, PARTS, SHIPPED
from axbar.published.energy_claims import ranks, spiking

__all__ = ["markdown", "rows"]

Found = Mapping[str, Any]


def rows(found: Found) -> tuple[Mapping[str, Any], ...]:
    """Return the methods on all chips, for the terminal."""
    return tuple(_methods(found, SHIPPED))


def _methods(found: Found, condition: str) -> list[dict[str, Any]]:
    priced, body = found["priced"][condition], list[dict[str, Any]]()
    for name, facts in found["methods"].items():
        row: dict[str, Any] = {
            "method": name, "accuracy_%": 100 * facts["accuracy"], "T": float(facts["steps"]),
            "estimate_nJ": 1e9 * facts["estimate"]["fp32"], "int8_nJ": 1e9 * facts["estimate"]["int8"],
        }  # fmt: skip
        for chip in CHIPS:
            own = priced[name][chip]
            row[f"{chip}_uJ"] = 1e6 * own["energy_J"]
            row[f"{chip}_ratio"] = own["energy_J"] / facts["estimate"]["fp32"]
            row[f"{chip}_nJs"] = 1e9 * own["edp_Js"]
        body.append(row)
    return body


def _ranks(found: Found, condition: str) -> list[dict[str, Any]]:
    """Rank of every spiking method by estimate, energy and energy-delay product, least first."""
    names, priced = spiking(found), found["priced"][condition]
    columns = {"estimate": ranks([found["methods"][n]["estimate"]["fp32"] for n in names])}
    for chip in CHIPS:
        columns[chip] = ranks([priced[n][chip]["energy_J"] for n in names])
        columns[f"{chip}, EDP"] = ranks([priced[n][chip]["edp_Js"] for n in names])
    return [{"method": n, **{c: v[i] for c, v in columns.items()}} for i, n in enumerate(names)]


def markdown(found: Found) -> str:
    """Return all tables."""
    text = ["## Methods, as shipped", table(_methods(found, SHIPPED))]
    text += ["## What the methods make of the network", table(_networks(found))]
    for condition in CONDITIONS:
        if condition != SHIPPED:
            text += [f"## Methods, {condition}", table(_methods(found, condition))]
        text += [f"## Ranks of the spiking methods, {condition}", table(_ranks(found, condition))]
    text += ["## Where it goes, % of energy", table(_shares(found))]
    text += ["## Published networks", table(_published(found))]
    for title, key in (("VGG9", "steps"), ("Trained CNN", "trained_steps")):
        text += [f"## {title} by T, µJ", table(_steps(found[key]))]
    text += [
        "## VGG9 of five steps by spike rate, µJ behind the layer that reads the image",
        table(_rates(found)),
    ]
    text += ["## A training step", table(_training(found))]
    text += ["## Zeros on the array", table([{"network": n, **v} for n, v in found["sparse"].items()])]
    text += ["## Why", *found["why"]["notes"], found["why"]["energy"], found["why"]["EDP"]]
    return "\n\n".join(text) + "\n"


def _networks(found: Found) -> list[dict[str, Any]]:
    return [
        {
            "method": name, "weights_zero_%": 100 * f["weight_sparsity"], "weight_bits": f["weight_bits"],
            "input_bits": f["input_bits"], "AC": f["estimate"]["ac"], "MAC": f["estimate"]["mac"],
            "rates_%": ", ".join(f"{100 * r:.1f}" for r in f["spike_rates"]),
        }
        for name, f in found["methods"].items()
    ]  # fmt: skip


def _shares(found: Found) -> list[dict[str, Any]]:
    cases = {f"CNN, {name}": row for name, row in found["priced"][SHIPPED].items()}
    cases |= {f"{name} ({row['net']})": row["chips"] for name, row in found["published"].items()}
    return [
        {"network": case, "chip": chip, **{part: 100 * row[chip]["parts"][part] for part in PARTS}}
        for case, row in cases.items()
        for chip in CHIPS
    ]


def _published(found: Found) -> list[dict[str, Any]]:
    body: list[dict[str, Any]] = []
    for name, row in found["published"].items():
        ratio = row["published_J"] / row["published_estimate_J"]
        line = {"method": name, "net": row["net"], "T": row["T"], "sparsity": row["sparsity"]}
        line |= {"published_estimate_uJ": 1e6 * row["published_estimate_J"]}
        line |= {"estimate_uJ": 1e6 * row["estimate"]["published"], "published_ratio": ratio}
        line |= {f"ratio, {case}": ratio * left for case, left in row["mended"].items()}
        for chip in CHIPS:
            line[f"{chip}_uJ"] = 1e6 * row["chips"][chip]["energy_J"]
            line[f"{chip}_ratio"] = row["chips"][chip]["energy_J"] / row["estimate"]["published"]
        body.append(line)
    return body


def _steps(by_steps: Mapping[str, Any]) -> list[dict[str, Any]]:
    body: list[dict[str, Any]] = []
    for T, row in by_steps.items():
        for who, name in (("snn", "SNN"), ("ann", "ANN, 8 bit"), ("ann_few", f"ANN, {row['few']} bit")):
            energies = {chip: 1e6 * row[who][chip]["energy_J"] for chip in CHIPS}
            body.append({"T": T, "network": name, **energies})
    return body


def _rates(found: Found) -> list[dict[str, Any]]:
    own = found["rates"]
    each = own["spiking"]
    body: list[dict[str, Any]] = [
        {"rate_%": 100 * rate, **{chip: 1e6 * each[chip]["behind_J"][i] for chip in CHIPS}}
        for i, rate in enumerate(next(iter(each.values()))["rate"])
    ]
    return [*body, {"rate_%": "ANN", **{chip: 1e6 * own["twin"][chip]["behind_J"] for chip in CHIPS}}]


def _training(found: Found) -> list[dict[str, Any]]:
    return [
        {
            "reads": reads, "network": name, "energy_uJ": 1e6 * row["energy_J"], "time_us": 1e6 * row["latency_s"],
            "compute_nJ": 1e9 * row["compute_J"], "blind_compute_nJ": 1e9 * row["blind_compute_J"],
            **{f"{group}_uJ": 1e6 * value for group, value in row["phases"].items()},
        }
        for reads, rows in found["training"].items()
        for name, row in rows.items()
    ]  # fmt: skip
