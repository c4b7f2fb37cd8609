"""A sweep as columns: checked, and split into what is counted again and what reaches the formulas as arrays.

Numbers stay ``[P]`` columns. Words (converter kind, topology, SRAM class) pick formulas, so points are
grouped by them; structural values (array size, bits of a cell, ...) decide what is counted, so points are
grouped by them for counting only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from axbar.cost._types import Floats
from axbar.errors import UsageError
from axbar.spec import HardwareSpec, SpecModel, check_column

__all__ = ["Sweep", "read_sweep", "with_values"]

Column = NDArray[Any]
S = TypeVar("S", bound=SpecModel)

#: codes of groups are int64; beyond this they are numbered anew
_MOST_CODES = 2**62


@dataclass(frozen=True)
class Sweep:
    """Design points around one spec.

    Args:
        points: P.
        given: the user's columns, checked, ``[P]`` each.
        numbers: path -> ``[1]`` (the spec's own value) or ``[P]`` float64.
        words: path -> one word, or ``[P]`` words.
        swept: paths that the columns set, fields of blocks included.
    """

    points: int
    given: Mapping[str, Column]
    numbers: Mapping[str, Floats]
    words: Mapping[str, str | Column]
    swept: frozenset[str]

    def groups(self, paths: frozenset[str] | None) -> tuple[list[dict[str, Any]], NDArray[np.intp]]:
        """Group points by their values at swept ``paths`` (None: by all words).

        Returns:
            the values of each group, and the group of each point ``[P]``.
        """
        columns: dict[str, Any] = {**self.words, **self.numbers}
        wanted = self.swept & (frozenset(self.words) if paths is None else paths)
        code, codes = np.zeros(self.points, dtype=np.int64), 1
        for path in sorted(wanted):
            unique, inverse = np.unique(columns[path], return_inverse=True)
            if codes * len(unique) > _MOST_CODES:
                seen, code = np.unique(code, return_inverse=True)
                codes = len(seen)
            code, codes = code * len(unique) + inverse, codes * len(unique)
        _, first, group = np.unique(code, return_index=True, return_inverse=True)
        values = [{path: columns[path][i].item() for path in sorted(wanted)} for i in first]
        return values, group

    def take(self, point: int) -> Sweep:
        """Return one point alone."""
        return Sweep(
            points=1,
            given={path: column[point : point + 1] for path, column in self.given.items()},
            numbers={path: c[point : point + 1] if len(c) > 1 else c for path, c in self.numbers.items()},
            words={path: w if isinstance(w, str) else w[point : point + 1] for path, w in self.words.items()},
            swept=self.swept,
        )


def read_sweep(spec: HardwareSpec, sweep: Mapping[str, ArrayLike] | None) -> Sweep:
    """Check the columns of a sweep and join them with the spec's own values.

    Raises:
        UsageError: an unknown path, a value out of range, or columns of different lengths.
    """
    base = spec.values()
    base_blocks = {path.removesuffix(".name") for path in base if path.endswith(".name")}
    columns: dict[str, Column] = {}
    given: dict[str, Column] = {}
    for path, values in (sweep or {}).items():
        block = path.removesuffix(".name")
        others = any(p.startswith(f"{block}.") and p != path for p in sweep or {})
        if block != path and block in base_blocks and not others:
            raise UsageError(
                f"a sweep of {path} would keep the numbers of '{base[path]}' under other names; sweep '{block}' "
                "instead, which brings each one's own."
            )
        given[path] = check_column(spec, path, np.atleast_1d(np.asarray(values)))
    points = _points(given)
    given = {
        path: np.resize(column, points) if len(column) == 1 else column for path, column in given.items()
    }
    blocks = [path for path in given if path not in base and not path.startswith("pins.")]
    for path in blocks:
        columns |= _block(spec, path, given[path])
    # a field wins over its block
    columns |= {path: column for path, column in given.items() if path not in blocks}
    numbers: dict[str, Floats] = {}
    words: dict[str, str | Column] = {}
    for path, value in (base | columns).items():
        column = np.atleast_1d(np.asarray(value))
        if column.dtype.kind in "iuf":
            numbers[path] = column.astype(np.float64)
        elif column.dtype.kind == "U":
            words[path] = value if isinstance(value, str) else column
    return Sweep(points, given, numbers, words, frozenset(columns))


def _points(columns: Mapping[str, Column]) -> int:
    lengths = {path: len(column) for path, column in columns.items() if len(column) != 1}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{path} has {n}" for path, n in lengths.items())
        raise UsageError(
            f"the columns of a sweep must have one length, but {listed}; repeat or cut the values."
        )
    return next(iter(lengths.values()), 1)


def _block(spec: HardwareSpec, path: str, column: Column) -> dict[str, Column]:
    """Columns of the fields behind a name that stands for a whole block (``device``)."""
    names, which = np.unique(column, return_inverse=True)
    trees = [spec.replace({path: name.item()}).values() for name in names]
    fields = [field for field in trees[0] if field.startswith(f"{path}.")]
    return {field: np.array([tree[field] for tree in trees])[which] for field in fields}


def with_values(
    spec: S, values: Mapping[str, Any], known: dict[tuple[Any, ...], SpecModel] | None = None
) -> S:
    """Return a copy with checked values set, without validating the tree again.

    Contradictions between fields pass: the rules of the hardware kind turn them into reasons.

    Args:
        spec: what is changed.
        values: path -> value.
        known: blocks that were made before from the same ``spec``; takes new ones.
    """
    here: dict[str, Any] = {}
    below: dict[str, dict[str, Any]] = {}
    for path, value in values.items():
        head, _, rest = path.partition(".")
        if rest:
            below.setdefault(head, {})[rest] = value
        else:
            here[head] = value
    blocks = {} if known is None else known
    for head, inner in below.items():
        key = (head, *inner.items())
        if key not in blocks:
            blocks[key] = with_values(cast(SpecModel, getattr(spec, head)), inner)
        here[head] = blocks[key]
    for name, value in here.items():
        if type(spec).model_fields[name].annotation is int:
            here[name] = int(value)
    return spec.model_copy(update=here)
