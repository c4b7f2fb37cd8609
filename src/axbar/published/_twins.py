"""A spiking CNN and the conventional network of the same layers, trained alike: what several studies compare.

The recipe is the demo's with noise on the weights of the size of rounding to 4 bits (an LSB of 1/7 of the largest
weight has an RMS rounding error of 1/(7 sqrt 12) = 0.04 of it), so that networks stand their quantisation and are
prepared for no other flaw.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from axbar.data import Dataset
from axbar.nn import TrainConfig, build_model, demo_recipe, train

__all__ = ["ANN", "recipe_of", "trained"]

#: the conventional twin; spiking networks are named T=1, T=2, ...
ANN = "ANN"
#: RMS error of rounding to 4 bits, of the largest weight
_WEIGHT_NOISE = 0.04


def recipe_of(network: str, *, seed: int, width: int, epochs: int) -> tuple[str, dict[str, Any], TrainConfig]:
    """Return name, configuration and training settings: the same for all but kind of network and T."""
    name, config, recipe = demo_recipe()
    steps = 1 if network == ANN else int(network.removeprefix("T="))
    config = {**config, "width": width, "steps": steps, "seed": seed}
    recipe = replace(recipe, epochs=epochs, seed=seed, weight_noise=_WEIGHT_NOISE)
    return ("cnn" if network == ANN else name), config, recipe


def trained(folder: Path, network: str, dataset: Dataset, *, seed: int, width: int, epochs: int) -> nn.Module:
    """Return a network trained on ``dataset``; training goes on where an earlier call in ``folder`` stopped."""
    name, config, recipe = recipe_of(network, seed=seed, width=width, epochs=epochs)
    shape = {"input_shape": dataset.input_shape, "classes": len(dataset.classes)}
    model = build_model(name, **{**config, **shape})
    train(model, dataset, recipe, out_dir=folder, resume=True)
    return model
