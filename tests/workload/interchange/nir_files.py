"""NIR files for the tests, written with h5py alone, as another program would write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Node = Mapping[str, Any]


def node(kind: str, metadata: Mapping[str, Any] | None = None, **values: Any) -> dict[str, Any]:
    return {"type": kind, **values, **({"metadata": dict(metadata)} if metadata else {})}


def full(shape: tuple[int, ...], **values: float) -> dict[str, np.ndarray]:
    return {key: np.full(shape, float(value)) for key, value in values.items()}


def lif(n: int, tau: float = 2.0, r: float = 2.0, threshold: float = 1.0, **more: Any) -> dict[str, Any]:
    return node("LIF", **full((n,), tau=tau, r=r, v_leak=0.0, v_threshold=threshold), **more)


def cuba(n: int, **more: Any) -> dict[str, Any]:
    values = {"tau_syn": 2.0, "tau_mem": 4.0, "r": 4.0, "w_in": 2.0, "v_leak": 0.0, "v_threshold": 1.0}
    return node("CubaLIF", **full((n,), **{**values, **more}))


def linear(weight: Any) -> dict[str, Any]:
    return node("Linear", weight=np.asarray(weight, dtype=np.float32))


def ends(n_in: int | tuple[int, ...], n_out: int | tuple[int, ...]) -> dict[str, Any]:
    return {
        "input": node("Input", shape=np.atleast_1d(np.array(n_in))),
        "output": node("Output", shape=np.atleast_1d(np.array(n_out))),
    }


def graph(
    nodes: Mapping[str, Any], edges: Iterable[tuple[str, str]], metadata: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "type": "NIRGraph",
        "nodes": dict(nodes),
        "edges": [list(edge) for edge in edges],
        **({"metadata": dict(metadata)} if metadata else {}),
    }


def chain(*names: str) -> list[tuple[str, str]]:
    return list(pairwise(names))


def write(path: Path, content: Mapping[str, Any]) -> Path:
    with h5py.File(path, "w") as file:
        file.create_dataset("version", data="1.0", dtype=h5py.string_dtype())
        _group(file.create_group("node"), content)
    return path


def _group(group: h5py.Group, content: Mapping[str, Any]) -> None:
    for key, value in content.items():
        if isinstance(value, Mapping):
            _group(group.create_group(key), value)
        elif key == "edges" or isinstance(value, str):
            group.create_dataset(key, data=value, dtype=h5py.string_dtype())
        else:
            group.create_dataset(key, data=value)


def one_layer(path: Path, neuron: Mapping[str, Any], n: int = 1, **metadata: Any) -> Path:
    """Input -> neuron -> output."""
    return write(
        path, graph({**ends(n, n), "fire": neuron}, chain("input", "fire", "output"), metadata or None)
    )
