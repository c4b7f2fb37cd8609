"""The figure of the study of energy: one panel per question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from axbar.published._plot import Bars, Lines, Series, figure
from axbar.published.energy_chips import CHIPS, PARTS, SHIPPED
from axbar.published.energy_claims import crossover_T, ranks, spiking
from axbar.published.energy_methods import EXIT, MASKED, PRUNED, TET, TICKET, few_bits

__all__ = ["panels"]

Found = Mapping[str, Any]
_SHORT = ("crossbar", "systolic", "table", "sparse")
_PRICES = {"fp32": "estimate, floats", "published": "estimate, 8 bit"}
_BRIEF = {EXIT: "exit", PRUNED: "prune", MASKED: "mask", TICKET: "ticket", TET: "TET", few_bits(): "4bit"}


def panels(found: Found, caption: str) -> str:
    """Return the SVG of all panels."""
    drawn = [
        _energies(found), _networks(found), _ranks(found), _shares(found), _published(found), _steps(found),
        _trained(found), _rates(found), _training(found), _accuracy(found), _condition(found), _charges(found),
    ]  # fmt: skip
    return figure(
        drawn, caption, "The conventional estimate of a spiking network against three models of hardware"
    )


def _by_estimate(found: Found) -> list[str]:
    return sorted(spiking(found), key=lambda name: found["methods"][name]["estimate"]["fp32"])


def _order(found: Found) -> tuple[list[str], list[float], str]:
    """Return methods from the least estimate to the largest, their places, and what the axis says."""
    names = _by_estimate(found)
    short = " ".join(_BRIEF.get(n, n.rpartition(", ")[2].replace(" = ", "")) for n in names)
    return names, [float(i + 1) for i in range(len(names))], f"by estimate: {short}"


def _methods(found: Found, condition: str, title: str) -> Lines:
    names, x, label = _order(found)
    priced = found["priced"][condition]
    series = [Series(chip, x, [1e6 * priced[n][chip]["energy_J"] for n in names]) for chip in CHIPS]
    for price in ("fp32", "published"):
        estimate = [1e6 * found["methods"][n]["estimate"][price] for n in names]
        series.append(Series(_PRICES[price], x, estimate, dashed=True))
    return Lines(title, series, label, "energy, µJ", False, True)


def _energies(found: Found) -> Lines:
    return _methods(found, SHIPPED, "Methods, one CNN, as shipped")


def _condition(found: Found) -> Lines:
    return _methods(found, "32 nm, same memories", "Methods, all at 32 nm")


def _networks(found: Found) -> Lines:
    rows = list(found["published"].values())
    x = [float(i + 1) for i in range(len(rows))]
    series = [Series(chip, x, [1e6 * row["chips"][chip]["energy_J"] for row in rows]) for chip in CHIPS]
    series.append(Series("published", x, [1e6 * row["published_J"] for row in rows], dashed=True))
    series.append(Series("estimate", x, [1e6 * row["published_estimate_J"] for row in rows], dashed=True))
    return Lines("Published networks", series, ", ".join(found["published"]), "energy, µJ", False, True)


def _ranks(found: Found) -> Lines:
    names, x, label = _order(found)
    priced = found["priced"][SHIPPED]
    series = [Series(chip, x, ranks([priced[n][chip]["energy_J"] for n in names])) for chip in CHIPS]
    return Lines("Rank of the methods by energy", series, label, "rank (1: least)")


def _shares(found: Found) -> Bars:
    name = "BNTT" if "BNTT" in found["published"] else next(iter(found["published"]))
    row = found["published"][name]
    each = {p: [100 * row["chips"][chip]["parts"][p] for chip in CHIPS] for p in PARTS}
    kept = {p: values for p, values in each.items() if max(values) >= 0.5}
    return Bars(f"{row['net']}, T = {row['T']}: where it goes", _SHORT, kept, "share of energy, %")


def _published(found: Found) -> Lines:
    rows = list(found["published"].values())
    x = [float(i + 1) for i in range(len(rows))]
    ratio = [row["published_J"] / row["published_estimate_J"] for row in rows]
    series = [
        Series(chip, x, [row["chips"][chip]["energy_J"] / row["estimate"]["published"] for row in rows])
        for chip in CHIPS
    ]
    series.append(Series("published", x, ratio, dashed=True))
    fixed = [r * row["mended"]["lpddr4"] for r, row in zip(ratio, rows, strict=True)]
    series.append(Series("its charges mended", x, fixed, dashed=True))
    names = ", ".join(found["published"])
    return Lines("Energy over the estimate", series, names, "ratio", False, True)


def _over_ann(table: Mapping[str, Any], title: str) -> Lines:
    T = [float(t) for t in table]
    series = [Series(chip, T, list(crossover_T(table, chip)[1])) for chip in CHIPS]
    series.append(Series("8-bit ANN", T, [1.0] * len(T), dashed=True))
    return Lines(title, series, "T", "energy over the ANN's", True, True)


def _steps(found: Found) -> Lines:
    return _over_ann(found["steps"], "VGG9 against its 8-bit twin")


def _trained(found: Found) -> Lines:
    return _over_ann(found["trained_steps"], "Trained CNN against its 8-bit twin")


def _rates(found: Found) -> Lines:
    r = found["rates"]
    series = [
        Series(
            chip,
            [100 * rate for rate in r["spiking"][chip]["rate"]],
            [value / r["twin"][chip]["behind_J"] for value in r["spiking"][chip]["behind_J"]],
        )
        for chip in CHIPS
    ]
    x = series[0].x
    series.append(Series("3-bit ANN", x, [1.0] * len(x), dashed=True))
    return Lines("VGG9, T = 5: spike rate", series, "spike rate, %", "energy over the ANN's", True, True)


def _training(found: Found) -> Bars:
    rows = found["training"]["systolic"]
    groups = list(next(iter(rows.values()))["phases"])
    parts = {g: [1e6 * row["phases"][g] for row in rows.values()] for g in groups}
    return Bars("A training step on the array", list(rows), parts, "energy, µJ")


def _accuracy(found: Found) -> Lines:
    """Draw, chip by chip, the methods and twins that no other beats in both."""
    facts, priced = found["methods"], found["priced"][SHIPPED]
    series: list[Series] = []
    for chip in CHIPS:
        points = sorted(
            (1e6 * priced[n][chip]["energy_J"], 100 * (1.0 - facts[n]["accuracy"])) for n in facts
        )
        best = [p for i, p in enumerate(points) if all(p[1] < q[1] for q in points[:i])]
        series.append(Series(chip, [x for x, _ in best], [y for _, y in best]))
    return Lines("What nothing beats in both, ANNs too", series, "energy, µJ", "error, %", True)


def _charges(found: Found) -> Bars:
    rows = found["sparse"]["VGG9"]
    return Bars(
        "VGG9 on the array: what zeros save", ("8-bit, blind", "1-bit, blind", "zeros gated", "packed"),
        {"energy": [1e6 * rows[n] for n in ("8-bit spikes", "blind", "gated", "packed")]}, "energy, µJ",
    )  # fmt: skip
