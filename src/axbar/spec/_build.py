"""From tree to chip: check keys and shapes, validate, and say everything that is wrong at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from axbar import registry
from axbar.errors import suggest
from axbar.spec._base import HardwareSpec, Provenance
from axbar.spec._paths import PathInfo, block_of, items_of, path_info, path_table
from axbar.spec._quantity import show
from axbar.spec._tree import Block, Faults, Leaf, Origin, find, leaves
from axbar.spec.imc import Device
from axbar.units import parse_quantity

__all__ = ["build"]

S = TypeVar("S", bound=HardwareSpec)


def build(model: type[S], tree: Block, faults: Faults) -> S:
    """Validate a tree.

    Raises:
        SpecError, UsageError: all faults, one line each (see ``Faults.raise_any``).
    """
    values = _plain(model, tree, "", faults)
    _check_pins(values, tree, faults)
    try:
        spec = model.model_validate({**values, "sources": _sources(tree)})
    except ValidationError as error:
        _explain(model, tree, error.errors(include_url=False), faults)
        faults.raise_any()
        raise AssertionError(f"a validation error was not explained: {error}") from error
    faults.raise_any()
    return spec


def _plain(model: type[BaseModel], block: Block, path: str, faults: Faults) -> dict[str, Any]:
    """Return nested plain values, leaving out what has an unknown key or the wrong shape."""
    plain: dict[str, Any] = {}
    for key, node in block.children.items():
        below = f"{path}.{key}" if path else key
        field = model.model_fields.get(key)
        if field is None or below == "sources":
            faults.add(node.origin, _unknown_key(model, path, key), below)
            continue
        target, items = block_of(field.annotation), items_of(field.annotation)
        if target is None and items is None:
            if _is_scalar(model, node, below, key, faults):
                plain[key] = cast(Leaf, node).value
        elif isinstance(node, Leaf):
            _not_a_block(node, below, target, faults)
        elif target is not None:
            plain[key] = _plain(target, node, below, faults)
        elif items is not None:
            plain[key] = _plain_items(items, node, below, faults)
    return plain


def _plain_items(model: type[BaseModel], block: Block, path: str, faults: Faults) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for name, item in block.children.items():
        below = f"{path}.{name}"
        if isinstance(item, Block):
            plain[name] = _plain(model, item, below, faults)
        else:
            _not_a_block(item, below, model, faults)
    return plain


def _unknown_key(model: type[BaseModel], path: str, key: str) -> str:
    where = f"{path}.{key}" if path else key
    if key == "sources":
        return "unknown key 'sources'; write it beside its number: {value: 5, source: ..., confidence: ...}."
    if "." in key:
        head, _, tail = key.partition(".")
        return f"unknown key '{key}'; write it as a block: {head}: {{{tail}: ...}}."
    if path == "" and issubclass(model, HardwareSpec):
        deep = [other.rpartition(".")[0] for other in path_table(model) if other.endswith(f".{key}")]
        if deep:
            return f"unknown key '{key}'; it belongs in the block {' or '.join(deep)}."
    known = [name for name in model.model_fields if name != "sources"]
    return f"unknown key '{where}'{suggest(key, known) or '.'} Known: {', '.join(known)}."


def _is_scalar(model: type[BaseModel], node: Leaf | Block, path: str, key: str, faults: Faults) -> bool:
    if isinstance(node, Leaf) and not isinstance(node.value, list):
        return True
    shape = "a block" if isinstance(node, Block) else "a list"
    info = path_info(model, key)
    allowed = f" Allowed: {info.allowed}." if info is not None else ""
    faults.add(node.origin, f"{path} must be one value, not {shape}.{allowed}", path)
    return False


def _not_a_block(node: Leaf, path: str, target: type[BaseModel] | None, faults: Faults) -> None:
    """Note that a scalar stands where a block should."""
    if not faults.cover(path):
        keys = f" of {', '.join(target.model_fields)}" if target is not None else ""
        named = " the name of a device or" if target is not None and issubclass(target, Device) else ""
        faults.add(node.origin, f"{path} = {_shown(node)} must be{named} a block{keys}.", path)


def _shown(node: Leaf, unit: str = "") -> str:
    return "a list" if isinstance(node.value, list) else show(node.value, unit)


def _sources(tree: Block) -> dict[str, Provenance]:
    """Return the provenance of every scalar; a pin's own ``source`` speaks for its numbers."""
    found: dict[str, Provenance] = {}
    for path, leaf in leaves(tree):
        head, _, tail = path.rpartition(".")
        if (not head and path in ("name", "kind", "description", "extends")) or (
            path.startswith("pins.") and tail == "source"
        ):
            continue
        provenance = leaf.provenance
        if path.startswith("pins.") and (provenance is None or provenance.confidence == "user"):
            stated = find(tree, f"{head}.source")
            if isinstance(stated, Leaf) and isinstance(stated.value, str) and len(stated.value) >= 3:
                provenance = Provenance(source=stated.value, confidence="user")
        if provenance is not None:
            found[path] = provenance
    return found


