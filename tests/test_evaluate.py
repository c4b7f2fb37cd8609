"""What joins the rooms: which images are traced, what is refused, what is noted."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import nn

import axbar
from axbar.cost import estimate
from axbar.data import Dataset
from axbar.nn import LIF, TrainConfig, build_model, train
from axbar.workload import shapes


def sorted_data() -> Dataset:
    """Images whose brightness is their class, in order of class, as a folder would give them."""
    y = np.repeat(np.arange(4), 50)
    x = (y[:, None, None, None] * 60 + np.zeros((200, 1, 6, 6))).astype(np.uint8)
    return Dataset.from_arrays("sorted", (x, y), (x, y))


def test_the_traced_images_are_of_all_classes() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(36, 4))
    report = axbar.evaluate(network, sorted_data(), chips=0, trace_samples=4)
    dark = nn.Sequential(nn.Flatten(), nn.Linear(36, 4))
    dark.load_state_dict(network.state_dict())
    only_first = axbar.trace(dark, torch.zeros(4, 1, 6, 6))
    assert report.trace["samples"] == 4
    cells = report.estimate.components.index("cells")
    assert report.estimate.energy_J[0, :, cells].sum() > 0  # class 0 alone is black and drives no row
    assert estimate(only_first, "imc-rram-65nm").energy_J[0, :, cells].sum() == 0


def test_a_report_says_what_is_charged_but_not_computed() -> None:
    spiking = nn.Sequential(nn.Flatten(), nn.Linear(36, 4), LIF())
    assert any("membrane_bits" in note for note in axbar.evaluate(spiking, sorted_data(), chips=0).notes)
    report = axbar.evaluate(nn.Sequential(nn.Flatten(), nn.Linear(36, 4)), sorted_data(), chips=1)
    assert not any("membrane_bits" in note for note in report.notes)  # nothing has a membrane
    assert report.accuracy is not None and len(report.accuracy.analog) == 1


def test_random_weights_are_noted_until_something_trains_them() -> None:
    network = build_model("spiking-cnn", width=2, steps=2, input_shape=(1, 6, 6), classes=4, norm="none")
    words: dict[str, Any] = {"chips": 0, "trace_samples": 4, "waterfall": 0}

    def noted(model: nn.Module, *techniques: str) -> list[int]:
        report = axbar.evaluate(copy.deepcopy(model), sorted_data(), "sata", techniques=techniques, **words)
        return [i for i, note in enumerate(report.notes) if "are random" in note]

    assert noted(network) == [0]  # first, and once
    assert noted(network, "prune:sparsity=0.5,epochs=0") == [0]
    assert noted(network, "prune:sparsity=0.5,epochs=1") == []
    trained = copy.deepcopy(network)
    train(trained, sorted_data(), TrainConfig(epochs=1, batch_size=20, device="cpu"))
    assert noted(trained) == []
    assert (
        noted(nn.Sequential(nn.Flatten(), nn.Linear(36, 4))) == []
    )  # nobody knows where its weights come from


def test_a_swept_pin_is_explained() -> None:
    result = estimate(shapes.vgg9(), "imc-rram-65nm", {"pins.adc.energy_J": [1e-12, 2e-12]})
    adc = result.components.index("adc")
    energy = result.by_component("energy_J")[:, adc]
    np.testing.assert_allclose(energy[1], 2 * energy[0], rtol=1e-12)
    assert "swept" in result.explain("adc.energy").text()


def test_training_repeats_a_network_that_draws_by_itself() -> None:
    def once() -> torch.Tensor:
        torch.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(36, 4))
        torch.manual_seed(torch.seed())  # whatever was drawn before must not matter
        train(network, sorted_data(), TrainConfig(epochs=2, batch_size=20, device="cpu"))
        return network[2].weight.detach()

    assert torch.equal(once(), once())


def test_a_layer_used_twice_is_priced_and_programmed() -> None:
    class Twice(nn.Module):
        steps = 1

        def __init__(self) -> None:
            super().__init__()
            self.a, self.head = nn.Linear(36, 36), nn.Linear(36, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(torch.relu(self.a(torch.relu(self.a(x.flatten(1))))))

    report = axbar.evaluate(Twice(), sorted_data(), chips=1)
    assert report.estimate.layers == ("a", "a#2", "head")
    assert report.accuracy is not None and len(report.accuracy.analog) == 1


def test_an_evaluation_tells_of_its_waterfall() -> None:
    told: list[str] = []
    network = nn.Sequential(nn.Flatten(), nn.Linear(36, 4))
    report = axbar.evaluate(
        network, sorted_data(), chips=3, waterfall=20, progress=lambda stage, done, total: told.append(stage)
    )
    assert report.waterfall is not None
    assert (report.waterfall.images, report.waterfall.dies) == (20, 2)
    assert "waterfall" in told
    assert [row.name for row in report.waterfall.layers] == ["1"]
