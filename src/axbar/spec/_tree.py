"""A spec on its way in: a tree whose every scalar knows where it was written and where its number comes from.

Files, presets, devices and overrides all become such trees, are laid over each other, and only then become
a pydantic model; so an error can name the file and line of the value that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from axbar.errors import SpecError, UsageError
from axbar.spec._base import Provenance

__all__ = ["CALL", "Block", "Fault", "Faults", "Leaf", "Origin", "find", "leaves", "merge"]


@dataclass(frozen=True)
class Origin:
    """Where a value was written. ``depth`` 0: in the call; 1: the named file; 2: the file it extends; ..."""

    file: str
    line: int
    depth: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.file else ""


#: a value given in the call itself: an override, a replace
CALL = Origin("", 0, 0)


@dataclass(frozen=True)
class Leaf:
    """One scalar. A list is kept as it is, to be refused with its path."""

    value: object
    origin: Origin
    provenance: Provenance | None = None


@dataclass(frozen=True)
class Block:
    """A mapping. ``whole`` blocks replace what lies below them instead of merging with it."""

    children: dict[str, Leaf | Block]
    origin: Origin
    whole: bool = False


def merge(base: Block, top: Block) -> Block:
    """Lay ``top`` over ``base``: blocks merge key by key, anything else is replaced."""
    if top.whole:
        return top
    children = dict(base.children)
    for key, node in top.children.items():
        below = children.get(key)
        children[key] = merge(below, node) if isinstance(below, Block) and isinstance(node, Block) else node
    return Block(children, top.origin if top.origin.file else base.origin, base.whole)


def leaves(block: Block, prefix: str = "") -> Iterator[tuple[str, Leaf]]:
    """Yield ``(dotted path, leaf)`` for every scalar."""
    for key, node in block.children.items():
        if isinstance(node, Block):
            yield from leaves(node, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", node


def find(block: Block, path: str) -> Leaf | Block | None:
    """Return the node at a dotted path (``""`` is the block itself), or None."""
    node: Leaf | Block | None = block
    for key in path.split(".") if path else ():
        node = node.children.get(key) if isinstance(node, Block) else None
    return node


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, where it was written, and the path of the spec it spoils."""

    origin: Origin
    text: str
    path: str = ""

    def __str__(self) -> str:
        return f"{self.origin}: {self.text}" if self.origin.file else self.text


@dataclass
class Faults:
    """Collects what is wrong so that a user sees all of it at once."""

    found: list[Fault] = field(default_factory=list[Fault])

    def add(self, origin: Origin, text: str, path: str = "") -> None:
        """Note one fault. What follows from it at ``path`` and below needs no second one."""
        self.found.append(Fault(origin, text, path))

    def cover(self, path: str) -> bool:
        """Return whether a fault at this path, or at a block above it, was noted already."""
        return any(fault.path and f"{path}.".startswith(f"{fault.path}.") for fault in self.found)

    def raise_any(self) -> None:
        """Raise if there are faults, one line each.

        Raises:
            UsageError: every fault lies in the call (an override).
            SpecError: some fault lies in a file.
        """
        if not self.found:
            return
        ordered = sorted(self.found, key=lambda fault: (fault.origin.depth, fault.origin.line))
        text = "\n".join(dict.fromkeys(str(fault) for fault in ordered))
        raise (UsageError if all(not fault.origin.file for fault in ordered) else SpecError)(text)
