"""Networks by name, from run folders, from weight files, and from a user's own Python file.

No file of weights can run code: ``.safetensors`` and ``.npz`` hold numbers only, ``.pt`` is read
weights-only. A ``file.py:factory`` is the user's own program and is run as such.
"""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from axbar import registry
from axbar.errors import AxbarError, ModelError, OptionError, UsageError, suggest, unknown_name
from axbar.nn._arguments import parameters_of
from axbar.nn._checkpoint import load_checkpoint, read_config
from axbar.usercode import is_reference, load_function, neighbours_importable

__all__ = ["build_model", "load_network", "load_weights", "read_weights"]

#: facts about the data that callers offer to any factory; a user's own may do without them
_OFFERED = ("input_shape", "classes")
#: arguments that the weights of a trained network settle
_SHAPING = {"name", "width", "input_shape", "classes", "norm", "depth", "heads", "patch", "mlp_ratio"}
#: keys under which other training programs wrap the weights
_WRAPPERS = ("state_dict", "model_state_dict", "model", "weights")


def build_model(name: str, **config: Any) -> nn.Module:
    """Return a fresh network of a registered name.

    Args:
        name: see ``axbar ls models``.
        config: arguments of its factory: ``width``, ``steps``, ``input_shape``, ``classes``, neuron settings,
            ``seed``.

    Raises:
        UsageError: the name or an argument is unknown (with the closest one).
        ModelError: a value is out of range.

    >>> build_model("spiking-cnn", width=8, steps=2).steps
    2
    """
    return _call(name, registry.get("models", name), config)


def load_network(spec: str | Path, weights: str | Path | None = None, **config: Any) -> nn.Module:
    """Return a network in evaluation mode.

    Args:
        spec: a registered name, a run folder, a ``.safetensors`` file in one, a ``.nir`` graph, or
            ``file.py:factory``.
        weights: ``.safetensors``, ``.npz`` (arrays by key), ``.pt`` (read weights-only) or a run folder.
        config: arguments of the factory. Those of a run folder are known; given ones (``steps``, ``beta``, ...)
            change the network, but not the shape of its weights. ``input_shape`` and ``classes`` are passed to
            a factory in a file only if it takes them. A NIR graph takes ``dt``, ``reset``, ``steps``, ``strict`` and
            ``decay`` (see ``axbar.workload.interchange.load_nir``).

    Raises:
        UsageError: a name, argument or file name is unknown.
        ModelError: weights can't be read, hold NaN, do not fit, or want to run code.

    >>> load_network("cnn", width=4).training
    False
    """
    text = str(spec)
    path = Path(text)
    if text in registry.names("models"):
        network = build_model(text, **config)
    elif is_reference(text):
        network = _from_file(text, config)
    elif path.suffix == ".nir":
        network = _from_nir(text, config)
    elif path.is_dir() or path.suffix == ".safetensors":
        network, inside = _from_run(path, config)
        weights = inside if weights is None else weights
    elif path.suffix in (".pt", ".pth", ".npz"):
        raise UsageError(
            f"'{text}' holds weights, not a network; give the network's name and this file as weights."
        )
    else:
        known = registry.names("models")
        raise UsageError(
            unknown_name("model", text, known) + " Or give a run folder, a checkpoint, or file.py:factory."
        )
    network = _adopted(network, weights)
    if weights is not None:
        load_weights(network, weights)
    return _adopted(network).eval()


def _from_run(path: Path, config: Mapping[str, Any]) -> tuple[nn.Module, Path]:
    """Return the network that a run folder describes and the file of its weights."""
    folder = path if path.is_dir() else path.parent
    if not path.exists():
        raise UsageError(f"there is no checkpoint '{path}'; give a run folder or a .safetensors file in one.")
    facts = read_config(folder).get("model")
    if not facts:
        raise ModelError(
            f"'{folder}' was trained from a module that says not how to build it; give that as file.py:factory, "
            "this as weights."
        )
    stored = {key: tuple(value) if isinstance(value, list) else value for key, value in facts.items()}
    for key in _SHAPING & config.keys() & stored.keys():
        given = tuple(config[key]) if isinstance(config[key], list) else config[key]
        frame = key == "input_shape"  # without its steps, which are an argument of their own
        if (stored[key][-3:] != given[-3:]) if frame else (stored[key] != given):
            failure = ModelError if key in _OFFERED else OptionError  # those are told by the data
            raise failure(
                f"the network in '{folder}' has {key} = {stored[key]}, not {given}; train one for that."
            )
    name = str(stored.pop("name"))
    changes: Any = stored.pop("techniques", ())
    arguments = {**stored, **config}
    make = _from_file if is_reference(name) else _from_nir if name.endswith(".nir") else _registered
    network = _adopted(make(name, arguments))
    return _restructured(network, changes, folder), path


