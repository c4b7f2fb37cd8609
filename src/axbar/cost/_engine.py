"""Evaluate the components of any hardware kind on many design points.

Points lie along the last axis and are worked on in chunks that stay in cache. Events are counted once per
structural choice and gathered to the points; everything else is arithmetic on arrays. Points of one chunk may differ
in words: see ``_words``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from axbar.cost._sweep import Sweep, with_values
from axbar.cost._types import (
    NOTHING,
    QUANTITIES,
    Bools,
    Component,
    Context,
    Events,
    Floats,
    Indices,
    Quantity,
    Rule,
)
from axbar.cost._words import by_words, timing_by_words
from axbar.errors import UsageError, unknown_name
from axbar.spec import HardwareSpec, SpecModel
from axbar.spec.kind import HardwareKind
from axbar.workload import Workload

__all__ = ["CHUNK", "Plan", "fill", "make_plan", "pinned"]

#: points worked on at once: fewer cost numpy calls, more leave the cache (20 components of 9 layers: 6 MB)
CHUNK = 1024

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
        varying: ``[event]``, where counts depend on the choice: only these are gathered point by point.
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
    varying: Bools

    @property
    def components(self) -> tuple[Component, ...]:
        """The parts that cost something."""
        return self.kind.components

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Conditions of feasibility."""
        return self.kind.rules

    @cached_property
    def _counts(self) -> tuple[dict[str, Floats], tuple[str, ...], Floats]:
        """Counts of all events ``[L, 1]``; the names and counts ``[event, L, choice]`` of those that vary."""
        names = tuple(self.events[0].counts)
        changing = tuple(name for name, varies in zip(names, self.varying, strict=True) if varies)
        fixed = dict(zip(names, self.stacked[:, :, :1], strict=True))
        return fixed, changing, self.stacked[self.varying]

    def batches(self) -> Iterator[Indices]:
        """Yield the indices of all points, at most ``CHUNK`` at a time."""
        for start in range(0, self.sweep.points, CHUNK):
            yield np.arange(start, min(start + CHUNK, self.sweep.points))

    def chunks(self) -> Iterator[Indices]:
        """Yield the indices of points that share their words, at most ``CHUNK`` at a time."""
        for number in range(len(self.words)):
            members = np.flatnonzero(self.group == number)
            for start in range(0, len(members), CHUNK):
                yield members[start : start + CHUNK]

    def context(self, points: Indices) -> Context:
        """Return the context of points, without results."""
        fixed, names, varying = self._counts
        events = dict(fixed)
        if names:
            events |= zip(names, np.take(varying, self.choice[points], axis=2), strict=True)
        many = self.sweep.points > 1
        numbers = {path: c[points] if many and len(c) > 1 else c for path, c in self.sweep.numbers.items()}
        texts, mixed = self._words_of(points)
        return Context(
            events, numbers, texts, mixed=mixed, points=len(points),
            zeros=np.broadcast_to(0.0, (len(self.events[0].layers), len(points))),
            take=lambda at: self.context(points[at]), layers=self.events[0].layers,
        )  # fmt: skip

    def _words_of(self, points: Indices) -> tuple[Mapping[str, str], Mapping[str, NDArray[np.str_]]]:
        """Return the words that points share, and ``[n]`` those in which they differ."""
        groups = self.group[points]
        if (groups == groups[0]).all():
            return self.words[int(groups[0])], {}
        texts: dict[str, str] = {}
        mixed: dict[str, NDArray[np.str_]] = {}
        for path, column in self.sweep.words.items():
            here = np.array([column]) if isinstance(column, str) else column[points]
            if (here == here[0]).all():
                texts[path] = here[0].item()
            else:
                mixed[path] = here
        return texts, mixed

    def evaluate(self, points: Indices) -> Context:
        """Return the context of points, with all results ``[L, len(points)]``."""
        return fill(self.kind, self.context(points))

    def broken(self, x: Context) -> Bools:
        """Return where a fatal rule is violated, ``[n]`` or ``[1]``."""
        found = np.zeros(1, dtype=np.bool_)
        for rule in self.rules:
            if rule.fatal:
                found = found | by_words(x, rule.violated)
        return found

    def at(self, point: int) -> Context:
        """Return the context of one point, with all results."""
        return self.evaluate(np.array([point]))

    def take(self, point: int) -> Plan:
        """Return the plan of one point alone."""
        choice, group = int(self.choice[point]), int(self.group[point])
        stacked = self.stacked[:, :, choice : choice + 1]
        return replace(
            self,
            sweep=self.sweep.take(point),
            events=[self.events[choice]],
            choice=np.zeros(1, dtype=np.intp),
            words=[self.words[group]],
            group=np.zeros(1, dtype=np.intp),
            stacked=stacked,
            varying=_varying(stacked),
        )


