"""YAML 1.2 text to a tree with line numbers; literals only.

Built on ruamel.yaml's event stream instead of its constructors: nothing is ever constructed from a tag, and
every key and scalar keeps its line. Tags, anchors and aliases are refused; so are duplicate keys. Scalars
follow the YAML 1.2 core schema (``yes`` and ``on`` are texts, ``010`` is ten).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from axbar.errors import SpecError
from axbar.spec._tree import Block, Faults, Leaf, Origin

__all__ = ["read_scalar", "read_yaml"]

_MAX_DEPTH = 12  # a spec is three levels deep; this only stops hostile nesting
_NO_ALIAS = "anchors and aliases are not allowed; repeat the value or use 'extends:'."
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, object] = {"": None, "~": None} | {
    form: value
    for word, value in {
        "null": None, "true": True, "false": False, ".inf": float("inf"), "+.inf": float("inf"),
        "-.inf": float("-inf"), ".nan": float("nan"),
    }.items()
    for form in (word, word.capitalize(), word.upper(), word.replace("i", "I"), word.replace("nan", "NaN"))
}  # fmt: skip


def read_yaml(text: str, file: str, depth: int, faults: Faults) -> Block:
    """Read a file's text.

    Args:
        text: the YAML document.
        file: name to show in messages.
        depth: how many ``extends`` lie above this file, plus one.
        faults: takes duplicate keys, tags and aliases, so that all are reported at once.

    Raises:
        SpecError: the text is no YAML, is empty, or is no mapping.
    """
    reader = _Reader(file, depth, faults, _events(text, file))
    node = reader.document()
    if isinstance(node, Leaf) and node.value is None:
        raise SpecError(
            f"{file}: the file is empty. A chip needs 'kind: imc' and its blocks, or 'extends: PRESET'."
        )
    if not isinstance(node, Block):
        raise SpecError(
            f"{node.origin}: a chip is a mapping of keys such as 'kind: imc', this file holds {_what(node)}."
        )
    return node


def read_scalar(text: str) -> object:
    """Read one value as YAML would: ``"4"`` is 4, ``"'4'"`` and ``"3 pJ"`` are texts; a list stays a list.

    Raises:
        SpecError: the text is no YAML.
    """
    node = _Reader("", 0, Faults(), _events(text, "")).document()
    return node.value if isinstance(node, Leaf) else text


def _what(node: Leaf) -> str:
    return "a list" if isinstance(node.value, list) else "a single value"


def _events(text: str, file: str) -> Iterator[Any]:
    """Yield ruamel's events; its errors become one sentence with a line."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        yield from YAML(typ="safe", pure=True).parse(text)  # pyright: ignore[reportUnknownMemberType]
    except YAMLError as error:
        raise SpecError(_syntax_error(error, file)) from None


def _syntax_error(error: Any, file: str) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    parts = [getattr(error, "context", None), getattr(error, "problem", None)]
    why = " ".join(str(part) for part in parts if part) or str(error).splitlines()[0]
    where = (f"{file}:{mark.line + 1}: " if mark is not None else f"{file}: ") if file else ""
    return f"{where}not valid YAML: {why}."


def _resolve(text: str) -> object:
    """Give a plain scalar its YAML 1.2 core type."""
    if text in _WORDS:
        return _WORDS[text]
    try:
        if _INT.fullmatch(text):
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        return float(text) if _FLOAT.fullmatch(text) else text
    except ValueError:  # more digits than Python turns into an integer
        return text


class _Reader:
    """Turns the event stream of one document into a tree."""

    def __init__(self, file: str, depth: int, faults: Faults, events: Iterator[Any]) -> None:
        self._file, self._depth, self._faults, self._events = file, depth, faults, events

    def document(self) -> Leaf | Block:
        """Return the only document's root; an empty stream gives a Leaf of None."""
        event, root = self._next(), None
        while type(event).__name__ != "StreamEndEvent":
            if type(event).__name__ == "DocumentStartEvent":
                if root is not None:
                    raise SpecError(
                        f"{self._origin(event)}: one file holds one chip; remove the second document ('---')."
                    )
                start = self._next()
                root = self._value(start, 0) or Leaf("", self._origin(start))
            event = self._next()
        return root or Leaf(None, Origin(self._file, 1, self._depth))

    def _next(self) -> Any:
        return next(self._events)

    def _origin(self, event: Any) -> Origin:
        return Origin(self._file, event.start_mark.line + 1, self._depth)

    def _node(self, event: Any, level: int) -> Leaf | Block:
        origin, kind = self._origin(event), type(event).__name__
        if level > _MAX_DEPTH:
            raise SpecError(f"{origin}: nested deeper than {_MAX_DEPTH} levels; a chip has three.")
        if event.anchor is not None:
            self._faults.add(origin, _NO_ALIAS)
        if event.tag is not None:
            tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
            self._faults.add(origin, f"the tag '{tag}' is not allowed; a chip file holds plain values only.")
        if kind == "MappingStartEvent":
            return self._mapping(origin, level)
        if kind == "SequenceStartEvent":
            return Leaf(self._items(level), origin)
        return Leaf(_resolve(event.value) if event.style is None else event.value, origin)

    def _value(self, event: Any, level: int) -> Leaf | Block | None:
        """Return a nested node; an alias is refused and leaves nothing, so nothing is ever expanded."""
        if type(event).__name__ != "AliasEvent":
            return self._node(event, level)
        self._faults.add(self._origin(event), _NO_ALIAS)
        return None

    def _mapping(self, origin: Origin, level: int) -> Block:
        children: dict[str, Leaf | Block] = {}
        while type(event := self._next()).__name__ != "MappingEndEvent":
            where = self._origin(event)
            key = self._value(event, level + 1)
            node = self._value(self._next(), level + 1)
            if not isinstance(key, Leaf) or isinstance(key.value, list):
                self._faults.add(where, "a key must be a plain word.")
            elif node is not None:
                self._put(children, str(event.value), node, where)
        return Block(children, origin)

    def _put(self, children: dict[str, Leaf | Block], key: str, node: Leaf | Block, where: Origin) -> None:
        if key in children:
            first = children[key].origin.line
            self._faults.add(where, f"the key '{key}' is given twice, first in line {first}; remove one.")
        # A block starts on the line after its key; the key's line is where a user looks.
        children[key] = Block(node.children, where) if isinstance(node, Block) else Leaf(node.value, where)

    def _items(self, level: int) -> list[object]:
        items: list[object] = []
        while type(event := self._next()).__name__ != "SequenceEndEvent":
            node = self._value(event, level + 1)
            items.append(node.value if isinstance(node, Leaf) else node)
        return items
