"""Evaluate the components of any hardware kind on many design points.

Points lie along the last axis and are worked on in chunks that stay in cache. Events are counted once per
structural choice and gathered to the points; everything else is arithmetic on arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from axbar.cost._sweep import Sweep, with_values
from axbar.cost._types import QUANTITIES, Component, Context, Events, Floats, Quantity, Rule
from axbar.errors import UsageError, unknown_name
from axbar.spec import HardwareSpec
from axbar.spec.kind import HardwareKind
from axbar.workload import Workload

__all__ = ["CHUNK", "Plan", "make_plan", "pinned"]

#: points worked on at once: 9 layers x 13 components x 4 quantities of them take some 2 MB
CHUNK = 512

Indices = NDArray[np.intp]

#: workload -> structural values -> events; entries go when the workload goes
_counted: WeakKeyDictionary[Workload, dict[tuple[Any, ...], Events]] = WeakKeyDictionary()
_COUNTS_KEPT = 4096


@dataclass(frozen=True)
class Plan:
    """All that is needed to evaluate any point.

    Args:
        kind, workload, spec: what was asked.
        sweep: the design points.
        events: counted events, one entry per structural choice.
        choice: ``[P]`` index into ``events``.
        words: words of each group of points that share them.
        group: ``[P]`` index into ``words``.
        stacked: counts of all events, ``[event, L, structural choice]``.
    """

    kind: HardwareKind
    workload: Workload
    spec: HardwareSpec
    sweep: Sweep
    events: Sequence[Events]
    choice: Indices
    words: Sequence[Mapping[str, str]]
    group: Indices
    stacked: Floats

    @property
    def components(self) -> tuple[Component, ...]:
        """The parts that cost something."""
        return self.kind.components

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Conditions of feasibility."""
        return self.kind.rules

    def chunks(self) -> Iterator[Indices]:
        """Yield the indices of points that share their words, at most ``CHUNK`` at a time."""
        for number in range(len(self.words)):
            members = np.flatnonzero(self.group == number)
            for start in range(0, len(members), CHUNK):
                yield members[start : start + CHUNK]

    def context(self, points: Indices) -> Context:
        """Return the context of points that share their words, without results."""
        counts = self.stacked
        if len(self.events) > 1:
            counts = np.take(counts, self.choice[points], axis=2)
        events = dict(zip(self.events[0].counts, counts, strict=True))
        many = self.sweep.points > 1
        numbers = {path: c[points] if many and len(c) > 1 else c for path, c in self.sweep.numbers.items()}
        return Context(events, numbers, self.words[int(self.group[points[0]])])

    def evaluate(self, points: Indices) -> Context:
        """Return the context of points that share their words, with all results ``[L, len(points)]``."""
        x = self.context(points)
        shape = (len(self.events[0].layers), len(points))
        for quantity in QUANTITIES:
            results = x.results.setdefault(quantity, {})
            for component in self.components:
                value = pinned(component, quantity, x)
                if value is None:
                    value = component.terms(x)[quantity].value(x)
                results[component.name] = value if value.shape == shape else np.broadcast_to(value, shape)
        return x

    def at(self, point: int) -> Context:
        """Return the context of one point, with all results."""
        return self.evaluate(np.array([point]))

    def take(self, point: int) -> Plan:
        """Return the plan of one point alone."""
        choice, group = int(self.choice[point]), int(self.group[point])
        return replace(
            self,
            sweep=self.sweep.take(point),
            events=[self.events[choice]],
            choice=np.zeros(1, dtype=np.intp),
            words=[self.words[group]],
            group=np.zeros(1, dtype=np.intp),
            stacked=self.stacked[:, :, choice : choice + 1],
        )


def pinned(component: Component, quantity: Quantity, x: Context) -> Floats | None:
    """Return count x the user's figure where one is pinned, else None."""
    path = f"pins.{component.name}.{quantity}"
    if path not in x.numbers:
        return None
    counted = component.count_of(quantity)
    assert counted is not None  # checked when the plan was made
    return counted.value(x) * x.p(path)


def make_plan(kind: HardwareKind, workload: Workload, spec: HardwareSpec, sweep: Sweep) -> Plan:
    """Count what has to be counted and lay out the points.

    Raises:
        UsageError: a pin names no component, or a figure that the component does not have.
    """
    _check_pins(kind, sweep)
    choices, choice = sweep.groups(kind.structural)
    events = [_count(kind, workload, spec, values) for values in choices]
    word_groups, group = sweep.groups(None)
    fixed = {path: w for path, w in sweep.words.items() if isinstance(w, str)}
    names = events[0].counts
    stacked = np.stack([np.stack([e.counts[name] for name in names]) for e in events], axis=2)
    return Plan(
        kind, workload, spec, sweep, events, choice, [fixed | words for words in word_groups], group, stacked
    )


def _count(kind: HardwareKind, workload: Workload, spec: HardwareSpec, values: Mapping[str, Any]) -> Events:
    changed = with_values(spec, values) if values else spec
    key = (kind.name, *(_value_at(changed, path) for path in sorted(kind.structural)))
    known = _counted.setdefault(workload, {})
    if key not in known:
        if len(known) >= _COUNTS_KEPT:
            known.clear()
        known[key] = kind.count(workload, changed)
    return known[key]


def _value_at(spec: HardwareSpec, path: str) -> Any:
    value: Any = spec
    for part in path.split("."):
        value = getattr(value, part)
    return value


def _check_pins(kind: HardwareKind, sweep: Sweep) -> None:
    components: dict[str, Component] = {component.name: component for component in kind.components}
    for path in sweep.numbers:
        if not path.startswith("pins."):
            continue
        _, name, quantity = path.split(".")
        if name not in components:
            raise UsageError(unknown_name("component in pins", name, components))
        if components[name].count_of(quantity) is None:  # pyright: ignore[reportArgumentType]
            raise UsageError(
                f"{path} can't be pinned: '{name}' has no {quantity.rpartition('_')[0]} of its own; "
                "pin another component or drop the pin."
            )
