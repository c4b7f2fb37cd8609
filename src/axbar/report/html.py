"""One self-contained page: everything drawn here, nothing fetched, every text escaped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from axbar._report import QUANTITIES, Report, Waterfall
from axbar.report import (
    _applied_view,
    _bottleneck_view,
    _facts,
    _palette,
    _spec_view,
    _view,
    _waterfall_view,
    _wear_view,
)
from axbar.report._scale import percent
from axbar.report.charts import (
    accuracy_chart,
    held_chart,
    pair_chart,
    ranked_chart,
    rates_chart,
    share_chart,
    signed_chart,
    spread_chart,
    stacked_chart,
    waterfall_chart,
)

if TYPE_CHECKING:
    from jinja2 import Environment

    from axbar.cost.fair import Fair

__all__ = ["environment", "render_html", "render_notebook", "rerun_facts"]

#: bytes that a page may have
_SIZE = 300_000
#: what the page shows of deep networks: bars in a chart, rows in a table, whether all records are embedded.
#: The first choice that keeps the page small enough is taken; it says what it leaves to CSV and JSON.
_LIMITS = ((40, 200, True), (40, 120, False), (24, 80, False), (12, 30, False))


def render_html(report: Report) -> str:
    """Return the report as one offline HTML file of at most 300 kB."""
    html, sources = "", _spec_view.source_groups(report)
    for bars, rows, whole in _LIMITS:
        html = _page(report, sources, bars, rows, whole)
        if len(html.encode()) <= _SIZE:
            break
    return html


def _page(report: Report, sources: Any, bars: int, most_rows: int, whole: bool) -> str:
    cost = _view.cost_of(report, bars)
    rows = _facts.layer_rows(report.estimate, report.workload)
    return (
        environment()
        .get_template("report.html")
        .render(
            r=report,
            figures=_view.figures(report),
            feasible=bool(report.estimate.feasible[0]),
            reason=report.estimate.reasons[0],
            accuracy=_accuracy(report),
            waterfall=_waterfall(report.waterfall, bars),
            cost=cost,
            panels=[_panel(cost, i) for i in range(len(cost.quantities))],
            conventional=_conventional(report, cost),
            twin=_twin(report.twin),
            held=_held(report, cost, most_rows),
            applied=None if report.applied is None else _applied_view.applied_rows(report.applied),
            nothing_applied=_applied_view.NOTHING_APPLIED,
            wear=_wear(report),
            merit=_bottleneck_view.merit_rows(report.estimate.metrics),
            rates=_rates(report, bars),
            rows=rows[:most_rows],
            on_arrays=any("arrays" in row.mapping for row in rows),
            left_out=max(0, len(rows) - most_rows),
            totals={key: report.total(key) for key in QUANTITIES},
            scales={q.key: q.layer_scale for q in cost.quantities},
            confidence=_confidence(report),
            blocks=_spec_view.spec_blocks(report),
            changes=_spec_view.changes(report),
            sources=sources,
            rerun=rerun_facts(report.run),
            data=_script_json(_view.embedded(cost, report, whole)),
        )
    )


def render_notebook(report: Report) -> str:
    """Return a compact table for notebooks: no scripts, no style sheet, inherits the notebook's colours."""
    estimate = report.estimate
    order = sorted(
        range(len(estimate.components)), key=lambda c: -float(estimate.by_component("energy_J")[0][c])
    )
    rows = [
        (
            _palette.label(estimate.components[c]),
            [
                _view.amount(float(estimate.by_component(key)[0][c]), _view.QUANTITY_WORDS[key][1])
                for key in QUANTITIES
            ],
        )
        for c in order
    ]
    totals = [_view.amount(report.total(key), _view.QUANTITY_WORDS[key][1]) for key in QUANTITIES]
    heads = [_view.QUANTITY_WORDS[key][0] for key in QUANTITIES]
    return environment().get_template("notebook.html").render(r=report, rows=rows, totals=totals, heads=heads)


