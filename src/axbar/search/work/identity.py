"""Whether a worker runs the same software as the driver: another version may give other bits."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import pathlib
import sys
from collections.abc import Callable, Mapping
from functools import cache

__all__ = ["Facts", "differing", "facts"]


@cache
def facts() -> dict[str, str]:
    """Return what ``_found`` finds, looked for once a process."""
    return _found()


def _found() -> dict[str, str]:
    """Return the versions of Python, numpy, torch and axbar, and a digest of axbar's source.

    Travels by value to processes that may have no axbar, so it uses nothing of axbar and imports none of these.
    """
    found = {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    for name in ("numpy", "torch", "axbar"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "none"
    spec = importlib.util.find_spec("axbar")
    digest = hashlib.sha256()
    if spec is not None and spec.origin is not None:
        folder = pathlib.Path(spec.origin).parent
        for file in sorted(folder.rglob("*.py"), key=lambda file: file.relative_to(folder).as_posix()):
            digest.update(file.relative_to(folder).as_posix().encode() + file.read_bytes())
    found["axbar source"] = digest.hexdigest()[:12]
    return found


class Facts:
    """Becomes the facts of the process that opens it."""

    def __reduce__(self) -> tuple[Callable[[], dict[str, str]], tuple[()]]:
        return _found, ()


def differing(mine: Mapping[str, str], other: Mapping[str, str]) -> str:
    """Return what another process has otherwise, in words; empty if nothing.

    >>> differing({"python": "3.12", "torch": "2.9"}, {"python": "3.12", "torch": "2.8"})
    'it has torch 2.8 and this process torch 2.9'
    """
    for name, version in mine.items():
        there = other.get(name, "none")
        if there != version:
            if there == "none":
                return f"it has no {name}, and this process has {name} {version}"
            return f"it has {name} {there} and this process {name} {version}"
    return ""
