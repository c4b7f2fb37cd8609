"""A user's own Python: ``file.py:function``, run as the user's program.

The file's folder is importable while the file is read and while its function runs, as it would be if the file were
started by itself. Two files of one name do not meet: each is a module named after its path.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from axbar.errors import AxbarError, UsageError, suggest

__all__ = ["is_reference", "load_function", "neighbours_importable"]


def is_reference(text: str) -> bool:
    """Whether a text names a Python file, with or without a function.

    >>> is_reference("net.py:build"), is_reference("spiking-cnn")
    (True, False)
    """
    return ".py:" in text or text.endswith(".py")


def load_function(reference: str, what: str, failure: type[AxbarError]) -> tuple[Path, Callable[..., Any]]:
    """Import ``file.py:function`` and return the file and the function.

    Args:
        reference: as the user wrote it.
        what: what the function is for, for messages (``"factory"``, ``"loader"``).
        failure: error raised when the user's file does not import.

    Raises:
        UsageError: no function named, no such file, or no such function (with the closest one).
    """
    head, found, name = reference.rpartition(".py:")
    if not found or not name:
        raise UsageError(
            f"'{reference}' names no {what}; write {reference.rstrip(':')}:name_of_the_function."
        )
    file = Path(f"{head}.py")
    if not file.is_file():
        raise UsageError(f"there is no file '{file}' to take '{name}' from; check the path.")
    module = _import(file, failure)
    function = getattr(module, name, None)
    if not callable(function):
        own = {n: v for n, v in vars(module).items() if callable(v) and not n.startswith("_")}
        here = [n for n, v in own.items() if getattr(v, "__module__", None) == module.__name__]
        held = f"It holds: {', '.join(here)}." if here else "It holds no function."
        raise UsageError(f"'{file}' has no {what} '{name}'{suggest(name, here) or '.'} {held}")
    return file, function


@contextmanager
def neighbours_importable(file: Path) -> Iterator[None]:
    """Let the user's file import its neighbours, as it could when run."""
    entry = str(file.resolve().parent)
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        if entry in sys.path:
            sys.path.remove(entry)


def _import(file: Path, failure: type[AxbarError]) -> ModuleType:
    name = f"_axbar_user_{hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, file.resolve())
    if spec is None or spec.loader is None:
        raise UsageError(f"'{file}' is no Python file; give FILE.py:FUNCTION.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickling inside the file look it up
    try:
        with neighbours_importable(file):
            spec.loader.exec_module(module)
    except AxbarError:
        sys.modules.pop(name, None)
        raise
    except Exception as error:
        sys.modules.pop(name, None)
        raise failure(f"importing '{file}' failed with {type(error).__name__}: {error}.") from error
    return module
