"""Dask, without its log on stderr, its warnings and its pages."""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from axbar.search.work.packing import library

__all__ = ["quiet"]

_LOGGERS = ("distributed", "tornado")

#: above every level
_NOTHING = logging.CRITICAL + 1


@contextmanager
def quiet(settings: Mapping[str, object]) -> Generator[Any]:
    """Give the library ``distributed`` under these settings, with nothing of it on stderr; all comes back after.

    Raises:
        AxbarError: it is not installed.
    """
    distributed = library("distributed")
    large = {
        "distributed.admin.large-graph-warning-threshold": "1 TB"
    }  # networks and data are meant to be large
    with library("dask").config.set({**large, **settings}), _silent():
        yield distributed


@contextmanager
def _silent() -> Generator[None]:
    """Let Dask log nothing: what goes wrong with a worker is an outcome or an error of the driver."""
    known = [logging.getLogger(name) for name in (*_LOGGERS, *logging.root.manager.loggerDict)]
    # loggers without a level of their own, and those made later, follow the first of their family
    levels = {
        logger: logger.level
        for logger in known
        if logger.name in _LOGGERS or (logger.level and logger.name.partition(".")[0] in _LOGGERS)
    }
    for logger in levels:
        logger.setLevel(_NOTHING)
    try:
        yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
