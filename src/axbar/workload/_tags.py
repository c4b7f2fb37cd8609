# pyright: standard
# (torch's own annotations are too thin for strict checking)
"""Which operation made a tensor: a weak map that survives views and writes in place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from axbar.workload._ops import RESHAPING

__all__ = ["Tag", "TagMap", "channel_after", "rows_after", "rows_joined", "tensors_in"]

#: rows of a tensor whose entries were reordered
_UNTOLD = (-1, 0)
#: what copies entries in their order
_COPIES = frozenset(
    "contiguous clone to float double half bfloat16 cpu cuda type type_as pad constant_pad_nd".split()
)


@dataclass(frozen=True)
class Tag:
    """What made a tensor.

    Args:
        producers: event indices, in the order in which they were joined.
        channel: axis of the producer's output channels, if they still stand along one axis untouched.
        rows: first entry and number of entries of the tensor that this one is a part of, along the first axis; None
            for what is whole.
    """

    producers: tuple[int, ...]
    channel: int | None = None
    rows: tuple[int, int] | None = None

    def joined(self, other: Tag | None) -> Tag:
        """Return the tag of data that come from both."""
        return Tag(tuple(dict.fromkeys(self.producers + (other.producers if other else ()))))


class TagMap:
    """Tags of live tensors, by identity.

    A write in place through a view changes tensors that no one names in the call. Tensors that share memory
    share a version counter too: a tag written at another version is out of date, and the tag of the base
    tensor joins it.
    """

    def __init__(self) -> None:
        self._tags: Any = WeakTensorKeyDictionary()

    def get(self, tensor: Tensor) -> Tag | None:
        """Return the tag of a tensor, None if it carries no traced data."""
        tag, version = self._tags.get(tensor, (None, None))
        if tag is None and isinstance(tensor, nn.Parameter):  # perhaps not initialised yet: has no version
            return None
        if version == _version(tensor) or tensor._base is None:
            return tag
        base, _ = self._tags.get(tensor._base, (None, None))
        return tag.joined(base) if tag is not None else base if _changed(tensor) else None

    def set(self, tensor: Tensor, tag: Tag) -> None:
        """Say what made a tensor."""
        self._tags[tensor] = (tag, _version(tensor))

    def write(self, tensor: Tensor, tag: Tag) -> None:
        """Say what was written into a tensor in place; whoever shares its memory learns of it."""
        self.set(tensor, tag)
        base = tensor._base
        if base is None:
            return
        old, _ = self._tags.get(base, (None, None))
        whole = base.numel() == tensor.numel()
        self.set(base, Tag(tag.producers) if whole or old is None else old.joined(tag))

    def producers(self, tensors: Iterable[Tensor]) -> tuple[int, ...]:
        """Return the events that made any of several tensors, each once."""
        tags = [tag for tag in map(self.get, tensors) if tag is not None]
        return tuple(dict.fromkeys(p for tag in tags for p in tag.producers))

    def forget(self, tensor: Tensor) -> None:
        """Say that a tensor holds constants now."""
        self._tags.pop(tensor, None)


def _version(tensor: Tensor) -> int | None:
    return None if tensor.is_inference() else tensor._version


def _changed(tensor: Tensor) -> bool:
    return bool(_version(tensor))


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Yield all tensors in nested lists, tuples and dicts."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_in(item)


def rows_after(
    name: str, before: Tensor, after: Tensor, rows: tuple[int, int] | None
) -> tuple[int, int] | None:
    """Return which entries of the first axis a tensor holds after data were moved; None if all.

    Entries in another order are no steps that can be told; nor are slices of them.

    Args:
        name: of the operation.
        rows: of ``before``, as in ``Tag``.
    """
    if rows == _UNTOLD or before.ndim == 0 or before.ndim != after.ndim:
        return _UNTOLD if rows == _UNTOLD else None
    if name in _COPIES or "dropout" in name or name == "detach" or "pool2d" in name:
        return rows if before.shape[0] == after.shape[0] else None
    step = before.stride(0)
    shared = before.untyped_storage().data_ptr() == after.untyped_storage().data_ptr()
    if not shared or step == 0 or after.shape[0] > before.shape[0] or after.stride(0) != step:
        return _UNTOLD if before.shape[0] == after.shape[0] and not shared else None
    start = int(after.storage_offset() - before.storage_offset()) // int(step)
    if start == 0 and before.shape[0] == after.shape[0]:
        return rows
    first, whole = rows or (0, before.shape[0])
    return (first + start, whole) if start >= 0 else None


def rows_joined(parts: list[tuple[int, tuple[int, int] | None]]) -> tuple[int, int] | None:
    """Return the rows of tensors that were joined: None where they follow each other, from first to last, or are whole.

    Args:
        parts: entries and rows of each.
    """
    if all(rows is None for _, rows in parts):
        return None
    at, whole = 0, parts[0][1][1] if parts[0][1] else 0
    for entries, rows in parts:
        if rows != (at, whole):
            return _UNTOLD
        at += entries
    return None if at == whole else _UNTOLD


def channel_after(name: str, before: Tensor, after: Tensor, axis: int | None) -> int | None:
    """Return where a channel axis stands after data were moved, None if it is not intact or can't be told.

    Row-major reshapes keep it where its size and the number of elements behind it are kept; other views where
    its size and stride are; copies of the same shape where it was.
    """
    if axis is None or before is after:
        return axis
    size = before.shape[axis]
    if name in RESHAPING and before.numel() == after.numel():
        behind = prod(before.shape[axis + 1 :])
        found = [
            i for i in range(after.ndim) if after.shape[i] == size and prod(after.shape[i + 1 :]) == behind
        ]
    elif (
        after._base is not None and after.untyped_storage().data_ptr() == before.untyped_storage().data_ptr()
    ):
        stride = before.stride(axis)
        found = [i for i in range(after.ndim) if after.shape[i] == size and after.stride(i) == stride]
    elif "pool2d" in name:  # of single pixels
        found = [axis] if axis < before.ndim - 2 else []
    else:
        same = name in (
            "contiguous",
            "clone",
            "to",
            "float",
            "double",
            "half",
            "bfloat16",
            "cpu",
            "cuda",
        ) or (name == "detach" or "dropout" in name)
        return axis if same and before.shape == after.shape else None
    if size == 1 and 1 in found:  # all axes of size 1 are the same; norms look at axis 1
        return 1
    return found[0] if len(found) == 1 else None
