"""Data from the user's own code: ``file.py:loader``, a function without arguments.

It returns a ``Dataset``, ``(x, y)``, or ``(x_train, y_train, x_test, y_test)``.
"""

from __future__ import annotations

from axbar.data._arrays import Raw, as_pair
from axbar.data._types import Dataset
from axbar.errors import AxbarError, DataError
from axbar.usercode import load_function, neighbours_importable

__all__ = ["read_user"]


def read_user(where: str) -> Dataset | Raw:
    """Import ``file.py:loader``, call it and check what it returns.

    Raises:
        UsageError: there is no such file or function.
        DataError: the user's code fails or returns something else.
    """
    file, loader = load_function(where, "loader", DataError)
    try:
        with neighbours_importable(file):
            found = loader()
    except AxbarError:
        raise
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
