"""The run folder: whole at any moment, whatever stops the program.

    config.json          network, training settings, data, version; written first
    last.safetensors     weights and optimizer state after the last finished epoch, history in the metadata
    best.safetensors     weights of the epoch with the best calibration accuracy
    history.json         the same history for people

Each file is written beside its place and moved there in one step. Resuming reads ``last.safetensors`` alone,
so the others can't contradict it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

import axbar
from axbar.errors import AxbarError, ModelError, UsageError
from axbar.files import write_atomic
from axbar.nn._config import EpochRecord, TrainConfig

__all__ = [
    "OPTIMIZER",
    "RunState",
    "load_checkpoint",
    "prepare_folder",
    "read_config",
    "restore",
    "save_checkpoint",
]

#: tensors of the optimizer stand beside the weights under this prefix, which no module path can have
OPTIMIZER = "optimizer/"
_FORMAT = 1


@dataclass(frozen=True)
class RunState:
    """How far a run has come: epochs done and their records, best accuracy and its epoch."""

    history: tuple[EpochRecord, ...] = ()
    best_accuracy: float = -1.0
    best_epoch: int = -1

    @property
    def next_epoch(self) -> int:
        """The epoch to run next."""
        return len(self.history)

    def with_epoch(self, record: EpochRecord) -> RunState:
        """Return the state after one more epoch; of equal accuracies the later one is the better."""
        history = (*self.history, record)
        if record.calibration_accuracy >= self.best_accuracy:
            return RunState(history, record.calibration_accuracy, record.epoch)
        return RunState(history, self.best_accuracy, self.best_epoch)


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, allow_nan=False).encode()


def _plain(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    # Copies, because a file of tensors refuses two names for one memory.
    return {key: tensor.detach().cpu().contiguous().clone() for key, tensor in state.items()}


def save_checkpoint(
    folder: Path | str,
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    state: RunState | None = None,
) -> Path:
    """Write ``last.safetensors``, and ``best.safetensors`` where this epoch is the best; return the former.

    Args:
        folder: run folder, made if needed.
        model: its ``config`` is written to ``config.json``, beside what else stands there already.
        optimizer: state to keep for resuming.
        state: how far the run has come.

    Raises:
        AxbarError: the folder can't be written.
    """
    folder, done = Path(folder), state or RunState()
    weights = _plain(model.state_dict())
    if not (folder / "config.json").exists():
        prepare_folder(folder, model, None, None, resume=True)
    elif state is None:
        _keep_config(folder, model)
    if done.best_epoch == done.next_epoch - 1:
        write_atomic(folder / "best.safetensors", save(weights))
    run = {"best_accuracy": done.best_accuracy, "best_epoch": done.best_epoch}
    run["history"] = [asdict(record) for record in done.history]
    tensors = weights | (_optimizer_tensors(optimizer) if optimizer else {})
    write_atomic(folder / "last.safetensors", save(tensors, metadata={"run": json.dumps(run)}))
    write_atomic(folder / "history.json", _json(run["history"]))
    return folder / "last.safetensors"


def _keep_config(folder: Path, model: nn.Module) -> None:
    """Write the network's ``config`` where the folder holds that of another one: a file must tell of its weights."""
    facts, now = read_config(folder), json.loads(json.dumps(getattr(model, "config", None) or None))
    if facts["model"] != now:
        write_atomic(folder / "config.json", _json(facts | {"model": now}))


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    state: dict[int, dict[str, Any]] = optimizer.state_dict()["state"]
    found = {f"{OPTIMIZER}{n}/{key}": v for n, parts in state.items() for key, v in parts.items()}
    return _plain({key: value for key, value in found.items() if isinstance(value, Tensor)})


def prepare_folder(
    folder: Path, model: nn.Module, config: TrainConfig | None, data: Mapping[str, str] | None, resume: bool
) -> bool:
    """Make a run folder and write its ``config.json``; return whether there is a run in it to go on with.

    Raises:
        UsageError: it holds another run, or a run and ``resume`` is not asked for.
        AxbarError: it can't be written.
    """
    facts = {
        "format": _FORMAT,
        "axbar": axbar.__version__,
        "model": getattr(model, "config", None) or None,
        "train": config.to_dict() if config else None,
        "data": dict(data) if data else None,
    }
    if (folder / "last.safetensors").exists():
        if not resume:
            raise UsageError(
                f"'{folder}' already holds a run; resume it (--resume, or resume=True), or give another folder."
            )
        _same_run(folder, read_config(folder), facts)
        return True
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AxbarError(
            f"can't make the folder '{folder}': {error.strerror}; give one that you may write to."
        ) from error
    write_atomic(folder / "config.json", _json(facts))
    return False


def _same_run(folder: Path, then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to go on with other settings: the result would be that of neither run."""
    for part in ("model", "train", "data"):
        old, new = then.get(part) or {}, json.loads(json.dumps(now.get(part))) or {}
        for key in sorted((old.keys() | new.keys()) - {"device"}):
            if old.get(key) != new.get(key):
                raise UsageError(
                    f"'{folder}' holds a run with {part} {key} = {old.get(key)}, now it is {new.get(key)}; "
                    "resume with the same settings, or give another folder."
                )


def read_config(folder: Path) -> dict[str, Any]:
    """Return the ``config.json`` of a run folder.

    Raises:
        ModelError: there is none, or it is no run's.
    """
    file = folder / "config.json"
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(
            f"'{folder}' is no run folder: can't read config.json ({error.strerror})."
        ) from error
    except ValueError as error:
        raise ModelError(f"'{file}' is no run config: not JSON ({error}).") from error
    if not isinstance(facts, dict) or facts.get("format") != _FORMAT:
        raise ModelError(
            f"'{file}' is no run config of this version; train again, or give its weights to a named network."
        )
    return facts


def load_checkpoint(path: Path | str) -> tuple[dict[str, Tensor], dict[str, Tensor], RunState]:
    """Read a ``.safetensors`` file of a run, or ``last.safetensors`` of a run folder.

    Returns:
        ``(weights, optimizer tensors, state)``; the latter two are empty for files of weights alone.

    Raises:
        ModelError: the file can't be read.
    """
    path = Path(path)
    file = path / "last.safetensors" if path.is_dir() else path
    try:
        tensors = load_file(file)
        with safe_open(file, framework="pt") as opened:
            run = json.loads((opened.metadata() or {}).get("run", "{}"))
        state = RunState(
            tuple(EpochRecord(**record) for record in run.get("history", ())),
            run.get("best_accuracy", -1.0),
            run.get("best_epoch", -1),
        )
    except (OSError, SafetensorError, ValueError, TypeError) as error:
        raise ModelError(
            f"can't read the checkpoint '{file}': {error}; it may be cut short, train or copy it again."
        ) from error
    weights = {key: value for key, value in tensors.items() if not key.startswith(OPTIMIZER)}
    return (
        weights,
        {k.removeprefix(OPTIMIZER): v for k, v in tensors.items() if k.startswith(OPTIMIZER)},
        state,
    )


def restore(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> RunState:
    """Put the weights and optimizer of the last finished epoch back; return how far the run had come."""
    weights, kept, state = load_checkpoint(folder)
    model.load_state_dict(weights)
    parts: dict[int, dict[str, Tensor]] = {}
    for key, value in kept.items():
        n, _, name = key.partition("/")
        parts.setdefault(int(n), {})[name] = value
    optimizer.load_state_dict({"state": parts, "param_groups": optimizer.state_dict()["param_groups"]})
    return state
