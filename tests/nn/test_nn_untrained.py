"""Random weights are recognised as such, and only they."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from nn_makers import bars, tiny
from torch import nn

from axbar import registry
from axbar.nn import (
    TrainConfig,
    build_model,
    is_untrained,
    load_network,
    save_checkpoint,
    train,
    untrained_note,
)
from axbar.nn.models.trained import FOLDER

FACTORY = """
from torch import nn


def make():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
"""

OURS = [entry.name for entry in registry.entries("models") if entry.origin == "axbar"]
TRAINED = [folder.name for folder in FOLDER.iterdir()]


@pytest.mark.parametrize("name", [name for name in OURS if name not in TRAINED])
def test_every_shipped_network_is_random_until_a_weight_moves(name: str) -> None:
    torch.manual_seed(3)  # of the process: weights are drawn from the network's own seed
    network = build_model(name, width=2, seed=5)
    assert is_untrained(network)
    assert is_untrained(copy.deepcopy(network))
    with torch.no_grad():
        weights = [*network.parameters()][-2 if len([*network.parameters()]) > 1 else -1]
        weights.view(-1)[0] += 1e-3
    assert not is_untrained(network)


def test_frames_and_arguments_do_not_matter() -> None:
    assert is_untrained(build_model("spiking-cnn", width=2, steps=3, input_shape=(3, 2, 16, 16), norm="none"))
    assert is_untrained(tiny(beta=0.7, threshold=0.9).eval())
    assert is_untrained(tiny().double()) and is_untrained(tiny().half())


def test_trained_and_loaded_networks_are_not_random(tmp_path: Path) -> None:
    network = tiny()
    train(
        network, bars(), TrainConfig(epochs=1, batch_size=32, seed=0, device="cpu"), out_dir=tmp_path / "run"
    )
    assert not is_untrained(network)
    assert not is_untrained(load_network(tmp_path / "run"))
    words = {"width": 4, "steps": 2, "input_shape": (1, 8, 8), "classes": 2}
    assert not is_untrained(load_network("spiking-cnn", tmp_path / "run" / "last.safetensors", **words))
    assert is_untrained(load_network("spiking-cnn", **words))


def test_a_saved_network_that_was_never_trained_is_still_random(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, tiny())
    assert is_untrained(load_network(tmp_path))


def test_nothing_is_claimed_of_networks_of_others(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FACTORY)
    assert not is_untrained(load_network(f"{tmp_path / 'mine.py'}:make"))
    stranger = nn.Linear(3, 2)
    for config in (
        {"name": "pretrained-elsewhere"},
        {"name": "mlp", "hidden": 32},
        {"name": ["cnn"]},
        {3: 4},
    ):
        vars(stranger)["config"] = config
        assert not is_untrained(stranger)
    assert not is_untrained(tiny().to("meta"))
    assert untrained_note(stranger, "stranger") == ""


def test_the_note_names_the_network_and_the_way_out() -> None:
    note = untrained_note(tiny(), "spiking-cnn")
    assert note.startswith("the weights of 'spiking-cnn' are random:")
    assert "run folder" in note and "--weights" in note
