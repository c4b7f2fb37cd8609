"""Published chips as facts: one YAML file each in ``macros/``.

A file holds title, year, source and confidence; the ``boundary`` within which its energy was measured; the macro; what
is ``assumed`` because it is not public, and why; and operating points: numbers of the macro that differ, and what was
measured. ``fJ_per_MAC`` gives published components, each for a kind of the model or several joined by ``+``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from axbar.cost.macro import Macro, MacroEstimate, Observation, estimate_macro
from axbar.cost.macro._load import build_macro, read_blocks
from axbar.spec._tree import Block, Leaf
from axbar.units import parse_quantity, unit_of

__all__ = ["Chip", "Point", "calibrating", "chips"]

FOLDER = Path(__file__).parent / "macros"
#: kinds of array that compare with each other; the oldest chip of each calibrates where there is a later one
_FAMILY = {"digital-chain": "digital", "digital-tree": "digital"}


@dataclass(frozen=True)
class Point:
    """One operating point of a chip.

    Args:
        name: voltage, precision or data.
        changes: numbers of the macro that differ.
        tops_per_W: measured, with two operations per MAC.
        tops_per_mm2: measured, where published.
        parts_J: kinds joined by ``+`` -> measured energy per MAC.
    """

    name: str
    changes: Mapping[str, float]
    tops_per_W: float
    tops_per_mm2: float | None
    parts_J: Mapping[str, float]

    @property
    def energy_per_mac_J(self) -> float:
        """Measured energy per multiplication with addition."""
        return 2e-12 / self.tops_per_W


@dataclass(frozen=True)
class Chip:
    """A measured chip."""

    name: str
    title: str
    year: int
    source: str
    confidence: str
    boundary: str
    assumed: Mapping[str, str]
    macro: Macro
    anchor: str
    points: tuple[Point, ...]
    area_mm2: float | None
    area_parts_mm2: Mapping[str, float]

    @property
    def family(self) -> str:
        """Kind of array: charge, digital, discharge, resistive-current, resistive-voltage."""
        return _FAMILY.get(self.macro.array, self.macro.array)

    def estimate(self, point: Point) -> MacroEstimate:
        """Return the uncalibrated model of one operating point."""
        return estimate_macro(self.macro, point.changes)

    def modelled_J(self, point: Point) -> dict[str, float]:
        """Return kind -> modelled energy per MAC."""
        found = self.estimate(point)
        return {kind: float((value / found.macs)[0]) for kind, value in found.energy_J.items()}

    def observations(self) -> list[Observation]:
        """Return all that was measured, by component where that is published, else in total."""
        seen: list[Observation] = []
        for point in self.points:
            modelled = self.modelled_J(point)
            for kinds, measured in (point.parts_J or {"": point.energy_per_mac_J}).items():
                covered = {k: v for k, v in modelled.items() if not kinds or k in kinds.split("+")}
                seen.append(Observation(self.name, measured, covered, point.name))
        return seen


def chips() -> tuple[Chip, ...]:
    """Return all measured chips, by family and year."""
    found = [_chip(path) for path in sorted(FOLDER.glob("*.yaml"))]
    return tuple(sorted(found, key=lambda chip: (chip.family, chip.year, chip.name)))


def calibrating(found: tuple[Chip, ...]) -> tuple[str, ...]:
    """Return the chips that calibrate: the oldest of each family that has a later one.

    So the test looks forward in time, as a user does, and a family of one chip is predicted without its own kind.
    """
    first: dict[str, str] = {}
    counts: dict[str, int] = {}
    for chip in found:
        first.setdefault(chip.family, chip.name)
        counts[chip.family] = counts.get(chip.family, 0) + 1
    return tuple(name for family, name in first.items() if counts[family] > 1)


def _chip(path: Path) -> Chip:
    root = read_blocks(path)
    facts = _plain(root)
    block = root.children["macro"]
    assert isinstance(block, Block), path.name
    return Chip(
        name=path.stem,
        title=facts["title"],
        year=facts["year"],
        source=facts["source"],
        confidence=facts["confidence"],
        boundary=facts["boundary"],
        assumed=facts["assumed"],
        macro=build_macro(block, {"name": path.stem, **_numbers(_first(facts["points"])["set"])}),
        anchor=facts["anchor"],
        points=tuple(_point(name, point) for name, point in facts["points"].items()),
        area_mm2=facts.get("area_mm2"),
        area_parts_mm2=facts.get("area_parts_mm2", {}),
    )


def _first(points: Mapping[str, Any]) -> Mapping[str, Any]:
    return next(iter(points.values()))


def _point(name: str, facts: Mapping[str, Any]) -> Point:
    return Point(
        name=name,
        changes=_numbers(facts["set"]),
        tops_per_W=float(facts["tops_per_W"]),
        tops_per_mm2=facts.get("tops_per_mm2"),
        parts_J={kinds: 1e-15 * value for kinds, value in facts.get("fJ_per_MAC", {}).items()},
    )


def _numbers(changes: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: parse_quantity(value, unit_of(name)) if isinstance(value, str) else float(value)
        for name, value in changes.items()
    }


def _plain(block: Block) -> dict[str, Any]:
    """Return a block as plain values."""
    return {
        key: node.value if isinstance(node, Leaf) else _plain(node) for key, node in block.children.items()
    }
