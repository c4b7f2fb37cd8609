"""The networks that ship: shapes, binary spikes, determinism, and what they refuse."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from axbar import registry
from axbar.errors import DataError, ModelError, UsageError
from axbar.nn import SpikingNetwork, accuracy, build_model, load_network
from axbar.nn.models import SpikingResNet19

WIDTH = {"spiking-resnet19": 2, "resnet20": 2}
SPIKING = ["spiking-cnn", "spiking-mlp", "spiking-vgg9", "spiking-vgg16", "spiking-resnet19"]
CONVENTIONAL = ["cnn", "mlp", "vgg9", "vgg16", "resnet20"]
SHAPES = [(1, 28, 28), (3, 32, 32), (2, 17, 40)]


def _small(name: str, shape: tuple[int, int, int] = (1, 28, 28), **config: object) -> SpikingNetwork:
    network = build_model(name, width=WIDTH.get(name, 4), input_shape=shape, classes=7, **config)
    assert isinstance(network, SpikingNetwork)
    return network


def _images(shape: tuple[int, int, int], count: int = 3) -> Tensor:
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(0))


def test_all_are_registered() -> None:
    assert {*SPIKING, *CONVENTIONAL} <= set(registry.names("models"))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", SPIKING)
def test_spiking_logits_have_time(name: str, shape: tuple[int, int, int]) -> None:
    network = _small(name, shape, steps=3)
    assert network(_images(shape)).shape == (3, 3, 7)
    assert (network.steps, network.input_shape, network.classes) == (3, shape, 7)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", CONVENTIONAL)
def test_conventional_logits_have_one_step(name: str, shape: tuple[int, int, int]) -> None:
    assert _small(name, shape)(_images(shape)).shape == (1, 3, 7)


@pytest.mark.parametrize("name", SPIKING)
def test_layers_behind_neurons_read_binary_spikes(name: str) -> None:
    network = _small(name, steps=2)
    network.train()  # batch statistics, so that untrained layers fire
    read: dict[str, Tensor] = {}
    for path, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_pre_hook(lambda _m, args, path=path: read.update({path: args[0]}))
    network(_images((1, 28, 28), 6))
    real = {path for path, x in read.items() if not ((x == 0) | (x == 1)).all()}
    assert real == {"spiking-resnet19": {"conv1", "fc1"}, "spiking-mlp": {"fc1"}}.get(name, {"conv1"})
    assert sum(float(x.detach().sum()) for x in read.values()) > 0


@pytest.mark.parametrize("name", SPIKING)
def test_each_neuron_layer_is_called_once_with_all_steps(name: str) -> None:
    network = _small(name, steps=3).eval()
    calls: list[int] = []
    neurons = [m for m in network.modules() if getattr(m, "is_neuron", False)]
    for neuron in neurons:
        neuron.register_forward_pre_hook(lambda _m, args: calls.append(args[0].shape[0]))
    network(_images((1, 28, 28)))
    assert calls == [3] * len(neurons)


def test_direct_coding_runs_the_first_layer_once_per_image() -> None:
    network = _small("spiking-cnn", steps=4).eval()
    seen: list[int] = []
    for name in ("conv1", "conv2"):
        network.get_submodule(name).register_forward_pre_hook(lambda _m, args: seen.append(len(args[0])))
    network(_images((1, 28, 28)))
    assert seen == [3, 12]


@pytest.mark.parametrize("coding", ["rate", "latency"])
def test_spike_codings_feed_binary_images(coding: str) -> None:
    network = _small("spiking-cnn", steps=4, input_coding=coding).eval()
    seen: list[Tensor] = []
    network.get_submodule("conv1").register_forward_pre_hook(lambda _m, args: seen.append(args[0]))
    network(_images((1, 28, 28)))
    assert seen[0].shape == (12, 1, 28, 28)
    assert ((seen[0] == 0) | (seen[0] == 1)).all()
    assert "coding_noise" not in network.state_dict()


@pytest.mark.parametrize("config", [{}, {"input_coding": "rate"}, {"neuron": "synaptic"}, {"norm": "none"}])
def test_a_sample_does_not_see_its_batch(config: dict) -> None:
    network = _small("spiking-cnn", **config).double().eval()
    x = _images((1, 28, 28), 5).double()
    whole = network(x)
    assert torch.equal(network(x), whole)
    split = torch.cat([network(part) for part in x.split(2)], dim=1)
    assert torch.allclose(split, whole, atol=1e-12)
    order = torch.tensor([3, 1, 4, 0, 2])
    assert torch.allclose(network(x[order]), whole[:, order], atol=1e-12)


@pytest.mark.parametrize("name", [*SPIKING, *CONVENTIONAL])
def test_config_builds_the_same_network_again(name: str) -> None:
    network = _small(name, seed=3)
    again = build_model(**network.config)
    assert repr(again) == repr(network)
    for key, value in network.state_dict().items():
        assert torch.equal(again.state_dict()[key], value)
    other = build_model(**{**network.config, "seed": 4}).state_dict()
    assert any(not torch.equal(other[key], value) for key, value in network.state_dict().items())


def test_building_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    _small("spiking-cnn")
    assert torch.equal(torch.get_rng_state(), before)


def test_kernels_lie_channels_last_but_for_strided_points() -> None:
    def last(name: str) -> set[bool]:
        kernels = [p for p in _small(name, (3, 32, 32)).parameters() if p.ndim == 4]
        return {p.stride(1) == 1 for p in kernels if p.shape[1] > 1 and p.shape[2] > 1}

    assert last("spiking-vgg9") == last("resnet20") == {True}
    assert last("spiking-resnet19") == {False}  # oneDNN damages memory there: see SpikingNetwork.ready


def test_layer_counts_are_those_of_the_names() -> None:
    def weights(name: str) -> list[str]:
        layers = _small(name, (3, 32, 32)).named_modules()
        return [path for path, m in layers if isinstance(m, nn.Conv2d | nn.Linear) and "shortcut" not in path]

    assert len(weights("spiking-vgg9")) == len(weights("vgg9")) == 9
    assert len(weights("spiking-vgg16")) == 16
    assert len(weights("spiking-resnet19")) == 19
    assert len(weights("resnet20")) == 20


def test_channels_scale_with_width() -> None:
    network = build_model("spiking-vgg9", width=16)
    convolutions = [m.out_channels for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert convolutions == [16, 16, 32, 32, 64, 64, 64]
    assert [m.out_features for m in network.modules() if isinstance(m, nn.Linear)] == [256, 10]
    assert network.get_submodule("fc1").in_features == 64 * 4 * 4


def test_residual_sums_are_scaled_by_their_branches() -> None:
    network = build_model("spiking-resnet19", width=2, threshold=0.5)
    assert isinstance(network, SpikingResNet19)
    first = network.blocks[0]
    assert first.norm1.fold_scale == 0.5
    assert first.norm2.fold_scale == pytest.approx(0.5 / 2**0.5)


@pytest.mark.parametrize("name", SPIKING)
def test_every_weight_gets_a_gradient(name: str) -> None:
    network = _small(name, steps=3)
    network.train()
    network(_images((1, 28, 28), 8)).square().sum().backward()
    silent = [path for path, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert silent == []


def test_neuron_settings_reach_the_neurons() -> None:
    network = _small("spiking-cnn", beta=0.9, threshold=0.7, reset="zero", surrogate="rect", strict=True)
    neuron = network.get_submodule("neuron1")
    assert (neuron.beta, neuron.threshold, neuron.reset, neuron.strict) == (0.9, 0.7, "zero", True)
    assert network.get_submodule("norm1").fold_scale == 0.7
    assert type(_small("spiking-cnn", neuron="if").get_submodule("neuron1")).__name__ == "IF"
    assert _small("spiking-cnn", neuron="synaptic", alpha=0.3).get_submodule("neuron1").alpha == 0.3


def test_normalisation_is_inside() -> None:
    plain = _small("cnn", (3, 32, 32)).eval()
    inside = _small("cnn", (3, 32, 32), mean=[0.5, 0.4, 0.3], std=[0.2, 0.25, 0.5]).eval()
    x = _images((3, 32, 32))
    mean, std = torch.tensor([0.5, 0.4, 0.3]).view(3, 1, 1), torch.tensor([0.2, 0.25, 0.5]).view(3, 1, 1)
    assert torch.equal(inside(x), plain((x - mean) / std))
    assert inside.state_dict().keys() == plain.state_dict().keys()


@pytest.mark.parametrize(
    ("name", "config", "error", "part"),
    [
        ("spiking-cn", {}, UsageError, "did you mean 'spiking-cnn'"),
        ("spiking-cnn", {"widht": 8}, UsageError, "did you mean 'width'"),
        ("cnn", {"beta": 0.5}, UsageError, "unknown network option 'beta'"),
        ("spiking-cnn", {"width": 0}, ModelError, "width = 0"),
        ("spiking-cnn", {"width": 2.5}, ModelError, "width = 2.5"),
        ("spiking-cnn", {"steps": 65}, ModelError, "1 to 64"),
        ("spiking-cnn", {"beta": 2.0}, ModelError, "beta = 2.0"),
        ("spiking-cnn", {"beta": "high"}, ModelError, "can't be built"),
        ("spiking-cnn", {"neuron": "lift"}, ModelError, "did you mean 'lif'"),
        ("spiking-cnn", {"norm": "bn"}, ModelError, "unknown norm 'bn'"),
        ("spiking-cnn", {"input_coding": "rates"}, ModelError, "did you mean 'rate'"),
        ("spiking-cnn", {"input_shape": (28, 28)}, ModelError, "no image shape"),
        ("spiking-vgg16", {"input_shape": (1, 12, 28)}, ModelError, "at least 16x16"),
        ("resnet20", {"steps": 4}, ModelError, "steps = 4 must be 1"),
        ("resnet20", {"norm": "none"}, ModelError, "without batch norm"),
        ("cnn", {"mean": [0.5], "std": [0.0]}, ModelError, "above 0"),
        ("cnn", {"mean": [0.5, 0.5], "std": [0.2, 0.2]}, ModelError, "1 channel"),
        ("spiking-cnn", {"mean": [0.5], "std": [0.2], "input_coding": "rate"}, ModelError, "leave out mean"),
    ],
)
def test_wrong_arguments_are_named(name: str, config: dict, error: type[Exception], part: str) -> None:
    with pytest.raises(error, match=part):
        build_model(name, **config)


def test_images_of_the_wrong_size_are_named() -> None:
    with pytest.raises(DataError, match=r"\(1, 32, 32\) do not fit.*\(1, 28, 28\)"):
        _small("spiking-cnn")(torch.zeros(2, 1, 32, 32))


def _shared(path: str) -> Path:
    folder = os.environ.get("AXBAR_DATA")
    file = Path(folder or ".") / path
    if not folder or not file.exists():
        pytest.skip(f"needs {path} under AXBAR_DATA")
    return file


def test_published_resnet20_weights_classify_cifar10() -> None:
    weights = _shared("weights/resnet20-12fca82f.npz")
    batch = _shared("cifar-10/test_batch.npz")
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    network = load_network("resnet20", weights=weights, mean=mean, std=std)
    with np.load(batch) as file:  # pixels are stored as two-dimensional differences
        delta, y = file["delta"][:, :200], file["labels"][:200].astype(np.int64)
    p = delta.cumsum(-1, dtype=np.uint8).cumsum(-2, dtype=np.uint8)
    x = np.stack([p[1] + p[0], p[0], p[2] + p[0]], 1)
    from axbar.data import Split

    assert accuracy(network, Split(x, y, "test")) > 0.88
