"""What is needed to run an evaluation or a comparison again, and the proof that it was.

``run.json`` holds the arguments, versions, seeds and the hashes of weights, data and spec, beside the figures. A
rerun first compares the hashes: an input that changed is named; otherwise the figures must be the same bits.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import platform
from collections.abc import Callable, Generator, Mapping
from contextlib import chdir, contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from axbar import registry
from axbar._compare import Compared, Comparison, compare_full
from axbar._evaluate import Evaluation, Progress, evaluate_full
from axbar._report import Report
from axbar.errors import AxbarError, DataError, UsageError, unknown_name
from axbar.files import write_atomic

if TYPE_CHECKING:
    import torch

__all__ = [
    "differences", "load_record", "record_of", "rerun", "run", "run_comparison", "save_comparison", "save_run",
]  # fmt: skip

_FORMAT = 1
#: of a report: their figures stand elsewhere in it, their words may change
_SENTENCES = ("verdict", "notes")


def run(arguments: Mapping[str, Any], command: str, progress: Progress | None = None) -> Evaluation:
    """Evaluate with plain arguments (those of ``evaluate``) and attach what is needed to repeat it."""
    with _threads(arguments.get("threads")) as threads:
        done = evaluate_full(**_plain(arguments), progress=progress)
    facts = record_of(done, {**arguments, "threads": threads}, command)
    return replace(done, report=replace(done.report, run=facts))


def run_comparison(arguments: Mapping[str, Any], command: str, progress: Progress | None = None) -> Compared:
    """Compare with plain arguments (those of ``compare_full``) and attach what is needed to repeat it."""
    # a workload alone is priced without torch, which takes seconds to import
    few = nullcontext() if arguments["data"] is None else _threads(arguments.get("threads"))
    with few as threads:
        done = compare_full(**_plain(arguments), progress=progress)
    facts = record_of(done, {**arguments, "threads": threads}, command)
    return replace(done, comparison=replace(done.comparison, run=facts))


def _plain(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in arguments.items() if key != "threads"}


@contextmanager
def _threads(wanted: int | None) -> Generator[int]:
    """Let torch compute with as many threads: sums in another order have other bits."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(wanted or before)
    try:
        yield wanted or before
    finally:
        torch.set_num_threads(before)


def record_of(done: Evaluation | Compared, arguments: Mapping[str, Any], command: str) -> dict[str, Any]:
    """Return verb, command, date, arguments, versions and input hashes of an evaluation or a comparison."""
    roles = () if done.dataset is None else ("train", "calibration", "test")
    return {
        "format": _FORMAT,
        "verb": "evaluate" if isinstance(done, Evaluation) else "compare",
        "command": command,
        "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        "cwd": str(Path.cwd()),
        "arguments": {**arguments, "data_dir": arguments.get("data_dir") or os.environ.get("AXBAR_DATA")},
        "versions": versions(),
        "splits": {role: len(getattr(done.dataset, role)) for role in roles},
        "inputs": _hashes(done),
    }


def _hashes(done: Evaluation | Compared) -> dict[str, str]:
    """Return the hash of each input; of a comparison, one for each chip."""
    found: dict[str, str] = {}
    if done.network is not None and done.dataset is not None:
        found |= {"weights": weights_hash(done.network), "data": done.dataset.hash()}
    if isinstance(done, Evaluation):
        found["hardware"] = done.report.hardware.hash()
    else:
        chips = zip(done.comparison.names, done.comparison.reports, strict=True)
        found |= {f"hardware {name}": report.hardware.hash() for name, report in chips}
    return {**found, "workload": done.workload.hash()}


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
    return [*written, _save_record(done.report, folder)]


def save_comparison(done: Compared, folder: Path) -> list[Path]:
    """Write ``comparison.html``, ``.json`` and ``.csv``, ``workload.npz`` and ``run.json`` into a folder."""
    written = [done.comparison.save(folder / f"comparison.{form}") for form in ("html", "json", "csv")]
    done.workload.save(folder / "workload.npz")
    return [*written, folder / "workload.npz", _save_record(done.comparison, folder)]


