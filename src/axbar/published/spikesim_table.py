"""The tables of the study: cases side by side, shares by class, claims, what each quirk is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from axbar.published._reproduction import Claim
from axbar.published.spikesim import SpikeSimEla
from axbar.published.spikesim_claims import NEURONAL_SHARE, Pair
from axbar.published.spikesim_quirks import QUIRKS, Change, Quirk
from axbar.published.spikesim_real import CHIP, CLASSES, Cost
from axbar.spec import load_hardware

__all__ = ["markdown", "quirk_lines", "rows"]

#: below this relative change a figure counts as untouched
_SAME = 1e-12
_QUANTITIES = (
    ("energy", "energy_J", 1e6, "µJ"),
    ("latency", "latency_s", 1e3, "ms"),
    ("area", "area_m2", 1e6, "mm²"),
)


def rows(pairs: Mapping[str, Pair]) -> tuple[Mapping[str, Any], ...]:
    """Return one row per case: what is published, what the released formula says, what axbar says."""
    return tuple(
        {
            "case": name,
            "paper_neuron_%": f">{100 * NEURONAL_SHARE:.0f}" if name == "vgg9_default" else None,
            "legacy_neuron_%": 100 * found.legacy.neuronal_share,
            "axbar_neuron_%": 100 * found.real.neuronal_share,
            "legacy_uJ": 1e6 * found.legacy.energy_J,
            "axbar_uJ": 1e6 * found.real.energy_J,
            "legacy_ms": 1e3 * found.legacy.latency_s,
            "axbar_ms": 1e3 * found.real.latency_s,
            "legacy_mm2": 1e6 * found.legacy.area_m2,
            "axbar_mm2": 1e6 * found.real.area_m2,
        }
        for name, found in pairs.items()
    )


def quirk_lines(found: Sequence[Change]) -> dict[str, str]:
    """Return one sentence per quirk: what it is, what was mended, what that changes on which case."""
    return {
        quirk.name: f"{quirk.what}; mended: {quirk.mended}: "
        + "; ".join(f"{c.case} {_changed(c)}" for c in found if c.quirk.name == quirk.name)
        for quirk in QUIRKS
    }


def _changed(change: Change) -> str:
    told = [
        f"{name} {_cell(change.published, quantity, scale)} → {_cell(change.mended, quantity, scale)} {unit} "
        f"({_factor(change, quantity)})"
        for name, quantity, scale, unit in _QUANTITIES
        if not _same(change, quantity)
    ]
    return ", ".join(told) or "unchanged"


def _same(change: Change, quantity: str) -> bool:
    before, after = getattr(change.published, quantity), getattr(change.mended, quantity)
    return abs(after / before - 1) < _SAME


def _factor(change: Change, quantity: str) -> str:
    """Return the ratio, in percent where it is near one."""
    ratio = getattr(change.mended, quantity) / getattr(change.published, quantity)
    if 0.5 < ratio < 2:
        percent = 100 * (ratio - 1)
        return f"{percent:+.{2 if abs(percent) < 1 else 1}f} %".replace("-", "−")
    return f"x {ratio:.3g}" if ratio > 1 else f"1/{1 / ratio:.3g}"


def _cell(found: SpikeSimEla | Cost, quantity: str, scale: float) -> str:
    return f"{scale * getattr(found, quantity):.4g}"


def markdown(pairs: Mapping[str, Pair], told: Sequence[Claim], found: Sequence[Change]) -> str:
    """Return all tables for a page."""
    preset = f"`{CHIP}` as shipped, spec `{load_hardware(CHIP).hash()[:8]}`"
    lines = [f"Released formula / axbar on {preset}:", "", *_cases(pairs)]
    lines += ["", "Shares of `vgg9_default`, released formula / axbar:", "", *_shares(pairs["vgg9_default"])]
    lines += ["", "What is published, and what the two say of it:", "", *_claims(told)]
    return "\n".join([*lines, "", "One quirk mended, the rest as released:", "", *_quirks(found)]) + "\n"


def _cases(pairs: Mapping[str, Pair]) -> list[str]:
    lines = ["| case | energy, µJ | latency, ms | area, mm² | neurons, % of area |", "| --- |" + " --- |" * 4]
    for name, both in pairs.items():
        cells = [
            f"{_cell(both.legacy, quantity, scale)} / {_cell(both.real, quantity, scale)}"
            for _, quantity, scale, _ in _QUANTITIES
        ]
        share = f"{100 * both.legacy.neuronal_share:.1f} / {100 * both.real.neuronal_share:.1f}"
        lines.append(f"| `{name}` | {' | '.join(cells)} | {share} |")
    return lines


def _shares(both: Pair) -> list[str]:
    lines = ["| | " + " | ".join(_filled(both)) + " |", "| --- |" + " --- |" * len(_filled(both))]
    for name, parts, total in (
        ("energy", "energy_by_class", "energy_J"),
        ("area", "area_by_class", "area_m2"),
    ):
        cells = [
            " / ".join(
                f"{100 * getattr(c, parts)[k] / getattr(c, total):.1f}" for c in (both.legacy, both.real)
            )
            for k in _filled(both)
        ]
        lines.append(f"| {name}, % | " + " | ".join(cells) + " |")
    return lines


def _claims(told: Sequence[Claim]) -> list[str]:
    lines = ["| | published | here |", "| --- | --- | --- |"]
    for claim in told:
        verdict = "agrees" if claim.agrees else "DIFFERS"
        lines.append(f"| {claim.what}: **{verdict}** | {claim.paper} ({claim.confidence}) | {claim.ours} |")
    return lines


def _filled(both: Pair) -> list[str]:
    """Classes that either model has something in."""
    sides = [p for cost in (both.legacy, both.real) for p in (cost.energy_by_class, cost.area_by_class)]
    return [name for name in CLASSES if any(side[name] > 0 for side in sides)]


def _quirks(found: Sequence[Change]) -> list[str]:
    lines = ["| quirk | mended | case | energy | latency | area |", "| --- |" + " --- |" * 5]
    for change in found:
        cells = [
            "–" if _same(change, quantity)
            else f"{_cell(change.published, quantity, scale)} → {_cell(change.mended, quantity, scale)} {unit}, "
            f"{_factor(change, quantity)}"
            for _, quantity, scale, unit in _QUANTITIES
        ]  # fmt: skip
        first = change.case == next(iter(change.quirk.cases))
        head = _head(change.quirk) if first else "| | |"
        lines.append(f"{head} `{change.case}` | " + " | ".join(cells) + " |")
    return lines


def _head(quirk: Quirk) -> str:
    return f"| {quirk.name}: {quirk.what} | {quirk.mended} |"
