# pyright: standard
# (torch's own annotations are too thin for strict checking)
"""What moved data carry along: the tags of the tensors that held them before."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from axbar.workload._ops import ASSIGNING, LEADING
from axbar.workload._tags import Tag, TagMap, channel_after, rows_after, rows_joined, tensors_in

__all__ = ["hand_on", "tags_before"]


def tags_before(tags: TagMap, name: str, inplace: bool, inputs: list[Tensor]) -> Tag:
    """Return the tag of the data that an operation is about to move."""
    data = _data(name, inputs)
    tag = Tag(tags.producers(data))
    return tags.get(data[0]) or tag if len(data) == 1 and not inplace else tag


def hand_on(tags: TagMap, name: str, inplace: bool, inputs: list[Tensor], before: Tag, result: Any) -> None:
    """Tag the tensors that hold moved data now.

    Args:
        before: the tag of the data, read before the operation could overwrite it.
    """
    data = _data(name, inputs)
    if name in ASSIGNING:
        tags.write(inputs[0], Tag(before.producers)) if before.producers else tags.forget(inputs[0])
        return
    tag, joined = before, None
    if len(data) > 1:
        tag = Tag(tag.producers, _joined_channel(tags, data, result))
        parts = [(len(t) if t.ndim else 0, tags.get(t)) for t in data]
        joined = rows_joined([(n, None if at is None else at.rows) for n, at in parts])
    for tensor in tensors_in(result) if tag.producers else ():
        moved = channel_after(name, data[0], tensor, tag.channel) if len(data) == 1 else tag.channel
        rows = rows_after(name, data[0], tensor, tag.rows) if len(data) == 1 else joined
        tags.set(tensor, Tag(tag.producers, moved, rows))


def _data(name: str, inputs: list[Tensor]) -> list[Tensor]:
    return inputs[:1] if name in LEADING else inputs[1:] if name in ("copy", "set:data") else inputs


def _joined_channel(tags: TagMap, data: list[Tensor], result: Any) -> int | None:
    """Return the axis of the channels where several tensors were joined along another one."""
    axes = {None if (tag := tags.get(tensor)) is None else tag.channel for tensor in data}
    axis = axes.pop() if len(axes) == 1 else None
    if axis is None or not isinstance(result, Tensor):
        return None
    same = all(t.ndim == result.ndim and t.shape[axis] == result.shape[axis] for t in data)
    return axis if same else None
