"""Read a chip: a preset or a file, what it extends, its sources, and the changes of a call.

A file is laid over the one it extends, key by key; a device named in it replaces the device below as a whole.
Every fault of every layer is reported at once, each with file, line and path.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from axbar import registry
from axbar.errors import SpecError, UsageError, suggest, unknown_name
from axbar.spec._annotate import annotate
from axbar.spec._base import HardwareSpec, Provenance
from axbar.spec._build import build
from axbar.spec._device import expand_devices
from axbar.spec._overrides import SET_BY_USER, Overrides, override_tree, read_overrides, restate_pins
from axbar.spec._presets import find_preset, preset_names
from axbar.spec._tree import Block, Faults, Leaf, Origin, merge
from axbar.spec._yaml import read_yaml
from axbar.spec.kind import HardwareKind

__all__ = ["load_hardware"]

_MAX_BYTES = 1_000_000  # a chip file has a few kilobytes; more is a mistake in the path
_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class _Source:
    """A file to read: where it lies, how messages call it, and whether it is a shipped preset."""

    path: Path
    shown: str
    preset: bool


def load_hardware(name_or_path: str | os.PathLike[str], overrides: Overrides = ()) -> HardwareSpec:
    """Load a chip by preset name or from a YAML file.

    Args:
        name_or_path: ``"imc-rram-65nm"`` (see ``preset_names``) or ``"chip.yaml"``.
        overrides: ``{"adc.bits": 4}`` or ``["adc.bits=4", "device=pcm-mushroom"]``, laid over the file.

    Returns:
        The chip, with the source of every number in ``sources``.

    Raises:
        UsageError: the name, path or an override is wrong.
        SpecError: a file's content is wrong; one line per fault: file, line, path, value, allowed range.

    Example:
        >>> load_hardware("imc-rram-65nm", {"adc.bits": 6}).adc.bits
        6
    """
    changes = read_overrides(overrides)
    faults = Faults()
    source = _named(name_or_path)
    layers = _layers(source, faults)
    kind = _kind([root for _, root in layers], faults)
    tree = Block({}, layers[0][1].origin)
    for layer_source, root in reversed(layers):
        annotated = annotate(root, _unannotated(layer_source), faults)
        tree = merge(tree, expand_devices(kind.Spec, annotated, faults))
    tree = _labelled(tree, layers, kind.name)
    tree = restate_pins(merge(tree, override_tree(kind.Spec, changes, SET_BY_USER, faults)), changes)
    return build(kind.Spec, tree, faults)


def _unannotated(source: _Source) -> Provenance:
    if source.preset:
        return Provenance(source=f"{source.path.name} names no source", confidence="assumed")
    return Provenance(source=f"set in {source.path.name}", confidence="user")


def _looks_like_path(text: str) -> bool:
    return text.endswith(_SUFFIXES) or "/" in text or os.sep in text


def _named(name_or_path: str | os.PathLike[str]) -> _Source:
    """Resolve what a caller named; mistakes are the call's."""
    text = os.fspath(name_or_path)
    if isinstance(name_or_path, str) and not _looks_like_path(text):
        preset = find_preset(text)
        if preset is not None:
            return _Source(preset, preset.name, preset=True)
    path = Path(text)
    if path.is_file():
        return _Source(path, text, preset=False)
    raise UsageError(_not_found(path, text))


def _not_found(path: Path, text: str) -> str:
    if text and path.is_dir():
        inside = sorted(p.name for p in path.iterdir() if p.suffix in _SUFFIXES)
        hint = f"; did you mean '{path / inside[0]}'?" if inside else "."
        return f"'{text}' is a folder, expected a preset name or a YAML file{hint}"
    known = preset_names()
    if not _looks_like_path(text):
        return f"{unknown_name('hardware preset', text, known)} A path ends in .yaml."
    if path.stem in known:
        return f"there is no file '{text}'; did you mean the preset '{path.stem}'?"
    near = [p.name for p in path.parent.glob("*") if p.suffix in _SUFFIXES] if path.parent.is_dir() else []
    return f"there is no file '{path}'{suggest(path.name, near) or '.'} Presets: {', '.join(known)}."


