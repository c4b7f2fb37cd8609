"""The chip as the page lists it: every quantity with unit, source, confidence and what was changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from axbar._report import Report
from axbar.spec import HardwareSpec
from axbar.units import format_quantity, unit_of

__all__ = ["CONFIDENCE_WORDS", "SpecRow", "changes", "shown_value", "source_groups", "spec_blocks"]

CONFIDENCE_WORDS = {
    "run": "computed or executed by us",
    "code": "read in an open project's file that cites a paper",
    "abs": "from a paper's abstract",
    "sec": "from third-party notes that quote the paper",
    "inf": "inferred from cited numbers",
    "assumed": "no source",
    "user": "set by the user",
}


@dataclass(frozen=True)
class SpecRow:
    """One quantity: path, value with unit, source, confidence, and what it was in the preset if changed."""

    path: str
    value: str
    source: str
    confidence: str
    was: str | None = None


def shown_value(path: str, value: Any) -> str:
    """Write a value of the spec with its unit, no digit lost and none invented.

    >>> shown_value("read.t_read_s", 1e-8), shown_value("adc.bits", 5), shown_value("device.g_off_S", 0.0)
    ('10 ns', '5', '0 S')
    """
    unit = unit_of(path)
    if value is None:
        return "not set"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if not unit:
        return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"
    number, _, prefixed = format_quantity(float(value), unit, 6).partition(" ")
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {prefixed}"


def spec_blocks(report: Report) -> list[tuple[str, list[SpecRow]]]:
    """Return (block, rows) in the order of the spec; single quantities stand under "chip-wide"."""
    spec = report.hardware
    was = report.base.diff(spec)
    blocks: dict[str, list[SpecRow]] = {}
    for path, value in spec.values().items():
        if path.startswith("pins.") and path.endswith(".source"):
            continue
        if path.startswith("device.custom.") and spec.values().get("device.name") != "custom":
            continue  # laws that this device does not follow
        source, confidence = _origin(spec, path, value)
        before = shown_value(path, was[path][0]) if path in was else None
        block = path.split(".")[0] if "." in path else "chip-wide"
        blocks.setdefault(block, []).append(
            SpecRow(path, shown_value(path, value), source, confidence, before)
        )
    return list(blocks.items())


def changes(report: Report) -> list[tuple[str, str, str]]:
    """Return (path, value in the preset, value here) for all that was changed."""
    pairs = report.base.diff(report.hardware)
    return [(path, shown_value(path, a), shown_value(path, b)) for path, (a, b) in pairs.items()]


def source_groups(report: Report) -> list[tuple[str, str, list[str]]]:
    """Return (source, confidence, paths and constants that rest on it), most used first."""
    groups: dict[tuple[str, str], list[str]] = {}
    for _, rows in spec_blocks(report):
        for row in rows:
            if row.source:
                groups.setdefault((row.source, row.confidence), []).append(row.path)
    for constant in _constants(report).values():
        groups.setdefault((constant.source, constant.confidence), []).append(constant.name)
    found = [(source, confidence, paths) for (source, confidence), paths in groups.items()]
    return sorted(found, key=lambda group: -len(group[2]))


def _constants(report: Report) -> dict[str, Any]:
    """Return the constants that the cost model reads, by name."""
    found: dict[str, Any] = {}
    for component in report.estimate.components:
        for quantity in ("energy", "latency", "area", "leakage"):
            for constant in getattr(report.estimate.explain(f"{component}.{quantity}"), "constants", ()):
                found.setdefault(constant.name, constant)
    return found


def _origin(spec: HardwareSpec, path: str, value: Any) -> tuple[str, str]:
    """Return (source, confidence); names of choices need none."""
    if path.startswith("pins."):
        pin = spec.pins.get(path.split(".")[1])
        return (pin.source if pin else "", "user")
    found = spec.sources.get(path)
    if found:
        return found.source, found.confidence
    return "", "" if isinstance(value, str) else spec.confidence_of(path)
