"""A changed copy of a chip, checked like a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from axbar.spec._base import HardwareSpec, Provenance
from axbar.spec._build import build
from axbar.spec._overrides import SET_BY_USER, Overrides, override_tree, read_overrides, restate_pins
from axbar.spec._tree import CALL, Block, Faults, Leaf, merge

__all__ = ["apply_overrides", "replaced", "tree_of"]

S = TypeVar("S", bound=HardwareSpec)


def replaced(spec: S, changes: Mapping[str, Any], provenance: Provenance = SET_BY_USER) -> S:
    """Return a copy of ``spec`` with values set by dotted path.

    Args:
        changes: ``{"adc.bits": 4, "device": "pcm-mushroom", "read.t_read_s": "10 ns"}``.
        provenance: what to write as the source of the changed numbers.

    Raises:
        UsageError: a path is unknown (with the closest one) or a value is not allowed (with the range).
    """
    if not changes:
        return spec
    faults = Faults()
    top = override_tree(type(spec), changes, provenance, faults)
    return build(type(spec), restate_pins(merge(tree_of(spec), top), changes), faults)


def apply_overrides(spec: S, overrides: Overrides) -> S:
    """Return ``spec`` with overrides in either form: a mapping, or texts ``"adc.bits=4"``."""
    return replaced(spec, read_overrides(overrides))


def tree_of(spec: HardwareSpec) -> Block:
    """Return a chip as a tree with its sources."""

    def grow(values: Mapping[str, Any], prefix: str) -> Block:
        children: dict[str, Leaf | Block] = {}
        for key, value in values.items():
            path = f"{prefix}{key}"
            if isinstance(value, Mapping):
                children[key] = grow(cast(Mapping[str, Any], value), f"{path}.")
            else:
                children[key] = Leaf(value, CALL, spec.sources.get(path))
        return Block(children, CALL)

    return grow(spec.model_dump(exclude={"sources"}, exclude_none=True), "")
