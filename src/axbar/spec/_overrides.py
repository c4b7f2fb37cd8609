"""Changes given in a call: ``{"adc.bits": 4}``, ``["adc.bits=4", "device=pcm-mushroom"]``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from axbar.errors import SpecError, UsageError
from axbar.spec._base import HardwareSpec, Provenance
from axbar.spec._device import expand_devices
from axbar.spec._paths import block_of, field_at, items_of, unknown_path
from axbar.spec._tree import CALL, Block, Faults, Leaf, find
from axbar.spec._yaml import read_scalar
from axbar.spec.imc import Device

__all__ = ["SET_BY_USER", "Overrides", "override_tree", "read_overrides", "restate_pins"]

Overrides = Mapping[str, Any] | Sequence[str]

SET_BY_USER = Provenance(source="set by the user", confidence="user")


def read_overrides(overrides: Overrides) -> dict[str, Any]:
    """Return ``{path: value}``; the later of two changes of one path wins.

    Raises:
        UsageError: an entry is not ``PATH=VALUE``.
    """
    if isinstance(overrides, Mapping):
        return {str(path): value for path, value in overrides.items()}
    entries = [overrides] if isinstance(overrides, str) else overrides
    read: dict[str, Any] = {}
    for entry in entries:
        path, found, text = str(entry).partition("=")
        if not found or not path.strip():
            raise UsageError(f"'{entry}' is not PATH=VALUE; write for example adc.bits=5.")
        try:
            read[path.strip()] = read_scalar(text)
        except SpecError as error:
            raise UsageError(f"{path.strip()} = '{text}': {error}") from None
    return read


def override_tree(
    model: type[HardwareSpec], changes: Mapping[str, Any], provenance: Provenance, faults: Faults
) -> Block:
    """Return the changes as a tree to lay over a chip; wrong paths go to ``faults``."""
    root: dict[str, Leaf | Block] = {}
    # Short paths first, so that a device chosen by name comes before changes of its numbers.
    for path, value in sorted(changes.items(), key=lambda change: change[0].count(".")):
        problem = _path_problem(model, path)
        if problem:
            faults.add(CALL, problem)
            continue
        if callable(getattr(value, "item", None)):
            value = value.item()  # a numpy scalar, as sweeps and searches hold them
        leaf = Leaf(value, CALL, None if path in ("name", "description") else provenance)
        field = field_at(model, path)
        by_name = field is not None and block_of(field.annotation) is not None
        _put(root, path.split(".") + (["name"] if by_name else []), leaf)
    return expand_devices(model, Block(root, CALL), faults)


def _put(children: dict[str, Leaf | Block], keys: list[str], leaf: Leaf) -> None:
    for key in keys[:-1]:
        below = children.setdefault(key, Block({}, CALL))
        assert isinstance(below, Block), "leaf paths never lie below each other"
        children = below.children
    children[keys[-1]] = leaf


def _path_problem(model: type[HardwareSpec], path: str) -> str:
    field = field_at(model, path)
    if path in ("kind", "sources", "extends"):
        return f"'{path}' can't be set; choose another chip by its preset or file name."
    if field is None:
        return unknown_path(model, path)
    block = block_of(field.annotation)
    if items_of(field.annotation) is not None:
        return f"'{path}' is not one quantity; set for example {path}.adc.energy_J."
    if block is not None and not issubclass(block, Device):
        return (
            f"'{path}' is a block; set one of {', '.join(f'{path}.{name}' for name in block.model_fields)}."
        )
    return ""


def restate_pins(tree: Block, changes: Mapping[str, Any]) -> Block:
    """Name the user as the source of pins that a call changed: the old source is no longer true."""
    children = dict(tree.children)
    pins = find(tree, "pins")
    if not isinstance(pins, Block):
        return tree
    items = dict(pins.children)
    for part in {path.split(".")[1] for path in changes if path.startswith("pins.") and path.count(".") == 2}:
        item = items.get(part)
        if isinstance(item, Block) and f"pins.{part}.source" not in changes:
            items[part] = Block({**item.children, "source": Leaf(SET_BY_USER.source, CALL)}, item.origin)
    children["pins"] = Block(items, pins.origin)
    return Block(children, tree.origin, tree.whole)
