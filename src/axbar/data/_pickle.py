"""Read the pickles of the CIFAR archives without running any code.

A pickle is a program that may import and call anything. The reader below resolves no name to the real object:
the few names that arrays of numbers need lead to stand-ins defined here, every other name is refused before
anything is called. What comes out is built of dicts, lists, tuples, bytes, text, numbers and numeric arrays
only.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from axbar.errors import DataError

__all__ = ["read_pickle"]


class _Refused(Exception):
    """A name that plain data do not need."""


class _Dtype:
    """Stands for ``numpy.dtype``: keeps the code of a number type, nothing else."""

    def __init__(self, code: Any, *_: Any) -> None:
        text = code.decode("ascii") if isinstance(code, bytes) else code
        if not isinstance(text, str) or len(text) > 3 or text[:1] not in "buif":
            raise _Refused(f"numpy type {code!r}")
        self.code, self.order = text, "<"

    def __setstate__(self, state: Any) -> None:
        order = state[1]
        order = order.decode("ascii") if isinstance(order, bytes) else order
        self.order = ">" if order == ">" else "<"

    def real(self) -> np.dtype[Any]:
        return np.dtype(self.order + self.code)


class _Array:
    """Stands for ``numpy.ndarray``: keeps shape, type and bytes until the pickle is read."""

    def __init__(self, *_: Any) -> None:
        self.parts: tuple[Any, _Dtype, bool, Any] | None = None

    def __setstate__(self, state: Any) -> None:
        shape, dtype, fortran, raw = state[-4:]
        self.parts = (shape, dtype, bool(fortran), raw)

    def real(self) -> NDArray[Any]:
        if self.parts is None:
            raise ValueError("array without content")
        shape, dtype, fortran, raw = self.parts
        if not isinstance(dtype, _Dtype) or not isinstance(raw, bytes | bytearray):
            raise ValueError("array whose content is not bytes of numbers")
        return np.frombuffer(raw, dtype=dtype.real()).reshape(shape, order="F" if fortran else "C")


def _from_buffer(raw: Any, dtype: Any, shape: Any, order: Any = "C") -> _Array:
    array = _Array()
    array.__setstate__((shape, dtype, order == "F", raw))
    return array


def _scalar(dtype: Any, raw: Any) -> Any:
    return np.frombuffer(raw, dtype=dtype.real())[0].item()


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    # protocol 2 of Python 3 writes bytes as text in latin1; other encodings have no business here
    if encoding not in ("latin1", b"latin1") or not isinstance(text, str):
        raise _Refused(f"encoding {encoding!r}")
    return text.encode("latin1")


class _Call:
    """A function that a pickle may call but not alter: it could else set attributes of it."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)

    def __setstate__(self, state: Any) -> NoReturn:
        raise _Refused("a change of the reader")


_STAND_INS: dict[tuple[str, str], Any] = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Array for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _Call(_scalar) for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _Call(_from_buffer) for core in ("core", "_core")},
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _Call(_encode),
}


class _DataUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        found = _STAND_INS.get((module_name, global_name))
        if found is None:
            raise _Refused(f"{module_name}.{global_name}")
        return found

    def persistent_load(self, pid: Any) -> NoReturn:
        raise _Refused("a persistent object")


def _plain(value: Any) -> Any:
    if isinstance(value, _Array):
        return value.real()
    if isinstance(value, dict):
        return {_text(k): _plain(v) for k, v in value.items()}
    return value


def _text(key: Any) -> Any:
    return key.decode("latin1") if isinstance(key, bytes) else key


def read_pickle(path: Path) -> dict[str, Any]:
    """Return the dict in a pickle file: keys as text, arrays as numpy arrays; no code of the file is run.

    Raises:
        DataError: the pickle asks for anything but plain data, is damaged, or holds no dict.
    """
    try:
        raw = path.read_bytes()
        value = _plain(_DataUnpickler(io.BytesIO(raw), encoding="bytes").load())
    except _Refused as refusal:
        raise DataError(
            f"'{path}' is refused: it asks for {refusal}, which may run code; a CIFAR batch holds only "
            "numbers, text and arrays. Get the file from its authors."
        ) from None
    except OSError as error:
        raise DataError(f"can't read '{path}': {error.strerror}.") from error
    except Exception as error:  # a damaged pickle fails in any of a dozen ways, all of them the file's fault
        raise DataError(
            f"'{path}' is no readable pickle ({type(error).__name__}: {error}); get the file anew."
        ) from error
    if not isinstance(value, dict):
        raise DataError(
            f"'{path}' holds a {type(value).__name__}; a CIFAR batch is a dict with data and labels."
        )
    return value
