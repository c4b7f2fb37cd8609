"""Networks whose spikes the study of spiking chips charges: twins of one small CNN, and VGG9 at full width.

The twins are trained and traced. VGG9 is too large to train here at full width: a narrow one is trained on the same
images, and the full-width shapes get its spike rate, layer by layer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from axbar.data import Dataset
from axbar.nn import EarlyExit, TrainConfig, build_model, predict_logits, train
from axbar.published._twins import ANN, trained
from axbar.techniques.early_exit import exit_curve
from axbar.workload import Workload, shapes, spike_rate, trace

__all__ = ["Twin", "exits", "twins", "vgg9", "with_rates"]

_TRACED = 64


@dataclass(frozen=True)
class Twin:
    """One trained network.

    Args:
        name: ``T=4``, or ``ANN``.
        steps: T.
        accuracy: on the test images, 0..1.
        workload: traced on the first 64 test images.
        network: the network itself.
    """

    name: str
    steps: int
    accuracy: float
    workload: Workload
    network: nn.Module


def twins(
    folder: Path, dataset: Dataset, steps: tuple[int, ...], *, width: int, epochs: int, seed: int
) -> list[Twin]:
    """Train and trace the conventional network and a spiking one per T."""
    found: list[Twin] = []
    for name in (ANN, *(f"T={T}" for T in steps)):
        own = folder / name.replace("=", "")
        network = trained(own, name, dataset, seed=seed, width=width, epochs=epochs)
        found.append(_twin(name, network, dataset))
    return found


def _twin(name: str, network: nn.Module, dataset: Dataset) -> Twin:
    steps = 1 if name == ANN else int(name.removeprefix("T="))
    network = network.eval()
    answers = predict_logits(network, dataset.test.images()).mean(0).argmax(-1).cpu().numpy()
    accuracy = float((answers == dataset.test.labels()).mean())
    workload = trace(network, dataset.test.images(slice(0, _TRACED)), name=name)
    return Twin(name, steps, accuracy, workload, network)


def exits(twin: Twin, dataset: Dataset, lost: float) -> tuple[Workload, float, float]:
    """Let samples leave once the entropy of their answer so far is low (Li et al., DAC 2023: DT-SNN).

    The threshold is the largest at which calibration images lose at most ``lost`` of accuracy.

    Returns:
        the workload of the traced images with their exits, accuracy on the test images, mean steps on these.
    """
    tuning = predict_logits(twin.network, dataset.calibration.images())
    thresholds = np.linspace(0.0, 1.0, 101)
    kept = exit_curve(tuning, torch.from_numpy(dataset.calibration.labels()), thresholds)["accuracy"]
    read_out = EarlyExit(float(thresholds[np.flatnonzero(kept >= kept[0] - lost)[-1]]))
    test = predict_logits(twin.network, dataset.test.images())
    stops = read_out.exit_step(test).cpu().numpy().astype(np.int64)
    accuracy = float((read_out(test).argmax(-1).cpu().numpy() == dataset.test.labels()).mean())
    return replace(twin.workload, exit_step=stops[:_TRACED]), accuracy, float(stops.mean())


def vgg9(
    folder: Path, dataset: Dataset, *, width: int, epochs: int, steps: int, seed: int
) -> tuple[Workload, dict[str, float]]:
    """Return full-width VGG9 with the spike rates of a trained narrow one, and these rates by layer."""
    network = build_model(
        "spiking-vgg9", width=width, steps=steps, input_shape=dataset.input_shape,
        classes=len(dataset.classes), seed=seed,
    )  # fmt: skip
    recipe = TrainConfig(epochs=epochs, batch_size=50, lr=4e-3, label_smoothing=0.05, seed=seed)
    train(network, dataset, recipe, out_dir=folder, resume=True)
    narrow = trace(network.eval(), dataset.test.images(slice(0, _TRACED)), name="narrow VGG9")
    recorded = [spike_rate(layer) for layer in narrow.matmuls]
    rates = [float(rate.mean()) for rate in recorded if rate is not None]
    full = shapes.vgg9(steps=steps)
    found = dict(zip((layer.name for layer in full.matmuls), rates, strict=True))
    return with_rates(full, found), found


def with_rates(workload: Workload, rates: dict[str, float]) -> Workload:
    """Return a workload of shapes with another mean rate at the input of each layer of spikes."""
    layers = tuple(
        replace(layer, operands=(replace(layer.operands[0], rate=rates[layer.name]), *layer.operands[1:]))
        if layer.name in rates and layer.operands[0].coding == "spikes"
        else layer
        for layer in workload.layers
    )
    return replace(workload, layers=layers)
