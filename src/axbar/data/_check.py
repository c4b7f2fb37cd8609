"""Does a data set fit a network?"""

from __future__ import annotations

from collections.abc import Sequence

from axbar.data._types import Dataset, TuningData, size_text
from axbar.errors import DataError

__all__ = ["check_fits"]


def check_fits(data: Dataset | TuningData, input_shape: Sequence[int], classes: int | None = None) -> None:
    """Refuse a data set whose images or classes a network can't take.

    Args:
        data: the data set.
        input_shape: ``(C, H, W)`` that the network takes.
        classes: outputs of the network; None leaves them unchecked. Data whose classes are only numbered may
            have fewer than the network (a file need not show all); named classes must be as many.

    Raises:
        DataError: sizes or class counts differ.

    >>> from axbar.data import load_data
    >>> check_fits(load_data("fashion-mnist-small"), (1, 28, 28), 10)
    """
    wanted = tuple(int(n) for n in input_shape)
    if data.input_shape != wanted:
        raise DataError(
            f"'{data.name}' holds {size_text(data.input_shape)} images, but the network takes "
            f"{size_text(wanted)} (channels x rows x columns); build the network with "
            f"input_shape={data.input_shape} or give other data."
        )
    if classes is None or len(data.classes) == classes:
        return
    numbered = all(name.isdecimal() for name in data.classes)
    if not numbered or len(data.classes) > classes:
        raise DataError(
            f"'{data.name}' has {len(data.classes)} classes, but the network tells {classes} apart; build "
            f"the network with classes={len(data.classes)} or give other data."
        )
