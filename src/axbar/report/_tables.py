"""Terminal tables (rich) of reports, estimates and workloads. Rich is imported on use only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from axbar._report import QUANTITIES, Accuracy, Report, Waterfall
from axbar.report import _palette
from axbar.report._applied_view import NOTHING_APPLIED, applied_table
from axbar.report._bottleneck_view import change_table, holder_lines, merit_words
from axbar.report._facts import conventional_of, layer_rows, mean_rate, shape_text, technique_cost
from axbar.report._scale import percent
from axbar.report._spec_view import changes
from axbar.report._text import shorten
from axbar.report._view import QUANTITY_WORDS, accuracy_words, amount, assumed_words, spreads
from axbar.report._waterfall_view import conditions, layers_words, none_words, step_rows, words

if TYPE_CHECKING:
    from rich.table import Table

    from axbar._apply import Applied
    from axbar.cost import Bottlenecks, Estimate

__all__ = ["estimate_blocks", "report_blocks", "sweep_blocks", "table", "workload_blocks"]

#: rows of a sweep that a terminal shows
SWEEP_ROWS = 40


def report_blocks(report: Report, wide: bool = True) -> list[Any]:
    """Return what the terminal shows of a report, from top to bottom; ``wide`` is 100 columns or more."""
    blocks: list[Any] = [report.verdict, assumed_words(float(report.estimate.assumed_share[0]))]
    if report.accuracy is not None:
        blocks += ["", _accuracy_table(report.accuracy), accuracy_words(report.accuracy)]
        blocks += [conditions(report.hardware)] if report.accuracy.analog else []
    if report.waterfall is not None:
        blocks += ["", *_waterfall_blocks(report.waterfall)]
    blocks += ["", *_cost_blocks(report.estimate, report.workload, wide)]
    blocks += [report.twin.text()] if report.twin is not None else []
    if report.bottlenecks is not None:
        blocks += ["", *_held_blocks(report.bottlenecks, wide)]
    if report.applied is not None:
        blocks += ["", *_applied_blocks(report.applied, wide)]
    if found := changes(report):
        blocks += ["", _plain_table(f"Changed from {report.base.name}", ("path", "preset", "here"), found)]
    if report.techniques:
        rows = [
            (str(t.get("name", "")), str(t.get("stage", "")), technique_cost(t)) for t in report.techniques
        ]
        blocks += ["", _plain_table("Techniques", ("technique", "stage", "cost"), rows)]
    return [*blocks, *(f"note: {note}" for note in report.notes)]


def estimate_blocks(
    estimate: Estimate, spec: Any = None, bottlenecks: Bottlenecks | None = None
) -> list[Any]:
    """Return what the terminal shows of an estimate's first point."""
    totals = [
        amount(float(estimate.total(k)[0]), QUANTITY_WORDS[k][1])
        for k in ("energy_J", "latency_s", "area_m2")
    ]
    head = " · ".join([*totals, f"EDP {amount(float(estimate.edp_Js[0]), 'Js')}"])
    blocks: list[Any] = [head if spec is None else f"{spec.name}: {head}"]
    if not bool(estimate.feasible[0]):
        blocks.append(f"does not fit: {estimate.reasons[0]}")
    blocks.append(assumed_words(float(estimate.assumed_share[0])))
    blocks += [each.text() for each in (estimate.programming, estimate.wear) if each is not None]
    held = [] if bottlenecks is None else ["", *_held_blocks(bottlenecks, wide=True)]
    return [*blocks, "", *_cost_blocks(estimate, (), wide=True), *held]


def sweep_blocks(estimate: Estimate) -> list[Any]:
    """Return the first points of a sweep and the best ones."""
    from axbar.report._data import swept_value

    paths = list(estimate.points)
    count = len(estimate.feasible)
    totals = {key: estimate.total(key) for key in QUANTITIES}
    rows: list[Sequence[str]] = []
    for i in range(min(count, SWEEP_ROWS)):
        values = [swept_value(path, estimate.points[path][i]) for path in paths]
        costs = [amount(float(totals[k][i]), QUANTITY_WORDS[k][1]) for k in QUANTITIES]
        rows.append(
            [
                *values,
                *costs,
                amount(float(estimate.edp_Js[i]), "Js"),
                _fits(estimate, i),
            ]
        )
    head = [*paths, *(QUANTITY_WORDS[k][0].lower() for k in QUANTITIES), "EDP", "fits"]
    blocks: list[Any] = [table(None, head, rows, left=1)]
    # below the table: a reason is a sentence and would squeeze the figures
    reasons = dict.fromkeys(estimate.reasons[i] for i in range(len(rows)) if not estimate.feasible[i])
    blocks += [f"does not fit: {reason}" for reason in reasons]
    noted = dict.fromkeys(estimate.warnings[i] for i in range(len(rows)) if estimate.feasible[i])
    blocks += [f"* {warning}" for warning in noted if warning]
    if count > SWEEP_ROWS:
        blocks.append(f"{count - SWEEP_ROWS} more of {count:,} points: write all with --csv FILE or --json.")
    return [*blocks, *_best(estimate, paths)]


