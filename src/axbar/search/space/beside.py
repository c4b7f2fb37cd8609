"""Files that a space names, found beside its own file first, as those that a chip extends are.

What was found there is renamed so that it can be opened from the working folder: values of points are names of files
to all that read them later, commands and exported pages too. Where only the working folder has a file, its name stays.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from axbar import registry
from axbar.search.space.conditions import Condition
from axbar.search.space.domains import Choices
from axbar.search.space.parts import Parameter
from axbar.spec._presets import find_preset
from axbar.usercode import is_reference

__all__ = ["found_beside"]

_SUFFIXES = (".yaml", ".yml", ".safetensors", ".nir")


def found_beside(parameters: Iterable[Parameter], folder: Path) -> list[Parameter]:
    """Return parameters, and their conditions, with files of chips and models named from the working folder.

    Args:
        folder: of the space's own file.
    """
    given, place = list(parameters), folder.resolve()
    if place == Path.cwd():
        return given
    names: dict[str, dict[Any, str]] = {}
    for parameter in given:
        if parameter.path in ("hardware", "model") and isinstance(parameter.domain, Choices):
            texts = [value for value in parameter.domain.values if isinstance(value, str)]
            names[parameter.path] = {text: _found(parameter.path, text, place) for text in texts}
    return [_renamed(parameter, names) for parameter in given]


def _renamed(parameter: Parameter, names: dict[str, dict[Any, str]]) -> Parameter:
    own, domain, when = names.get(parameter.path), parameter.domain, parameter.when
    if own is not None and isinstance(domain, Choices):
        domain = Choices(tuple(own.get(value, value) for value in domain.values))
    if when is not None:
        clauses = ((clause, names.get(clause.path, {})) for clause in when.clauses)
        when = Condition(
            tuple(replace(c, values=tuple(new.get(value, value) for value in c.values)) for c, new in clauses)
        )
    return replace(parameter, domain=domain, when=when)


def _found(path: str, text: str, folder: Path) -> str:
    """Return a name that opens a file from the working folder; the text itself if it names none."""
    registered = text in registry.names("models") if path == "model" else find_preset(text) is not None
    head, colon, function = text.rpartition(":") if is_reference(text) else (text, "", "")
    file = head if colon else text
    if registered or Path(file).is_absolute():
        return text
    beside = folder / file
    if beside.exists() or (_says_file(text) and not Path(file).exists()):
        return f"{_from_here(beside)}{colon}{function}"
    return text


def _says_file(text: str) -> bool:
    return text.endswith(_SUFFIXES) or "/" in text or "\\" in text or is_reference(text)


def _from_here(file: Path) -> str:
    """Return a path that does not depend on how the folder was typed, and that is no registered name."""
    whole, here = Path(os.path.normpath(file)), Path.cwd()
    if not whole.is_relative_to(here):
        return str(whole)
    short = whole.relative_to(here)
    return str(short) if len(short.parts) > 1 else f".{os.sep}{short}"
