"""Networks of the tensor-train study: one recipe for the dense network and for each way to set up its trains.

MS-ResNet18 at T = 4 on CIFAR-10 and CIFAR-100, and on frames of N-MNIST's events. All are trained from scratch, the
trains with fresh cores, as published (only ranks come from trained weights there), with the same images, steps, batches
and learning rates:

| variant | layers of 3×3 in blocks |
|---|---|
| dense | as they are |
| STT, PTT, HTT | trains of rank ⌊f min(I, O)⌋, middle cores in sequence, in parallel, on half of the steps |
| narrow | as they are, in a network so narrow that it has no more weights than the trains |

The published recipe has 100 epochs of SGD on all images; here AdamW, fewer images and epochs, which two cores can run.
Everything lies in run folders and is read back from there.

Where only counts of spikes and gradients are asked for, ``warmed`` gives a wider network that was not trained: its
norms have seen images, so that it fires, but its rates are those of random weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from axbar.data import Dataset, load_data
from axbar.nn import TrainConfig, build_model, train
from axbar.nn.norm import is_norm
from axbar.nn.tensor_train import Mode
from axbar.published.loas_network import COLOUR
from axbar.techniques import tensor_train
from axbar.techniques._finetune import FewImages

__all__ = ["MODES", "VARIANTS", "Net", "build", "data_of", "narrow_width", "trained", "warmed"]

#: variants in the order of the tables; the first four differ in their layers, the last one in its width
MODES = ("dense", "stt", "ptt", "htt")
VARIANTS = (*MODES, "narrow")
#: batches, and images in each, from which norms of untrained networks have their statistics
_WARM, _WARM_BATCH = 10, 20


@dataclass(frozen=True)
class Net:
    """One network and how it is trained.

    Args:
        name: as in tables.
        data: name of the data set, with the frames of recordings as in ``n-mnist:frames=4``.
        width, steps: of the MS-ResNet18.
        images, epochs: of the training.
        tests: test images on which accuracies are measured; None for all.
        seeds: of initial weights and order.
        rank: share of min(I, O).
        lr, batch, augment: of AdamW's training.
    """

    name: str
    data: str
    width: int
    images: int
    epochs: int
    tests: int | None
    seeds: tuple[int, ...] = (0, 1, 2)
    steps: int = 4
    rank: float = 0.25
    lr: float = 4e-3
    batch: int = 50
    augment: str = "none"


def data_of(net: Net, data_dir: str | None) -> Dataset:
    """Return the images, or recordings, of a network."""
    return load_data(net.data, data_dir=data_dir)


def build(net: Net, mode: str, dataset: Dataset, seed: int) -> nn.Module:
    """Return the untrained network of a variant."""
    if mode == "narrow":
        return _dense(net, dataset, seed, narrow_width(net, dataset))
    network = _dense(net, dataset, seed, net.width)
    if mode == "dense":
        return network
    return tensor_train(network, cast(Mode, mode), net.rank, init="fresh", seed=seed)


def narrow_width(net: Net, dataset: Dataset) -> int:
    """Return the largest width whose dense network has no more weights than the trains, at least 1."""
    most = _weights(build(net, "ptt", dataset, 0))
    widths = range(1, net.width)
    return max((w for w in widths if _weights(_dense(net, dataset, 0, w)) <= most), default=1)


def _dense(net: Net, dataset: Dataset, seed: int, width: int) -> nn.Module:
    colour: dict[str, Any] = COLOUR if dataset.input_shape[0] == 3 else {}
    return build_model(
        "ms-resnet18", width=width, steps=net.steps, input_shape=dataset.input_shape,
        classes=len(dataset.classes), seed=seed, **colour,
    )  # fmt: skip


def _weights(network: nn.Module) -> int:
    layers = (m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear))
    return sum(layer.weight.numel() for layer in layers)


def trained(
    folder: Path,
    net: Net,
    mode: str,
    dataset: Dataset,
    seed: int,
    progress: Callable[..., None] | None = None,
) -> nn.Module:
    """Train a variant, or go on where an earlier call in ``folder`` stopped."""
    network = build(net, mode, dataset, seed)
    recipe = TrainConfig(
        epochs=net.epochs, batch_size=net.batch, lr=net.lr, augment=net.augment, seed=seed  # pyright: ignore[reportArgumentType]
    )  # fmt: skip
    few: Any = FewImages(dataset.tuning(), net.images, seed)
    train(network, few, recipe, folder, resume=True, progress=progress)
    return network


def warmed(net: Net, mode: str, dataset: Dataset, seed: int, width: int) -> nn.Module:
    """Return an untrained variant of another width, whose norms have the mean statistics of training images."""
    network = build(replace(net, width=width), mode, dataset, seed).train()
    norms: list[Any] = [m for m in network.modules() if is_norm(m)]
    usual = [norm.momentum for norm in norms]
    order = torch.randperm(len(dataset.train), generator=torch.Generator().manual_seed(seed)).numpy()
    with torch.no_grad():
        for number in range(_WARM):
            for norm in norms:  # a running mean, in which nothing of the initial statistics is left
                norm.momentum = 1 / (number + 1)
            picked = order.take(range(number * _WARM_BATCH, (number + 1) * _WARM_BATCH), mode="wrap")
            network(torch.from_numpy(dataset.train.images(picked)))
    for norm, momentum in zip(norms, usual, strict=True):
        norm.momentum = momentum
    return network.eval()