def _check_pins(values: Mapping[str, Any], tree: Block, faults: Faults) -> None:
    """Refuse a pin on a part that the chip does not have: it would do nothing."""
    pins, kind = find(tree, "pins"), values.get("kind")
    if not isinstance(pins, Block) or not pins.children or kind not in registry.names("hardware"):
        return
    parts = [getattr(part, "name", None) for part in registry.get("hardware", str(kind)).components]
    known = [part for part in parts if isinstance(part, str)]
    for name, node in pins.children.items():
        if known and name not in known:
            hint = suggest(name, known) or "."
            faults.add(node.origin, f"pins.{name}: no such component{hint} Known: {', '.join(known)}.")


def _explain(model: type[HardwareSpec], tree: Block, errors: list[ErrorDetails], faults: Faults) -> None:
    """Turn pydantic's errors into sentences; those that follow from a fault already noted are dropped."""
    missing: dict[str, list[str]] = {}
    for error in errors:
        path = ".".join(str(part) for part in error["loc"])
        node = find(tree, path)
        if path and faults.cover(path):
            continue
        if error["type"] == "missing":
            parent, _, key = path.rpartition(".")
            missing.setdefault(parent, []).append(key)
        elif isinstance(node, Leaf):
            faults.add(node.origin, _wrong_value(model, path, node, error))
        else:
            text = error["msg"].removeprefix("Value error, ")
            text = text if path in text else f"{path}: {text}"
            faults.add(_best_origin(tree, path, text), text)
    for parent, keys in missing.items():
        _missing(tree, parent, keys, faults)


def _missing(tree: Block, parent: str, keys: list[str], faults: Faults) -> None:
    node = find(tree, parent)
    origin = node.origin if node is not None else tree.origin
    paths = ", ".join(f"{parent}.{key}" if parent else key for key in keys)
    key = "keys" if len(keys) > 1 else "key"
    if parent.startswith("pins."):
        fix = "say where the figure comes from."
    else:
        fix = "add " + ("them" if len(keys) > 1 else "it") + " or start from a preset with 'extends:'."
    faults.add(origin, f"missing {key}: {paths}; {fix}")


def _wrong_value(model: type[HardwareSpec], path: str, node: Leaf, error: ErrorDetails) -> str:
    """Say what is wrong with one scalar."""
    info = path_info(model, path)
    if info is None:
        return f"{path} = {_shown(node)}: {error['msg']}."
    if node.value is None:
        return f"{path} has no value. Allowed: {info.allowed}."
    if error["type"] in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        number: int | float = error["input"]  # as pydantic compared it: the unit of a text is read
        bare = _bare(info, number) if info.unit and not isinstance(node.value, str) else ""
        return f"{path} = {show(number, info.unit)} {info.problem(number)}{bare}"
    shown = f"{path} = {_shown(node, info.unit)}"
    if error["type"] == "literal_error":
        return f"{shown} is not one of {info.allowed}{suggest(str(node.value), info.choices) or '.'}"
    if error["type"] == "value_error":  # units and bools, from SpecModel
        return f"{path}: {error['msg'].removeprefix('Value error, ')}; allowed {info.allowed}."
    if node.value == "" and info.type not in ("int", "float"):
        return f"{path} is empty; write a text in quotes."
    wanted = {"int": "a whole number", "float": "a finite number"}.get(info.type, "text; put it in quotes")
    allowed = f"; allowed {info.allowed}" if info.type in ("int", "float") else ""
    return f"{shown} must be {wanted}{allowed}."


def _bare(info: PathInfo, number: float) -> str:
    """Say how a number without a unit was read, and with which prefix it would be allowed."""
    likely = [f"{number:g}{prefix}{info.unit}" for prefix in ("m", "u", "n", "p", "f", "k", "M", "G")]
    fit = next((text for text in likely if not info.problem(parse_quantity(text, info.unit))), "")
    return f" A bare number counts in {info.unit}." + (f" Did you mean {fit}?" if fit else "")


def _best_origin(tree: Block, block: str, text: str) -> Origin:
    """Return where the latest of the fields that a message names was written: call, file, preset."""
    paths = [path for word in re.findall(r"[A-Za-z_][\w.]*\w", text) for path in (word, f"{block}.{word}")]
    named = [node.origin for path in paths if isinstance(node := find(tree, path), Leaf)]
    parent = find(tree, block)
    fallback = parent.origin if parent is not None else tree.origin
    return min(named, key=lambda origin: origin.depth, default=fallback)
