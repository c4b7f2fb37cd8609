"""A column of a sweep, checked against the field it stands for, all points at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from axbar.errors import UsageError, suggest
from axbar.spec._base import HardwareSpec
from axbar.spec._paths import LABELS, PathInfo, path_info, unknown_path
from axbar.spec._quantity import show
from axbar.units import parse_quantity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["check_column"]


def check_column(spec: HardwareSpec, path: str, values: Sequence[Any] | NDArray[Any]) -> NDArray[Any]:
    """Check a column of a sweep against the field it stands for.

    Args:
        spec: the chip that is swept.
        path: dotted path of the quantity.
        values: ``[P]`` numbers, texts with units (``"65 nm"``), or names for a quantity with choices.

    Returns:
        ``[P]`` int64, float64 or str.

    Raises:
        UsageError: the path is unknown, or a value (the first is named) has the wrong type or range.

    Example:
        >>> from axbar import load_hardware
        >>> check_column(load_hardware("imc-rram-65nm"), "crossbar.rows", [32, 64, 128])
        array([ 32,  64, 128])
    """
    import numpy as np

    info = path_info(type(spec), path)
    if info is None or path in LABELS:
        raise UsageError(unknown_path(type(spec), path))
    column = np.asarray(values)
    if column.ndim != 1 or column.size == 0:
        raise UsageError(
            f"sweep of {path}: the column has the shape {list(column.shape)}, expected one list of values."
        )
    checked = _numbers(info, column) if info.type in ("int", "float") else _names(info, column)
    return checked


def _fail(info: PathInfo, column: NDArray[Any], index: int, problem: str) -> UsageError:
    value: object = column[index].item() if hasattr(column[index], "item") else column[index]
    return UsageError(f"sweep of {info.path}: {show(value, info.unit)} (entry {index + 1}) {problem}")


def _names(info: PathInfo, column: NDArray[Any]) -> NDArray[np.str_]:
    import numpy as np

    for index, value in enumerate(column.tolist()):
        if not isinstance(value, str):
            raise _fail(info, column, index, f"is not a name. Allowed: {info.allowed}.")
        if problem := info.problem(value):
            raise _fail(info, column, index, f"{problem}{suggest(value, info.choices) or '.'}")
    return column.astype(np.str_)


def _numbers(info: PathInfo, column: NDArray[Any]) -> NDArray[Any]:
    """Check type, finiteness, whole numbers and bounds of a whole column at once."""
    import numpy as np

    if column.dtype.kind in "UO":
        column = np.asarray([_number(info, column, index) for index in range(column.size)])
    if column.dtype.kind not in "iuf":
        raise _fail(info, column, 0, f"is not a number. Allowed: {info.allowed}.")
    numbers = column.astype(np.float64)
    wrong = ~np.isfinite(numbers)
    if info.type == "int":
        wrong |= numbers != np.rint(numbers)
    if info.low is not None:
        wrong |= (numbers <= info.low) if info.low_open else (numbers < info.low)
    if info.high is not None:
        wrong |= (numbers >= info.high) if info.high_open else (numbers > info.high)
    if wrong.any():
        index = int(np.argmax(wrong))
        whole = f"must be a {'whole' if info.type == 'int' else 'finite'} number; allowed {info.allowed}."
        raise _fail(info, column, index, info.problem(float(numbers[index])) or whole)
    return column.astype(np.int64) if info.type == "int" else numbers


def _number(info: PathInfo, column: NDArray[Any], index: int) -> float:
    value: object = column[index]
    if isinstance(value, str):
        try:
            return parse_quantity(value, info.unit)
        except ValueError as error:
            raise UsageError(
                f"sweep of {info.path}: {error} (entry {index + 1}); allowed {info.allowed}."
            ) from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _fail(info, column, index, f"is not a number. Allowed: {info.allowed}.")
    return value