def _layers(source: _Source, faults: Faults) -> list[tuple[_Source, Block]]:
    """Read a file and all that it extends, the named one first."""
    layers: list[tuple[_Source, Block]] = []
    chain = [source]
    while True:
        source = chain[-1]
        root = read_yaml(_text(source), source.shown, len(chain), faults)
        layers.append((source, root))
        extends = root.children.get("extends")
        if extends is None:
            return layers
        target = _extended(extends, source)
        names = [seen.shown for seen in chain] + [target.shown]
        if target.path.resolve() in [seen.path.resolve() for seen in chain]:
            raise SpecError(
                f"{extends.origin}: extends goes in a circle: {' -> '.join(names)}. Remove one 'extends:'."
            )
        chain.append(target)


def _text(source: _Source) -> str:
    try:
        size = source.path.stat().st_size
        if size > _MAX_BYTES:
            raise SpecError(
                f"{source.shown}: {size:,} bytes are too many for a chip file (at most {_MAX_BYTES:,})."
            )
        data = source.path.read_bytes()
    except OSError as error:
        raise SpecError(f"{source.shown}: can't be read: {error.strerror}.") from None
    try:
        if b"\0" in data:
            raise SpecError(f"{source.shown}: is a binary file, expected YAML text.")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError(
            f"{source.shown}: is no UTF-8 text (byte {error.start + 1}); save it as UTF-8."
        ) from None


def _extended(node: Leaf | Block, source: _Source) -> _Source:
    """Resolve an ``extends:``; mistakes are the file's."""
    if not isinstance(node, Leaf) or not isinstance(node.value, str):
        raise SpecError(f"{node.origin}: extends must be one preset name or the path of a YAML file.")
    text = node.value
    if not _looks_like_path(text):
        preset = find_preset(text)
        if preset is None:
            raise SpecError(
                f"{node.origin}: extends: {unknown_name('hardware preset', text, preset_names())}"
            )
        return _Source(preset, preset.name, preset=True)
    path = source.path.parent / text
    if not path.is_file():
        raise SpecError(f"{node.origin}: extends: {_not_found(path, text)}")
    return _Source(path, os.path.relpath(path) if not Path(text).is_absolute() else text, source.preset)


def _kind(roots: Sequence[Block], faults: Faults) -> HardwareKind:
    """Return the hardware kind that the layers agree on."""
    known = registry.names("hardware")
    stated = [node for root in roots if (node := root.children.get("kind")) is not None]
    if not stated:
        raise SpecError(
            f"{roots[0].origin}: missing key: kind; add for example 'kind: imc' (known: {', '.join(known)}), "
            "or start from a preset with 'extends:'."
        )
    before = len(faults.found)
    for node in stated:
        value = node.value if isinstance(node, Leaf) else "a block"
        if value not in known:
            faults.add(node.origin, unknown_name("kind", str(value), known))
        elif isinstance(below := stated[-1], Leaf) and value != below.value:
            faults.add(
                node.origin,
                f"kind = '{value}', but what the file extends is '{below.value}'; they must agree.",
            )
    if len(faults.found) > before:
        faults.raise_any()
    kind: HardwareKind = registry.get("hardware", str(stated[0].value if isinstance(stated[0], Leaf) else ""))
    return kind


def _labelled(tree: Block, layers: Sequence[tuple[_Source, Block]], kind: str) -> Block:
    """Name the chip: labels are not inherited, for a changed chip is another chip."""
    source, root = layers[0]
    here = Origin(root.origin.file, root.origin.line, root.origin.depth)
    labels: dict[str, Leaf | Block] = {"kind": Leaf(kind, here), "name": Leaf(source.path.stem, here)}
    if len(layers) > 1:
        labels["description"] = Leaf(f"variant of {layers[1][0].path.stem}", here)
    labels |= {key: root.children[key] for key in ("name", "description") if key in root.children}
    children = {key: node for key, node in tree.children.items() if key not in ("extends", "description")}
    return Block({**children, **labels}, tree.origin)
