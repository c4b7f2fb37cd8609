"""A space as a user writes it, in YAML or as a mapping, to its parts.

    name: chips
    space:
      hardware: [imc-rram-65nm, sata]        # a list: choices; a single value: a constant
      crossbar.rows: 64..512 step 64         # whole numbers
      read.t_read_s: 1 ns..10 ns             # real numbers; a dot, an exponent or a unit makes them so
      technique.prune: [true, false]
      technique.prune.sparsity: {values: 0.5..0.9 step 0.1, when: technique.prune == true}
    objectives: [accuracy max, energy_J min]
    constraints: ["area_m2 <= 10 mm²"]
    fidelity: {}                             # read elsewhere

Every fault is reported at once, each with its file and line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from axbar.errors import AxbarError, SpecError, UsageError, unknown_name
from axbar.search.space.beside import found_beside
from axbar.search.space.conditions import Condition, check_condition, parse_condition
from axbar.search.space.domains import Choices, Domain, Integers, Reals
from axbar.search.space.parts import QUANTITIES, Constraint, Objective, Parameter
from axbar.search.space.values import typed
from axbar.spec._tree import CALL, Block, Faults, Leaf, Origin
from axbar.spec._yaml import read_yaml
from axbar.units import parse_quantity, unit_of

__all__ = ["Read", "origin_of", "read_domain", "read_space"]

T = TypeVar("T")

_KEYS = ("name", "space", "objectives", "constraints", "fidelity")
_MAX_BYTES = 1_000_000  # a space has a few kilobytes; more is a mistake in the path
_NUMBER = r"[-+]?(?:\d+\.?\d*?|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(
    rf"(?P<low>{_NUMBER})\s*(?P<low_unit>[^\d\s.][^\s.]*)?\s*\.\.\s*(?P<high>{_NUMBER})"
    r"\s*(?P<high_unit>(?!step\b|log\b)[^\d\s.][^\s.]*)?"
    rf"(?:\s+(?P<log>log)|\s+step\s+(?P<step>{_NUMBER})\s*(?P<step_unit>[^\d\s.][^\s.]*)?)?"
)


@dataclass
class Read:
    """What a file or mapping says, not yet checked against chips.

    Args:
        origins: path -> where it was written.
        file: name for messages; empty for a mapping.
    """

    name: str
    parameters: list[Parameter] = field(default_factory=list[Parameter])
    objectives: list[Objective] = field(default_factory=list[Objective])
    constraints: list[Constraint] = field(default_factory=list[Constraint])
    fidelity: dict[str, Any] = field(default_factory=dict[str, Any])
    origins: dict[str, Origin] = field(default_factory=dict[str, Origin])
    file: str = ""


def read_space(source: str | os.PathLike[str] | Mapping[str, Any], faults: Faults) -> Read:
    """Read a file or mapping; faults of its entries go to ``faults``.

    Raises:
        UsageError: there is no such file.
        SpecError: the file is no YAML mapping.
    """
    if isinstance(source, Mapping):
        root, read = _tree(source), Read("space")
    else:
        path = Path(source)
        root, read = _file(path, faults), Read(path.stem, file=str(path))
    for key, node in root.children.items():
        if key not in _KEYS:
            faults.add(node.origin, unknown_name("key of a space", key, _KEYS))
    space = root.children.get("space")
    if not isinstance(space, Block) or not space.children:
        where = space.origin if space is not None else root.origin
        faults.add(
            where, "the space is empty; give 'space:' with paths and values, as 'crossbar.rows: [64, 128]'."
        )
        return read
    for path, node in space.children.items():
        read.origins[path] = node.origin
        _attempt(faults, node.origin, path, lambda p=path, n=node: read.parameters.append(_parameter(p, n)))
    if read.file:
        folder = Path(read.file).parent
        try:
            read.parameters = found_beside(read.parameters, folder)
        except UsageError as error:  # two names of one file
            faults.add(space.origin, str(error))
    _conditions(read, faults)
    _labels(root, read, faults)
    return read


def origin_of(file: str | os.PathLike[str], text: str) -> Origin:
    """Return where in a space's file that was read before stands what a sentence speaks of.

    Args:
        file: the YAML file.
        text: a sentence with dotted keys, as ``fidelity.proxy.images``; the longest of them counts.
    """
    root = _file(Path(file), Faults())
    found = ((key, node.origin) for key, node in _nodes(root) if key in text)
    return max(found, key=lambda pair: len(pair[0]), default=("", root.origin))[1]


def _nodes(block: Block, prefix: str = "") -> Iterator[tuple[str, Leaf | Block]]:
    for key, node in block.children.items():
        yield f"{prefix}{key}", node
        if isinstance(node, Block):
            yield from _nodes(node, f"{prefix}{key}.")


def read_domain(value: Any, path: str) -> Domain:
    """Return the domain that a value stands for: a range, a list, or one constant.

    Args:
        value: ``"3..8"``, ``"0.0..0.98"``, ``"1e-3..1 log"``, ``"8..64 step 8"``, ``"1 ns..10 ns"``, ``[64, 128]``,
            ``"sata"``, ``5``, or a domain.
        path: gives the unit of texts.

    Raises:
        UsageError: it is none of these.

    >>> read_domain("8..64 step 8", "crossbar.rows"), read_domain("1..10 ns", "read.t_read_s")
    (Integers(low=8, high=64, step=8), Reals(low=1e-09, high=1e-08, log=False, step=None))
    """
    if isinstance(value, Choices | Integers | Reals):
        return value
    unit = unit_of(path)
    if isinstance(value, str):
        match = _RANGE.fullmatch(value.strip())
        return _range(match, unit, value) if match else Choices((typed(value, unit),))
    if isinstance(value, bool | int | float):
        return Choices((value,))
    if isinstance(value, list | tuple | range | np.ndarray):
        return Choices(tuple(typed(item, unit) for item in cast(Iterable[Any], value)))
    raise UsageError("has no values; give a range, a list or a constant.")


def _range(match: re.Match[str], unit: str, text: str) -> Domain:
    parts = {name: match[name] for name in ("low", "high", "step") if match[name]}
    units = {name: match[f"{name}_unit"] for name in parts}
    shared = units["high"] or units["low"] or units.get("step") or ""
    real = bool(shared or match["log"]) or any(set(part) & set(".eE") for part in parts.values())
    if not real:
        return Integers(**{name: int(part) for name, part in parts.items()})
    try:  # a bare number has the unit of its neighbours: 1..10 ns
        numbers = {
            name: parse_quantity(f"{part} {units[name] or shared}", unit) for name, part in parts.items()
        }
    except ValueError as error:
        raise UsageError(f"can't read the range '{text}': {error}.") from None
    return Reals(numbers["low"], numbers["high"], log=bool(match["log"]), step=numbers.get("step"))


def _parameter(path: str, node: Leaf | Block) -> Parameter:
    if isinstance(node, Leaf):
        return Parameter(path, read_domain(node.value, path))
    if "values" not in node.children:
        inner = next(iter(node.children), "...")
        raise UsageError(f"is a mapping without 'values'; write paths in full, as '{path}.{inner}: [...]'.")
    for key in node.children:
        if key not in ("values", "when"):
            raise UsageError(unknown_name("key", key, ("values", "when")))
    values, when = node.children["values"], node.children.get("when")
    domain = read_domain(values.value if isinstance(values, Leaf) else None, path)
    condition = when.value if isinstance(when, Leaf) else None
    if when is None:
        return Parameter(path, domain)
    if isinstance(condition, Condition):
        return Parameter(path, domain, condition)
    if not isinstance(condition, str):
        raise UsageError("'when' is no text; write 'PATH == value'.")
    return Parameter(path, domain, parse_condition(condition))


def _conditions(read: Read, faults: Faults) -> None:
    """Check conditions where each was written; of faulty parameters nothing more is said."""
    domains = {p.path: p.domain for p in read.parameters}
    for parameter in read.parameters:
        when = parameter.when
        if when is not None and not any(
            c.path in read.origins and c.path not in domains for c in when.clauses
        ):
            check = lambda p=parameter.path, w=when: check_condition(p, w, domains)  # noqa: E731
            _attempt(faults, read.origins[parameter.path], "", check)


def _labels(root: Block, read: Read, faults: Faults) -> None:
    """Read what stands beside the parameters."""
    for key, node in root.children.items():
        value = _plain(node)
        if key == "name":
            read.name = str(value)
        elif key == "fidelity":
            if isinstance(value, Mapping):
                read.fidelity = dict(cast(Mapping[str, Any], value))
            else:
                faults.add(node.origin, "fidelity: is no mapping of settings.")
        elif key == "objectives":
            read.objectives += _list(key, node.origin, value, _objective, faults)
        elif key == "constraints":
            read.constraints += _list(key, node.origin, value, _constraint, faults)


def _list(key: str, origin: Origin, value: Any, read: Callable[[Any], T], faults: Faults) -> list[T]:
    items = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        faults.add(origin, f"{key}: is no list; write {key}: [...].")
        return []
    found: list[T] = []
    for item in cast(Iterable[Any], items):
        _attempt(faults, origin, key, lambda i=item: found.append(read(i)))
    return found


def _objective(item: Any) -> Objective:
    if isinstance(item, Objective):
        return item
    words = item.split() if isinstance(item, str) else []
    if len(words) == 1 and words[0] in QUANTITIES:
        return Objective(words[0], QUANTITIES[words[0]][1])
    if len(words) != 2:
        raise UsageError(f"can't read {item!r}; write a quantity and min or max, as 'energy_J min'.")
    return Objective(words[0], cast(Any, words[1]))


def _constraint(item: Any) -> Constraint:
    if isinstance(item, Constraint):
        return item
    match = re.fullmatch(r"\s*(\w+)\s*([<>=!]+)\s*(.+?)\s*", item) if isinstance(item, str) else None
    if match is None:
        raise UsageError(f"can't read {item!r}; write QUANTITY <= LIMIT or >=, as 'area_m2 <= 10 mm²'.")
    quantity, op, text = match.groups()
    if quantity not in QUANTITIES:
        raise UsageError(unknown_name("constraint", quantity, QUANTITIES))
    try:
        limit = parse_quantity(text, QUANTITIES[quantity][0])
    except ValueError as error:
        raise UsageError(f"{quantity}: {error}.") from None
    if quantity == "accuracy" and not 0 <= limit <= 1:
        raise UsageError(f"accuracy is a share from 0 to 1, not {limit:g}; write 0.9 or 90 %.")
    return Constraint(quantity, cast(Any, op), limit)


def _attempt(faults: Faults, origin: Origin, path: str, step: Callable[[], object]) -> None:
    """Note what goes wrong in a step, so that a user sees all of it at once."""
    try:
        step()
    except AxbarError as error:
        faults.add(origin, f"{path}: {error}" if path else str(error))


def _file(path: Path, faults: Faults) -> Block:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise SpecError(f"{path}: is too large for a space (at most {_MAX_BYTES:,} bytes).")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(
            f"the space '{path}' can't be read: {error.strerror or error}; check the path."
        ) from None
    except UnicodeDecodeError:
        raise SpecError(f"{path}: is no UTF-8 text; save it as UTF-8.") from None
    if not _is_mapping(text):
        raise SpecError(
            f"{path}: a space is a mapping of keys; start it with 'space:' and a path and its values."
        )
    return read_yaml(text, str(path), 1, faults)


def _is_mapping(text: str) -> bool:
    """Whether the first thing in a YAML text is a mapping; what is no YAML is refused by its reader, with a line."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        events: Iterable[Any] = YAML(typ="safe", pure=True).parse(text)  # pyright: ignore[reportUnknownMemberType]
        for event in events:
            if type(event).__name__ not in ("StreamStartEvent", "DocumentStartEvent"):
                return type(event).__name__ == "MappingStartEvent"
    except YAMLError:
        return True
    return False


def _tree(source: Mapping[str, Any]) -> Block:
    """Return a mapping of a call in the form of a file; settings of the ladder stay as they are."""
    children: dict[str, Leaf | Block] = {}
    for key, value in source.items():
        inner = cast(Mapping[str, Any], value)
        children[str(key)] = _tree(inner) if isinstance(value, Mapping) else Leaf(value, CALL)
    return Block(children, CALL)


def _plain(node: Any) -> Any:
    if isinstance(node, Block):
        return {key: _plain(inner) for key, inner in node.children.items()}
    value = node.value if isinstance(node, Leaf) else node
    return [_plain(item) for item in cast(list[Any], value)] if isinstance(value, list) else value
