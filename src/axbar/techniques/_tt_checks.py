"""What a tensor train refuses before any work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from torch import nn

from axbar.errors import ModelError, is_whole, unknown_name
from axbar.nn.tensor_train import Mode, StrideRule, TTConv2d
from axbar.techniques._note import noted

__all__ = ["Init", "check_before", "check_names", "check_plain", "check_split"]

Init = Literal["auto", "trained", "fresh"]


def check_names(mode: str, stride: str, init: str) -> None:
    """Refuse words that mean nothing.

    Raises:
        ModelError: with what is allowed.
    """
    for what, value, known in (
        ("mode of a tensor train", mode, get_args(Mode)),
        ("rule for strides", stride, get_args(StrideRule)),
        ("start of the cores", init, get_args(Init)),
    ):
        if value not in known:
            raise ModelError(unknown_name(what, value, known))


def check_split(mode: str, full_steps: object) -> None:
    """Refuse a split of the steps that means nothing.

    Raises:
        ModelError: with what is allowed.
    """
    if full_steps is None:
        return
    if mode != "htt":
        raise ModelError(
            f"full_steps = {full_steps!r} is of mode htt, and mode is {mode}; leave full_steps out."
        )
    if not is_whole(full_steps, 0):
        raise ModelError(f"full_steps = {full_steps!r} is no number of steps; give a whole number from 0.")


def check_before(model: nn.Module, not_after: Mapping[str, str]) -> None:
    """Refuse a network whose zeros or grids a train would undo.

    Raises:
        ModelError: with what is allowed.
    """
    for name in noted(model):
        if name in not_after:
            raise ModelError(
                f"tensor_train can't come after '{name}': {not_after[name]}; start from the network before "
                f"'{name}'."
            )


def check_plain(trains: Mapping[str, TTConv2d]) -> None:
    """Refuse cores that compute as a chip does: what is written there does not merge.

    Raises:
        ModelError: with what is allowed.
    """
    for path, layer in trains.items():
        if any(callable(getattr(core, "effective_weight", None)) for core in layer.children()):
            raise ModelError(
                f"the cores of layer '{path or 'the network itself'}' stand on a chip and can't be merged there; merge "
                "the network first, then put it on the chip."
            )
