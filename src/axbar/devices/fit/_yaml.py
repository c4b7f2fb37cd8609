"""A fitted device as a hardware file: usable at once, every number with its source and how sure it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import PurePath

from axbar.devices.fit import DeviceFit
from axbar.errors import UsageError
from axbar.spec import load_hardware
from axbar.spec._quantity import write_quantity
from axbar.spec.imc import CustomLaws, ImcSpec
from axbar.units import unit_of

__all__ = ["hardware_yaml"]


def hardware_yaml(fit: DeviceFit, extends: str, name: str = "", found_at: str = "") -> str:
    """Return the file's text; see ``DeviceFit.to_yaml``.

    The cell's area is no part of the measurement: that of the extended chip's device is kept, as assumed.
    """
    base = load_hardware(found_at or extends)
    if not isinstance(base, ImcSpec):
        raise UsageError(
            f"'{extends}' is a chip of kind {base.kind} without memory cells; extend one of kind imc."
        )
    return "\n".join(_lines(fit, extends, base, name)) + "\n"


def _lines(fit: DeviceFit, extends: str, base: ImcSpec, name: str) -> Iterator[str]:
    data = f"{fit.name} (sha256 {fit.digest})"
    yield f"# Device fitted to {data}: {fit.rows} reads of {fit.cells} cells."
    yield from (f"# Not determined: {sentence}." for sentence in fit.undetermined)
    yield f"extends: {json.dumps(extends, ensure_ascii=False)}"
    yield f"name: {json.dumps(name or _chip_name(fit.name))}"
    yield f"description: {_quoted(f'{base.name} with a device fitted to {fit.name}')}"
    yield ""
    yield "device:"
    yield f"  name: {{value: custom, source: {_quoted(f'fitted to {data}')}, confidence: run}}"
    yield _line("g_on_S", fit.g_on_S, f"largest conductance of {data}, or as asked", "user", 1)
    yield _line("g_off_S", fit.g_off_S, f"smallest conductance of {data}, or as asked", "user", 1)
    area = f"of {base.device.name}, the device of {base.name}; the data say nothing of it"
    yield _line("cell_area_F2", base.device.cell_area_F2, area, "assumed", 1)
    yield _line("program_noise", 1.0, f"the laws below as fitted to {data}", "run", 1)
    yield _line("age_s", fit.law["t0_s"], "read when the cells were first read", "assumed", 1)
    yield "  custom:"
    for field in CustomLaws.model_fields:
        yield _line(field, fit.law[field], *_source(fit, field, data), 2)


def _source(fit: DeviceFit, field: str, data: str) -> tuple[str, str]:
    """Return the source of one law's number and its confidence."""
    size = f"{fit.cells} cells, {fit.rows} rows"
    if field == "t0_s":
        known = fit.t_last_s > 0
        return (f"first read in {data}", "run") if known else (f"{data} holds no times", "assumed")
    if field in fit.intervals:
        low, high = fit.intervals[field]
        return f"fit to {data}, {size}; 95 % {low:.4g} .. {high:.4g}", "run"
    degree = int(field[-1]) if field.startswith("program_c") else 0
    if 0 < degree < len(fit.levels):
        return f"not needed: a lower degree fits {data} better", "run"
    return f"not determined by {data}", "assumed"


def _line(field: str, value: float, source: str, confidence: str, level: int) -> str:
    shown = write_quantity(value, unit_of(field))
    return f"{'  ' * level}{field}: {{value: {shown}, source: {_quoted(source)}, confidence: {confidence}}}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _chip_name(file: str) -> str:
    """Return a plain name for the chip from the data file's."""
    return re.sub(r"[^A-Za-z0-9]+", "-", PurePath(file).stem).strip("-") or "fitted"
