"""Networks that ship with their weights: they do what is said of them, and are refused where they don't fit."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from axbar import load_data, registry
from axbar.errors import AxbarError
from axbar.nn import accuracy, load_network, train, untrained_note
from axbar.nn.models.trained import FOLDER, shipped_result

NAMES = sorted(folder.name for folder in FOLDER.iterdir())


def test_every_folder_has_a_name_and_is_small() -> None:
    assert NAMES == ["vit-tiny-cifar-10", "vit-tiny-fashion-mnist"]
    assert set(NAMES) <= set(registry.names("models"))
    for name in NAMES:
        files = {file.name: file.stat().st_size for file in (FOLDER / name).iterdir()}
        assert set(files) == {"config.json", "last.safetensors", "result.json"} and sum(files.values()) < 4e6


@pytest.mark.parametrize("name", NAMES)
def test_what_is_listed_is_what_was_measured(name: str) -> None:
    (entry,) = [each for each in registry.entries("models") if each.name == name]
    result = shipped_result(name)
    assert f"({100 * result['test_accuracy_16_bits']:.1f} %)" in entry.summary
    network = load_network(name)
    assert sum(p.numel() for p in network.parameters()) == result["parameters"]
    assert untrained_note(network, name) == "" and not network.training
    assert all(p.dtype == torch.float32 for p in network.parameters())


def test_accuracy_on_images_that_ship_is_near_that_of_all_test_images() -> None:
    name = "vit-tiny-fashion-mnist"
    test = load_data("fashion-mnist-small").test
    expected, images = shipped_result(name)["test_accuracy"], len(test)
    error = math.sqrt(expected * (1 - expected) / images)
    assert accuracy(load_network(name), test) == pytest.approx(expected, abs=3.5 * error)


@pytest.mark.parametrize("given", [{"classes": 5}, {"input_shape": (3, 32, 32)}])
def test_another_task_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(AxbarError, match="train one for that"):
        load_network("vit-tiny-fashion-mnist", **given)


def test_training_starts_from_what_ships(tmp_path: Path) -> None:
    from axbar.nn import TrainConfig

    data = load_data("fashion-mnist-small").subset(train=40, calibration=40)
    network = load_network("vit-tiny-fashion-mnist")
    train(network, data, TrainConfig(epochs=1, batch_size=20, lr=1e-6, seed=0), tmp_path)
    assert accuracy(load_network(tmp_path), data.calibration) > 0.7
