"""A methods section that says everything: network, data, chip, device, accuracy, techniques, cost model, how to repeat.

Markdown that also reads as plain text. What was not recorded says so; what is assumed is marked in the list of the
chip's settings and added up in the cost model's share.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from axbar._report import component_label
from axbar.cost.metrics import merit_text
from axbar.report._export._format import Format
from axbar.report._export._record import Record
from axbar.report._export._sources import cited
from axbar.report._export._training import splits_of, training_of
from axbar.report._facts import technique_cost
from axbar.report._scale import percent, scale_for
from axbar.report._spec_view import shown_value
from axbar.report._view import amount

__all__ = ["FORMAT"]

NOT_RECORDED = "not recorded"
#: scale of a law in the spec -> what it scales
_LAWS = {
    "program_noise": "programming noise",
    "drift": "drift",
    "flicker_noise": "1/f noise",
    "read_noise": "read noise",
    "nonlinearity": "non-linear cells",
}
#: what one run of the chip is -> what it takes in
_TAKES_IN = {
    "inference": " (one sample through all its steps)",
    "training step": " (one sample forward and backward through all its steps, and the update of the weights)",
}
#: what each mark in the list of settings means
_MARKS = {"assumed": "*", "user": "†", "inf": "‡"}


def _render(record: Record) -> str:
    parts: list[tuple[str, str]] = [
        ("Network", _network(record)),
        ("Data", _data(record)),
        ("Chip", _chip(record)),
        ("Device", _device(record)),
        ("Accuracy", _accuracy(record)),
        ("Techniques", _techniques(record)),
        ("Cost model", _cost(record)),
        ("Limits", _limits(record)),
        ("Software", _software(record)),
        ("To repeat", _repeat(record)),
    ]
    body = "\n\n".join(f"**{title}.** {text}" for title, text in parts if text)
    return f"# Methods: {record.network} on {record.chip}\n\n{body}\n"


def _network(record: Record) -> str:
    trace = record.facts["workload"]
    rows: Sequence[Mapping[str, Any]] = trace.get("layers", ())
    named = f" ({record.facts['model']})" if record.title and record.title != record.facts["model"] else ""
    text = [f"{record.network}{named}"]
    if trace.get("steps"):
        text.append(f"T = {trace['steps']} time steps")
    if rows:
        weighted = [row for row in rows if row.get("params")]
        params = sum(int(row["params"]) for row in weighted)
        text.append(f"{len(weighted)} layers with {params:,} weights and biases after folding of norms")
        kinds = sorted({str(row["kind"]) for row in rows if row.get("op") == "neuron"})
        if kinds:
            text.append(f"neurons: {', '.join(kinds)}")
    if trace.get("samples"):
        text.append(
            f"activity recorded on {trace['samples']} test images with the spikes of the {trace['spikes_of']} network"
        )
    else:
        text.append("activity assumed from rates or not recorded")
    trained = training_of(record)
    return "; ".join(text) + "." + (f" {trained}" if trained else "")


def _data(record: Record) -> str:
    name = record.facts["data"]
    if not name:
        return ""
    found = record.facts.get("accuracy") or {}
    measured = f" Accuracy was measured on {found['images']:,} test images." if found else ""
    sizes = splits_of(record)
    if sizes is None:
        return f"{name}; sizes of its parts {NOT_RECORDED}.{measured}"
    return (
        f"{name}: {sizes['train']:,} training, {sizes['calibration']:,} calibration and {sizes['test']:,} test images."
        f"{measured} Training, calibration and techniques saw no test image."
    )


def _chip(record: Record) -> str:
    hardware = record.facts["hardware"]
    values = _values(record)
    text = [f"{hardware['name']}" + (f" (kind {hardware['kind']})" if hardware.get("kind") else "")]
    if hardware.get("hash"):
        text[0] += f", content hash {hardware['hash']}"
    changed = record.facts.get("diff") or {}
    if changed:
        pairs = [f"{p} {shown_value(p, a)} → {shown_value(p, b)}" for p, (a, b) in changed.items()]
        text.append(f"Changed from the preset: {', '.join(pairs)}")
    if not values:
        return f"{text[0]}. Settings {NOT_RECORDED}."
    lines = "\n".join(f"- {block}: {', '.join(items)}" for block, items in _settings(record, values).items())
    marks = "no mark: with a source; * assumed; † set by the user; ‡ inferred from cited numbers"
    if record.spec is None:
        marks = f"sources {NOT_RECORDED}"
    return f"{'. '.join(text)}. All settings ({marks}):\n\n{lines}"


def _values(record: Record) -> Mapping[str, Any]:
    """All settings of the chip by path; empty if not recorded."""
    return record.facts["hardware"].get("values") or (record.spec.values() if record.spec else {})


def _settings(record: Record, values: Mapping[str, Any]) -> dict[str, list[str]]:
    blocks: dict[str, list[str]] = {}
    for path, value in values.items():
        if path.startswith("device.custom.") and values.get("device.name") != "custom":
            continue  # laws that this device does not follow
        block, _, name = path.partition(".") if "." in path else ("chip-wide", "", path)
        mark = ""
        if record.spec is not None:
            mark = _MARKS.get(record.spec.confidence_of(path), "")
            mark = _MARKS["user"] if path.startswith("pins.") else mark
        blocks.setdefault(block, []).append(f"{name} {shown_value(path, value)}{mark}")
    return blocks


def _device(record: Record) -> str:
    values = _values(record)
    if "device.name" not in values:
        return ""
    scales = {law: values.get(f"device.{law}") for law in _LAWS}
    on = [f"{_LAWS[law]}{'' if s == 1 else f' × {s:g}'}" for law, s in scales.items() if s]
    off = [_LAWS[law] for law, s in scales.items() if s == 0]
    text = f"{values['device.name']}; laws on (where the device has them): {', '.join(on) or 'none'}"
    if off:
        text += f"; off: {', '.join(off)}"
    faults = [f"{percent(values[f'device.{k}'])} stuck {k[6:]}" for k in ("stuck_on", "stuck_off")
              if values.get(f"device.{k}")]  # fmt: skip
    age = values.get("device.age_s")
    text += f"; faulty cells: {', '.join(faults) or 'none'}"
    return text + (
        f"; read {shown_value('device.age_s', age)} after programming."
        if isinstance(age, int | float)
        else "."
    )


def _accuracy(record: Record) -> str:
    found = record.facts.get("accuracy")
    if not found:
        return ""
    arguments: Mapping[str, Any] = record.run.get("arguments") or {}
    text = [f"{100 * found['float']:.2f} % as trained"]
    if found.get("digital") is not None:
        text.append(f"{100 * found['digital']:.2f} % with integer weights and inputs of the chip's bits")
    chip = found.get("analog")
    if chip:
        count, std = len(chip["chips"]), chip.get("std")
        spread = "" if std is None else f" ± {100 * std:.2f} (sample standard deviation)"
        dies = f"mean{spread} of {count} programmed dies" if count > 1 else "of one programmed die"
        text.append(f"{100 * chip['mean']:.2f} % on the chip, {dies}")
        seed = arguments.get("seed")
        if seed is not None:
            text.append(f"die i = 0, 1, ... is programmed with seed {seed} + i")
    values = _values(record)
    if chip and "adc.calibration" in values:
        text.append(
            f"converter ranges fitted by '{values['adc.calibration']}' on calibration images, once per design"
        )
    return "; ".join(text) + "."


def _techniques(record: Record) -> str:
    rows: Sequence[Mapping[str, Any]] = record.facts["techniques"]
    if not rows:
        return "None." if record.facts.get("accuracy") else ""
    lines = []
    for row in rows:
        settings = ", ".join(f"{key} = {value}" for key, value in (row.get("config") or {}).items())
        where = "before programming" if row.get("stage") == "network" else "on every die"
        lines.append(f"- {row['name']} ({where}): {settings or 'no settings'}; cost: {technique_cost(row)}")
    return "\n".join(["Applied in this order; tuned on training and calibration images only:\n", *lines])


def _cost(record: Record) -> str:
    facts = record.facts
    shown = (("energy", "energy_J", "J"), ("latency", "latency_s", "s"), ("area", "area_m2", "m2"),
             ("leakage", "leakage_W", "W"))  # fmt: skip
    figures = [f"{name} {_spread(record, key, unit)}" for name, key, unit in shown]
    top = sorted(record.by_component("energy_J").items(), key=lambda item: -item[1])[:3]
    whole = record.total("energy_J") or 1.0
    parts = ", ".join(f"{component_label(name)} {percent(value / whole, 0)}" for name, value in top)
    text = (
        f"Per {record.work}{_TAKES_IN.get(record.work, '')}, with components' energies, times, areas and leakage "
        f"from published figures, scaled to the node and supply of the chip: {'; '.join(figures)}; energy × delay "
        f"{amount(record.total('edp_Js'), 'Js')}. Most energy: {parts}."
    )
    if record.merits:
        merits = [f"{label} {merit_text(value, unit)}" for label, value, unit in record.merits.values()]
        text += f" Figures of merit of this network, not peak figures: {'; '.join(merits)}."
    if facts.get("feasible") is False:
        text += (
            f" The network does not fit ({facts.get('reason')}): these are the costs of what it would take."
        )
    return text


def _spread(record: Record, key: str, unit: str) -> str:
    value, ends = record.total(key), record.spread(key)
    if ends is None:
        return amount(value, unit)
    scale = scale_for(ends[1], unit)
    return f"{amount(value, unit)} ({scale.show(ends[0], 2)} to {scale.show(ends[1], 2)} {scale.unit})"


def _limits(record: Record) -> str:
    pinned = sorted(record.spec.pins) if record.spec is not None else []
    own = f" but for the user's own figures for {', '.join(pinned)}" if pinned else ""
    text = [f"Costs are modelled and uncalibrated{own}: nothing was measured on silicon."]
    if record.spread("energy_J") is None:
        text.append(
            "Models of this kind were not compared with silicon: no spread is known."
            if record.unchecked
            else "Spreads are not recorded."
        )
    else:
        text.append("Ranges in brackets are those within which published silicon lies around such models.")
    text.append(
        f"{percent(float(record.facts['assumed_share']))} of the energy is spent in components whose model reads at "
        "least one number that is assumed or set by the user."
    )
    text += [f"Note: {note}." for note in record.facts["notes"]]
    text += [f"Note: {warning}." for warning in record.warnings]
    return " ".join(line.replace("..", ".") for line in text)


def _software(record: Record) -> str:
    versions: Mapping[str, str] = record.run.get("versions") or {}
    if not versions:
        return f"axbar; versions {NOT_RECORDED}."
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    sources = len(cited(record))
    sources_of = "publication" if sources == 1 else f"{sources} publications"
    return f"{listed}. The {sources_of} behind the figures: 'axbar export --to bibtex'."


def _repeat(record: Record) -> str:
    command = record.run.get("command")
    if not command:
        return f"the command was {NOT_RECORDED}."
    inputs: Mapping[str, str] = record.run.get("inputs") or {}
    hashes = ", ".join(f"{name} {value}" for name, value in inputs.items())
    again = f"axbar rerun {shlex.quote(str(record.folder))}" if record.folder else "axbar rerun RUN"
    threads = (record.run.get("arguments") or {}).get("threads")
    tail = f" ({threads} threads)" if threads else ""
    return f"`{command}`{tail}; the same figures bit for bit: `{again}`. Content hashes: {hashes or NOT_RECORDED}."


FORMAT = Format("methods", "methods.md", "a methods section with every setting, cost and limit", _render)
