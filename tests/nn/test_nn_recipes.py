"""The shipped recipe fits the shipped data, and reaches what it promises."""

from __future__ import annotations

import pytest

from axbar.data import load_data
from axbar.nn import accuracy, build_model, demo_recipe, train


def test_the_demo_network_fits_the_embedded_images() -> None:
    name, config, settings = demo_recipe()
    network, data = build_model(name, **config), load_data("fashion-mnist-small")
    assert network.input_shape == data.input_shape
    assert network.classes == len(data.classes)
    assert settings.batch_size <= len(data.train)


@pytest.mark.slow
def test_the_demo_recipe_reaches_its_accuracy() -> None:
    name, config, settings = demo_recipe()
    network, data = build_model(name, **config), load_data("fashion-mnist-small")
    train(network, data, settings)
    assert accuracy(network, data.test) >= 0.865
