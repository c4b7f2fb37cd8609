"""What the study of macros says, and whether it meets what was asked of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from axbar.published._reproduction import Claim

__all__ = ["claims"]

Row = Mapping[str, Any]

TARGET = 0.40
RATIO = 1.3
#: chip -> what its points vary, and why the law misses where it does
_PREDICTED = {
    "jia2020": ("0.85 to 1.2 V", "switched capacitance alone: V² gives 1.99, measured 2.09."),
    "wang2022": ("0.7 to 1.1 V", "V², and the ladders' current over the measured time."),
    "sinangil": (
        "0.8 to 1.0 V and the data",
        "at output 0 nothing but the converters moves in the model; what the chip spends then on clock, pulse "
        "generators and precharge is in no open table. From 0.8 to 1.0 V its mean energy grows by 1.09, V² by 1.56.",
    ),
    "colonnade": (
        "1 to 16 bits, 0.6 and 0.8 V",
        "precision is met, supply not: the published sets differ by 4.0 at every precision where V² gives 1.8. "
        "4.0 is (1.2/0.6)²; whether the first set was taken at 0.8 V, as our source says, could not be verified.",
    ),
    "neurram": (
        "1 to 8 input bits",
        "the neuron's integration doubles with every bit in the model; at 8 bits the chip takes half of that.",
    ),
    "neurocim": (
        "1 and 8 weight bits",
        "eight columns share one comparator; the size of the array is not published (128 x 128 assumed), and the chip "
        "skips sign bits and stops early, to an extent that the abstracts do not give.",
    ),
}  # fmt: skip


def claims(rows: Sequence[Row], record: Mapping[str, Any]) -> tuple[Claim, ...]:
    """Return all claims: held-out error, components, predictions by chip, area."""
    return (_held_out(record), _components(rows), *(_ratios(rows, name) for name in _PREDICTED), _area(rows))


def _held_out(record: Mapping[str, Any]) -> Claim:
    error, plain = record["median_error_calibrated"], record["median_error_uncalibrated"]
    better = "lower" if record["spread_calibrated"] < record["spread_uncalibrated"] else "no lower"
    return Claim(
        what=f"one factor per kind of component, fitted to {len(record['calibrated_on'])} chips, holds for "
        f"{len(record['tested_on'])} others",
        paper=f"asked of the model: median |error| on the held-out chips at most {TARGET:.0%}",
        ours=f"{error:.1%} calibrated, {plain:.1%} uncalibrated; root mean square factor x/÷ "
        f"{record['spread_calibrated']:.2f} and {record['spread_uncalibrated']:.2f}; leaving each of all chips out in "
        f"turn {record['median_error_left_out']:.1%}",
        confidence="measured silicon, by way of open projects and abstracts",
        agrees=error <= TARGET,
        gap=f"the chips that calibrate lie lower than the others, so that factors help those that were low and spoil "
        "those that were right: array and driver factors rest on jia2020's column, which the model puts at a fifth, "
        "while jia2022, the same circuit at 16 nm, is met without them. The median is "
        f"{'lower' if error < plain else 'higher'} than without factors, the spread {better}. Such factors carry over "
        "within x/÷ 2 at best: estimates leave them at 1; a chip of one's own is calibrated by 'axbar validate'.",
    )


def _components(rows: Sequence[Row]) -> Claim:
    parts = [
        (row["chip"], kinds, model / measured)
        for row in rows
        if row["point"] == _anchor(rows, row["chip"])
        for kinds, measured, model, _ in row["_parts"]
    ]
    within = [ratio for _, _, ratio in parts if 0.5 <= ratio <= 2.0]
    told = "; ".join(f"{chip} {kinds} x{ratio:.2f}" for chip, kinds, ratio in parts)
    return Claim(
        what="every published component is modelled within x/÷ 2, not the total alone",
        paper="spread stated for such sums: digital x/÷ 1.5, array x/÷ 2, converters x/÷ 2.6",
        ours=f"{len(within)} of {len(parts)}: {told}",
        confidence="published breakdowns",
        agrees=len(within) == len(parts),
        gap="converters: the capacitive law of SAR lies 3x below column converters at 65 and 22 nm. Drivers: clock, "
        "level shifters and buffers are in no open table (Colonnade, NeuRRAM).",
    )


def _anchor(rows: Sequence[Row], chip: str) -> str:
    """Return the first point of a chip that has a published breakdown."""
    return next((str(r["point"]) for r in rows if r["chip"] == chip and r["_parts"]), "")


def _ratios(rows: Sequence[Row], name: str) -> Claim:
    varied, why = _PREDICTED[name]
    found = [(row["point"], row["predicted_x"]) for row in rows if row["chip"] == name and row["predicted_x"]]
    met = [point for point, ratio in found if 1 / RATIO <= ratio <= RATIO]
    return Claim(
        what=f"{name}: one operating point predicts the others ({varied})",
        paper=f"asked of the model: within x/÷ {RATIO}",
        ours=f"{len(met)} of {len(found)}: " + ", ".join(f"{point} x{ratio:.2f}" for point, ratio in found),
        confidence="measured silicon",
        agrees=len(met) == len(found),
        gap=why,
    )


def _area(rows: Sequence[Row]) -> Claim:
    first = {row["chip"]: row for row in reversed(rows) if row["area_mm2"]}
    ratios = {chip: row["model_area_mm2"] / row["area_mm2"] for chip, row in sorted(first.items())}
    within = [chip for chip, ratio in ratios.items() if 0.5 <= ratio <= 2.0]
    return Claim(
        what="area, and with it TOPS/mm², within x/÷ 2",
        paper="no bound was asked for; published macros",
        ours=f"{len(within)} of {len(ratios)}: "
        + ", ".join(f"{chip} x{r:.2f}" for chip, r in ratios.items()),
        confidence="published areas",
        agrees=len(within) == len(ratios),
        gap="routing, decoupling, write circuits and controllers are left out; of HERMES the oscillators, mirrors and "
        "calibration circuits as well, of which no area is public.",
    )
