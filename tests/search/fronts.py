"""Problems whose whole grid is known, so that a search can be held against the true front."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

import axbar
from axbar.search.front.pareto import hypervolume, nondominated
from axbar.search.space import (
    Choices,
    Columns,
    Integers,
    Objective,
    Parameter,
    Space,
    load_space,
    parse_condition,
)
from axbar.workload import shapes

Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Problem:
    """A space and what its designs are worth."""

    space: Space
    evaluate: Callable[[Columns], Floats]

    @property
    def maximise(self) -> list[bool]:
        return [o.sense == "max" for o in self.space.objectives]

    @property
    def count(self) -> int:
        assert self.space.count is not None
        return self.space.count

    @cached_property
    def front(self) -> Floats:
        """The true front, from the full grid."""
        values = self.evaluate(self.space.distinct(np.arange(self.count)))
        return values[nondominated(values, self.maximise)]

    @cached_property
    def reference(self) -> Floats:
        """A tenth of the front's range beyond its worst: what is far from the front counts for nothing."""
        low, high = self.front.min(axis=0), self.front.max(axis=0)
        return np.where(self.maximise, low - 0.1 * (high - low), high + 0.1 * (high - low))

    @cached_property
    def whole(self) -> float:
        return hypervolume(self.front, self.maximise, self.reference)

    def share(self, values: Floats) -> float:
        """The part of the true hypervolume that some rows have."""
        return hypervolume(values, self.maximise, self.reference) / self.whole


def zdt(number: int) -> Problem:
    """ZDT1 (convex) or ZDT2 (concave) on 32 x 6^4 points; front: b0 = ... = b3 = 0.

    Zitzler, Deb and Thiele, Evolutionary Computation 8, 2000.
    """
    parameters = [Parameter("a", Choices(tuple(i / 31 for i in range(32))))]
    parameters += [Parameter(f"b{i}", Integers(0, 5)) for i in range(4)]

    def evaluate(columns: Columns) -> Floats:
        a = columns.values["a"]
        g = 1 + 9 * np.mean([columns.values[f"b{i}"] / 5 for i in range(4)], axis=0)
        return np.stack([a, g * (1 - (a / g) ** (0.5 if number == 1 else 2))], axis=1)

    objectives = (Objective("energy_J", "min"), Objective("latency_s", "min"))
    return Problem(Space(tuple(parameters), objectives), evaluate)


def mixed(n: int = 12) -> Problem:
    """An octant of the unit sphere (as DTLZ2), whose halves belong to two kinds with parameters of their own.

    A third kind is never on the front; a wrong word costs, and which is right depends on the kind. Front: radius 1.
    """
    when = {kind: parse_condition(f"kind == {kind}") for kind in "abc"}
    parameters = (
        Parameter("kind", Choices(("a", "b", "c"))),
        Parameter("u", Integers(0, n - 1)),
        Parameter("v", Integers(0, n - 1)),
        Parameter("word", Choices(("p", "q", "r", "s", "t"))),
        Parameter("a1", Integers(0, 7), when["a"]),
        Parameter("a2", Choices(("x", "y", "z", "w")), when["a"]),
        Parameter("b1", Integers(0, 9), when["b"]),
        Parameter("b2", Choices((True, False)), when["b"]),
        Parameter("b3", Integers(0, 4), parse_condition("kind == b and b2 == true")),
        Parameter("c1", Integers(0, 19), when["c"]),
    )

    def evaluate(columns: Columns) -> Floats:
        v = columns.values
        high = v["u"] >= n // 2
        right = np.select([v["kind"] == "a", v["kind"] == "b"], ["q", "t"], "p")
        third = np.where(v["b2"], np.abs(v["b3"] - 3) / 4, 0.4)
        extra = np.select(
            [v["kind"] == "a", v["kind"] == "b"],
            [
                np.abs(v["a1"] - 5) / 7 + 0.3 * (v["a2"] != "z") + 0.8 * high,
                np.abs(v["b1"] - 2) / 9 + third + 0.8 * ~high,
            ],
            np.abs(v["c1"] - 11) / 19 + 0.4,
        )
        radius = 1 + 0.5 * (v["word"] != right) + extra
        u, w = (v[name] / (n - 1) * np.pi / 2 for name in "uv")
        flat = radius * np.cos(u)
        return np.stack([flat * np.cos(w), -flat * np.sin(w), radius * np.sin(u)], axis=1)

    objectives = (Objective("energy_J", "min"), Objective("accuracy", "max"), Objective("area_m2", "min"))
    return Problem(Space(parameters, objectives), evaluate)


def chip(*quantities: str) -> Problem:
    """Costs of VGG9 on an RRAM chip with 62,208 variants; 5 % of them don't fit."""
    base = axbar.load_hardware("imc-rram-65nm")
    space = load_space(
        {
            "space": {
                "crossbar.rows": [32, 64, 128, 256],
                "crossbar.cols": [32, 64, 128, 256],
                "crossbar.cell_bits": [1, 2, 3],
                "adc.bits": "3..8",
                "adc.cols_per_adc": [1, 2, 4, 8, 16, 32],
                "tile.pes_per_tile": [2, 4, 8, 16],
                "tile.arrays_per_pe": [4, 9, 16],
                "mapping.duplication": [1, 2, 4],
            },
            "objectives": [f"{quantity} min" for quantity in quantities],
        },
        base,
    )
    workload = shapes.vgg9()
    index = np.arange(space.size or 0)
    parts: list[Floats] = []
    for some in np.array_split(index, 8):
        found = axbar.estimate(workload, base, sweep=space.columns(some).values)
        table = np.stack([found.total(quantity) for quantity in quantities], axis=1)
        parts.append(np.where(found.feasible[:, None], table, np.nan))
    grid = np.concatenate(parts)
    return Problem(space, lambda columns: grid[space.index(columns)])
