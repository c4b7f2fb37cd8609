"""Networks and weights from all the places they come from, and what is refused."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from nn_makers import tiny
from safetensors.torch import save_file
from torch import nn

from axbar.errors import AxbarError, ModelError, OptionError, UsageError
from axbar.nn import build_model, load_network, load_weights, read_weights, save_checkpoint

CONFIG = {"width": 4, "steps": 2, "input_shape": (1, 8, 8), "classes": 2}


def _weights() -> dict[str, torch.Tensor]:
    return {key: value.contiguous() for key, value in tiny(seed=5).state_dict().items()}


def _same(network: nn.Module, weights: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(network.state_dict()[key], value) for key, value in weights.items())


def _write(path: Path, weights: dict[str, torch.Tensor]) -> Path:
    if path.suffix == ".npz":
        np.savez(path, **{key: value.numpy() for key, value in weights.items()})
    elif path.suffix == ".safetensors":
        save_file(weights, path)
    else:
        torch.save(weights, path)
    return path


@pytest.mark.parametrize("kind", ["npz", "safetensors", "pt", "pth"])
def test_weights_of_every_kind(tmp_path: Path, kind: str) -> None:
    weights = _weights()
    network = load_network("spiking-cnn", weights=_write(tmp_path / f"w.{kind}", weights), **CONFIG)
    assert _same(network, weights)
    assert not network.training


def test_wrapped_weights(tmp_path: Path) -> None:
    weights = _weights()
    wrapped = {"epoch": 3, "state_dict": {f"module.{key}": value for key, value in weights.items()}}
    torch.save(wrapped, tmp_path / "w.pt")
    assert _same(load_network("spiking-cnn", weights=tmp_path / "w.pt", **CONFIG), weights)


def test_single_numbers_beside_the_weights_are_no_weights(tmp_path: Path) -> None:
    weights = {key: value for key, value in _weights().items() if not key.endswith("num_batches_tracked")}
    file = tmp_path / "w.npz"
    np.savez(file, best=np.float64(91.0), note=np.array("text"), **{k: v.numpy() for k, v in weights.items()})
    assert _same(load_network("spiking-cnn", weights=file, **CONFIG), weights)


def test_a_run_folder_is_enough(tmp_path: Path) -> None:
    network = tiny(seed=5, beta=0.75)
    save_checkpoint(tmp_path, network)
    for spec in (tmp_path, str(tmp_path), tmp_path / "last.safetensors"):
        loaded = load_network(spec)
        assert loaded.config == network.config
        assert _same(loaded, network.state_dict())
    assert load_network(tmp_path, input_shape=[1, 8, 8]).input_shape == (1, 8, 8)
    other = tiny(seed=6)
    file = _write(tmp_path / "other.npz", {k: v.contiguous() for k, v in other.state_dict().items()})
    assert _same(load_network(tmp_path, weights=file), other.state_dict())
    longer = load_network(tmp_path, steps=5)
    assert (longer.steps, longer.neuron1.beta) == (5, 0.75)
    with pytest.raises(ModelError, match=r"width = 4, not 8"):
        load_network(tmp_path, width=8)


FACTORY = """
import torch

def make(hidden: int = 3):
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, hidden))

def for_data(input_shape, classes):
    return torch.nn.Linear(input_shape[0], classes)

def number():
    return 3

def broken():
    raise ValueError("no luck")
