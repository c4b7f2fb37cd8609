"""A workload by name: a file, a run, a CSV of layers, or a built-in shape; no network and no data."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from axbar.errors import AxbarError, UsageError, unknown_name
from axbar.workload import shapes
from axbar.workload._types import Workload

__all__ = ["check_workload", "read_workload"]


def check_workload(given: object) -> None:
    """Refuse what is no workload.

    Raises:
        UsageError: saying what was given, and where workloads come from.
    """
    if not isinstance(given, Workload):
        shown = f" {given!r}" if isinstance(given, str) else ""
        raise UsageError(
            f"a workload is needed, got {type(given).__name__}{shown}; give axbar.trace(model, images), "
            "Workload.load(file) or one by shape, such as axbar.workload.shapes.vgg9()."
        )


def read_workload(source: str, config: dict[str, Any] | None = None) -> Workload:
    """Return the workload that ``source`` names.

    Args:
        source: ``.npz`` of ``axbar trace``, run folder, ``.csv`` of layers, or a name such as ``vgg9``.
        config: arguments of a built-in shape (``width``, ``steps``, ``rate``, ...).

    Raises:
        UsageError: there is no such workload, an argument is unknown, or what is read from a file takes none.
    """
    path = Path(source)
    if path.is_dir() and (path / "workload.npz").exists():
        path = path / "workload.npz"
    if path.is_dir():
        raise UsageError(
            f"'{source}' holds no workload.npz; write one with 'axbar trace {source} --data DATA -o "
            f"{source}/workload.npz', or give --data to a verb that takes it."
        )
    if path.suffix == ".nir":
        raise UsageError(
            f"'{source}' is a network, whose cost depends on its spikes; record them with 'axbar trace {source} --data "
            "DATA --config dt=... --config reset=... -o workload.npz', or give --data to a verb that takes it."
        )
    if config and path.suffix in (".npz", ".csv"):
        key, value = next(iter(config.items()))
        raise UsageError(
            f"'{source}' is a workload as it is, so {key}={value} (--config) would change nothing; leave it out, or "
            "name a built-in shape: see 'axbar ls shapes'."
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
        try:
            return shapes.TABLE[source](**(config or {}))
        except AxbarError as error:  # the arguments are words of the call
            raise UsageError(f"shape '{source}': {error}") from None
    raise UsageError(
        unknown_name("workload", source, shapes.TABLE)
        + " Or give a .npz of 'axbar trace', a run folder, or a .csv of layers."
    )
