"""A space as plain JSON, in the form in which a user writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from axbar.search.space._space import Space
from axbar.search.space.domains import Choices
from axbar.search.space.parts import Parameter
from axbar.search.space.reading import read_space
from axbar.spec._tree import Faults

__all__ = ["space_from_dict", "space_to_dict"]


def space_to_dict(space: Space) -> dict[str, Any]:
    """Return what ``load_space`` reads back to an equal space; numbers are in SI units.

    >>> from axbar.search import load_space
    >>> space = load_space({"space": {"hardware": "sata", "array.rows": [8, 16]}, "objectives": ["energy_J min"]})
    >>> load_space(space_to_dict(space)) == space
    True
    """
    return {
        "name": space.name,
        "space": {p.path: _parameter(p) for p in space.parameters},
        "objectives": [str(o) for o in space.objectives],
        "constraints": [f"{c.quantity} {c.op} {c.limit!r}" for c in space.constraints],
        "fidelity": dict(space.fidelity),
    }


def space_from_dict(kept: Mapping[str, Any]) -> Space:
    """Return the space of which ``space_to_dict`` is; it was checked, so no chip, technique or model is asked again.

    Raises:
        UsageError: it is none.

    >>> from axbar.search import load_space
    >>> space = load_space({"space": {"hardware": "sata", "array.rows": [8, 16]}, "objectives": ["energy_J min"]})
    >>> space_from_dict(space_to_dict(space)) == space
    True
    """
    faults = Faults()
    read = read_space(kept, faults)
    faults.raise_any()
    return Space(
        tuple(read.parameters), tuple(read.objectives), tuple(read.constraints), read.name, read.fidelity
    )


def _parameter(parameter: Parameter) -> Any:
    domain = parameter.domain
    values = list(domain.values) if isinstance(domain, Choices) else str(domain)
    return values if parameter.when is None else {"values": values, "when": str(parameter.when)}