def _save_record(result: Report | Comparison, folder: Path) -> Path:
    record = {**result.run, "report": result.to_dict()}
    return write_atomic(folder / "run.json", json.dumps(record, indent=1, allow_nan=False))


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
#: verb -> what takes its arguments, and the inputs that its record names in any case
_VERBS: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "evaluate": (evaluate_full, ("weights", "data", "hardware", "workload")),
    "compare": (compare_full, ("workload",)),
}


def _verb(record: Mapping[str, Any]) -> str:
    return str(record.get("verb", "evaluate"))  # older records are of evaluations and do not say so


def _check_record(record: Any, file: Path) -> None:
    """Refuse what was not written by ``save_run`` or ``save_comparison``, or was edited since."""
    if not isinstance(record, dict):
        raise DataError(f"'{file}' is no run record: it holds a {type(record).__name__}, not an object.")
    bad = [key for key, kind in _SHAPE.items() if not isinstance(record.get(key), kind)]
    verb = _verb(record)
    if verb not in _VERBS:
        raise DataError(f"'{file}' is no run record: " + unknown_name("verb", verb, _VERBS))
    function, inputs = _VERBS[verb]
    bad += [f"inputs.{key}" for key in inputs if not bad and key not in record["inputs"]]
    if bad:
        raise DataError(f"'{file}' is no run record: {', '.join(bad)} missing or of another type.")
    taken = {name: p for name, p in inspect.signature(function).parameters.items() if name != "progress"}
    given = record["arguments"].keys() - {"threads"}
    # an argument with a default came later than older records, which did without
    missing = {name for name, p in taken.items() if p.default is p.empty} - given
    if wrong := missing | (given - taken.keys()):
        raise DataError(
            f"'{file}' has other arguments than 'axbar {verb}': {', '.join(sorted(wrong))}; {verb} anew."
        )
    if not Path(record["cwd"]).is_dir():
        raise DataError(f"'{file}' was recorded in '{record['cwd']}', which is no folder here; {verb} anew.")


def rerun(path: Path, progress: Progress | None = None) -> tuple[Report | Comparison, dict[str, Any]]:
    """Run a recorded evaluation or comparison again.

    Returns:
        ``(result, differences)``; differences is empty when every figure has the same bits.

    Raises:
        AxbarError: an input (weights, data or spec) is not the one recorded; the sentence names it.
    """
    record = load_record(path)
    with chdir(record["cwd"]):  # paths in the record are as they were typed there
        result = _again(record, progress)
    then, now = record["inputs"], result.run["inputs"]
    for name in {**then, **now}:
        old, new = then.get(name), now.get(name)
        if old != new:
            raise AxbarError(
                f"the {name} changed since the run was recorded: hash {old} then, {new} now; restore "
                f"what 'arguments' in run.json names, or {_verb(record)} anew."
            )
    found = differences(record["report"], result.to_dict())
    if found:
        changed = {k: (v, versions().get(k)) for k, v in record["versions"].items() if versions().get(k) != v}
        found = {**found, **{f"versions.{k}": pair for k, pair in changed.items()}}
    return result, found


def _again(record: Mapping[str, Any], progress: Progress | None) -> Report | Comparison:
    arguments, command = record["arguments"], record["command"]
    if _verb(record) == "compare":
        return run_comparison(arguments, command, progress).comparison
    return run(arguments, command, progress).report


def differences(then: Any, now: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    """Return ``{path: (then, now)}`` for every leaf that is not the same, but for timings and sentences about figures.

    >>> differences({"a": 1, "b": [2]}, {"a": 1, "b": [3]})
    {'b.0': (2, 3)}
    """
    if path.endswith("seconds") or path.rpartition(".")[2] in _SENTENCES:
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
