"""The vocabulary of the cost models: events, components, terms, and the context they are evaluated in.

A hardware kind counts ``Events`` (what happens how often) and lists ``Component``s (what it costs). A
component's energy, latency, area and leakage are ``Term``s: a formula as text, the names of what it reads,
and a function of a ``Context``. One engine evaluates them for any kind.

Shapes: L layers, P design points. Events are ``[L, 1]`` or ``[L, P]``, parameters ``[1]`` or ``[P]``, results
broadcast to ``[L, P]``: points lie along the last, contiguous axis, and every sum over layers or components
is made term by term, so that a point has the same bits alone and in a sweep.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from axbar.cost.constants import Constant

__all__ = [
    "LEAKAGE_SPREAD",
    "NOTHING", "QUANTITIES", "Bools", "Component", "Context", "Count", "Events", "Floats", "Indices", "Parts",
    "Quantity", "Rule", "Term", "Timing", "WordsDiffer", "add_up",
]  # fmt: skip

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]
Quantity = Literal["energy_J", "latency_s", "area_m2", "leakage_W"]

#: in order of evaluation: area feeds the floor plan, leakage and latency feed the energy of leakage
QUANTITIES: Final[tuple[Quantity, ...]] = ("area_m2", "leakage_W", "latency_s", "energy_J")

#: x/÷ within which the leakage of logic libraries lies
LEAKAGE_SPREAD: Final = 4.0


def add_up(rows: Floats) -> Floats:
    """Sum over the first axis, strictly in order.

    ``np.sum`` picks its order by shape and stride; this does not, so a point has the same bits in any sweep.
    """
    total = rows[0].copy()
    for row in rows[1:]:
        total += row
    return total


@dataclass(frozen=True)
class Events:
    """What happens in one inference on one structural choice of the hardware.

    Args:
        layers: names of the layers that the hardware runs, L of them.
        counts: event -> ``[L]``, mean per sample and inference.
        mapping: how the layers lie on the hardware, ``[L]`` each (arrays, tiles, utilisation, ...).
        meaning: event -> what one of them is.
        notes: assumptions that the counting made, as sentences.
        unpriced: ``(layer, operation)`` pairs that the hardware model leaves out.
        reasons: why the workload does not fit, whatever the other parameters are; empty if it may.
    """

    layers: tuple[str, ...]
    counts: Mapping[str, Floats]
    mapping: Mapping[str, Floats]
    meaning: Mapping[str, str]
    notes: tuple[str, ...] = ()
    unpriced: tuple[tuple[str, str], ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Timing:
    """Who works for how long where layers do not simply take turns.

    Args:
        busy_s: time that each layer works per inference, ``[L, P]``.
        interval_s: time from one inference to the next, ``[P]``.
        shares: component -> share of its time by which it delays the inference, ``[L, P]``; 1 where missing.
    """

    busy_s: Floats
    interval_s: Floats
    shares: Mapping[str, Floats]

    def at(self, points: Indices) -> Timing:
        """Return it for some of the points, to be read; shares were applied to all at once."""
        return Timing(np.take(self.busy_s, points, axis=1), self.interval_s[points], {})


class WordsDiffer(Exception):
    """A formula asked for a word in which its points differ; ``_words`` asks it again, word by word."""

    def __init__(self, path: str) -> None:
        super().__init__(f"points differ in {path}; evaluate them with axbar.cost._words.by_words")
        self.path = path


@dataclass
class Context:
    """What a term may read, for a chunk of design points.

    Args:
        events: ``[L, 1]`` or ``[L, P]``.
        numbers: path -> ``[1]`` or ``[P]``.
        texts: path -> word (kinds, classes, names) that all points share; formulas ask ``text``.
        mixed: path -> ``[P]`` words in which points differ.
        results: quantity -> component -> ``[L, P]``, filled in evaluation order.
        timing: who works when; None where layers take turns.
        zeros: stands in ``results`` where a component has nothing to add; sums leave it out.
        points: P.
        take: returns the context of some of the points, by index and without results.
        layers: names, L of them.
    """

    events: Mapping[str, Floats]
    numbers: Mapping[str, Floats]
    texts: Mapping[str, str]
    results: dict[Quantity, dict[str, Floats]] = field(default_factory=dict[Quantity, dict[str, Floats]])
    timing: Timing | None = None
    zeros: Floats | None = None
    mixed: Mapping[str, NDArray[np.str_]] = field(default_factory=dict[str, NDArray[np.str_]])
    points: int = 1
    take: Callable[[Indices], Context] | None = None
    layers: tuple[str, ...] = ()
    _scaled: dict[str, Floats] = field(default_factory=dict[str, Floats], repr=False)
    _parts: dict[str, list[tuple[Indices, Context]]] = field(
        default_factory=dict[str, list[tuple["Indices", "Context"]]], repr=False
    )

    def n(self, event: str) -> Floats:
        """Return how often an event happens, ``[L, 1]`` or ``[L, P]``."""
        return self.events[event]

    def p(self, path: str) -> Floats:
        """Return a numeric parameter, ``[1]`` or ``[P]``."""
        return self.numbers[path]

    def text(self, path: str) -> str:
        """Return a parameter that is a word.

        Raises:
            WordsDiffer: it is not the same for all points.
        """
        if path in self.mixed:
            raise WordsDiffer(path)
        return self.texts[path]

    def parts(self, path: str) -> list[tuple[Indices, Context]]:
        """Return the points of each word of a ``mixed`` path, with their context and the results so far."""
        if path not in self._parts:
            assert self.take is not None  # whoever mixes words knows how to take points
            words = self.mixed[path]
            each = [np.flatnonzero(words == word) for word in np.unique(words)]
            self._parts[path] = [(at, self.take(at)) for at in each]
        for at, part in self._parts[path]:
            part.results = _Results(self.results, at, (self.zeros, part.zeros))
            part.timing = self.timing and self.timing.at(at)
        return self._parts[path]

    def c(self, constant: Constant) -> Floats:
        """Return a constant at this node and supply (``technology.node_m``, ``technology.vdd_V``)."""
        if constant.name not in self._scaled:
            node_m = self.numbers["technology.node_m"] if constant.needs_node else 1.0
            supply_V = self.numbers["technology.vdd_V"] if constant.needs_vdd else 1.0
            self._scaled[constant.name] = constant.at(node_m, supply_V)
        return self._scaled[constant.name]

    def total(self, quantity: Quantity, leave_out: str = "") -> Floats:
        """Return the sum over layers and all components evaluated so far but one, ``[P]``."""
        return add_up(self.by_layer(quantity, leave_out))

    def busy_s(self) -> Floats:
        """Return the time that each layer works per inference, ``[L, P]``; known once latencies are."""
        return self.by_layer("latency_s") if self.timing is None else self.timing.busy_s

    def interval_s(self) -> Floats:
        """Return the time from one inference to the next, ``[P]``; that of one where nothing overlaps."""
        return self.total("latency_s") if self.timing is None else self.timing.interval_s

    def by_layer(self, quantity: Quantity, leave_out: str = "") -> Floats:
        """Return the sum over all components evaluated so far but one, ``[L, P]``."""
        done = [v for name, v in self.results[quantity].items() if name != leave_out and v is not self.zeros]
        if not done:
            assert self.zeros is not None
            return self.zeros.copy()
        total = done[0].copy()
        for value in done[1:]:
            total += value
        return total


class _Results(dict[Quantity, dict[str, Floats]]):
    """Results at some of the points, taken when somebody asks for them.

    Args:
        whole: at all points.
        at: which points.
        zeros: what stands for nothing there and here.
    """

    def __init__(
        self,
        whole: dict[Quantity, dict[str, Floats]],
        at: Indices,
        zeros: tuple[Floats | None, Floats | None],
    ) -> None:
        super().__init__()
        self._whole, self._at, self._zeros = whole, at, zeros

    def __missing__(self, quantity: Quantity) -> dict[str, Floats]:
        there, here = self._zeros
        assert here is not None
        self[quantity] = {
            # not value[:, at], which leaves points along the slow axis
            name: here if value is there else np.take(value, self._at, axis=1)
            for name, value in self._whole[quantity].items()
        }
        return self[quantity]


@dataclass(frozen=True)
class Term:
    """One quantity of one component.

    Args:
        formula: the equation as text, in the names of events, paths and constants.
        value: function that returns ``[L, P]`` (or what broadcasts to it).
        events, paths, constants: all that ``value`` reads; ``explain`` prints them, a test compares.
        uses: ``(component or "*", quantity)`` whose results it reads.
    """

    formula: str
    value: Callable[[Context], Floats]
    events: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    constants: tuple[Constant, ...] = ()
    uses: tuple[tuple[str, Quantity], ...] = ()


def _nothing(x: Context) -> Floats:
    return np.zeros((1, 1))


#: a quantity that a component does not have
NOTHING: Final = Term("0", _nothing)


@dataclass(frozen=True)
class Parts:
    """The four quantities of a component."""

    energy_J: Term = NOTHING
    latency_s: Term = NOTHING
    area_m2: Term = NOTHING
    leakage_W: Term = NOTHING

    def __getitem__(self, quantity: Quantity) -> Term:
        term: Term = getattr(self, quantity)
        return term


@dataclass(frozen=True)
class Count:
    """What a user's pinned figure is per.

    Args:
        what: ``"one conversion"``.
        value: how many of them, ``[L, P]``.
        events, paths: what ``value`` reads.
    """

    what: str
    value: Callable[[Context], Floats]
    events: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Component:
    """One part of the hardware that costs something.

    Args:
        name: as in reports and pins.
        group: node of the component tree above it.
        summary: one line.
        parts: value of the parameter ``choose`` -> terms (of several: ``"one/other"``, in their order); ``{"": ...}``
            if there is nothing to choose.
        event: what a pinned energy is per; None if energy can't be pinned.
        turn: what a pinned latency is per; None if the component takes no time of its own.
        instance: what pinned area and leakage are per; None if it has neither.
        spread: factor x/÷ within which published silicon lies around such models.
        choose: path of the word that picks the terms (``"adc.kind"``), or several paths.
    """

    name: str
    group: str
    summary: str
    parts: Mapping[str, Parts]
    event: Count | None
    turn: Count | None
    instance: Count | None
    spread: float
    choose: str | tuple[str, ...] = ""

    def terms(self, x: Context) -> Parts:
        """Return the terms that hold for a context."""
        paths = (self.choose,) if isinstance(self.choose, str) else self.choose
        return self.parts["/".join(x.text(path) for path in paths if path)]

    def spread_of(self, quantity: Quantity) -> float:
        """Return the factor x/÷ of one quantity; leakage is the least certain of all, whatever leaks."""
        return max(self.spread, LEAKAGE_SPREAD) if quantity == "leakage_W" else self.spread

    def count_of(self, quantity: Quantity) -> Count | None:
        """Return what a pinned figure of ``quantity`` is per."""
        return {"energy_J": self.event, "latency_s": self.turn}.get(quantity, self.instance)


@dataclass(frozen=True)
class Rule:
    """A condition under which a design point does not work.

    Args:
        violated: ``[P]`` (or ``[1]``), true where it does not.
        reason: sentence for a context of one point.
        fatal: the design is infeasible; if not, the sentence is a note beside its figures.
        depends: the numbers that decide on the sentence, ``[n, P]``: points that agree in them share one, which
            is then written once; None: every point has its own.
    """

    violated: Callable[[Context], Bools]
    reason: Callable[[Context], str]
    fatal: bool = True
    depends: Callable[[Context], Floats] | None = None
