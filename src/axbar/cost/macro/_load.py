"""Read a macro from YAML: ``kind: macro``, or a chip (``kind: imc``) whose array-level view is taken."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from axbar.cost.macro._macro import Macro
from axbar.errors import AxbarError, SpecError, UsageError, suggest
from axbar.spec import ImcSpec, load_hardware
from axbar.spec._annotate import annotate
from axbar.spec._base import Provenance
from axbar.spec._paths import path_info
from axbar.spec._tree import Block, Faults, Leaf
from axbar.spec._yaml import read_yaml

__all__ = ["build_macro", "load_macro", "read_blocks"]

_USER = Provenance(source="set in the file of the macro", confidence="user")


def load_macro(path: str | Path) -> Macro:
    """Return the macro that a file describes.

    Numbers may be given as in chip files: ``{value: 65 nm, source: ..., confidence: ...}``, and with units.

    Raises:
        UsageError: there is no such file, or it is a chip that has no array-level view.
        SpecError: its content is wrong; file, line, value and what is allowed.
    """
    file = Path(path)
    if not file.is_file():
        raise UsageError(f"there is no file '{path}'; give a YAML file with 'kind: macro' or 'kind: imc'.")
    root = read_blocks(file)
    kind = root.children.get("kind")
    named = kind.value if isinstance(kind, Leaf) else None
    if named == "macro":
        return build_macro(root)
    if named is None and "extends" not in root.children:
        raise SpecError(
            f"{root.origin}: missing key: kind; write 'kind: macro' for one array and its periphery, or "
            "'kind: imc' for a chip."
        )
    spec = load_hardware(str(path))
    if not isinstance(spec, ImcSpec):
        raise UsageError(f"'{path}' is a chip of kind '{spec.kind}'; macros are views of kind 'imc' only.")
    return Macro.of(spec)


def read_blocks(file: Path) -> Block:
    """Return a YAML file as blocks, sources written beside their numbers.

    Raises:
        SpecError: it can't be read or is no mapping.
    """
    faults = Faults()
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{file}: can't be read as UTF-8 text: {error}.") from None
    root = read_yaml(text, str(file), 1, faults)
    faults.raise_any()
    block = annotate(root, _USER, faults)
    faults.raise_any()
    return block


def build_macro(block: Block, changes: Mapping[str, Any] | None = None) -> Macro:
    """Validate the fields of a block, with some replaced.

    Raises:
        SpecError: all faults at once, each with file and line.
    """
    faults = Faults()
    values: dict[str, Any] = {}
    for key, node in block.children.items():
        if key not in Macro.model_fields:
            hint = suggest(key, Macro.model_fields) or "."
            faults.add(node.origin, f"unknown key '{key}' of a macro{hint}")
        elif isinstance(node, Block) or isinstance(node.value, list):
            faults.add(node.origin, f"{key} must be one value.")
        else:
            values[key] = node.value
    faults.raise_any()
    try:
        return Macro(**{**values, **(changes or {})})
    except ValidationError as error:
        for one in error.errors(include_url=False):
            path = ".".join(str(part) for part in one["loc"])
            node = block.children.get(path)
            faults.add(node.origin if node else block.origin, _sentence(path, dict(one)))
    faults.raise_any()
    raise AxbarError("a macro was refused without a reason")  # not reached: pydantic names its errors


def _sentence(path: str, error: Mapping[str, Any]) -> str:
    if error["type"] == "missing":
        info = path_info(Macro, path)
        return f"missing key: {path}" + (f"; allowed: {info.allowed}." if info else ".")
    if not path:
        return str(error["msg"]).removeprefix("Value error, ")
    info = path_info(Macro, path)
    value = error["input"]
    if error["type"] == "value_error":
        return f"{path}: {str(error['msg']).removeprefix('Value error, ')}."
    if info is None:
        return f"{path} = {value}: {error['msg']}."
    hint = suggest(str(value), info.choices) if info.choices else ""
    problem = f"is not allowed: {info.allowed}"
    return f"{path} = {value} {problem}{hint or '.'}"
