"""How far the figures of a comparison may be trusted: spread, assumed share, sources, and what an accuracy is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axbar.report._scale import percent
from axbar.report._spec_view import source_groups
from axbar.report._view import spreads

if TYPE_CHECKING:
    from axbar._compare import Comparison
    from axbar._report import Accuracy

__all__ = ["SURE", "accuracy_words", "silicon_lines", "sources_of", "sure_rows"]

#: heads of ``sure_rows``
SURE = ("chip", "energy", "latency", "area", "energy assumed")


def sure_rows(found: Comparison) -> list[list[str]]:
    """Return one line per chip: within what its totals are expected, and how much of its energy is assumed."""
    rows: list[list[str]] = []
    for name, report in zip(found.names, found.reports, strict=True):
        known = {spread.name.lower(): spread.words for spread in spreads(report.estimate)}
        ranges = [known.get(head, "not known") for head in SURE[1:-1]]
        rows.append([name, *ranges, percent(float(report.estimate.assumed_share[0]))])
    return rows


def silicon_lines(found: Comparison) -> list[str]:
    """Return what was compared with silicon, each sentence once, with the chips that it is of."""
    said: dict[str, list[str]] = {}
    for name, report in zip(found.names, found.reports, strict=True):
        said.setdefault(report.estimate.beside_silicon, []).append(name)
    return [f"{', '.join(names)}: {sentence}" for sentence, names in said.items()]


def sources_of(found: Comparison) -> list[tuple[str, list[tuple[str, str, list[str]]]]]:
    """Return the sources of each chip, see ``source_groups``; those of namesakes without a difference once."""
    listed: list[tuple[str, list[tuple[str, str, list[str]]]]] = []
    for name, report in zip(found.names, found.reports, strict=True):
        groups = source_groups(report)
        if not any(groups == other for _, other in listed):
            listed.append((name, groups))
    return listed


def accuracy_words(found: Comparison) -> str:
    """Say of what network the accuracy of each chip is; empty where none was measured."""
    said: dict[str, list[str]] = {}
    for name, report in zip(found.names, found.reports, strict=True):
        if report.accuracy is not None:
            said.setdefault(_measured(report.accuracy), []).append(name)
    parts = [f"of {what} on {', '.join(names)}" for what, names in said.items()]
    return f"Accuracy is that {'; '.join(parts)}." if parts else ""


def _measured(accuracy: Accuracy) -> str:
    return {
        "dies": "programmed dies",
        "digital": "the integer network",
        "float": "the float network, which was not measured as the chip computes it,",
    }[accuracy.of]
