"""Conductances to and from files: targets for real arrays, and what was read back from them.

Beside the conductances a file says what it is about, in JSON. ``rows`` names, by layer, the rows of the unfolded
weight matrix of a group that lie on arrays, in their order, where rows without weights were left out; layers that it
does not name hold all rows. A file without such a head is taken to hold the rows that the network stores.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from axbar import devices
from axbar.crossbar._analog import AnalogLayer
from axbar.errors import DataError, UsageError, unknown_name
from axbar.files import write_atomic
from axbar.spec.imc import ImcSpec

__all__ = ["export_conductances", "load_conductances"]

_HEAD = "about"


def export_conductances(
    layers: Mapping[str, AnalogLayer], hardware: ImcSpec, path: Path, what: str = "target"
) -> Path:
    """Write ``layer/row_tile -> [bundles, col_tiles, rows, columns]`` in S; see ``AnalogModel``."""
    if what not in ("target", "held"):
        raise UsageError(unknown_name("kind of conductance", what, ("target", "held")))
    arrays: dict[str, Any] = {}
    for name, layer in layers.items():
        for tile in range(layer.mapping.row_tiles):
            arrays[f"{name}/{tile}"] = layer.held_S(tile, target=what == "target")
    die = next(iter(layers.values())).die
    rows = {name: list(layer.mapping.stored) for name, layer in layers.items() if layer.mapping.stored}
    about = {"what": what, "seed": die.seed, "age_s": die.age_s, "hardware": hardware.hash(), "unit": "S"}
    about |= {"rows": rows} if rows else {}
    buffer = io.BytesIO()
    np.savez(buffer, **{_HEAD: np.array(json.dumps(about))}, **arrays)
    return write_atomic(path, buffer.getvalue())


def load_conductances(layers: Mapping[str, AnalogLayer], path: Path) -> dict[str, list[NDArray[np.float64]]]:
    """Read back what ``export_conductances`` wrote or a lab measured: layer -> one block per row tile.

    Raises:
        DataError: no such file, another network or chip, other rows, a missing cell, or a negative conductance.
    """
    try:
        file = np.load(path, allow_pickle=False)
        if not isinstance(file, NpzFile):
            raise ValueError("it holds one array, not an archive of them")
        with file:
            stored = {key: file[key] for key in file.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"'{path.name}' can't be read as conductances (.npz): {error}") from error
    _check_rows(layers, stored.pop(_HEAD, None), path.name)
    found: dict[str, list[NDArray[np.float64]]] = {}
    for name, layer in layers.items():
        tiles = range(layer.mapping.row_tiles)
        found[name] = [_block(stored, f"{name}/{tile}", layer, tile, path.name) for tile in tiles]
    left = stored.keys() - {f"{n}/{t}" for n, blocks in found.items() for t in range(len(blocks))}
    if left:
        raise DataError(
            f"'{path.name}' holds '{min(left)}', which this network does not have on this chip; export from the same "
            "network and crossbar settings."
        )
    return found


def _check_rows(layers: Mapping[str, AnalogLayer], head: NDArray[Any] | None, file: str) -> None:
    """Refuse conductances of other rows than the network stores."""
    try:
        about: Any = json.loads(str(head))
    except ValueError:  # no head, or one of other origin, which says nothing of rows
        return
    named: Any = about.get("rows", {}) if isinstance(about, dict) else {}
    for name, layer in layers.items():
        mapping = layer.mapping
        rows = named.get(name, list(range(mapping.fan_in)))
        if not np.array_equal(rows, mapping.stored_index):
            raise DataError(
                f"'{file}' holds {len(rows)} of {mapping.fan_in} rows of layer '{name}', this network stores "
                f"{mapping.stored_rows} rows, or others, as rows without weights are left out; export from a network "
                "with the same zero weights."
            )


def _block(
    stored: Mapping[str, NDArray[Any]], key: str, layer: AnalogLayer, tile: int, file: str
) -> NDArray[np.float64]:
    """Return the conductances of one row tile, 0 where no cell is used."""
    mapping = layer.mapping
    columns = 2 * mapping.slices * mapping.used_outs
    shape = (mapping.bundles, mapping.col_tiles, mapping.used_rows, columns)
    if key not in stored:
        raise DataError(f"'{file}' has no '{key}'; it was exported from another network or chip.")
    if stored[key].dtype.kind not in "fiu":
        raise DataError(
            f"'{file}': '{key}' holds {stored[key].dtype}, no real numbers; write conductances in S."
        )
    g = stored[key].astype(np.float64)
    if g.shape != shape:
        raise DataError(
            f"'{file}': '{key}' has the shape {g.shape}, this chip needs {shape} (crossbar settings differ)."
        )
    used = np.broadcast_to(mapping.exists(tile), shape)
    bad = used & ~(np.isfinite(g) & (g >= 0))
    if bad.any():
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        raise DataError(
            f"'{file}': '{key}'{list(place)} is {g[place]:g} S; every used cell needs a finite conductance >= 0 S."
        )
    limit = _largest_S(layer)
    if (used & (g > limit)).any():
        raise DataError(
            f"'{file}': '{key}' holds {g[used].max():g} S, beyond the range of '{layer.hardware.device.name}' (up to "
            f"{limit:g} S with its spread); conductances count in S."
        )
    return np.where(used, g, 0.0)


def _largest_S(layer: AnalogLayer) -> float:
    """Return what no cell of the device exceeds: half above its range, 10 mS where none was measured."""
    top = devices.preset_of(layer.hardware.device).validity.g_max_S
    return 1.5 * max(top, layer.hardware.device.g_on_S) if np.isfinite(top) else 1e-2
