"""The tables of the study in Markdown: totals, components, area, and what was assumed of each chip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from axbar.published.macros_chips import Chip

__all__ = ["markdown"]

Row = Mapping[str, Any]


def markdown(found: Sequence[Chip], rows: Sequence[Row], record: Mapping[str, Any]) -> str:
    """Return all tables."""
    lines = [
        "## Energy per MAC",
        "",
        *_energy(rows),
        "",
        "## Published components",
        "",
        *_components(rows),
        "",
    ]
    lines += ["## Area", "", *_area(rows), "", "## Factors", ""]
    lines += _table(("kind", "factor"), [(k, f"{v:.3f}") for k, v in record["factors"].items()])
    lines += ["", "## Chips", "", *_chips(found), ""]
    return "\n".join(lines)


def _table(heads: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(line)} |" for line in (heads, ["---"] * len(heads), *body)]


def _x(value: float | None) -> str:
    return "" if value is None else f"x{value:.2f}"


def _energy(rows: Sequence[Row]) -> list[str]:
    heads = (
        "chip", "point", "half", "measured", "model", "model", "calibrated", "left out", "from one point",
        "TOPS/W", "model", "TOPS/mm²", "model",
    )  # fmt: skip
    body = [
        (
            row["chip"], row["point"], row["half"], f"{row['measured_fJ']:.4g} fJ", f"{row['model_fJ']:.4g} fJ",
            _x(row["model_x"]), _x(row["calibrated_x"]), _x(row["left_out_x"]), _x(row["predicted_x"]),
            f"{row['TOPS/W']:.4g}", f"{row['model_TOPS/W']:.4g}",
            "" if row["TOPS/mm2"] is None else f"{row['TOPS/mm2']:.3g}", f"{row['model_TOPS/mm2']:.3g}",
        )
        for row in rows
    ]  # fmt: skip
    return _table(heads, body)


def _components(rows: Sequence[Row]) -> list[str]:
    body = [
        (
            row["chip"], row["point"], kinds, f"{1e15 * measured:.4g} fJ", f"{1e15 * model:.4g} fJ",
            _x(model / measured), _x(calibrated / measured),
        )
        for row in rows
        for kinds, measured, model, calibrated in row["_parts"]
    ]  # fmt: skip
    return _table(("chip", "point", "component", "measured", "model", "model", "calibrated"), body)


def _area(rows: Sequence[Row]) -> list[str]:
    first = {row["chip"]: row for row in reversed(rows) if row["area_mm2"]}
    body = [
        (
            chip, f"{row['area_mm2']:.4g} mm²", f"{row['model_area_mm2']:.4g} mm²",
            _x(row["model_area_mm2"] / row["area_mm2"]),
        )
        for chip, row in sorted(first.items())
    ]  # fmt: skip
    return _table(("chip", "published", "model", "model"), body)


def _chips(found: Sequence[Chip]) -> list[str]:
    body = [
        (
            chip.name, chip.family, chip.source, chip.confidence, chip.boundary,
            "; ".join(f"{key}: {why}" for key, why in chip.assumed.items()),
        )
        for chip in found
    ]  # fmt: skip
    return _table(("chip", "array", "source", "confidence", "boundary", "assumed"), body)
