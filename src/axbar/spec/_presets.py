"""The chips that are shipped, by name: the ``presets`` folder and what hardware kinds bring along."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from axbar import registry
from axbar.errors import AxbarError, UsageError, unknown_name
from axbar.spec.kind import HardwareKind

__all__ = ["find_preset", "preset_names", "preset_path", "preset_summary"]

_FOLDER = Path(__file__).parent / "presets"


def _files() -> Iterator[tuple[str, Path]]:
    for path in _FOLDER.glob("*.yaml"):
        yield path.stem, path
    for entry in registry.entries("hardware"):
        kind: HardwareKind = registry.get("hardware", entry.name)
        yield from kind.presets.items()


def _table() -> dict[str, Path]:
    table: dict[str, Path] = {}
    for name, path in _files():
        if table.setdefault(name, path) != path:
            raise AxbarError(
                f"the preset '{name}' is given twice, by {table[name]} and by {path}; rename one."
            )
    return table


def preset_names() -> tuple[str, ...]:
    """Return the names of all shipped chips, sorted; imports every hardware kind, but loads no preset."""
    return tuple(sorted(_table()))


def find_preset(name: str) -> Path | None:
    """Return the file of a preset, or None. Built-in names import no hardware kind."""
    if re.fullmatch(r"[\w.+-]+", name) is None:
        return None
    path = _FOLDER / f"{name}.yaml"
    return path if path.is_file() else _table().get(name)


def preset_path(name: str) -> Path:
    """Return the YAML file of a preset.

    Raises:
        UsageError: there is no preset of that name (with the closest one).
    """
    path = find_preset(name)
    if path is None:
        raise UsageError(unknown_name("hardware preset", name, preset_names()))
    return path


def preset_summary(name: str) -> str:
    """Return the first sentence of a preset's description, without building the chip."""
    from axbar.spec._tree import Faults, Leaf
    from axbar.spec._yaml import read_yaml

    path = preset_path(name)
    node = read_yaml(path.read_text(encoding="utf-8"), path.name, 1, Faults()).children.get("description")
    text = " ".join(str(node.value).split()) if isinstance(node, Leaf) and node.value else ""
    return re.split(r"(?<!al)\.\s", text, maxsplit=1)[0].rstrip(".")
