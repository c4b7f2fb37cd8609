"""One network on many chips, drawn: tables for the terminal, tidy CSV, one offline page."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from axbar._compare import COMPARED, Comparison
from axbar._compare_words import where
from axbar.report import _palette
from axbar.report._comparison_sure import SURE, accuracy_words, silicon_lines, sources_of, sure_rows
from axbar.report._facts import shape_text
from axbar.report._scale import percent, scale_for
from axbar.report._tables import table
from axbar.report._view import amount
from axbar.report.charts import stacked_chart
from axbar.report.html import environment, rerun_facts
from axbar.report.text import plain, to_terminal
from axbar.units import unit_of

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["comparison_csv", "comparison_html", "comparison_json", "comparison_text", "show_comparison"]

_WORDS = {
    "energy_J": "energy", "latency_s": "latency", "area_m2": "area", "leakage_W": "leakage", "edp_Js": "EDP",
}  # fmt: skip
_DRAWN = ("energy_J", "latency_s", "area_m2")
#: layers that a page lists
_MOST_LAYERS = 120


def comparison_json(found: Comparison) -> str:
    """Return ``found.to_json()``."""
    return found.to_json()


def comparison_text(found: Comparison) -> str:
    """Return the comparison as plain text tables."""
    return plain(_blocks(found))


def show_comparison(found: Comparison) -> None:
    """Write the comparison to the terminal."""
    to_terminal(lambda wide: _blocks(found))


def comparison_csv(found: Comparison) -> str:
    """Return one figure a line: chip, kind, layer, component, quantity, value, unit."""
    from axbar.report._data import tidy_rows

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("hardware", "kind", "layer", "component", "quantity", "value", "unit"))
    for name, report in zip(found.names, found.reports, strict=True):
        for row in tidy_rows(report.estimate):
            writer.writerow((name, report.hardware.kind, *row))
    return out.getvalue()


def comparison_html(found: Comparison) -> str:
    """Return the comparison as one offline HTML page."""
    first = found.reports[0]
    layers = _layer_rows(found)
    return (
        environment()
        .get_template("comparison.html")
        .render(
            c=found,
            model=first.model,
            data=first.data,
            trace=first.trace,
            work=found.work,
            sentences=_sentences(found),
            heads=_heads(found),
            rows=_rows(found),
            ratio_heads=["chip", *_WORDS.values()],
            ratios=_ratio_rows(found),
            kinds=", ".join(f"{name}: {report.hardware.kind}" for name, report in _reports(found)),
            charts=[{"title": _WORDS[q].capitalize(), "svg": _chart(found, q)} for q in _DRAWN],
            layers=layers[:_MOST_LAYERS],
            layers_left_out=max(0, len(layers) - _MOST_LAYERS),
            notes=_notes(found),
            infeasible=[(n, r.estimate.reasons[0]) for n, r in _reports(found) if not r.estimate.feasible[0]],
            accuracy=accuracy_words(found),
            sure_heads=SURE,
            sure=sure_rows(found),
            sources=sources_of(found),
            silicon=silicon_lines(found),
            rerun=rerun_facts(found.run),
        )
    )


def _reports(found: Comparison) -> list[tuple[str, Any]]:
    return list(zip(found.names, found.reports, strict=True))


def _sentences(found: Comparison) -> list[str]:
    return [found.why(q) for q in ("energy_J", "latency_s", "edp_Js", "area_m2")]


def _notes(found: Comparison) -> list[str]:
    """Notes on all chips, then each chip's own; what several say stands once."""
    said: dict[str, list[str]] = {}
    for name, report in _reports(found):
        for note in dict.fromkeys((*report.notes, *report.estimate.notes)):  # warnings are among the latter
            said.setdefault(note, []).append(name)
    own = [
        note if len(names) == len(found.reports) else f"{', '.join(names)}: {note}"
        for note, names in said.items()
        if note not in found.notes
    ]
    return [*found.notes, *own]


def _heads(found: Comparison) -> list[str]:
    measured = ["accuracy"] if _has_accuracy(found) else []
    return ["chip", *measured, "cycles", *_WORDS.values(), "fits"]


def _has_accuracy(found: Comparison) -> bool:
    return any(report.accuracy is not None for report in found.reports)


def _rows(found: Comparison) -> list[list[str]]:
    """One line per chip."""
    cycles = found.cycles()
    rows: list[list[str]] = []
    for i, (name, report) in enumerate(_reports(found)):
        measured = [_accuracy(report.accuracy)] if _has_accuracy(found) else []
        clocked = "no clock" if cycles[i] is None else f"{cycles[i]:,.0f}"
        totals = [_amount(found.values(q)[i], q) for q in COMPARED]
        fits = "yes" if bool(report.estimate.feasible[0]) else "no"
        rows.append([name, *measured, clocked, *totals, fits])
    return rows


