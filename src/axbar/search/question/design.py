"""A point of a space as what is evaluated: a chip, a network and techniques; and which designs share an accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from axbar.cost._accuracy_effect import effect_of_path
from axbar.errors import UsageError
from axbar.search.space import Space
from axbar.search.space.parts import Point, PointParts
from axbar.search.sweep.variants import reads_chip
from axbar.spec import HardwareSpec, load_hardware

__all__ = ["Change", "Design", "Designer", "accuracy_part", "needed"]

Change = Mapping[str, Any]


@dataclass(frozen=True)
class Design:
    """One point, ready to be evaluated.

    Args:
        point: path -> value.
        parts: the point by who reads it.
        base: the chip before the changes.
        techniques: as on the command line, in their order.
    """

    point: Point
    parts: PointParts
    base: HardwareSpec
    techniques: tuple[str, ...]

    @cached_property
    def changes(self) -> Change:
        """Of ``base``: those of the point, and what its techniques need of a chip."""
        return {**needed(self.base, self.techniques, self.parts.changes), **self.parts.changes}

    @cached_property
    def spec(self) -> HardwareSpec:
        """The chip.

        Raises:
            UsageError: values contradict each other.
        """
        return self.base.replace(self.changes)


@dataclass(frozen=True)
class Designer:
    """Turns points of a space into designs.

    Args:
        space: whose points they are.
        base: the chip where a point names none.
        settings: ``technique.NAME.FIELD`` -> value, for techniques that a point has: how carefully they are tuned.
        more: techniques that every point has behind its own.
    """

    space: Space
    base: HardwareSpec | None
    settings: Change
    more: tuple[str, ...] = ()
    _chips: dict[str, HardwareSpec] = field(
        default_factory=dict[str, HardwareSpec], compare=False, repr=False
    )

    def chip(self, name: str | None) -> HardwareSpec:
        """Return a chip by name, read once; the caller's own for none.

        Raises:
            UsageError: there is none.
        """
        if name is not None:
            if name not in self._chips:
                self._chips[name] = load_hardware(name)
            return self._chips[name]
        if self.base is None:
            raise UsageError("the space has no chip; add 'hardware: NAME' to it or give --hardware.")
        return self.base

    def design(self, point: Point) -> Design:
        """Return the design of one point.

        Raises:
            UsageError: the space has no chip.
        """
        parts = self.space.split(point)
        base = self.chip(parts.hardware)
        texts = tuple(self.text(name, own) for name, own in parts.techniques.items())
        return Design(point, parts, base, _joined(texts, self.more, base))

    def text(self, name: str, own: Change) -> str:
        """Return a technique as on the command line: settings of the point, then those of this designer."""
        head = f"technique.{name}."
        set_ = {path[len(head) :]: v for path, v in self.settings.items() if path.startswith(head)}
        values = {**set_, **own}
        pairs = ",".join(f"{key}={value}" for key, value in values.items())
        return f"{name}:{pairs}" if pairs else name


def _joined(texts: tuple[str, ...], more: Sequence[str], base: HardwareSpec) -> tuple[str, ...]:
    """Return techniques with those that a rung adds: each as late as the others allow, none that a chip can't have."""
    if not more:
        return texts
    from axbar.techniques import check_chip, check_plan, parse_technique  # imports torch

    for text in more:
        extra = parse_technique(text)
        try:
            check_chip([extra], base)
        except UsageError:
            continue
        plan = [parse_technique(each) for each in texts]
        for place in range(len(plan), -1, -1):
            try:
                check_plan([*plan[:place], extra, *plan[place:]])
            except UsageError:
                continue
            texts = (*texts[:place], text, *texts[place:])
            break
        else:
            texts = (*texts, text)  # says why when it is run
    return texts


def needed(base: HardwareSpec, texts: Sequence[str], own: Change) -> dict[str, Any]:
    """Return path -> value that techniques need of a chip (``chip_settings``), but for paths in ``own``.

    Args:
        base: the chip.
        texts: techniques as on the command line.
        own: changes that stand whatever a technique needs.
    """
    if not texts:
        return {}
    from axbar.techniques import parse_technique  # imports torch

    found: dict[str, Any] = {}
    for text in texts:
        technique, config = parse_technique(text)
        ask: Any = getattr(technique, "chip_settings", None)
        if ask is not None:
            found |= ask(base, config)
    return {path: value for path, value in found.items() if path not in own}


def accuracy_part(spec: HardwareSpec, techniques: Sequence[str]) -> dict[str, Any]:
    """Return what of a chip an accuracy may depend on: kind, and path -> value.

    Args:
        spec: the chip.
        techniques: as on the command line; one that may read all of a chip leaves nothing out.
    """
    whole = any(reads_chip(text.partition(":")[0]) == "all" for text in techniques)
    values = {path: v for path, v in spec.values().items() if whole or effect_of_path(path)[0] != "no"}
    return {"kind": spec.kind, **values}