def fill(kind: HardwareKind, x: Context, quantities: Sequence[Quantity] = QUANTITIES) -> Context:
    """Write the results of all components into a context, and return it.

    Args:
        kind: whose components are evaluated.
        x: of any points.
        quantities: those that are needed and all before them, in order of evaluation.
    """
    shape = (len(x.layers), x.points)
    pins = any(path.startswith("pins.") for path in x.numbers)
    for quantity in quantities:
        results = x.results.setdefault(quantity, {})
        for component in kind.components:
            value = by_words(x, partial(_figure, component, quantity, pins))
            results[component.name] = value if value.shape == shape else np.broadcast_to(value, shape)
        if quantity == "latency_s" and kind.schedule is not None:
            _schedule(kind, x, results)
    return x


def _schedule(kind: HardwareKind, x: Context, latency_s: dict[str, Floats]) -> None:
    """Let the hardware kind overlap what may overlap."""
    schedule = kind.schedule
    assert schedule is not None
    timing = timing_by_words(x, lambda part: schedule(part, kind.components))
    if timing is not None:
        for name, share in timing.shares.items():
            if latency_s[name] is not x.zeros:
                latency_s[name] = latency_s[name] * share
        x.timing = timing


def _varying(stacked: Floats) -> Bools:
    """Return which events have other counts on other structural choices, ``[event]``."""
    return (stacked != stacked[:, :, :1]).any(axis=(1, 2))


def _figure(component: Component, quantity: Quantity, pins: bool, x: Context) -> Floats:
    """Return one quantity of one component: the user's, or the model's."""
    value = pinned(component, quantity, x) if pins else None
    if value is not None:
        return value
    term = component.terms(x)[quantity]
    if term is NOTHING:
        assert x.zeros is not None
        return x.zeros
    return term.value(x)


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
    structural = kind.structural
    if kind.structural_if is not None:
        structural = structural | kind.structural_if(workload, {**sweep.words, **sweep.numbers})
    choices, choice = sweep.groups(structural)
    events = _counts(kind, structural, workload, spec, choices)
    word_groups, group = sweep.groups(None)
    fixed = {path: w for path, w in sweep.words.items() if isinstance(w, str)}
    stacked = _stacked(events)
    return Plan(
        kind, workload, spec, sweep, events, choice, [fixed | words for words in word_groups], group, stacked,
        _varying(stacked),
    )  # fmt: skip


def _stacked(events: Sequence[Events]) -> Floats:
    """Return all counts, ``[event, L, structural choice]``."""
    names, layers = events[0].counts, len(events[0].layers)
    rows = np.concatenate([each.counts[name] for each in events for name in names])
    return np.ascontiguousarray(rows.reshape(len(events), len(names), layers).transpose(1, 2, 0))


def _counts(
    kind: HardwareKind,
    structural: frozenset[str],
    workload: Workload,
    spec: HardwareSpec,
    choices: Sequence[Mapping[str, Any]],
) -> list[Events]:
    """Return the events of every structural choice; what is known already is not counted again."""
    own = {path: _value_at(spec, path) for path in sorted(structural)}
    known = _counted.setdefault(workload, {})
    found: list[Events] = []
    blocks: dict[tuple[Any, ...], SpecModel] = {}
    for values in choices:
        key = (kind.name, *(own | dict(values)).values())
        if key not in known:
            if len(known) >= _COUNTS_KEPT:
                known.clear()
            known[key] = kind.count(workload, with_values(spec, values, blocks) if values else spec)
        found.append(known[key])
    return found


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
