"""Small networks and spaces for the tests of sweeps, and what a sweep must find by brute force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar.cost import Estimate, estimate
from axbar.search.space import Space, load_space
from axbar.search.sweep import Swept
from axbar.search.sweep.variants import Variant
from axbar.spec import HardwareSpec, load_hardware
from axbar.workload import Workload, shapes

BASE = load_hardware("imc-rram-65nm")

#: one workload a number of steps, so that counted events are shared
_KNOWN: dict[int, Workload] = {}


def network(steps: int = 4) -> Workload:
    """A small network by its shapes."""
    if steps not in _KNOWN:
        _KNOWN[steps] = shapes.cnn(width=8, steps=steps)
    return _KNOWN[steps]


def by_steps(variant: Variant, spec: HardwareSpec) -> Workload:
    """The network with the steps of the variant."""
    return network(int(dict(variant.arguments).get("steps", 4)))


def space_of(parameters: Mapping[str, Any], *objectives: str, constraints: Sequence[str] = ()) -> Space:
    """A checked space around the base chip."""
    asked = {"space": dict(parameters), "objectives": list(objectives), "constraints": list(constraints)}
    return load_space(asked, None if "hardware" in parameters else BASE)


def alone(space: Space, point: Mapping[str, Any]) -> Estimate:
    """One design by itself, without any sweep."""
    parts = space.split(point)
    base = BASE if parts.hardware is None else load_hardware(parts.hardware)
    return estimate(network(int(parts.arguments.get("steps", 4))), base.replace(parts.changes))


def by_pairs(values: NDArray[np.float64], classes: NDArray[Any] | None = None) -> NDArray[np.bool_]:
    """Which rows (minimised) no other row, or none of the same class, dominates; all pairs."""
    found = np.ones(len(values), dtype=np.bool_)
    for i, row in enumerate(values):
        beaten_by = (values <= row).all(axis=1) & (values < row).any(axis=1)
        if classes is not None:
            beaten_by &= classes == classes[i]
        found[i] = not beaten_by.any()
    return found


def points_of(space: Space, found: Swept) -> list[dict[str, Any]]:
    """The kept designs as points."""
    return [space.point(found.columns, i) for i in range(len(found))]
