"""Data from the user's own code: ``file.py:loader``, a function without arguments.

It returns a ``Dataset``, ``(x, y)``, or ``(x_train, y_train, x_test, y_test)``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from axbar.data._arrays import Raw, as_pair
from axbar.data._types import Dataset
from axbar.errors import DataError, UsageError, suggest

__all__ = ["read_user"]


def read_user(path: Path, function: str) -> Dataset | Raw:
    """Import a Python file by its path, call a function of it and check what it returns.

    Raises:
        UsageError: there is no such file or function.
        DataError: the user's code fails or returns something else.
    """
    where = f"{path}:{function}"
    with _importable(path.parent):
        loader = _function(path, function)
        try:
            found = loader()
        except Exception as error:
            raise DataError(f"loader '{where}' failed with {type(error).__name__}: {error}.") from error
    if isinstance(found, Dataset):
        return found
    if not isinstance(found, tuple | list) or len(found) not in (2, 4):
        shown = f"{len(found)} values" if isinstance(found, tuple | list) else f"a {type(found).__name__}"
        raise DataError(
            f"loader '{where}' returned {shown}; it must return a Dataset, (x, y), or (x_train, y_train, "
            "x_test, y_test)."
        )
    if len(found) == 2:
        pair, notes = as_pair(found[0], found[1], f"'{where}'")
        return Raw(pair, None, (), notes)
    train, notes = as_pair(found[0], found[1], f"'{where}' (train)")
    test, more = as_pair(found[2], found[3], f"'{where}' (test)")
    return Raw(train, test, (), (*notes, *more))


def _function(path: Path, name: str) -> Callable[[], Any]:
    if not path.is_file():
        raise UsageError(f"there is no file '{path}'; give FILE.py:FUNCTION.")
    # a name of its own, so that two files called data.py don't meet
    module_name = f"_axbar_user_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"'{path}' is no Python file; give FILE.py:FUNCTION.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # dataclasses and pickling inside the file look it up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        sys.modules.pop(module_name, None)
        raise DataError(f"importing '{path}' failed with {type(error).__name__}: {error}.") from error
    found = getattr(module, name, None)
    if not callable(found):
        options = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        raise UsageError(f"'{path}' has no function '{name}'{suggest(name, options) or '.'}")
    return found


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let the user's file import its neighbours, as it could when run."""
    entry = str(folder.resolve())
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        if entry in sys.path:
            sys.path.remove(entry)
