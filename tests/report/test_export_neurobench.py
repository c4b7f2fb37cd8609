"""NeuroBench's metrics against a plain count on the torch network itself, spike by spike and weight by weight."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from axbar import estimate
from axbar._report import Accuracy, Report
from axbar.nn import build_model
from axbar.report import export
from axbar.spec import load_hardware
from axbar.workload import Workload, shapes, trace


def metrics_of(workload: Workload, accuracy: Accuracy | None = None) -> dict:
    spec = load_hardware("imc-rram-65nm")
    about = {"name": workload.name, "steps": workload.steps, "samples": workload.samples,
             "spikes_of": workload.spikes_of, "hash": workload.hash()}  # fmt: skip
    report = Report(
        "net", "none", spec, spec, estimate(workload, spec), tuple(workload.summary()), about, accuracy
    )  # fmt: skip
    return json.loads(export(report, "neurobench")["neurobench"])


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(0)
    network = build_model("spiking-cnn", width=4, steps=3)
    with torch.no_grad():
        network.fc1.weight[::3] = 0.0  # pruned outputs
        network.conv1.weight.mul_(6.0)  # so that all layers spike
        network.conv2.weight.mul_(4.0)
        network.conv2.weight[:, 0] = 0.0  # a pruned input channel
    return network.eval()


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    # multiples of 1/255 with a full-scale pixel, so that 8-bit codes are the pixels themselves
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (5, 1, 28, 28)) * (rng.random((5, 1, 28, 28)) < 0.6)
    pixels[:, 0, 0, 0] = 255
    return torch.from_numpy(pixels.astype(np.float32) / 255)


def counted(network: torch.nn.Module, images: torch.Tensor) -> dict[str, float]:
    """Products of nonzero input and nonzero weight, zero weights, silent neurons: counted with hooks."""
    found = {
        "macs": 0.0,
        "acs": 0.0,
        "dense": 0.0,
        "zeros": 0.0,
        "weights": 0.0,
        "silent": 0.0,
        "neurons": 0.0,
    }

    def products(module, given, result) -> None:
        x = given[0].detach()
        ones = (module.weight != 0).double()
        here = (x != 0).double()
        if isinstance(module, torch.nn.Conv2d):
            run = lambda a, w: torch.nn.functional.conv2d(  # noqa: E731
                a, w, None, module.stride, module.padding, module.dilation, module.groups
            )
            dense = run(torch.ones_like(here), torch.ones_like(ones)).numel() * module.weight[0].numel()
        else:
            run = torch.nn.functional.linear
            dense = here.numel() // module.in_features * module.weight.numel()
        name = "acs" if bool(((x == 0) | (x == 1)).all()) else "macs"
        found[name] += float(run(here, ones).sum()) / len(images)
        found["dense"] += dense / len(images)

    handles = []
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            handles.append(module.register_forward_hook(products))
            found["zeros"] += float((module.weight == 0).sum())
            found["weights"] += module.weight.numel()
    with torch.no_grad():
        network(images)
    for handle in handles:
        handle.remove()
    return found


def test_operations_and_sparsity_are_those_of_the_network(
    network: torch.nn.Module, images: torch.Tensor
) -> None:
    workload = trace(network, images)
    found, plain = metrics_of(workload), counted(network, images)
    operations = found["synaptic_operations"]
    assert operations["Effective_MACs"] == pytest.approx(plain["macs"], rel=1e-6)
    assert operations["Effective_ACs"] == pytest.approx(plain["acs"], rel=1e-6)
    assert operations["Dense"] == pytest.approx(plain["dense"], rel=1e-12)
    assert found["connection_sparsity"] == pytest.approx(plain["zeros"] / plain["weights"], rel=1e-12)
    assert plain["zeros"] > 0 and operations["Effective_ACs"] < sum(
        row["synops"] for row in workload.summary() if row["coding"] == "spikes"
    )


def test_activation_sparsity_is_the_share_of_silence(network: torch.nn.Module, images: torch.Tensor) -> None:
    workload = trace(network, images)
    spikes = size = 0
    for layer in workload.neurons:
        words = layer.output.words
        spikes += sum(int(w).bit_count() for w in words.ravel())
        size += words.size * layer.output.steps
    assert metrics_of(workload)["activation_sparsity"] == pytest.approx(1 - spikes / size, rel=1e-12)


def test_parameters_and_footprint(network: torch.nn.Module, images: torch.Tensor) -> None:
    found = metrics_of(trace(network, images), Accuracy(50, 0.5))
    assert found["footprint"] == 4 * found["parameter_count"]
    assert found["classification_accuracy"] == 0.5
    assert set(found["definitions"]) == {
        "footprint", "parameter_count", "connection_sparsity", "activation_sparsity", "synaptic_operations",
        "classification_accuracy",
    }  # fmt: skip


def test_what_is_not_recorded_is_null_and_says_why() -> None:
    found = metrics_of(shapes.vgg9())
    for name in (
        "connection_sparsity",
        "activation_sparsity",
        "synaptic_operations",
        "classification_accuracy",
    ):
        assert found[name] is None
        assert found["definitions"][name].startswith("not filled: ")
    assert found["parameter_count"] > 0


def test_a_conventional_network_leaves_activation_sparsity_open(images: torch.Tensor) -> None:
    found = metrics_of(trace(build_model("cnn", width=4).eval(), images))
    assert (
        found["activation_sparsity"] is None and "not recorded" in found["definitions"]["activation_sparsity"]
    )
    assert found["synaptic_operations"]["Effective_ACs"] == 0
    assert 0 < found["synaptic_operations"]["Effective_MACs"] <= found["synaptic_operations"]["Dense"]
