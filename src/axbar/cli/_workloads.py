"""Where ``estimate`` and ``explain`` take their workload from: a file, a run, a CSV of layers, or a built-in shape."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from axbar.errors import UsageError, unknown_name
from axbar.workload import Workload, shapes

__all__ = ["read_workload"]


def read_workload(source: str, config: dict[str, Any] | None = None) -> Workload:
    """Return the workload that ``source`` names.

    Args:
        source: ``.npz`` of ``axbar trace``, run folder, ``.csv`` of layers, or a name such as ``vgg9``.
        config: arguments of a built-in shape (``width``, ``steps``, ``rate``, ...).
    """
    path = Path(source)
    if path.is_dir() and (path / "workload.npz").exists():
        path = path / "workload.npz"
    if path.is_dir():
        raise UsageError(
            f"'{source}' holds no workload.npz; write one with 'axbar trace {source} --data DATA -o "
            f"{source}/workload.npz', or give --data to a verb that takes it."
        )
    if path.suffix == ".npz":
        return Workload.load(path)
    if path.suffix == ".csv":
        return Workload.from_csv(path)
    if source in shapes.TABLE:
        known = list(inspect.signature(shapes.TABLE[source]).parameters)
        for key in config or {}:
            if key not in known:
                raise UsageError(unknown_name(f"argument of shape '{source}':", key, known))
        return shapes.TABLE[source](**(config or {}))
    raise UsageError(
        unknown_name("workload", source, shapes.TABLE)
        + " Or give a .npz of 'axbar trace', a run folder, or a .csv of layers."
    )
