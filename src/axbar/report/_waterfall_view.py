"""What the page and the terminal tell about the waterfall and the conditions under which dies were read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from axbar._report import Change, Step, Waterfall, step_label
from axbar.spec import HardwareSpec
from axbar.spec.imc import Device, ImcSpec, Wires
from axbar.units import format_quantity

if TYPE_CHECKING:
    from axbar.report.charts.waterfall import Bar

__all__ = [
    "StepRow",
    "bars",
    "changes",
    "conditions",
    "duration",
    "layers_words",
    "left_out_words",
    "signed",
    "step_rows",
    "words",
]

_DETAILS = {
    "float": "as trained",
    "quantised": "integer arithmetic",
    "adc": "range and steps",
    "wires": "and bent I–V",
    "faults": "stuck cells",
    "programming": "cells off target",
    "read_noise": "anew at every read",
    "drift": "since programming",
    "techniques": "on the chip",
}


@dataclass(frozen=True)
class StepRow:
    """One line of the table: words only."""

    name: str
    accuracy: str
    change: str
    regained: str
    note: str


def signed(points: float, error: float | None = None, digits: int = 1) -> str:
    """Write percentage points with their sign; a zero has none.

    >>> signed(-0.86, 0.31), signed(0.0)
    ('−0.9 ± 0.3', '0.0')
    """
    number = f"{abs(points):.{digits}f}"
    sign = "" if float(number) == 0 else "−" if points < 0 else "+"
    return f"{sign}{number}" + ("" if error is None else f" ± {error:.{digits}f}")


def step_rows(waterfall: Waterfall, digits: int = 2) -> list[StepRow]:
    """Return the table of steps; what an effect gives back alone stands beside it."""
    regained = {change.name: change for change in waterfall.leave_one_out}
    found: list[StepRow] = []
    for i, step in enumerate(waterfall.steps):
        alone = regained.get(step.name)
        found.append(
            StepRow(
                step_label(step.name),
                f"{100 * step.accuracy:.{digits}f} %",
                "" if i == 0 else _change(step, digits),
                "" if alone is None else signed(alone.points, alone.std_error, digits),
                step.note,
            )
        )
    return found


def _change(step: Step, digits: int) -> str:
    return signed(-step.lost_points, step.lost_std_error, digits) if step.measured else "none on this chip"


def bars(waterfall: Waterfall) -> list[Bar]:
    """Return what the chart draws: a dot for the network, a bar per step, a dot for the chip."""
    first, *rest = waterfall.steps
    found = [_total(step_label(first.name), _DETAILS[first.name], first)]
    before = first.accuracy
    for step in rest:
        kind = _kind(step)
        name = step_label(step.name)
        tip = f"{name}: {_change(step, 2)} points, to {100 * step.accuracy:.2f} %"
        figure = _change(step, 1)
        error = step.lost_std_error / 100
        found.append((name, _DETAILS[step.name], before, step.accuracy, error, kind, figure, tip))
        before = step.accuracy
    return [*found, _total("on chip", "all of them", waterfall.steps[-1])]


def _kind(step: Step) -> str:
    if not step.measured:
        return "none"
    if step.lost_points == 0:
        return "same"
    return ("loss" if step.lost_points > 0 else "gain") + ("" if step.significant else " faint")


def _total(name: str, detail: str, step: Step) -> Bar:
    shown = f"{100 * step.accuracy:.1f} %"
    tip = f"{name}: {100 * step.accuracy:.2f} ± {100 * step.std_error:.2f} %"
    return (name, detail, step.accuracy, step.accuracy, 0.0, "total", shown, tip)


def changes(rows: Sequence[Change], sign: int) -> list[tuple[str, float, float, bool, str]]:
    """Return what the chart of signed bars draws; ``sign`` is -1 where points are lost."""
    return [
        (
            step_label(row.name) if sign > 0 else row.name,
            sign * row.points,
            row.std_error,
            row.significant,
            signed(sign * row.points, row.std_error),
        )
        for row in rows
    ]


def words(waterfall: Waterfall) -> str:
    """Return how the figures were measured, in sentences."""
    dies = "one die" if waterfall.dies == 1 else f"the first {waterfall.dies} dies"
    return (
        f"Each step adds one effect to those above it, on the same {waterfall.images:,} test images and {dies}. "
        "± is the standard error of the change, from the differences image by image; a change below two of them may "
        "be chance. Where no image changes sides, up to "
        f"{300 / waterfall.images:.1f} points may still be lost (95 %)."
    )


def none_words(waterfall: Waterfall) -> str:
    """Return which effects the chip has not, and why; empty where it has all."""
    found = [f"{step_label(s.name)} ({s.note})" for s in waterfall.steps if not s.measured]
    return f"None on this chip: {', '.join(found)}." if found else ""


def layers_words(waterfall: Waterfall, most: int = 5) -> str:
    """Return the layers that lose most, in one line; empty where none was measured."""
    rows = [f"{row.name} {signed(-row.points, row.std_error)}" for row in waterfall.layers[:most]]
    out = left_out_words(waterfall, most)
    return f"All effects in one layer only, points: {', '.join(rows)}. {out}".strip() if rows else out


def left_out_words(waterfall: Waterfall, most: int) -> str:
    """Return which layers are not among the first ``most``; empty where all are."""
    found: list[str] = []
    if (rest := len(waterfall.layers) - most) > 0:
        found.append(f"{rest} more in the JSON form.")
    if waterfall.layers_left_out:
        found.append(f"{waterfall.layers_left_out} layers further down the network: not measured.")
    return " ".join(found)


def conditions(spec: HardwareSpec) -> str:
    """Return the conditions under which the dies were read, in one sentence; empty for digital chips.

    >>> from axbar.spec import load_hardware
    >>> conditions(load_hardware("imc-sram-28nm", {"device.stuck_off": 0.01})).split("; ")[-1]
    '1 % of cells stuck off.'
    """
    if not isinstance(spec, ImcSpec):
        return ""
    device = spec.device
    return f"Dies: {'; '.join([_age(device), _wires(spec.wires), _noise(device), _stuck(device)])}."


def duration(t_s: float) -> str:
    """Write a time for people.

    >>> duration(20.0), duration(86400.0), duration(3.2e7)
    ('20.0 s', '1 day', '1.01 years')
    """
    for unit_s, name in ((365.25 * 86400, "year"), (86400.0, "day"), (3600.0, "hour")):
        if t_s >= unit_s:
            number = f"{t_s / unit_s:.3g}"
            return f"{number} {name}" if number == "1" else f"{number} {name}s"
    return format_quantity(t_s, "s")


def _age(device: Device) -> str:
    from axbar import devices

    if not devices.has_time_law(device):
        return "no change with time"
    first = devices.first_read_s(device)
    if device.age_s <= first:
        return f"first read, {duration(first)} after programming"
    return f"read {duration(device.age_s)} after programming"


def _wires(wires: Wires) -> str:
    row, column = wires.r_row_ohm, wires.r_col_ohm
    cells = f"{row:g} Ω a cell" if row == column else f"{row:g} Ω (rows) and {column:g} Ω (columns) a cell"
    ends = [(wires.r_driver_ohm, "a driver"), (wires.r_sense_ohm, "a converter input")]
    found = [cells] if row or column else []
    found += [f"{ohm:g} Ω {what}" for ohm, what in ends if ohm]
    return f"wires: {', '.join(found)}" if found else "wires without resistance"


def _noise(device: Device) -> str:
    from axbar import devices

    if not devices.has_read_noise(device):
        return "no read noise"
    return "read noise" if device.read_noise == 1 else f"read noise × {device.read_noise:g}"


def _stuck(device: Device) -> str:
    kinds = [(device.stuck_on, "on"), (device.stuck_off, "off")]
    found = " and ".join(f"{100 * share:g} % {kind}" for share, kind in kinds if share)
    return f"{found.replace(' %', ' % of cells stuck', 1)}" if found else "no stuck cells"
