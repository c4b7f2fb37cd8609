"""to-spikes: a network in spikes, its accuracy, its run folder, its chip, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import axbar
from axbar.data import Dataset, load_data
from axbar.errors import AxbarError, ModelError
from axbar.nn import Converted, TrainConfig, accuracy, build_model, load_network, save_checkpoint, train
from axbar.techniques import parse_technique


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load_data("fashion-mnist-small")


@pytest.fixture(scope="module")
def network(data: Dataset) -> nn.Module:
    made = build_model("resnet20", width=4, input_shape=(1, 28, 28), seed=0)
    train(made, data.subset(train=1500), TrainConfig(epochs=2, batch_size=50))
    return made.eval()


def _applied(text: str, network: nn.Module, data: Dataset) -> nn.Module:
    technique, config = parse_technique(text)
    return technique.apply(network, None, data.tuning(), config).target


def test_a_trained_network_keeps_its_answers(network: nn.Module, data: Dataset) -> None:
    """ReLUs, norms, skips of fewer channels: all as they are trained."""
    test = data.test.balanced(100)
    before = accuracy(network, test)
    assert accuracy(_applied("to-spikes:steps=32,images=64", network, data), test) > before - 0.1
    images = torch.from_numpy(data.test.images(slice(0, 50)))
    with torch.no_grad():
        wanted = network(images)[0]
        errors = [
            float(
                (
                    _applied(f"to-spikes:steps={steps},images=64", network, data)(images).mean(0) - wanted
                ).norm()
            )
            for steps in (4, 16, 64)
        ]
    assert errors[1] < 0.6 * errors[0] and errors[2] < 0.6 * errors[1]


def test_a_run_folder_brings_it_back(network: nn.Module, data: Dataset, tmp_path: Path) -> None:
    for per in ("layer", "neuron"):
        made = _applied(f"to-spikes:steps=4,images=32,per={per}", network, data)
        folder = tmp_path / per
        save_checkpoint(folder, made)
        again = load_network(folder)
        images = torch.from_numpy(data.test.images(slice(0, 4)))
        with torch.no_grad():
            torch.testing.assert_close(again(images), made(images))
        assert all(m.rule == "charge" for m in again.modules() if isinstance(m, Converted))


def test_a_chip_reads_its_spikes(network: nn.Module, data: Dataset) -> None:
    images = torch.from_numpy(data.test.images(slice(0, 8)))
    made = _applied("to-spikes:steps=4,images=32,rule=if", network, data)
    found = axbar.trace(made, images)
    read = [layer.operands[0].coding for layer in found.layers if layer.op == "conv2d"]
    assert set(read[1:]) == {"spikes"}
    for chip in ("imc-rram-65nm", "loas"):
        assert float(axbar.estimate(found, chip).total("energy_J")[0]) > 0


def test_what_has_no_spiking_form_is_told(data: Dataset) -> None:
    with pytest.raises(ModelError, match=r"LayerNorm.*batch norms"):
        _applied("to-spikes", build_model("vit-tiny-fashion-mnist"), data)
    with pytest.raises(ModelError, match="spikes already"):
        _applied("to-spikes", build_model("spiking-cnn", width=4), data)
    with pytest.raises(ModelError, match="is that of a ReLU"):
        _applied("to-spikes:rule=if", nn.Sequential(nn.Flatten(), nn.Linear(784, 4), nn.Tanh()), data)
    with pytest.raises(AxbarError, match="steps = '0' is refused"):
        _applied("to-spikes:steps=0", build_model("cnn", width=4), data)