def _ratio_rows(found: Comparison) -> list[list[str]]:
    """Each chip over the first one."""
    return [
        [name, *(_ratio(found.ratios(q)[i]) for q in COMPARED)] for i, name in enumerate(found.names) if i
    ]


def _ratio(value: float | None) -> str:
    return "none" if value is None else f"{value:.3g}"


def _accuracy(accuracy: Any) -> str:
    """The accuracy that this chip has: on dies where it computes in analog, else of its integer network."""
    if accuracy is None:
        return "not measured"
    spread = "" if accuracy.std is None else f" ± {100 * accuracy.std:.1f}"
    return f"{100 * accuracy.nearest:.1f}{spread} %" + (" (float)" if accuracy.of == "float" else "")


def _amount(value: float, quantity: str) -> str:
    return amount(value, "Js" if quantity == "edp_Js" else unit_of(quantity))


def _layer_rows(found: Comparison) -> list[dict[str, Any]]:
    """Layers that all chips run: energy and latency per chip, the least of each marked."""
    energy, latency = (found.by_layer(q) for q in ("energy_J", "latency_s"))
    shapes = {str(row.get("name")): row for row in found.reports[0].workload}
    rows: list[dict[str, Any]] = []
    for name in energy:
        row: Mapping[str, Any] = shapes.get(name, {})
        rows.append({
            "name": name,
            "shape": shape_text(row.get("out_shape")),
            "energy": _marked(energy[name], "energy_J"),
            "latency": _marked(latency[name], "latency_s"),
        })  # fmt: skip
    return rows


def _marked(values: Sequence[float], quantity: str) -> list[tuple[str, bool]]:
    least = min(values)
    return [(_amount(value, quantity), value == least) for value in values]


def _chart(found: Comparison, quantity: str) -> Markup:
    """One stacked bar per chip, by component group."""
    groups = found.by_group(quantity)
    order = _palette.ordered_groups(groups)
    values = np.array([groups[group] for group in order]).T.reshape(len(found.reports), len(order))
    scale = scale_for(float(values.sum(axis=1).max(initial=0.0)), unit_of(quantity))
    bars = [(name, i) for i, name in enumerate(found.names)]
    index = {group: i for i, group in enumerate(order)}
    what = f"{_WORDS[quantity]}, {scale.unit}"
    return Markup(stacked_chart(bars, index, values, scale, what)) + _legend(order)


def _legend(groups: Sequence[str]) -> Markup:
    shades = _palette.colours(groups)
    keys = Markup("").join(
        Markup('<li><span class="key" style="background:{}"></span>{}</li>').format(
            shades[group], _palette.label(group)
        )
        for group in groups
    )
    return Markup('<ul class="keys">{}</ul>').format(keys)


def _blocks(found: Comparison) -> list[Any]:
    first = found.reports[0]
    spikes = (
        f"spikes of the {first.trace['spikes_of']} network on {first.trace['samples']} samples"
        if first.trace.get("samples")
        else "no spikes recorded: activity is assumed"
    )
    facts = [first.model, first.data, f"T = {first.trace['steps']}", spikes, f"all costs per {found.work}"]
    head = " · ".join(filter(None, facts))
    blocks: list[Any] = [head, "", *_sentences(found), ""]
    blocks.append(table(None, _heads(found), _rows(found), left=1))
    blocks += filter(None, [accuracy_words(found)])
    if len(found.reports) > 1:
        blocks.append(table(f"Over {found.names[0]}", ["chip", *_WORDS.values()], _ratio_rows(found), left=1))
    blocks += [f"{name} does not fit: {reason}" for name, reason in _unfit(found)]
    blocks.append(_group_table(found))
    won = where(found, "energy_J")
    if len(won) > 1:
        blocks += [f"least energy on {name}: {_some(layers)}" for name, layers in won.items()]
    blocks.append(table("How sure: published silicon lies within", SURE, sure_rows(found), left=1))
    return [*blocks, *silicon_lines(found), *(f"note: {note}" for note in _notes(found))]


def _some(layers: Sequence[str]) -> str:
    """The first layers, and how many more."""
    return ", ".join(layers[:6]) + (f" and {len(layers) - 6} more" if len(layers) > 6 else "")


def _unfit(found: Comparison) -> list[tuple[str, str]]:
    return [(n, r.estimate.reasons[0]) for n, r in _reports(found) if not r.estimate.feasible[0]]


def _group_table(found: Comparison) -> Table:
    groups = found.by_group("energy_J")
    totals = found.values("energy_J")
    rows = [
        [
            _palette.label(group),
            *(
                f"{_amount(v, 'energy_J')} ({percent(v / t, 0)})" if v else "none"
                for v, t in zip(groups[group], totals, strict=True)
            ),
        ]
        for group in _palette.ordered_groups(groups)
    ]
    return table("Energy by group", ["group", *found.names], rows, left=1)
