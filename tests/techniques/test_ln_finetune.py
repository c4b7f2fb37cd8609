"""ln-finetune: what it changes, that it learns, that it repeats, what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from bn_nets import blobs, chip
from torch import nn

from axbar.crossbar import to_analog
from axbar.errors import ModelError
from axbar.nn import TrainConfig, accuracy, build_model, train
from axbar.techniques import TechniqueResult, parse_technique
from axbar.techniques._tuning import loss_of

DATA = blobs()
SHORT = "epochs=3,images=400,batch=20,lr=0.01"


@pytest.fixture(scope="module")
def die() -> Any:
    network = build_model("vit-tiny", width=16, depth=1, patch=4, input_shape=(1, 8, 8), classes=4, seed=0)
    train(network, DATA, TrainConfig(epochs=25, batch_size=20, lr=5e-3))
    noisy = chip(device="rram-generic", device__program_noise=2.0)
    return to_analog(network.eval(), noisy, 0, torch.from_numpy(DATA.calibration.images()))


def tuned(target: nn.Module, settings: str = SHORT) -> TechniqueResult:
    technique, config = parse_technique(f"ln-finetune:{settings}")
    return technique.apply(target, None, DATA.tuning(), config)


def loss(network: nn.Module) -> float:
    images, labels = DATA.train.images(slice(0, 200)), DATA.train.labels(slice(0, 200))
    with torch.no_grad():
        return float(loss_of(network(torch.from_numpy(images)), torch.from_numpy(labels)))


def test_a_noisy_die_answers_better(die: Any) -> None:
    done = tuned(die)
    assert loss(done.target) < 0.9 * loss(die)
    assert accuracy(done.target, DATA.test) >= accuracy(die, DATA.test)


def test_norms_alone_change(die: Any) -> None:
    before, done = die.state_dict(), tuned(die, "epochs=1,images=40,batch=20")
    after = done.target.state_dict()
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    norms = {key for key in before if ".norm" in key or key.startswith("norm.")}
    assert changed and changed <= norms
    assert done.cost["settings"] == sum(before[key].numel() for key in norms) and done.cost["steps"] == 2
    assert not any(p.grad is not None for p in done.target.parameters())


def test_it_repeats(die: Any) -> None:
    one, two = (tuned(die, "epochs=1,images=40,batch=20").target.state_dict() for _ in range(2))
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_networks_without_layer_norms_are_told_what_to_take(die: Any) -> None:
    network = build_model("spiking-cnn", width=4, input_shape=(1, 8, 8), classes=4)
    technique, config = parse_technique("ln-finetune")
    words = "has no layer norm with gamma or beta, which ln-finetune trains; use bn-finetune"
    with pytest.raises(ModelError, match=words):
        technique.check_network(network, torch.zeros(1, 1, 8, 8), config)  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(ModelError, match=words):
        tuned(network)
