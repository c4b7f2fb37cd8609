"""What a network is, as a hash that is equal in every process: structure, numbers, settings and the user's own code.

State dictionaries do not tell networks apart: time steps, surrogate gradients, the coding of inputs and whatever else a
module keeps as a plain attribute decide what it computes, and so does the text of a user's file.
"""

from __future__ import annotations

import hashlib
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from axbar.search.work.packing import user_modules

if TYPE_CHECKING:
    import torch

__all__ = ["content_of"]

#: how deep objects within objects are looked into
_DEEP = 5


def content_of(network: torch.nn.Module, arguments: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits.

    Args:
        network: before any technique.
        arguments: with which it was built.
    """
    digest = hashlib.sha256()
    for words in (*_told(dict(arguments)), *_modules(network), *_sources(network)):
        digest.update(words)
        digest.update(b"\0")
    return digest.hexdigest()[:16]


def _modules(network: torch.nn.Module) -> Iterator[bytes]:
    """Yield name, class, tensors (also those that no state dictionary has) and attributes of every part."""
    from torch import nn

    own = set(vars(nn.Module()))
    parts = cast("list[tuple[str, nn.Module]]", [*cast(Any, network).named_modules()])
    for name, part in parts:
        kind = type(part)
        yield f"{name}:{kind.__module__}.{kind.__qualname__}:{part.extra_repr()}".encode()
        tensors = {**part._parameters, **part._buffers}  # pyright: ignore[reportPrivateUsage]
        for key, tensor in sorted(tensors.items()):
            yield key.encode()
            yield from _told(tensor)
        for key, value in sorted(vars(part).items()):
            if key not in own and not isinstance(value, nn.Module):
                yield key.encode()
                yield from _told(value)


def _told(value: object, deep: int = 0) -> Iterator[bytes]:
    """Yield what tells a value apart from others of its kind."""
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        yield f"{type(value).__name__} {value!r}".encode()
    elif isinstance(value, np.ndarray):
        array = cast("np.ndarray[Any, Any]", value)
        yield f"{array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes()
    elif callable(getattr(value, "detach", None)):
        import torch

        plain = cast("torch.Tensor", value).detach().cpu().contiguous()
        yield f"{plain.dtype} {tuple(plain.shape)}".encode()
        yield plain.flatten().view(torch.uint8).numpy().tobytes()
    elif isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value)
        for key in sorted(pairs, key=repr):
            yield repr(key).encode()
            yield from _told(pairs[key], deep + 1)
    elif isinstance(value, list | tuple):
        yield type(cast(object, value)).__name__.encode()
        for each in cast("list[object]", value):
            yield from _told(each, deep + 1)
    elif isinstance(value, types.FunctionType):
        yield f"{value.__module__}.{value.__qualname__}".encode() + value.__code__.co_code
    else:
        kind = type(value)
        yield f"{kind.__module__}.{kind.__qualname__}".encode()
        held: Mapping[str, object] = getattr(value, "__dict__", {})
        if deep < _DEEP:
            for key in sorted(held):
                yield key.encode()
                yield from _told(held[key], deep + 1)


def _sources(network: torch.nn.Module) -> Iterator[bytes]:
    """Yield the text of user files and their neighbours, if the network is made of any of their classes."""
    used = {type(part).__module__ for part in network.modules()}
    modules = user_modules()
    if not used & {module.__name__ for module in modules}:
        return
    for file in sorted(str(module.__file__) for module in modules if getattr(module, "__file__", None)):
        yield Path(file).read_bytes()
