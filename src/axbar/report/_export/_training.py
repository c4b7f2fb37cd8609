"""How the network was trained and how the data were parted, from what lies beside a run; nothing if it can't be told.

A run records how its network was named and a hash of its weights. The run folder of the training is read only if the
weights that it holds now are still those.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from axbar.report._export._record import Record

__all__ = ["name_of", "splits_of", "training_of"]

#: the data set that comes with the package: read again at no cost
_SHIPPED = "fashion-mnist-small"
#: the file of a training folder from which networks are loaded; it also holds the optimizer's state
_WEIGHTS, _OPTIMIZER = "last.safetensors", "optimizer/"


def splits_of(record: Record) -> Mapping[str, int] | None:
    """Return images of the training, calibration and test part; None if not recorded."""
    recorded = record.run.get("splits")
    if isinstance(recorded, dict) and {"train", "calibration", "test"} <= recorded.keys():
        return recorded
    if record.facts["data"] != _SHIPPED:
        return None
    from axbar.data import load_data

    data = load_data(_SHIPPED)
    if data.hash() != (record.run.get("inputs") or {}).get("data"):
        return None
    return {role: len(getattr(data, role)) for role in ("train", "calibration", "test")}


def training_of(record: Record) -> str:
    """Return how the network was trained, as one sentence; empty if that is not known for certain."""
    config = _config(record)
    if config is None:
        return ""
    model, recipe, data = (dict(config[key]) for key in ("model", "train", "data"))
    name = model.pop("name", "a network")
    return (
        f"Model {name} ({_listed(model)}), trained on {data.get('name', 'data that were not recorded')} with "
        f"{_listed(recipe)}."
    )


def name_of(record: Record) -> str:
    """Return the registered name of the network that a training folder holds; empty if not known for certain."""
    config = _config(record)
    return "" if config is None else str(config["model"].get("name", ""))


def _config(record: Record) -> dict[str, Any] | None:
    folder = _folder(record)
    if folder is None or not _same_weights(record, folder):
        return None
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    known = isinstance(config, dict) and all(
        isinstance(config.get(k), dict) for k in ("model", "train", "data")
    )
    return config if known else None


def _folder(record: Record) -> Path | None:
    """Return the training folder that a run named; None if it named no folder or it is gone."""
    arguments = record.run.get("arguments") or {}
    model, cwd = arguments.get("model"), record.run.get("cwd")
    if not isinstance(model, str) or not isinstance(cwd, str) or arguments.get("weights"):
        return None
    folder = Path(cwd) / model
    return folder if (folder / "config.json").is_file() else None


def _same_weights(record: Record, folder: Path) -> bool:
    """Whether the folder still holds the weights of the run; techniques that change weights hide that."""
    wanted = (record.run.get("inputs") or {}).get("weights")
    file = folder / _WEIGHTS
    return bool(wanted) and file.is_file() and _hash(file) == wanted


def _hash(file: Path) -> str:
    """Return the hash that a run records of a network's weights, without loading torch."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(file)
    except (OSError, SafetensorError, KeyError, TypeError):  # also types that numpy lacks
        return ""
    digest = hashlib.sha256()
    weights = {name: tensor for name, tensor in tensors.items() if not name.startswith(_OPTIMIZER)}
    for name, tensor in sorted(weights.items()):
        digest.update(f"{name}{tuple(tensor.shape)}torch.{tensor.dtype}".encode())
        digest.update(tensor.tobytes())
    return digest.hexdigest()[:16]


def _listed(values: Mapping[str, Any]) -> str:
    """Write settings as text; those that are not set are left out."""
    return ", ".join(f"{key} {_text(value)}" for key, value in values.items() if value is not None)


def _text(value: Any) -> str:
    return "×".join(map(str, value)) if isinstance(value, list) else str(value)
