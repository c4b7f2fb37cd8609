"""share-neurons: which layers share, that nothing else changes, on real images and back from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from prune_nets import applied, images, spiking, weights
from torch import nn

import axbar
from axbar.data import Dataset, load_data
from axbar.errors import ModelError, UsageError
from axbar.nn import LIF, TrainConfig, accuracy, build_model, load_network, save_checkpoint, train
from axbar.nn.shared import SharedLIF
from axbar.techniques import get_technique, noted, parse_plan, parse_technique


def neurons(model: nn.Module) -> dict[str, nn.Module]:
    return {path: m for path, m in model.named_modules() if isinstance(m, LIF)}


def test_every_layer_whose_channels_divide_shares_and_the_others_are_named() -> None:
    network = spiking()  # 4, 8 and 16 channels
    result = applied("share-neurons:groups=8,epochs=0", network)
    shares = {path: getattr(m, "share", 1) for path, m in neurons(result.target).items()}
    assert shares == {"neuron1": 1, "neuron2": 8, "neuron3": 8}
    assert result.cost["skipped"] == "neuron1: 4 channels are no multiple of 8"
    assert (result.cost["membranes_before"], result.cost["membranes_after"]) == (
        4 * 64 + 8 * 16 + 16,
        4 * 64 + (8 * 16 + 16) // 8,
    )
    assert all(
        type(m) is LIF for m in neurons(network).values()
    )  # the network that was given stays as it was
    assert result.target.state_dict().keys() == network.state_dict().keys()
    assert not result.target.training


def test_one_object_under_two_names_is_shared_under_both() -> None:
    network = spiking()
    network.get_submodule("")._modules["neuron2"] = network.neuron1
    result = applied("share-neurons:groups=2,epochs=0", network)
    assert isinstance(result.target.neuron1, SharedLIF) and result.target.neuron1 is result.target.neuron2
    found = axbar.trace(result.target, images(2))
    assert [at.neuron.share for at in found.neurons if at.neuron] == [2, 2, 2]
    assert result.cost["membranes_after"] == result.cost["membranes_before"] // 2


def test_the_trace_tells_how_many_share_and_shows_the_spikes_of_shared_neurons() -> None:
    network = spiking()
    shared = applied("share-neurons:groups=2,epochs=0", network).target
    found, before = axbar.trace(shared, images(4)), axbar.trace(network, images(4))
    assert [at.neuron.share for at in found.neurons if at.neuron] == [2, 2, 2]
    assert [at.neuron.share for at in before.neurons if at.neuron] == [1, 1, 1]
    first, alone = found.layer("neuron1").output, before.layer("neuron1").output
    assert first is not None and alone is not None and first.words is not None and alone.words is not None
    assert first.shape == alone.shape and (first.words != alone.words).any()


def test_zeros_stay_through_the_tuning_and_weights_learn() -> None:
    pruned = applied("prune:sparsity=0.8,epochs=0", spiking()).target
    tuned = applied("share-neurons:epochs=1,images=96,batch=32", pruned).target
    for path, weight in weights(pruned).items():
        assert not weights(tuned)[path][weight == 0].any(), path
    assert any(not torch.equal(weights(tuned)[path], weight) for path, weight in weights(pruned).items())


def test_neurons_that_cannot_share_are_refused_with_the_reason() -> None:
    with pytest.raises(
        ModelError, match=r"no layer that can share \('neuron1': 4 channels are no multiple of 3"
    ):
        applied("share-neurons:groups=3,epochs=0", spiking())
    with pytest.raises(ModelError, match="needs spiking neurons and FeedForward has none"):
        applied("share-neurons", build_model("cnn", width=4, input_shape=(1, 8, 8), classes=4))
    varied = spiking()
    first: Any = varied.get_submodule("neuron1")
    first.beta = torch.full((4, 1, 1), 0.5)
    cost = applied("share-neurons:epochs=0", varied).cost
    assert cost["skipped"] == "neuron1: its constants differ from neuron to neuron"
    with pytest.raises(ModelError, match="a SharedLIF, no LIF or IF"):
        applied("share-neurons:epochs=0", applied("share-neurons:epochs=0", spiking()).target)
    with pytest.raises(UsageError, match="it is given twice"):
        parse_plan(["share-neurons", "share-neurons:groups=4"])
    with pytest.raises(UsageError, match="groups"):
        parse_technique("share-neurons:groups=1")


def test_the_offer_halves_the_membranes_that_a_chip_holds() -> None:
    workload = axbar.trace(spiking(), images(4))
    spec = axbar.load_hardware("imc-rram-65nm")
    technique: Any = get_technique("share-neurons")
    offer = technique.what_if(spec, workload)
    assert [at.neuron.share for at in offer.workload.neurons] == [2, 2, 2]
    assert technique.what_if(spec, offer.workload) is None


class Recurrent(nn.Module):
    """A layer that hears its own spikes, run step by step."""

    steps = 3

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.back, self.out = nn.Linear(64, 8), nn.Linear(8, 8), nn.Linear(8, 4)
        self.cell = LIF()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        state, spikes, made = None, None, []
        for _ in range(self.steps):
            current = self.inner(x.flatten(1))
            spikes, state = self.cell.step(current if spikes is None else current + self.back(spikes), state)
            made.append(self.out(spikes))
        return torch.stack(made)


def test_networks_that_run_step_by_step_share_too() -> None:
    result = applied("share-neurons:groups=4,epochs=1,images=32,batch=32", Recurrent())
    assert (result.cost["membranes_before"], result.cost["membranes_after"]) == (8, 2)
    assert isinstance(result.target.get_submodule("cell"), SharedLIF)
    found = axbar.trace(result.target, images(4)).layer("cell")
    assert found.neuron is not None and found.neuron.share == 4
    assert found.steps == (0, 1, 2)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load_data("fashion-mnist-small").subset(train=2000, calibration=400, test=400)


@pytest.fixture(scope="module")
def network(data: Dataset) -> nn.Module:
    model = build_model("spiking-cnn", width=6, steps=4)
    train(model, data, TrainConfig(epochs=2, batch_size=50, lr=4e-3))
    return model


def test_on_real_images_tuning_brings_accuracy_back_and_a_file_brings_the_network_back(
    data: Dataset, network: nn.Module, tmp_path: Path
) -> None:
    technique, config = parse_technique("share-neurons:groups=6,epochs=2,lr=0.002,batch=50")
    result = technique.apply(network, None, data.tuning(), config)
    raw = technique.apply(network, None, data.tuning(), config.model_copy(update={"epochs": 0}))
    whole, left, tuned = (accuracy(m, data.calibration) for m in (network, raw.target, result.target))
    assert result.cost["calibration_accuracy_before"] == pytest.approx(whole)
    assert result.cost["calibration_accuracy"] == pytest.approx(tuned)
    assert left < tuned
    assert tuned > whole - 0.02
    assert result.cost["membranes_after"] * 6 == result.cost["membranes_before"]

    save_checkpoint(tmp_path, result.target)
    again = load_network(tmp_path)
    assert noted(again) == ("share-neurons",)
    assert {m.share for m in neurons(again).values() if isinstance(m, SharedLIF)} == {6}
    batch = torch.from_numpy(data.test.images(slice(0, 16)))
    with torch.no_grad():
        assert torch.equal(again(batch), result.target(batch))
