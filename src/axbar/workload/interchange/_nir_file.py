# pyright: standard
# (h5py has no annotations)
"""NIR files: HDF5 with a group ``node`` that holds ``nodes``, ``edges`` and ``type``, nested for sub-graphs."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from axbar.errors import ModelError, suggest
from axbar.files import write_atomic
from axbar.workload.interchange._nir_types import FIELDS, Edge, NirGraph, NirNode, Value

__all__ = ["read_graph", "write_graph"]

#: the version of the format in which files are written
NIR_VERSION = "1.0"
_DEEPEST = 16


def read_graph(path: Path) -> NirGraph:
    """Return the graph in a file.

    Raises:
        ModelError: it is no HDF5 file, is cut short, holds no NIR graph, or a node is not as NIR has it; h5py is
            missing.
    """
    h5py = _h5py()
    try:
        with h5py.File(path, "r") as file:
            version = _value(file["version"]) if "version" in file else ""
            if not isinstance(file.get("node"), h5py.Group):
                raise ModelError("it is an HDF5 file without a group 'node', so no NIR graph; write it anew.")
            graph = _graph(file["node"], "", h5py)
    except ModelError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(
            f"can't be read: {reason}; it is cut short, damaged, or no HDF5 file: get it or write it anew."
        ) from error
    return NirGraph(graph.nodes, graph.edges, graph.metadata, str(version))


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise ModelError('NIR files need h5py, which is not installed; pip install "axbar[nir]".') from error
    return h5py


def _graph(group: Any, name: str, h5py: Any) -> NirGraph:
    if name.count(".") > _DEEPEST:
        raise ModelError(f"graphs are nested more than {_DEEPEST} deep at '{name}'; flatten them.")
    where = f"sub-graph '{name}'" if name else "the graph"
    if not isinstance(group.get("nodes"), h5py.Group) or "edges" not in group:
        raise ModelError(f"{where} lacks its 'nodes' or 'edges'; write the file anew.")
    nodes = {
        key: _node(item, key, f"{name}.{key}" if name else key, h5py) for key, item in group["nodes"].items()
    }
    return NirGraph(nodes, _edges(group["edges"][()], where), _metadata(group, h5py))


def _edges(given: Any, where: str) -> tuple[Edge, ...]:
    array = np.asarray(given)
    if array.size and (array.ndim != 2 or array.shape[1] != 2):
        raise ModelError(
            f"the edges of {where} are no pairs of names (shape {array.shape}); write the file anew."
        )
    # an edge of NIR is there or not; written twice it is still one
    return tuple(dict.fromkeys((_text(a), _text(b)) for a, b in array.reshape(-1, 2)))


def _node(item: Any, key: str, name: str, h5py: Any) -> NirNode | NirGraph:
    if not isinstance(item, h5py.Group) or "type" not in item:
        raise ModelError(f"node '{name}' has no type; write the file anew.")
    kind = str(_value(item["type"]))
    if kind == "NIRGraph":
        return _graph(item, name, h5py)
    if kind not in FIELDS:
        raise ModelError(
            f"node '{name}' is of the type '{kind}', which can't be run here{suggest(kind, FIELDS) or '.'} "
            f"Supported: {', '.join(FIELDS)}, and graphs of them."
        )
    values = {field: _value(item[field]) for field in item if field not in ("type", "metadata")}
    for field in FIELDS[kind][0]:
        if field not in values:
            raise ModelError(f"node '{name}' ({kind}) lacks '{field}'; write the file anew.")
    return NirNode(key, kind, values, _metadata(item, h5py))


def _metadata(group: Any, h5py: Any) -> dict[str, Value]:
    """Return plain entries only; programs may nest whatever they like below."""
    if not isinstance(group.get("metadata"), h5py.Group):
        return {}
    return {k: _value(v) for k, v in group["metadata"].items() if isinstance(v, h5py.Dataset)}


def _value(dataset: Any) -> Value:
    found = dataset[()]
    return _text(found) if isinstance(found, bytes | str) else np.asarray(found)


def _text(found: Any) -> str:
    return found.decode("utf-8") if isinstance(found, bytes) else str(found)


def write_graph(graph: NirGraph, path: Path) -> None:
    """Write a graph without sub-graphs to a file, all at once or not at all.

    Raises:
        ModelError: h5py is missing.
        AxbarError: the file can't be written.
    """
    h5py = _h5py()
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_dataset("version", data=graph.version or NIR_VERSION, dtype=h5py.string_dtype())
        top = file.create_group("node")
        _write(top, {"type": "NIRGraph"}, graph.metadata, h5py)
        top.create_dataset("edges", data=[list(edge) for edge in graph.edges], dtype=h5py.string_dtype())
        nodes = top.create_group("nodes")
        for name, node in graph.nodes.items():
            assert isinstance(node, NirNode)
            _write(nodes.create_group(name), {"type": node.type, **node.values}, node.metadata, h5py)
    write_atomic(path, buffer.getvalue())


def _write(group: Any, values: Mapping[str, Value], metadata: Mapping[str, Value], h5py: Any) -> None:
    for key, value in values.items():
        if isinstance(value, str):
            group.create_dataset(key, data=value, dtype=h5py.string_dtype())
        else:
            group.create_dataset(key, data=value, compression="gzip" if value.size > 1 else None)
    if metadata:
        _write(group.create_group("metadata"), metadata, {}, h5py)
