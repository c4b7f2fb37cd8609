"""How functions, tasks and shared objects travel between processes: as bytes that any process of axbar can open.

Installed code travels by name. A user's own file (``file.py:function``) has no name that another process knows, so it
travels by value, and with it the neighbours that it imports: modules that lie in the folder of the file.
"""

from __future__ import annotations

import hashlib
import importlib
import pickle
import sys
import threading
from collections import OrderedDict
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from axbar.errors import AxbarError

__all__ = ["Opened", "by_value", "library", "pack", "packed", "unpacked", "user_modules"]

#: modules of user files, as axbar.usercode names them
_USER = "_axbar_user_"

#: bytes of packed objects of which a process keeps the opened ones
_KEPT_B = 2**30

#: what travels by value is a setting of the whole process in cloudpickle
_REGISTERING = threading.Lock()


def library(name: str) -> Any:
    """Return an optional library, imported at the first use because the rest of axbar does without it.

    Raises:
        AxbarError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as problem:
        raise AxbarError(
            f"running the tasks of a study needs {name}, which is not installed: pip install 'axbar[explore]'"
        ) from problem


def pack(value: object) -> tuple[str, bytes]:
    """Return the name of a shared object, the SHA-256 of its bytes, and the bytes.

    The name is one of bytes, not of a meaning: two processes may pack equal objects to other bytes.

    Raises:
        AxbarError: the object holds something that can't travel, such as an open file.

    >>> name, data = pack([1, 2])
    >>> len(name), unpacked(data)
    (64, [1, 2])
    """
    data = packed(value, user_modules())
    return hashlib.sha256(data).hexdigest(), data


def packed(value: object, modules: Iterable[ModuleType] = ()) -> bytes:
    """Return an object as bytes; what comes of ``modules`` by value.

    Raises:
        AxbarError: the object holds something that can't travel.
    """
    try:
        with by_value(modules) as cloudpickle:
            return cloudpickle.dumps(value)
    except Exception as error:
        if isinstance(error, AxbarError):
            raise
        reason = " ".join(str(error).split())
        raise AxbarError(
            f"a {type(value).__name__} can't travel to a worker ({type(error).__name__}: {reason}); keep open files, "
            "locks and generators out of it."
        ) from error


def unpacked(data: bytes) -> Any:
    """Return the object of ``packed``."""
    return pickle.loads(data)


@contextmanager
def by_value(modules: Iterable[ModuleType]) -> Generator[Any]:
    """Let what comes of some modules travel by value; gives cloudpickle."""
    cloudpickle = library("cloudpickle")
    mine = tuple(modules)
    if not mine:
        yield cloudpickle
        return
    with _REGISTERING:
        others = set(cloudpickle.list_registry_pickle_by_value())
        fresh = [module for module in mine if module.__name__ not in others]
        for module in fresh:
            cloudpickle.register_pickle_by_value(module)
        try:
            yield cloudpickle
        finally:
            for module in fresh:
                cloudpickle.unregister_pickle_by_value(module)


def user_modules() -> tuple[ModuleType, ...]:
    """Return the modules of user files and of their neighbours that are loaded now."""
    loaded = dict(sys.modules)
    own = [module for name, module in loaded.items() if name.startswith(_USER)]
    folders = {folder for module in own if (folder := _folder(module)) is not None}
    if not folders:
        return tuple(own)
    near: list[ModuleType] = []
    for name, module in loaded.items():
        top = loaded.get(name.partition(".")[0])
        if top is not None and _entry(top) in folders and not name.startswith((_USER, "axbar", "__")):
            near.append(module)
    return (*own, *near)


def _folder(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).parent if file else None


def _entry(module: ModuleType) -> Path | None:
    """Return the folder of ``sys.path`` in which a top module is found."""
    folder = _folder(module)
    return folder.parent if folder is not None and hasattr(module, "__path__") else folder


class Opened:
    """The shared objects that a process has opened; those used last stay.

    Args:
        kept_B: bytes of packed objects of which the opened ones are kept; one always is.
    """

    def __init__(self, kept_B: int = _KEPT_B) -> None:
        self._kept_B = kept_B
        self._objects: OrderedDict[str, tuple[Any, int]] = OrderedDict()

    def __contains__(self, name: str) -> bool:
        return name in self._objects

    def get(self, name: str, data: Mapping[str, bytes]) -> Any:
        """Return the object of a name, opened from ``data`` the first time.

        Raises:
            KeyError: it is neither kept nor among the data.
        """
        if name not in self._objects:
            size = len(data[name])
            self._objects[name] = unpacked(data[name]), size
            while len(self._objects) > 1 and sum(size for _, size in self._objects.values()) > self._kept_B:
                self._objects.popitem(last=False)
        self._objects.move_to_end(name)
        return self._objects[name][0]