@cache
def environment() -> Environment:
    """Return the templates with what all pages share: styles, script, words, ways of writing figures."""
    from jinja2 import DictLoader, Environment, StrictUndefined

    folder = files("axbar.report") / "templates"
    texts = {item.name: item.read_text(encoding="utf-8") for item in folder.iterdir() if item.is_file()}
    found = Environment(
        loader=DictLoader(texts),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(
        key=lambda value: "" if value is None or value == "" else f"{value:.5g}",
        amount=_view.amount,
        percent=percent,
        shape=_facts.shape_text,
        cost=_facts.technique_cost,
        figure=_facts.figure_text,
    )
    found.globals.update(
        css=Markup(texts["report.css"]),
        js=Markup(texts["report.js"]),
        words=_view.QUANTITY_WORDS,
        quantities=QUANTITIES,
        confidence_words=_spec_view.CONFIDENCE_WORDS,
        version=_version(),
    )
    return found


def _version() -> str:
    try:
        return f"axbar {version('axbar')}"
    except PackageNotFoundError:
        return "axbar"


def _script_json(value: Any) -> Markup:
    """Return JSON that may stand in a ``<script>``: without ``<``, ``>`` and ``&`` no tag begins or ends."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


#: what the chart of accuracies shows, by what was measured (``Accuracy.of``)
_LEADS = {
    "dies": "What the chip leaves of the network's accuracy: each dot is one die, programmed with its own noise.",
    "digital": "The network as trained, and with the integers of the chip, without any device or converter.",
    "float": "The network as trained; it was not measured as the chip computes it.",
}


def _accuracy(report: Report) -> dict[str, Any] | None:
    accuracy = report.accuracy
    if accuracy is None:
        return None
    chart = accuracy_chart(
        accuracy.images, accuracy.float_, accuracy.digital, accuracy.analog, accuracy.mean, accuracy.std
    )
    conditions = _waterfall_view.conditions(report.hardware) if accuracy.analog else ""
    words = _view.accuracy_words(accuracy)
    return {"chart": Markup(chart), "lead": _LEADS[accuracy.of], "words": words, "conditions": conditions}


def _waterfall(waterfall: Waterfall | None, most: int) -> dict[str, Any] | None:
    """Return the charts of the waterfall; ``most`` layers get a bar."""
    if waterfall is None:
        return None
    without = _waterfall_view.changes(waterfall.leave_one_out, +1)
    layers = _waterfall_view.changes(waterfall.layers[:most], -1)
    return {
        "words": _waterfall_view.words(waterfall),
        "chart": Markup(waterfall_chart(_waterfall_view.bars(waterfall), waterfall.images)),
        "rows": _waterfall_view.step_rows(waterfall),
        "without": Markup(signed_chart(without, "points of accuracy", "Regained without")) if without else "",
        "layers": Markup(signed_chart(layers, "points of accuracy", "In one layer only")) if layers else "",
        "layers_note": _waterfall_view.left_out_words(waterfall, most),
    }


def _wear(report: Report) -> dict[str, Any] | None:
    found = _wear_view.wear_facts(report.estimate)
    return found and {**found, "chart": Markup(found["chart"])}


def _panel(cost: _view.Cost, number: int) -> dict[str, Any]:
    """Return the charts of one quantity; ``number`` is its place in the embedded data."""
    q = cost.quantities[number]
    index = {name: i for i, name in enumerate(cost.components)}
    sums = dict(zip(cost.components, map(float, q.by_component), strict=True))
    layers = [(name, i) for i, name in enumerate(cost.layers)]
    scale = q.layer_scale
    return {
        "number": number,
        "quantity": q,
        "total": _view.amount(q.total, q.unit),
        "ranked": Markup(ranked_chart(sums, q.unit, index, q.name)),
        "stacked": Markup(
            stacked_chart(layers, index, q.values, scale, f"{q.name.lower()} {q.per}, {scale.unit}")
        ),
        "none": [_palette.label(name) for name, value in sums.items() if value == 0],
        "drawn": bool(scale.top),
    }


def _held(report: Report, cost: _view.Cost, most: int) -> dict[str, Any] | None:
    """Return what the page says of bottlenecks; a page of ``most`` layers shows a sixteenth as many changes."""
    found = report.bottlenecks
    if found is None:
        return None
    rows = _bottleneck_view.change_rows(found)
    shown = max(8, most // 16)
    bars, left_out = _bottleneck_view.bars(found)
    return {
        "lead": _bottleneck_view.lead(found),
        "chart": Markup(held_chart(bars, [name for name, _, _ in _bottleneck_view.HELD], cost.components)),
        "left_out": left_out,
        "drivers": _bottleneck_view.driver_rows(found),
        "rows": rows[:shown],
        "more": max(0, len(rows) - shown),
        "worse": len(found.changes) - len(rows),
        "infeasible": [(change.title, change.reason) for change in found.infeasible],
        "techniques": [(offer.name, offer.words) for offer in found.techniques],
        "accuracy_words": _bottleneck_view.ACCURACY_WORDS,
    }


def _conventional(report: Report, cost: _view.Cost) -> dict[str, Any] | None:
    found = _facts.conventional_of(report.estimate)
    if found is None:
        return None
    energy = cost.quantities[0]
    shades = _palette.colours(cost.components)
    modelled = [
        (_palette.label(name), float(value), shades[name])
        for name, value in zip(cost.components, energy.by_component, strict=True)
        if value > 0
    ]
    arithmetic = [
        ("accumulations", found.ac * found.ac_J, "var(--plain)"),
        ("MACs", found.mac * found.mac_J, "var(--ink)"),
    ]
    rows = [("conventional", "arithmetic only", arithmetic), ("modelled", "the whole chip", modelled)]
    scale = _view.scale_for(max(found.energy_J, found.modelled_J), "J")
    return {"chart": Markup(pair_chart(rows, scale)), "facts": found}


def _twin(twin: Fair | None) -> dict[str, Any] | None:
    if twin is None:
        return None
    return {"bits": twin.bits, "reason": twin.ann.reasons[0], "rows": _facts.twin_rows(twin)}


def _rates(report: Report, most: int) -> dict[str, Any] | None:
    rows = _facts.rate_rows(report.workload)
    if not rows or not report.trace.get("samples"):
        return None
    means = [sum(rates) / len(rates) for _, rates in rows]
    busiest = sorted(sorted(range(len(rows)), key=lambda i: -means[i])[:most])
    return {
        "chart": Markup(rates_chart([rows[i] for i in busiest])),
        "mean": sum(means) / len(means),
        "left_out": len(rows) - len(busiest),
    }


def _confidence(report: Report) -> dict[str, Any]:
    share = float(report.estimate.assumed_share[0])
    parts = [("assumed or your own", share, "assumed"), ("with a source", 1 - share, "sourced")]
    ranges = [(s.name, s.low / s.value, s.high / s.value, s.words) for s in _view.spreads(report.estimate)]
    return {
        "share": share,
        "chart": Markup(share_chart(parts, "the energy")),
        "words": _view.assumed_words(share),
        "silicon": report.estimate.beside_silicon,
        "weak": [(basis.name, basis.confidence, part) for basis, part in report.estimate.assumptions],
        "spread": Markup(spread_chart(ranges)) if ranges else "",
    }


def rerun_facts(run: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what a page says of a run record; None where nothing was recorded."""
    if not run:
        return None
    arguments = run.get("arguments") or {}
    return {
        "command": str(run.get("command") or ""),
        "made": str(run.get("made") or ""),
        "versions": run.get("versions") or {},
        "inputs": run.get("inputs") or {},
        "arguments": {key: value for key, value in arguments.items() if value not in (None, [], {}, "")},
    }
