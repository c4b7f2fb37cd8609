"""Which sources a run really rests on.

A constant counts if the component whose formula reads it has a figure above zero; a number of the chip if it has a
source (what is assumed or set by the user has none, but a user's own words are kept); a device by the laws that are
on; a technique by what its module cites; and the data set.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from axbar import registry
from axbar._report import QUANTITIES
from axbar.report._export._record import Record
from axbar.report._export.references import Reference, data_reference, matches, no_publication

__all__ = ["Used", "cited", "unmatched", "used_sources"]

#: fields of a device that scale a law instead of holding the number itself
_LAWS = ("program_noise", "read_noise", "drift", "flicker_noise", "nonlinearity")
#: scalings that go through the published technology equations
_SCALED = ("digital energy", "digital area", "digital delay")


@dataclass(frozen=True)
class Used:
    """One source text and what rests on it (``constant adc.sar.k1``, ``crossbar.rows``, ``technique bn-adapt``)."""

    what: str
    text: str
    confidence: str


def used_sources(record: Record) -> list[Used]:
    """Return every source text behind the run, in a fixed order; assumed numbers have none."""
    found = [*_chip(record), *_device(record), *_constants(record), *_techniques(record)]
    return [used for used in found if used.confidence != "assumed"]


def cited(record: Record) -> list[tuple[Reference, list[str]]]:
    """Return every publication used, with what rests on it, in order of first use."""
    found: dict[str, tuple[Reference, list[str]]] = {}
    for used in used_sources(record):
        for reference in matches(used.text):
            found.setdefault(reference.key, (reference, []))[1].append(used.what)
    data = data_reference(str(record.facts["data"]))
    if data is not None:
        found.setdefault(data.key, (data, []))[1].append(f"data set {record.facts['data']}")
    return [(reference, list(dict.fromkeys(what))) for reference, what in found.values()]


def unmatched(record: Record) -> list[tuple[str, list[str]]]:
    """Return the source texts that name no publication we know and might, with what rests on them."""
    found: dict[str, list[str]] = {}
    for used in used_sources(record):
        if used.text and not used.what.startswith("technique ") and not matches(used.text):
            if not no_publication(used.text):
                found.setdefault(used.text, []).append(used.what)
    return list(found.items())


def _chip(record: Record) -> Iterator[Used]:
    if record.spec is None:
        return
    values = record.spec.values()
    for path, source in record.spec.sources.items():
        if path.startswith("device.custom.") and values.get("device.name") != "custom":
            continue
        yield Used(path, source.source, source.confidence)
    for component, pin in record.spec.pins.items():
        yield Used(f"pinned {component}", pin.source, "user")


def _device(record: Record) -> Iterator[Used]:
    """The laws of a device rest on its paper also where the user set another scale."""
    device: Any = getattr(record.spec, "device", None)
    if device is None or device.name not in registry.names("devices"):
        return
    preset = registry.get("devices", device.name)
    for name, source in preset.sources.items():
        mine = getattr(device, name, None)
        if name in _LAWS and mine and mine != getattr(preset.spec, name):
            yield Used(f"device.{name}", source.source, source.confidence)


def _constants(record: Record) -> Iterator[Used]:
    if record.spec is None:
        return
    from axbar.cost import Context
    from axbar.cost.technology import CONFIDENCE, SOURCE

    values = record.spec.values()
    x = Context({}, {}, {path: value for path, value in values.items() if isinstance(value, str)})
    scaled = False
    for name in record.components:
        component = record.model(name)
        if component is None:
            continue
        pin = record.spec.pins.get(name)
        for quantity in QUANTITIES:
            if not record.by_component(quantity).get(name) or getattr(pin, quantity, None) is not None:
                continue
            for constant in component.terms(x)[quantity].constants:
                yield Used(f"constant {constant.name}", constant.source, constant.confidence)
                scaled |= constant.scaling in _SCALED and constant.node_m != values.get("technology.node_m")
    if scaled:
        yield Used("technology scaling", SOURCE, CONFIDENCE)


def _techniques(record: Record) -> Iterator[Used]:
    targets = {entry.name: entry.target for entry in registry.entries("techniques")}
    for row in record.facts["techniques"]:
        target = targets.get(str(row.get("name")))
        if target:
            yield Used(f"technique {row['name']}", _docstring(target.partition(":")[0]), "code")


def _docstring(module: str) -> str:
    """Return a module's docstring without importing it: techniques would load torch."""
    top, *rest = module.split(".")
    found = find_spec(top)
    if found is None:
        return ""
    roots = [Path(p) for p in found.submodule_search_locations or ()]
    files = [root.joinpath(*rest) for root in roots] if rest else [Path(found.origin or "")]
    for file in files:
        for candidate in (file, file.with_suffix(".py"), file / "__init__.py"):
            if candidate.is_file():
                return ast.get_docstring(ast.parse(candidate.read_text(encoding="utf-8"))) or ""
    return ""
