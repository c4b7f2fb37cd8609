r"""Two tables for a paper: all results with their spreads, and energy, latency, area and leakage by component.

Plain LaTeX with ``booktabs``; no other package is needed. Every text from outside is escaped, so that a layer may be
called ``a_b`` or ``50%``; characters that a default ``pdflatex`` can't set are written as ``[U+4E2D]``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from axbar._report import QUANTITIES, component_label
from axbar.report._export._format import Format
from axbar.report._export._record import Record
from axbar.report._scale import Scale, scale_for
from axbar.report._view import per

__all__ = ["FORMAT", "escape", "quantity"]

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"$<$", ">": r"$>$", "|": r"$|$",
    "[": "{[}", "]": "{]}", '"': "''",
    "µ": r"$\mu$", "μ": r"$\mu$", "σ": r"$\sigma$", "Ω": r"$\Omega$", "²": "$^2$", "·": r"$\cdot$", "×": r"$\times$",
    "÷": r"$\div$", "±": r"$\pm$", "→": r"$\to$", "≤": r"$\leq$", "≥": r"$\geq$", "…": r"\dots{}", "–": "--",
    "—": "---", "’": "'", "\n": " ", "\t": " ", "\r": " ",
}  # fmt: skip
_NAMES = {"energy_J": "Energy", "latency_s": "Latency", "area_m2": "Area", "leakage_W": "Leakage"}


def escape(text: str) -> str:
    r"""Return a text that LaTeX sets as it is.

    >>> escape("conv_1 & 50 %")
    'conv\\_1 \\& 50 \\%'
    """
    return "".join(_character(c) for c in text)


def _character(c: str) -> str:
    if c in _SPECIAL:
        return _SPECIAL[c]
    if " " <= c <= "~":
        return c
    base = unicodedata.normalize("NFD", c)
    if len(base) > 1 and base[0].isascii() and unicodedata.category(c)[0] == "L" and ord(c) < 0x180:
        return c  # accented Latin letters: LaTeX reads them as they are
    return f"{{[}}U+{ord(c):04X}{{]}}"


def quantity(value: float, unit: str, ends: tuple[float, float] | None = None) -> str:
    r"""Write a quantity with its unit and, where known, how far it may lie off: ``$3.1^{+1}_{-1}$\,$\mu$J``.

    >>> quantity(3.14e-6, "J")
    '3.14\\,$\\mu$J'
    """
    scale = scale_for(abs(value), unit)
    if ends is None:
        return f"{scale.show(value)}\\,{_unit(scale)}"
    low, high = (scale.show(abs(end - value), 2) for end in ends)
    return f"${scale.show(value)}^{{+{high}}}_{{-{low}}}$\\,{_unit(scale)}"


def _unit(scale: Scale) -> str:
    return escape(scale.unit.replace("Js", "J·s"))


def _percent(share: float) -> str:
    return f"{100 * share:.1f}\\,\\%"


def _accuracy(record: Record) -> list[tuple[str, str, str]]:
    found = record.facts.get("accuracy")
    if not found:
        return []
    lines = [("Accuracy", "as trained", _percent(found["float"]))]
    if found.get("digital") is not None:
        lines.append(("", "integer weights and inputs", _percent(found["digital"])))
    chip = found.get("analog")
    if chip:
        count = len(chip["chips"])
        spread = "" if chip.get("std") is None else f" \\pm {100 * chip['std']:.1f}"
        what = f"on chip, mean $\\pm$ std of {count} dies" if spread else "on chip, one die"
        lines.append(("", what, f"${100 * chip['mean']:.1f}{spread}$\\,\\%"))
    return lines


def _results(record: Record) -> list[str]:
    lines = [" & ".join(cells) + r" \\" for cells in _accuracy(record)]
    if lines:
        lines.append(r"\midrule")
    for key in QUANTITIES[:3]:
        unit = key.rpartition("_")[2]
        value = quantity(record.total(key), unit, record.spread(key))
        lines.append(rf"{_NAMES[key]} & {per(key, record.work)} & {value} \\")
        if key == "latency_s":
            lines.append(
                rf"Energy $\times$ delay & {per('edp_Js', record.work)} & {quantity(record.total('edp_Js'), 'Js')} \\"
            )
    key = QUANTITIES[3]
    value = quantity(record.total(key), "W", record.spread(key))
    lines.append(rf"{_NAMES[key]} & {per(key, record.work)} & {value} \\")
    return _table("lll", [["Quantity", "", "Value"]], lines, _caption(record), "results")


def _caption(record: Record) -> str:
    facts = record.facts
    found = facts.get("accuracy") or {}
    dies = len((found.get("analog") or {}).get("chips", ()))
    network, chip = escape(record.network), escape(record.chip)
    steps = facts["workload"].get("steps")
    parts = [f"{network} on the chip {chip}" if network != chip else network]
    if steps:
        parts[0] += f", $T = {steps}$"
    if facts["data"]:
        parts.append(f"Data: {escape(facts['data'])}, {found.get('images', 0):,} test images")
    if dies:
        parts.append(f"{dies} programmed {'die' if dies == 1 else 'dies'}")
    if facts.get("feasible") is False:
        parts.append(f"Does not fit: {escape(str(facts.get('reason')))}")
    if record.spread("energy_J") is not None:
        parts.append(
            "Superscripts and subscripts of costs: how far published silicon lies around such models"
        )
    else:
        parts.append(
            "Costs were not compared with silicon: no spread is known"
            if record.unchecked
            else "Spreads of costs are not recorded"
        )
    parts.append(f"Costs are modelled, not measured; {_percent(facts['assumed_share'])} of the energy is spent in "
                 "components whose model reads an assumed or user-set number")  # fmt: skip
    parts.append(f"axbar {escape(record.version)}")
    return ". ".join(parts) + "."


def _breakdown(record: Record) -> list[str]:
    sums = {key: record.by_component(key) for key in QUANTITIES}
    whole = record.total("energy_J") or 1.0
    order = sorted(record.components, key=lambda name: -sums["energy_J"][name])
    shown = [name for name in order if any(sums[key][name] for key in QUANTITIES)]
    scales = {
        key: scale_for(max(sums[key].values(), default=0.0), key.rpartition("_")[2]) for key in QUANTITIES
    }
    lines = []
    for name in shown:
        cells = [_cell(sums[key][name], scales[key]) for key in QUANTITIES]
        share = _share(sums["energy_J"][name] / whole)
        lines.append(" & ".join([escape(component_label(name)), cells[0], share, *cells[1:]]) + r" \\")
    total = [scales[key].show(record.total(key)) for key in QUANTITIES]
    lines += [r"\midrule", " & ".join(["total", total[0], "100.0", *total[1:]]) + r" \\"]
    names = [_NAMES[key] for key in QUANTITIES]
    units = [f"({_unit(scales[key])})" for key in QUANTITIES]
    head = [["Component", names[0], "Share", *names[1:]], ["", units[0], r"(\%)", *units[1:]]]
    caption = (
        f"Where energy, latency, area and leakage of {escape(record.network)} on the chip {escape(record.chip)} go, "
        f"per {record.work}; components without any are left out. axbar {escape(record.version)}."
    )
    return _table("lrrrrr", head, lines, caption, "breakdown")


def _share(part: float) -> str:
    return "$<$0.1" if 0 < part < 0.0005 else f"{100 * part:.1f}"


def _cell(value: float, scale: Scale) -> str:
    return "--" if value == 0 else scale.column(value).replace("<", "$<$").replace(",", "")


def _table(
    columns: str, head: Sequence[Sequence[str]], lines: Sequence[str], caption: str, label: str
) -> list[str]:
    return [
        r"\begin{table}", r"\centering", r"\renewcommand{\arraystretch}{1.2}",
        rf"\caption{{{caption}}}", rf"\label{{tab:axbar-{label}}}", r"\par\smallskip",
        rf"\begin{{tabular}}{{{columns}}}", r"\toprule", *(" & ".join(row) + r" \\" for row in head), r"\midrule",
        *lines, r"\bottomrule", r"\end{tabular}", r"\end{table}",
    ]  # fmt: skip


def _render(record: Record) -> str:
    notes = [f"% note: {' '.join(warning.split())}" for warning in record.warnings]
    head = ["% Needs \\usepackage{booktabs} in the preamble; read in with \\input{tables}.", *notes]
    return "\n".join([*head, *_results(record), "", *_breakdown(record), ""])


FORMAT = Format(
    "latex", "tables.tex", "booktabs tables: results with spreads, breakdown by component", _render
)
