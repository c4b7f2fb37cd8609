"""Does a data set fit a network?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from axbar.data._types import Dataset, TuningData, size_text
from axbar.errors import DataError

__all__ = ["check_fits", "network_facts"]


def network_facts(data: Dataset | TuningData) -> dict[str, Any]:
    """Return what a network must know of its data: ``input_shape``, ``classes``, and ``steps`` where data have some.

    >>> from axbar.data import load_data
    >>> network_facts(load_data("fashion-mnist-small"))
    {'input_shape': (1, 28, 28), 'classes': 10}
    """
    facts: dict[str, Any] = {"input_shape": data.input_shape, "classes": len(data.classes)}
    return facts if len(data.input_shape) == 3 else {**facts, "steps": data.input_shape[0]}


def _words(shape: Sequence[int]) -> tuple[str, str]:
    """Name samples of a shape and its axes."""
    if len(shape) == 4:
        return "sequences", "steps x channels x rows x columns"
    return "images", "channels x rows x columns"


def check_fits(data: Dataset | TuningData, input_shape: Sequence[int], classes: int | None = None) -> None:
    """Refuse a data set whose images or classes a network can't take.

    Args:
        data: the data set.
        input_shape: ``(C, H, W)`` or ``(T, C, H, W)`` that the network takes.
        classes: outputs of the network; None leaves them unchecked. Data whose classes are only numbered may
            have fewer than the network (a file need not show all); named classes must be as many.

    Raises:
        DataError: sizes or class counts differ.

    >>> from axbar.data import load_data
    >>> check_fits(load_data("fashion-mnist-small"), (1, 28, 28), 10)
    """
    wanted = tuple(int(n) for n in input_shape)
    if data.input_shape != wanted:
        frames = len(wanted) == 4 and data.input_shape[1:] == wanted[1:]
        raise DataError(
            f"'{data.name}' holds {size_text(data.input_shape)} {_words(data.input_shape)[0]}, but the network takes "
            f"{size_text(wanted)} ({_words(wanted)[1]}); "
            + (f"write :frames={wanted[0]} behind the data, or build" if frames else "build")
            + f" the network with input_shape={data.input_shape} or give other data."
        )
    if classes is None or len(data.classes) == classes:
        return
    numbered = all(name.isdecimal() for name in data.classes)
    if not numbered or len(data.classes) > classes:
        raise DataError(
            f"'{data.name}' has {len(data.classes)} classes, but the network tells {classes} apart; build "
            f"the network with classes={len(data.classes)} or give other data."
        )
