"""What decides an outcome, as plain JSON for content hashes: techniques with all settings, code, chips of a space."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from axbar.errors import AxbarError
from axbar.search.space import Choices, Space
from axbar.search.space.checking import is_of_chip
from axbar.spec import HardwareSpec, load_hardware

__all__ = ["chip_contents", "code_version", "technique_parts"]


@cache
def code_version() -> str:
    """Return the versions of axbar and of the packages that add to it."""
    from axbar._run import versions

    others = ("python", "machine", "torch", "numpy")
    return json.dumps({name: version for name, version in versions().items() if name not in others})


def technique_parts(texts: Sequence[str]) -> list[dict[str, Any]]:
    """Return techniques with all of their settings, so that a changed default is another key.

    Raises:
        UsageError: one of them is unknown or out of range.
    """
    from axbar.techniques import parse_technique  # imports torch

    parsed = (parse_technique(text) for text in texts)
    return [
        {"name": technique.name, "config": config.model_dump(mode="json")} for technique, config in parsed
    ]


def chip_contents(space: Space, base: HardwareSpec | None) -> dict[str, str]:
    """Return name -> hash of every chip and device that a space names: files may change under one name."""
    searched = {p.path: p.domain for p in space.parameters}
    named = searched.get("hardware")
    names = [str(name) for name in named.values] if isinstance(named, Choices) else []
    chips = {name: load_hardware(name) for name in names} or ({"": base} if base is not None else {})
    found = {name: chip.hash() for name, chip in chips.items()}
    for path, domain in searched.items():
        if is_of_chip(path) and isinstance(domain, Choices) and isinstance(domain.values[0], str):
            found |= dict(_blocks(path, [str(value) for value in domain.values], list(chips.values())))
    return found


def _blocks(path: str, names: Sequence[str], chips: Sequence[HardwareSpec]) -> Iterator[tuple[str, str]]:
    """Yield the hash of the first chip that takes each word at a path."""
    for name in names:
        for chip in chips:
            try:
                yield f"{path}={name}", chip.replace({path: name}).hash()
            except AxbarError:
                continue
            break