"""


def test_a_factory_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(FACTORY)
    assert load_network(f"{file}:make", hidden=5)[1].out_features == 5
    # What the caller knows about the data is offered, and needed only by factories that ask for it.
    assert load_network(f"{file}:make", input_shape=(4,), classes=2)[1].out_features == 3
    assert load_network(f"{file}:for_data", input_shape=(4,), classes=2).out_features == 2
    weights = {"1.weight": torch.ones(3, 4), "1.bias": torch.zeros(3)}
    network = load_network(f"{file}:make", weights=_write(tmp_path / "w.safetensors", weights))
    assert _same(network, weights)


@pytest.mark.parametrize(
    ("name", "error", "part"),
    [
        ("mine.py:mak", UsageError, "did you mean 'make'"),
        ("mine.py", UsageError, "names no factory"),
        ("yours.py:make", UsageError, "there is no file"),
        ("mine.py:number", ModelError, "gave a int"),
        ("mine.py:broken", ModelError, "no luck"),
        ("bad.py:make", ModelError, "SyntaxError"),
    ],
)
def test_wrong_factories_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: type[AxbarError], part: str
) -> None:
    (tmp_path / "mine.py").write_text(FACTORY)
    (tmp_path / "bad.py").write_text("def make(:")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=part):
        load_network(name)


def test_wrong_names_are_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"did you mean 'spiking-vgg9'.*run folder"):
        load_network("spiking-vg9")
    with pytest.raises(UsageError, match=r"^there is no NIR file 'net\.nir'; check the path"):
        load_network("net.nir")
    with pytest.raises(UsageError, match="holds weights, not a network"):
        load_network("weights.pt")
    with pytest.raises(UsageError, match="no checkpoint"):
        load_network(tmp_path / "no.safetensors")
    with pytest.raises(ModelError, match="is no run folder"):
        load_network(tmp_path)
    with pytest.raises(UsageError, match="hidden"):
        (tmp_path / "mine.py").write_text(FACTORY)
        load_network(f"{tmp_path}/mine.py:make", hiden=3)


class _Evil:
    def __reduce__(self) -> tuple:
        return Path.touch, (Path("pwned"),)


def test_a_pt_that_wants_to_run_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": _Evil()}, tmp_path / "evil.pt")
    (tmp_path / "old.pt").write_bytes(pickle.dumps(_Evil()))
    for name in ("evil.pt", "old.pt"):
        with pytest.raises(ModelError, match="would run code") as caught:
            read_weights(tmp_path / name)
        assert "\n" not in str(caught.value)
    np.savez(tmp_path / "evil.npz", weight=np.array([_Evil()], dtype=object))
    with pytest.raises(ModelError, match="can't read"):
        read_weights(tmp_path / "evil.npz")
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("kind", ["npz", "safetensors", "pt"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_weights_are_named(tmp_path: Path, kind: str, value: float) -> None:
    weights = _weights()
    weights["conv2.weight"][0, 0, 0, 0] = value
    with pytest.raises(ModelError, match=r"'conv2.weight' holds 1 values that are NaN"):
        load_network("spiking-cnn", weights=_write(tmp_path / f"w.{kind}", weights), **CONFIG)


@pytest.mark.parametrize("kind", ["npz", "safetensors", "pt"])
def test_damaged_files_are_said(tmp_path: Path, kind: str) -> None:
    file = _write(tmp_path / f"w.{kind}", _weights())
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(ModelError, match=r"cut short|is damaged"):
        read_weights(file)
    file.write_bytes(b"")
    with pytest.raises(ModelError, match=r"cut short|is damaged"):
        read_weights(file)


def test_weights_of_another_network_are_named(tmp_path: Path) -> None:
    weights = _weights()
    weights["conv3.weight"] = weights.pop("conv2.weight")
    file = _write(tmp_path / "w.npz", weights)
    with pytest.raises(
        ModelError, match=r"'conv3.weight' is not in the network \(did you mean 'conv2.weight'\?\)"
    ):
        load_weights(tiny(), file)
    other = build_model("spiking-cnn", width=8, input_shape=(1, 8, 8), classes=2)
    file = _write(tmp_path / "v.npz", _weights())
    with pytest.raises(
        ModelError, match=r"'conv1.weight' has shape \(4, 1, 3, 3\), the network needs \(8, 1, 3, 3\)"
    ):
        load_weights(other, file)
    few = {key: value for key, value in _weights().items() if key != "fc2.bias"}
    with pytest.raises(ModelError, match=r"network's 'fc2.bias' is not in the file"):
        load_weights(tiny(), _write(tmp_path / "u.npz", few))


def test_arguments_that_the_words_of_a_call_got_wrong(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, build_model("spiking-mlp", width=4, steps=2))
    with pytest.raises(OptionError, match="has width = 4, not 8"):
        load_network(tmp_path, width=8)
    with pytest.raises(ModelError, match="has classes = 10, not 3") as told:  # by the data
        load_network(tmp_path, classes=3)
    assert (OptionError.exit_code, told.value.exit_code) == (2, 1)


def test_files_that_are_no_weights(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.safetensors, \.npz or \.pt"):
        read_weights(tmp_path / "weights.h5")
    with pytest.raises(UsageError, match="no file of weights"):
        read_weights(tmp_path / "weights.npz")
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(ModelError, match="no state_dict"):
        read_weights(tmp_path / "list.pt")
    save_checkpoint(tmp_path, tiny())
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelError, match="not JSON"):
        load_network(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(ModelError, match="of this version"):
        load_network(tmp_path)