def workload_blocks(workload: Any) -> list[Any]:
    """Return the layers of a workload."""
    summary = workload.summary()
    active = "active" if any(_counts_bits(row) for row in summary) else "spike rate"
    head = ("layer", "operation", "input", "output", "steps", "weights", "MACs", "synaptic ops", active)
    rows = [
        (
            str(row.get("name", "")),
            str(row.get("kind") or row.get("op", "")),
            shape_text(row.get("in_shape")),
            shape_text(row.get("out_shape")),
            str(row.get("steps", "")),
            _count(row.get("params")),
            _count(row.get("macs")),
            _count(row.get("synops")),
            mean_rate(row) + (" of bits" if _counts_bits(row) else ""),
        )
        for row in summary
    ]
    spikes = (
        f"{workload.samples} samples, {workload.spikes_of} spikes"
        if workload.samples
        else "no samples recorded"
    )
    return [f"{workload.name}: T = {workload.steps}, {spikes}", "", table(None, head, rows, left=4)]


def _counts_bits(row: Mapping[str, Any]) -> bool:
    """Whether the activity of a layer is the share of set bits in codes of real numbers, not of spikes."""
    return row.get("op") != "neuron" and row.get("coding") == "real" and bool(row.get("spike_rate"))


def _cost_blocks(estimate: Estimate, workload: Sequence[Mapping[str, Any]], wide: bool) -> list[Any]:
    blocks: list[Any] = [
        _component_table(estimate, wide),
        *_idle(estimate),
        _layer_table(estimate, workload, wide),
    ]
    if conventional := conventional_of(estimate):
        blocks.append(conventional.words)
    blocks.append(merit_words(estimate.metrics))
    if ranges := ", ".join(f"{s.name.lower()} {s.words}" for s in spreads(estimate)):
        blocks.append(f"Published silicon lies around such models within: {ranges}.")
    return [
        *blocks,
        estimate.beside_silicon,
        *(f"note: {n}" for n in estimate.notes),
    ]


def _held_blocks(found: Bottlenecks, wide: bool) -> list[Any]:
    """Return the largest holders and the changes that help most, a few lines of each."""
    blocks: list[Any] = ["What holds it back", *(f"  {line}" for line in holder_lines(found))]
    head, rows = change_table(found, 5, wide)
    if not rows:
        return [*blocks, "No single change that was tried leaves a smaller energy-delay product."]
    title = f"What would help most, of {len(found.changes) + len(found.infeasible)} changes tried one by one"
    return [*blocks, "", table(title, head, rows, left=1, keep=len(head) - 1)]


def _applied_blocks(applied: Sequence[Applied], wide: bool) -> list[Any]:
    """Return the recommendations that were carried out, promised beside obtained, and a sentence for each."""
    if not applied:
        return [NOTHING_APPLIED]
    head, rows = applied_table(applied, wide)
    told = [f"{done.advice.title}: {done.words}" for done in applied]
    notes = [f"  note: {note}" for note in dict.fromkeys(note for done in applied for note in done.notes)]
    return [table("Carried out: promised → obtained", head, rows, left=1), *told, *notes]


def _accuracy_table(accuracy: Accuracy) -> Table:
    rows = [("float, as trained", f"{100 * accuracy.float_:.2f} %")]
    if accuracy.digital is not None:
        rows.append(("digital, integer weights", f"{100 * accuracy.digital:.2f} %"))
    rows += [(f"die {i + 1}", f"{100 * share:.2f} %") for i, share in enumerate(accuracy.analog)]
    if accuracy.mean is not None:
        spread = "" if accuracy.std is None else f" ± {100 * accuracy.std:.2f}"
        rows.append(("mean ± std over dies" if spread else "mean", f"{100 * accuracy.mean:.2f}{spread} %"))
    return table("Accuracy", ("network", "accuracy"), rows, left=1)


def _waterfall_blocks(waterfall: Waterfall) -> list[Any]:
    rows = [(row.name, row.accuracy, row.change, row.regained) for row in step_rows(waterfall)]
    head = ("step", "accuracy", "change, points", "regained without it")
    found = [table("What each effect costs", head, rows, left=1), words(waterfall)]
    return [*found, *(line for line in (none_words(waterfall), layers_words(waterfall)) if line)]


