"""Networks of the study of clipped keys and values: a vision transformer, and the same one trained on written errors.

*standard* is a transformer as trained in floating point; *VAT* (variation-aware training) is that network trained on
with a fresh draw of the write errors in every forward pass, at the noise of the chip as shipped (γσ = 0.4). The paper
trains its own for each noise, at some five times the cost of plain training; here it is one network for all levels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from axbar.data import Dataset, load_data
from axbar.nn import TrainConfig, build_model, load_network, save_checkpoint, train
from axbar.spec import load_hardware
from axbar.techniques import parse_technique

__all__ = ["ARMS", "CHIP", "Net", "arm", "data_of"]

CHIP = "imc-rram-clipformer"
#: how a network was trained, as in tables
ARMS = ("standard", "VAT")


@dataclass(frozen=True)
class Net:
    """One network and its images.

    Args:
        name: as in tables.
        data: name of the data set.
        model: registered name; one that is registered with its weights is taken as it is.
        options: arguments of the model.
        epochs: of training from random weights; 0 takes the model's own weights, or those given.
        vat: settings of ``variation-aware``.
        tests: test images run on each die.
        levels: of write noise, γσ, rising from 0.
        vat_levels: of the network trained on noise, if others.
    """

    name: str
    data: str
    model: str = "vit-tiny"
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    epochs: int = 0
    vat: str = "epochs=2,images=20000"
    tests: int = 100
    levels: tuple[float, ...] = (0.0, 0.1, 0.3, 0.4, 0.5, 1.0, 2.0, 3.0)
    vat_levels: tuple[float, ...] = ()

    def levels_of(self, which: str) -> tuple[float, ...]:
        """Return the levels of one arm."""
        return self.vat_levels if self.vat_levels and which == ARMS[1] else self.levels


def data_of(net: Net, data_dir: str | None) -> Dataset:
    """Return the images of a network."""
    return load_data(net.data, data_dir=data_dir)


def arm(place: Path, net: Net, which: str, data: Dataset, weights: str | None = None) -> nn.Module:
    """Return the network of one arm in evaluation mode, trained where ``place`` does not hold it yet."""
    if which == "standard":
        return _standard(place / "standard", net, data, weights)
    made = place / "vat"
    if not (made / "last.safetensors").exists():
        technique, config = parse_technique(f"variation-aware:{net.vat}")
        standard = _standard(place / "standard", net, data, weights)
        done = technique.apply(standard, load_hardware(CHIP), data.tuning(), config)
        save_checkpoint(made, done.target)
    return load_network(made)


def _standard(made: Path, net: Net, data: Dataset, weights: str | None) -> nn.Module:
    if not net.epochs:
        return load_network(net.model, weights, **net.options)
    pixels = torch.from_numpy(data.train.images(slice(0, 2000)))
    network = build_model(
        net.model, input_shape=data.input_shape, classes=len(data.classes), seed=0,
        mean=[round(float(n), 4) for n in pixels.mean((0, 2, 3))],
        std=[round(float(n), 4) for n in pixels.std((0, 2, 3))], **net.options,
    )  # fmt: skip
    config = TrainConfig(
        epochs=net.epochs, batch_size=50, lr=1e-3, warmup_epochs=min(1.0, net.epochs / 2), weight_decay=0.05,
        grad_clip=1.0, seed=0,
    )  # fmt: skip
    train(network, data, config, made, resume=True)  # a finished run is read back
    return network.eval()