def _adopted(network: nn.Module, weights: str | Path | None = None) -> nn.Module:
    """Replace live neurons of other libraries; later if these weights are of the network as it is."""
    from axbar.workload.interchange import adopted

    return adopted(network, None if weights is None else read_weights(weights))


def _restructured(network: nn.Module, changes: Iterable[Mapping[str, Any]], folder: Path) -> nn.Module:
    """Bring back what techniques changed in the structure; each notes itself again."""
    for change in changes:
        technique = registry.get("techniques", str(change["name"]))
        restructure: Callable[..., nn.Module] | None = getattr(technique, "restructure", None)
        if restructure is None:
            raise ModelError(
                f"the network in '{folder}' went through '{change['name']}', which can't bring its structure back "
                "here; install the version of the package that made it."
            )
        network = restructure(network, change["facts"])
    return network


def _registered(name: str, config: Mapping[str, Any]) -> nn.Module:
    return build_model(name, **config)


def _from_nir(text: str, config: Mapping[str, Any]) -> nn.Module:
    from axbar.workload.interchange import load_nir

    # frames of events hold their own steps; a graph given steps would present images
    left = (*_OFFERED, "steps") if len(config.get("input_shape", ())) == 4 else _OFFERED
    taken = {k: v for k, v in config.items() if k not in left}
    if taken.get("dt") is not None:
        taken["dt"] = _length_of_step(taken["dt"])
    return _call(text, partial(load_nir, text), taken)


def _length_of_step(dt: Any) -> float:
    try:
        if not isinstance(dt, bool):
            return float(dt)
    except (TypeError, ValueError):
        pass
    raise UsageError(f"dt = {dt!r} is no length of a time step; give a finite number above 0.")


def _from_file(text: str, config: Mapping[str, Any]) -> nn.Module:
    """Run the user's Python file and call the factory in it.

    The network remembers where it came from, so that a run folder trained from it can be loaded by itself.
    """
    file, factory = load_function(text, "factory", ModelError)
    taken = {k: v for k, v in config.items() if k not in _OFFERED or _takes(factory, k)}
    with neighbours_importable(file):
        network = _call(text, factory, taken)
    if getattr(network, "config", None) is None:
        vars(network)["config"] = {"name": f"{file.resolve()}:{text.rpartition(':')[2]}", **taken}
    return network


def _takes(factory: Callable[..., Any], key: str) -> bool:
    named, anything = parameters_of(factory)
    return anything or key in named


def _call(name: str, factory: Callable[..., Any], config: Mapping[str, Any]) -> nn.Module:
    named, anything = parameters_of(factory)
    for key in config:
        if not anything and key not in named:
            raise UsageError(unknown_name(f"argument of model '{name}'", key, named))
    try:
        network = factory(**config)
    except AxbarError:
        raise
    except Exception as error:  # the factory may be the user's own
        raise ModelError(
            f"model '{name}' can't be built from {dict(config)}: {type(error).__name__}: {error}."
        ) from error
    if not isinstance(network, nn.Module):
        raise ModelError(
            f"model '{name}' gave a {type(network).__name__}; a factory must return a torch.nn.Module."
        )
    return network


