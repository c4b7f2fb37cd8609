"""A workload on disk: one ``.npz`` with a JSON description and every array once.

``workload.json`` describes the layers; where an array belongs it holds ``{"array": key, "shape": [...]}``.
Arrays are stored flat under the digest of their type and content, so what layers share (the spikes of a
neuron are the operand of the next layer) stands in the file once and is shared in memory again when loaded.
Nothing is pickled.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from axbar.errors import DataError, UsageError
from axbar.files import replacing
from axbar.workload._types import Geometry, GradTrace, LayerTrace, NeuronTrace, Operand, Workload

__all__ = ["content_hash", "load", "save"]

FORMAT, VERSION = "axbar-workload", 1
_HEADER = "workload.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SKIPPED = ("cache",)
#: what zipfile, numpy and json raise on bytes that were changed
_DAMAGE = (ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, RuntimeError, TypeError,
           ValueError, struct.error, zlib.error)  # fmt: skip


def save(workload: Workload, path: Path) -> None:
    """Write ``path`` atomically."""
    arrays: dict[str, NDArray[Any]] = {}
    header = {"format": FORMAT, "version": VERSION, **_encode(workload, arrays)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as stream, zipfile.ZipFile(stream, "w") as archive:
            _put(archive, _HEADER, json.dumps(header).encode(), compress=True)
            for key, array in arrays.items():
                buffer = io.BytesIO()
                np.lib.format.write_array(buffer, array, allow_pickle=False)
                # random weights don't compress; sparse spikes do
                _put(archive, f"{key}.npy", buffer.getbuffer(), compress=array.dtype.kind in "bu")
    except OSError as error:
        raise DataError(f"can't write the workload to {path}: {error.strerror or error}.") from None


def load(path: Path) -> Workload:
    """Read what ``save`` wrote."""
    try:
        with zipfile.ZipFile(path) as archive:
            if _HEADER not in archive.namelist():
                raise DataError(
                    f"{path} is no axbar workload: it holds no '{_HEADER}'. Write one with 'axbar trace'."
                )
            header = _checked(json.loads(archive.read(_HEADER)), path)
            arrays = {key: _get(archive, key) for key in dict.fromkeys(_keys(header))}
        return _workload(header, arrays)
    except FileNotFoundError:
        raise UsageError(f"there is no workload file '{path}'; write one with 'axbar trace'.") from None
    except OSError as error:
        raise DataError(f"can't read the workload {path}: {error.strerror or error}.") from None
    except zipfile.BadZipFile:
        raise DataError(
            f"{path} is no readable .npz file (truncated, damaged, or another format); write it again with "
            "'axbar trace'."
        ) from None
    except _DAMAGE as error:
        raise DataError(f"{path} is damaged: {error}. Write it again with 'axbar trace'.") from None


def content_hash(workload: Workload) -> str:
    """Return 16 hex digits that depend on layers, weights, activity and gradient masks only."""
    header = _encode(workload, {})
    del header["name"], header["meta"]
    return hashlib.sha256(json.dumps(header, sort_keys=True).encode()).hexdigest()[:16]


def _encode(value: object, arrays: dict[str, NDArray[Any]]) -> Any:
    """Turn dataclasses, mappings, sequences and scalars into JSON; put arrays aside under their digest."""
    if isinstance(value, np.ndarray):
        return _put_aside(cast("NDArray[Any]", value), arrays)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [f.name for f in dataclasses.fields(value) if f.name not in _SKIPPED]
        return {name: _encode(getattr(value, name), arrays) for name in names}
    if isinstance(value, Mapping):
        return {str(k): _encode(v, arrays) for k, v in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, (tuple, list)):
        return [_encode(v, arrays) for v in cast("list[Any]", value)]
    return cast("np.generic[Any]", value).item() if isinstance(value, np.generic) else value


def _put_aside(array: NDArray[Any], arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    little = np.ascontiguousarray(array)
    little = little.astype(little.dtype.newbyteorder("<"), copy=False)
    digest = hashlib.sha256(little.dtype.str.encode())
    digest.update(little.reshape(-1).view(np.uint8).data)
    key = digest.hexdigest()[:32]
    arrays.setdefault(key, little.reshape(-1))
    return {"array": key, "shape": list(array.shape)}


def _put(archive: zipfile.ZipFile, name: str, content: Any, *, compress: bool) -> None:
    entry = zipfile.ZipInfo(name, date_time=_EPOCH)  # equal workloads give equal files
    kind = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    archive.writestr(entry, content, compress_type=kind, compresslevel=1)


def _get(archive: zipfile.ZipFile, key: str) -> NDArray[Any]:
    with archive.open(f"{key}.npy") as stream:
        array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
    array.setflags(write=False)
    return array


def _checked(header: Any, path: Path) -> dict[str, Any]:
    if not isinstance(header, dict) or cast("dict[str, Any]", header).get("format") != FORMAT:
        raise DataError(f"{path} is no axbar workload: its '{_HEADER}' describes something else.")
    found = cast("dict[str, Any]", header)
    if found["version"] > VERSION:
        raise DataError(
            f"{path} has the workload format {found['version']}, this axbar reads up to {VERSION}; update "
            "axbar."
        )
    return found


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        tree = cast("dict[str, Any]", value)
        if tree.keys() == {"array", "shape"}:
            yield tree["array"]
        for child in tree.values():
            yield from _keys(child)
    elif isinstance(value, list):
        for child in cast("list[Any]", value):
            yield from _keys(child)


def _decode(value: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """Put arrays back in place; lists become tuples, as in the dataclasses."""
    if isinstance(value, dict):
        tree = cast("dict[str, Any]", value)
        if tree.keys() == {"array", "shape"}:
            return arrays[tree["array"]].reshape(tree["shape"])
        return {key: _decode(child, arrays) for key, child in tree.items()}
    if isinstance(value, list):
        return tuple(_decode(child, arrays) for child in cast("list[Any]", value))
    return value


def _workload(header: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Workload:
    fields = {key: value for key, value in header.items() if key not in ("format", "version")}
    tree = _decode(fields, arrays)
    tree["layers"] = tuple(_layer(layer) for layer in tree["layers"])
    if tree["grad"] is not None:
        tree["grad"] = {name: GradTrace(**masks) for name, masks in tree["grad"].items()}
    return Workload(**tree)


def _layer(tree: dict[str, Any]) -> LayerTrace:
    parts: dict[str, Any] = {
        "geometry": Geometry(**tree["geometry"]),
        "operands": tuple(Operand(**operand) for operand in tree["operands"]),
        "output": None if tree["output"] is None else Operand(**tree["output"]),
        "neuron": None if tree["neuron"] is None else NeuronTrace(**tree["neuron"]),
    }
    return LayerTrace(**{**tree, **parts})
