"""Inline sources: ``bits: {value: 5, source: "Wan et al., Nature 2022", confidence: code}``.

A scalar may stand anywhere in this form. Without it, a user's number is the user's own.
"""

from __future__ import annotations

from typing import get_args

from axbar.errors import suggest
from axbar.spec._base import Confidence, Provenance
from axbar.spec._tree import Block, Faults, Leaf

__all__ = ["annotate"]

_KEYS = ("value", "source", "confidence")
_CONFIDENCES: tuple[str, ...] = get_args(Confidence)


def annotate(block: Block, default: Provenance, faults: Faults, path: str = "") -> Block:
    """Turn annotated scalars into leaves with provenance and give all others the ``default``."""
    children: dict[str, Leaf | Block] = {}
    for key, node in block.children.items():
        below = f"{path}.{key}" if path else key
        if isinstance(node, Leaf):
            children[key] = Leaf(node.value, node.origin, default)
        elif "value" in node.children:
            children[key] = _annotated(node, below, faults)
        else:
            children[key] = annotate(node, default, faults, below)
    return Block(children, block.origin)


def _annotated(block: Block, path: str, faults: Faults) -> Leaf:
    given: dict[str, object] = {}
    for key, node in block.children.items():
        if key not in _KEYS:
            hint = suggest(key, _KEYS) or "."
            faults.add(
                node.origin, f"{path}: unknown key '{key}' beside 'value'{hint} Allowed: {', '.join(_KEYS)}."
            )
        elif isinstance(node, Block):
            faults.add(node.origin, f"{path}.{key} must be one value, not a block.")
        else:
            given[key] = node.value
    return Leaf(given.get("value"), block.origin, _provenance(block, path, given, faults))


def _provenance(block: Block, path: str, given: dict[str, object], faults: Faults) -> Provenance | None:
    """Read source and confidence; ``{value: 4}`` alone says that no source is known."""
    source, confidence = given.get("source"), given.get("confidence", "user")
    if source is None and "confidence" not in given:
        return None
    if not isinstance(source, str) or len(source) < 3:
        shown = "is missing" if source is None else f"= '{source}' says nothing"
        faults.add(
            block.origin, f"{path}: 'source' {shown}; name the paper, data sheet or reason in a few words."
        )
        return None
    for known in get_args(Confidence):
        if known == confidence:
            return Provenance(source=source, confidence=known)
    hint = suggest(str(confidence), _CONFIDENCES) or "."
    faults.add(
        block.origin,
        f"{path}: confidence = '{confidence}' is unknown{hint} Allowed: {', '.join(_CONFIDENCES)}.",
    )
    return None