def load_weights(network: nn.Module, path: str | Path) -> None:
    """Load a file of weights into a network, in place.

    A network that knows its weights by other names too has a method ``translated(weights) -> weights``.

    Raises:
        ModelError: keys or shapes do not fit, or values are no numbers.
    """
    given = read_weights(path)
    wanted = network.state_dict()
    if given and all(key.startswith("module.") for key in given):  # saved from DataParallel
        given = {key.removeprefix("module."): value for key, value in given.items()}
    given = _translated(network, given, path)
    # Single numbers beside the weights are facts about the training (accuracy, epoch), not parameters.
    given = {key: value for key, value in given.items() if key in wanted or value.ndim > 0}
    counters = {key for key in wanted if key.endswith("num_batches_tracked")}
    missing = [key for key in wanted if key not in given and key not in counters]
    unexpected = [key for key in given if key not in wanted]
    if missing or unexpected:
        raise ModelError(_mismatch(path, missing, unexpected))
    for key, value in given.items():
        if key in wanted and tuple(value.shape) != tuple(wanted[key].shape):
            raise ModelError(
                f"weights '{path}': '{key}' has shape {tuple(value.shape)}, the network needs "
                f"{tuple(wanted[key].shape)}; build it with width, input_shape and classes of the weights."
            )
    network.load_state_dict(
        {**{k: wanted[k] for k in counters}, **{k: v for k, v in given.items() if k in wanted}}
    )


def _translated(network: nn.Module, given: dict[str, Tensor], path: str | Path) -> dict[str, Tensor]:
    translated: Callable[[dict[str, Tensor]], dict[str, Tensor]] | None = getattr(network, "translated", None)
    if translated is None:
        return given
    try:
        return translated(given)
    except ModelError as error:
        raise ModelError(f"weights '{path}' do not fit: {error}") from error


def _mismatch(path: str | Path, missing: list[str], unexpected: list[str]) -> str:
    parts = []
    if unexpected:
        hint = suggest(unexpected[0], missing).removeprefix("; ").removesuffix("?")
        parts.append(f"'{unexpected[0]}' is not in the network" + (f" ({hint}?)" if hint else ""))
    if missing:
        parts.append(f"the network's '{missing[0]}' is not in the file")
    more = len(missing) + len(unexpected) - len(parts)
    tail = f" and {more} more keys differ" if more else ""
    return f"weights '{path}' do not fit: {'; '.join(parts)}{tail}; take the network they were trained for."


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """Return the tensors of a weight file by name; all values are finite.

    Raises:
        UsageError: the file does not exist or is of no known kind.
        ModelError: it can't be read, wants to run code, or holds NaN or infinity.
    """
    file = Path(path)
    if file.is_dir():
        file = file / "last.safetensors"
    readers: dict[str, Callable[[Path], dict[str, Tensor]]] = {
        ".safetensors": lambda f: load_checkpoint(f)[0], ".npz": _read_npz, ".pt": _read_pt, ".pth": _read_pt,
    }  # fmt: skip
    if file.suffix not in readers:
        raise UsageError(f"'{file}' is no file of weights; give .safetensors, .npz or .pt.")
    if not file.is_file():
        raise UsageError(f"there is no file of weights '{file}'; check the path.")
    weights = readers[file.suffix](file)
    for key, value in weights.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            bad = int((~torch.isfinite(value)).sum())
            raise ModelError(
                f"weights '{file}': '{key}' holds {bad} values that are NaN or infinite; the training that "
                "made them diverged, use an earlier checkpoint."
            )
    return weights


def _read_npz(file: Path) -> dict[str, Tensor]:
    try:
        # Opened here, because numpy leaves a damaged archive open.
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            found = {key: np.array(arrays[key]) for key in arrays.files}
        return {key: torch.from_numpy(value) for key, value in found.items() if value.dtype.kind in "fiub"}
    except Exception as error:  # zip, header and pickle errors have no common base
        raise ModelError(
            f"can't read the weights '{file}': {error}; it may be cut short or hold objects."
        ) from error


def _read_pt(file: Path) -> dict[str, Tensor]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on old formats; whether it can be read is what counts
            found = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        doubt = "" if zipfile.is_zipfile(file) else " (or is damaged)"
        raise ModelError(
            f"'{file}' holds more than weights and would run code when opened{doubt}, so it was not opened; "
            "save its state_dict as .safetensors."
        ) from error
    except Exception as error:  # a damaged file can raise nearly anything
        raise ModelError(f"can't read the weights '{file}': {error}; it may be cut short.") from error
    for wrapper in _WRAPPERS:
        if isinstance(found, dict) and isinstance(found.get(wrapper), dict):
            found = found[wrapper]
    if not isinstance(found, dict) or not all(isinstance(v, Tensor) for v in found.values()):
        raise ModelError(f"'{file}' holds no state_dict (tensors by name); save the network's state_dict().")
    return found
