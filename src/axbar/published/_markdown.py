"""Tables of studies as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["table"]


def table(body: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as a table whose heads are the keys of the first; what was not run, and NaN, stays empty.

    >>> print(table([{"T": 4, "energy_uJ": 1.23456, "cells": 12000}]))
    | T | energy_uJ | cells |
    | --- | --- | --- |
    | 4 | 1.235 | 12,000 |
    """
    heads = list(body[0])
    lines = [heads, ["---"] * len(heads), *([_cell(row.get(head)) for head in heads] for row in body)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return "" if value != value else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
