"""Which network a point asks for, and which points must have one accuracy.

A variant is what decides the network before it meets a chip: model, arguments, techniques of stage ``network``. A
class is all points with the same variant, chip-stage techniques and values of whatever of the chip the accuracy may
depend on (``axbar.cost._accuracy_effect``): accuracy is measured once in a class, costs differ within it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from axbar.cost._accuracy_effect import effect_of_path
from axbar.search.space import Space
from axbar.search.space.checking import is_of_chip
from axbar.search.space.parts import PointParts, technique_of

__all__ = ["Settings", "Variant", "class_paths", "is_of_network", "reads_chip", "variant_of", "variant_paths"]

#: names and values in the order of the space
Settings = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Variant:
    """A network, by how it is made; hashable.

    Args:
        model: name; None if the caller's network is meant.
        arguments: of the model's factory.
        techniques: those of stage ``network`` with their settings, in the order in which they run.
    """

    model: str | None = None
    arguments: Settings = ()
    techniques: tuple[tuple[str, Settings], ...] = ()

    def __str__(self) -> str:
        """Return it as it is written on the command line."""
        head = self.model or "the network"
        shown = [f"{head}({_pairs(self.arguments)})" if self.arguments else head]
        shown += [f"{name}:{_pairs(own)}" if own else name for name, own in self.techniques]
        return " + ".join(shown)


def variant_of(parts: PointParts) -> Variant:
    """Return the variant of a point.

    >>> str(variant_of(PointParts(model="vgg9", arguments={"steps": 4}, techniques={"prune": {"sparsity": 0.5}})))
    'vgg9(steps=4) + prune:sparsity=0.5'
    """
    running = ((name, tuple(own.items())) for name, own in parts.techniques.items() if is_of_network(name))
    return Variant(parts.model, tuple(parts.arguments.items()), tuple(running))


def variant_paths(space: Space) -> tuple[str, ...]:
    """Return the paths that decide the variant, in the order of the space."""
    return tuple(path for path in space.paths if _of_variant(path))


def class_paths(space: Space) -> tuple[str, ...]:
    """Return the paths that may move accuracy, in the order of the space; points that agree in them are a class."""
    whole = any(reads_chip(name) == "all" for name in space.techniques)
    return tuple(p for p in space.paths if whole or not is_of_chip(p) or effect_of_path(p)[0] != "no")


def reads_chip(technique: str) -> str:
    """Return what of a chip a technique may read: ``no``, ``accuracy``, or ``all`` where it does not say.

    Raises:
        UsageError: there is none of that name.
    """
    from axbar.techniques import get_technique  # imports torch

    return str(getattr(get_technique(technique), "reads_chip", "all"))


def is_of_network(technique: str) -> bool:
    """Whether a technique works on the network before it meets a chip.

    Raises:
        UsageError: there is none of that name.
    """
    from axbar.techniques import get_technique  # imports torch

    return get_technique(technique).stage == "network"


def _of_variant(path: str) -> bool:
    name, _ = technique_of(path)
    return is_of_network(name) if name else path.partition(".")[0] == "model"


def _pairs(settings: Settings) -> str:
    return ",".join(f"{key}={str(v).lower() if isinstance(v, bool) else v}" for key, v in settings)
