"""A chip as a YAML file that reads back as the same chip, sources and all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from axbar.spec._base import HardwareSpec, Provenance
from axbar.spec._device import AS_PUBLISHED
from axbar.spec._quantity import write_quantity
from axbar.spec._replace import tree_of
from axbar.spec._tree import Block, Leaf
from axbar.units import unit_of

__all__ = ["to_yaml"]

_LABELS = ("name", "kind", "description")
#: read as something else by YAML 1.2 or 1.1
_WORDS = ("null", "true", "false", "yes", "no", "on", "off", "y", "n")
#: what JSON leaves as it is but YAML would break a line at, or refuse
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def to_yaml(spec: HardwareSpec) -> str:
    """Write a chip as YAML, every number with its source beside it.

    ``load_hardware`` of the text gives an equal chip. Numbers are written with a prefix where that is exact.
    """
    return "\n".join(_lines(without_unused_laws(tree_of(spec)), 0)) + "\n"


def without_unused_laws(tree: Block) -> Block:
    """Return a chip's tree without the block ``custom`` of devices that have laws of their own.

    What somebody wrote there all the same stays, for the errors that it deserves.
    """
    children: dict[str, Leaf | Block] = {}
    for key, node in tree.children.items():
        name = node.children.get("name") if isinstance(node, Block) else None
        if isinstance(node, Block) and isinstance(name, Leaf) and name.value != "custom":
            kept = {field: below for field, below in node.children.items() if not _is_untouched(field, below)}
            node = Block(kept, node.origin, node.whole)
        children[key] = node
    return Block(children, tree.origin, tree.whole)


def _is_untouched(field: str, node: Leaf | Block) -> bool:
    if field != "custom" or not isinstance(node, Block):
        return False
    return all(isinstance(leaf, Leaf) and leaf.provenance == AS_PUBLISHED for leaf in node.children.values())


def _lines(block: Block, level: int) -> Iterator[str]:
    pad = "  " * level
    for key, node in block.children.items():
        if isinstance(node, Leaf):
            yield f"{pad}{_key(key)}: {_leaf(key, node, labelled=level == 0 and key in _LABELS)}"
        elif node.children:
            yield f"{pad}{_key(key)}:"
            yield from _lines(node, level + 1)


def _leaf(key: str, leaf: Leaf, labelled: bool) -> str:
    value = _scalar(leaf.value, unit_of(key))
    if labelled or key == "source":
        return value
    return f"{{value: {value}{_provenance(leaf.provenance)}}}"


def _provenance(provenance: Provenance | None) -> str:
    return (
        f", source: {_quoted(provenance.source)}, confidence: {provenance.confidence}" if provenance else ""
    )


def _scalar(value: Any, unit: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return write_quantity(value, unit) if unit else repr(value)
    return value if _is_plain(value) else _quoted(value)


def _is_plain(text: str) -> bool:
    """Names such as ``rram-neurram`` need no quotes; anything a reader could take for something else does."""
    return (
        re.fullmatch(r"[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*", text) is not None and text.lower() not in _WORDS
    )


def _key(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z_]\w*", text, re.ASCII) else _quoted(text)


def _quoted(text: str) -> str:
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))