def _component_table(estimate: Estimate, wide: bool) -> Table:
    sums = {key: estimate.by_component(key)[0] for key in QUANTITIES}
    energy = sums["energy_J"]
    whole = float(energy.sum()) or 1.0
    top = float(energy.max(initial=0.0)) or 1.0
    rows: list[Sequence[str]] = []
    for c in np.argsort(-energy, kind="stable"):
        if not any(sums[key][c] for key in QUANTITIES):
            continue
        share = float(energy[c])
        cells = [amount(float(sums[key][c]), QUANTITY_WORDS[key][1]) for key in QUANTITIES]
        bar = "█" * round((16 if wide else 6) * share / top)
        rows.append(
            [_palette.label(estimate.components[c]), cells[0], percent(share / whole), bar, *cells[1:]]
        )
    foot = [amount(float(estimate.total(key)[0]), QUANTITY_WORDS[key][1]) for key in QUANTITIES]
    head = ("component", "energy", "share", "", "latency", "area", "leakage")
    return table("By component", head, rows, left=1, foot=["total", foot[0], "", "", *foot[1:]], keep=3)


def _idle(estimate: Estimate) -> list[str]:
    """Name the components that this network or chip does without."""
    sums = [estimate.by_component(key)[0] for key in QUANTITIES]
    names = [
        _palette.label(n) for n, *values in zip(estimate.components, *sums, strict=True) if not any(values)
    ]
    return [f"Nothing: {', '.join(names)}.", ""] if names else []


def _layer_table(estimate: Estimate, workload: Sequence[Mapping[str, Any]], wide: bool) -> Table:
    head = ("layer", "arrays", "used", "tiles", "input activity", "energy", "share", "latency", "area")
    whole = float(estimate.total("energy_J")[0]) or 1.0
    rows = [
        (
            row.name if wide else shorten(row.name),
            row.arrays_text,
            row.used_text,
            row.tiles_text,
            row.rate_text,
            amount(row.figures["energy_J"], "J"),
            percent(row.figures["energy_J"] / whole),
            amount(row.figures["latency_s"], "s"),
            amount(row.figures["area_m2"], "m2"),
        )
        for row in layer_rows(estimate, workload)
    ]
    # columns that this kind or workload does not have are left out; narrow terminals lose activity and tiles
    most = 4 if wide else 2
    kept = [
        i
        for i in range(len(head))
        if i not in range(1, 5) or (i <= most and any(row[i] != "not recorded" for row in rows))
    ]
    head, rows = tuple(head[i] for i in kept), [tuple(row[i] for i in kept) for row in rows]
    return table("By layer", head, rows, left=1)


def _fits(estimate: Estimate, point: int) -> str:
    if not estimate.feasible[point]:
        return "no"
    return "yes *" if estimate.warnings[point] else "yes"


def _best(estimate: Estimate, paths: Sequence[str]) -> list[str]:
    from axbar.report._data import swept_value

    fits = np.flatnonzero(estimate.feasible)
    whole = np.array([i for i in fits if not estimate.warnings[i]], dtype=np.intp)
    fits = whole if len(whole) else fits  # a point that leaves something out is no best one
    if not len(fits):
        return []
    found = []
    for name, unit, values in (
        ("energy", "J", estimate.total("energy_J")),
        ("latency", "s", estimate.total("latency_s")),
        ("area", "m2", estimate.total("area_m2")),
        ("EDP", "Js", estimate.edp_Js),
    ):
        i = int(fits[np.argmin(np.asarray(values)[fits])])
        where = ", ".join(f"{path} = {swept_value(path, estimate.points[path][i])}" for path in paths)
        found.append(f"least {name}: {amount(float(values[i]), unit)} at {where}")
    return found


def _count(value: Any) -> str:
    return "not recorded" if value is None else f"{round(value):,}"


def _plain_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    return table(title, head, rows, left=len(head))


def table(
    title: str | None,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    left: int,
    foot: Sequence[str] | None = None,
    keep: int | None = None,
) -> Table:
    """Return a table whose first ``left`` columns (and column ``keep``) are text, the rest figures."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    found = Table(
        title=None if title is None else Text(title, style="bold"),
        title_justify="left",
        box=SIMPLE_HEAD,
        show_footer=foot is not None,
        pad_edge=False,
    )
    for i, name in enumerate(head):
        is_text = i < left or i == keep
        found.add_column(
            Text(name),
            justify="left" if is_text else "right",
            footer=Text(foot[i]) if foot else "",
            overflow="fold",
            no_wrap=not is_text or left == 1,
        )
    for row in rows:
        # Text, not markup: a layer may be called "[b]" or ":fire:".
        found.add_row(*(Text(cell) for cell in row))
    return found
