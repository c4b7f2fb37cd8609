"""What is needed to run an evaluation again, and the proof that it was.

``run.json`` holds the arguments, versions, seeds and the hashes of weights, data and spec, beside the figures. A
rerun first compares the hashes: an input that changed is named; otherwise the figures must be the same bits.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import platform
from collections.abc import Mapping
from contextlib import chdir
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from axbar import registry
from axbar._evaluate import Evaluation, Progress, evaluate_full
from axbar._report import Report
from axbar.errors import AxbarError, DataError, UsageError
from axbar.files import write_atomic

if TYPE_CHECKING:
    import torch

__all__ = ["differences", "load_record", "record_of", "rerun", "run", "save_run"]

_FORMAT = 1


def run(arguments: Mapping[str, Any], command: str, progress: Progress | None = None) -> Evaluation:
    """Evaluate with plain arguments (those of ``evaluate``) and attach what is needed to repeat it."""
    import torch

    before = torch.get_num_threads()
    threads = arguments.get("threads") or before
    plain = {key: value for key, value in arguments.items() if key != "threads"}
    torch.set_num_threads(threads)
    try:
        done = evaluate_full(**plain, progress=progress)
    finally:
        torch.set_num_threads(before)
    facts = record_of(done, {**arguments, "threads": threads}, command)
    return replace(done, report=replace(done.report, run=facts))


def record_of(done: Evaluation, arguments: Mapping[str, Any], command: str) -> dict[str, Any]:
    """Return command, arguments, versions and input hashes of an evaluation."""
    return {
        "format": _FORMAT,
        "command": command,
        "cwd": str(Path.cwd()),
        "arguments": {**arguments, "data_dir": arguments.get("data_dir") or os.environ.get("AXBAR_DATA")},
        "versions": versions(),
        "splits": {role: len(getattr(done.dataset, role)) for role in ("train", "calibration", "test")},
        "inputs": {
            "weights": weights_hash(done.network),
            "data": done.dataset.hash(),
            "hardware": done.report.hardware.hash(),
            "workload": done.workload.hash(),
        },
    }


def versions() -> dict[str, str]:
    """Return the versions that can change a figure."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    plugins = {e.origin for group in registry.GROUPS for e in registry.entries(group)} - {"axbar"}
    for package in ("axbar", "torch", "numpy", *sorted(plugins)):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def weights_hash(network: torch.nn.Module) -> str:
    """Return a hash over names, shapes and bits of all parameters and buffers."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        plain = tensor.detach().cpu().contiguous().flatten()
        digest.update(plain.view(torch.uint8).numpy().tobytes())  # bytes, as numpy has no bfloat16
    return digest.hexdigest()[:16]


def save_run(done: Evaluation, folder: Path, forms: tuple[str, ...] = ("html", "json")) -> list[Path]:
    """Write ``report.html``, ``report.json``, ``workload.npz``, ``hardware.yaml`` and ``run.json`` into a folder."""
    from axbar.spec import to_yaml

    written = [done.report.save(folder / f"report.{form}") for form in forms]
    done.workload.save(folder / "workload.npz")
    written.append(folder / "workload.npz")
    written.append(write_atomic(folder / "hardware.yaml", to_yaml(done.report.hardware)))
    record = {**done.report.run, "report": done.report.to_dict()}
    written.append(write_atomic(folder / "run.json", json.dumps(record, indent=1, allow_nan=False)))
    return written


def load_record(path: Path) -> dict[str, Any]:
    """Read a ``run.json`` (or the folder that holds one).

    Raises:
        UsageError: there is no such file or folder.
        DataError: the folder holds no record, or the file is none that this axbar reads.
    """
    if not path.exists():
        raise UsageError(f"there is no file or folder '{path}'; give a run.json or the folder of a run.")
    file = path / "run.json" if path.is_dir() else path
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(
            f"can't read '{file}': {error.strerror}; give a run.json or the folder of a run."
        ) from error
    except ValueError as error:
        raise DataError(f"'{file}' is no run record: not JSON ({error}).") from error
    _check_record(record, file)
    if record["format"] != _FORMAT:
        raise DataError(f"'{file}' has the format {record['format']}; this axbar reads format {_FORMAT}.")
    return record


_SHAPE = {
    "format": int, "command": str, "cwd": str, "arguments": dict, "inputs": dict, "versions": dict, "report": dict
}  # fmt: skip
_INPUTS = ("weights", "data", "hardware", "workload")


def _check_record(record: Any, file: Path) -> None:
    """Refuse what was not written by ``save_run``, or was edited since."""
    if not isinstance(record, dict):
        raise DataError(f"'{file}' is no run record: it holds a {type(record).__name__}, not an object.")
    bad = [key for key, kind in _SHAPE.items() if not isinstance(record.get(key), kind)]
    bad += [f"inputs.{key}" for key in _INPUTS if not bad and key not in record["inputs"]]
    if bad:
        raise DataError(f"'{file}' is no run record: {', '.join(bad)} missing or of another type.")
    wanted = set(inspect.signature(evaluate_full).parameters) - {"progress"}
    given = record["arguments"].keys() - {"threads"}
    if wanted != given:
        raise DataError(
            f"'{file}' has other arguments than 'axbar evaluate': {', '.join(sorted(wanted ^ given))}; evaluate anew."
        )
    if not Path(record["cwd"]).is_dir():
        raise DataError(
            f"'{file}' was recorded in '{record['cwd']}', which is no folder here; evaluate anew."
        )


def rerun(path: Path, progress: Progress | None = None) -> tuple[Report, dict[str, Any]]:
    """Run a recorded evaluation again.

    Returns:
        ``(report, differences)``; differences is empty when every figure has the same bits.

    Raises:
        AxbarError: an input (weights, data or spec) is not the one recorded; the sentence names it.
    """
    record = load_record(path)
    with chdir(record["cwd"]):  # paths in the record are as they were typed there
        done = run(record["arguments"], record["command"], progress)
    then, now = record["inputs"], done.report.run["inputs"]
    for name in _INPUTS:
        if then[name] != now[name]:
            raise AxbarError(
                f"the {name} changed since the run was recorded: hash {then[name]} then, {now[name]} now; restore "
                f"what 'arguments' in run.json names, or evaluate anew."
            )
    found = differences(record["report"], done.report.to_dict())
    if found:
        changed = {k: (v, versions().get(k)) for k, v in record["versions"].items() if versions().get(k) != v}
        found = {**found, **{f"versions.{k}": pair for k, pair in changed.items()}}
    return done.report, found


def differences(then: Any, now: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    """Return ``{path: (then, now)}`` for every leaf that is not the same; timings are left out.

    >>> differences({"a": 1, "b": [2]}, {"a": 1, "b": [3]})
    {'b.0': (2, 3)}
    """
    if path.endswith("seconds"):
        return {}
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        keys = sorted(then.keys() | now.keys())
        pairs = [(str(key), then.get(key), now.get(key)) for key in keys]
    elif isinstance(then, list | tuple) and isinstance(now, list | tuple) and len(then) == len(now):
        pairs = [(str(i), a, b) for i, (a, b) in enumerate(zip(then, now, strict=True))]
    else:
        return {} if then == now else {path: (then, now)}
    found: dict[str, tuple[Any, Any]] = {}
    for key, a, b in pairs:
        found |= differences(a, b, f"{path}.{key}" if path else key)
    return found
