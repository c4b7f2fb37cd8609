"""What arguments a network takes, before it is built."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from axbar import registry
from axbar.errors import ModelError
from axbar.nn._checkpoint import read_config
from axbar.nn.models import NetworkOptions
from axbar.usercode import is_reference, load_function

__all__ = ["arguments_of", "parameters_of"]


def arguments_of(spec: str) -> tuple[str, ...] | None:
    """Return the names of the arguments that ``load_network(spec, ...)`` takes; None if they can't be known.

    Args:
        spec: a registered name, a run folder, a ``.safetensors`` file in one, a ``.nir`` graph, or ``file.py:factory``.

    Raises:
        UsageError: a Python file names no factory or is not there.
        ModelError: it does not import, or a run folder can't be read.

    >>> arguments_of("spiking-cnn")[:2]
    ('width', 'steps')
    """
    path = Path(spec)
    if spec in registry.names("models"):
        factory = registry.get("models", spec)
        return _keywords(factory, NetworkOptions if _is_ours(factory) else None)
    if is_reference(spec):
        return _keywords(load_function(spec, "factory", ModelError)[1])
    if path.suffix == ".nir":
        from axbar.workload.interchange import load_nir

        return tuple(name for name in _keywords(load_nir) or () if name != "path")
    if path.is_dir() or (path.suffix == ".safetensors" and path.is_file()):
        made_of = (read_config(path if path.is_dir() else path.parent).get("model") or {}).get("name")
        return None if made_of is None else arguments_of(str(made_of))
    return None


def parameters_of(factory: Callable[..., Any]) -> tuple[list[str], bool]:
    """Return the keywords of a factory and whether it takes any others."""
    try:
        found = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):  # classes written in C have none
        return [], True
    named = [p.name for p in found if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    return named, any(p.kind is p.VAR_KEYWORD for p in found)


def _keywords(factory: Callable[..., Any], others: type | None = None) -> tuple[str, ...] | None:
    """Return the keywords of a factory; those that it takes beside the named ones are the fields of ``others``."""
    named, anything = parameters_of(factory)
    if not anything:
        return tuple(named)
    return None if others is None else (*named, *parameters_of(others)[0])


def _is_ours(factory: Callable[..., Any]) -> bool:
    return getattr(factory, "__module__", "").startswith("axbar.")
