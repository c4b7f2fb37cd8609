"""Networks of the ladder: one spiking network trained once, and what makes it cheaper, one technique at a time.

Three networks (VGG9 and ResNet19 on Fashion-MNIST, VGG9 on CIFAR-10) are trained at T = 4 with the loss of every step
(TET: Deng et al., ICLR 2022). Every variant starts from there and is fine-tuned with the same loss for few epochs on
few images:

| variant | after | how |
|---|---|---|
| T = 1, 2, 8 | | the same weights run T steps, fine-tuned |
| MINT, 8 / 4 / 2 bits | Yin et al., ASP-DAC 2024 | technique ``mint`` |
| early exit | DT-SNN (Li et al., DAC 2023) | technique ``early-exit``, threshold from images never trained on |
| pruned 90 / 95 / 98 % | Zhu and Gupta, 2017 | technique ``prune``, sparsity rising over half of the steps |
| all together | | pruned 90 %, MINT 4 bits, early exit |

Calibration images are those training images that no training used, as many as 5,000: a threshold that
may cost three images in a thousand can't be chosen on a few hundred.

Everything lies in folders of runs and is read back from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from torch import nn

from axbar.data import Dataset, TuningData
from axbar.nn import TrainConfig, build_model, load_network, train
from axbar.published.loas_network import COLOUR
from axbar.spec import load_hardware
from axbar.techniques import parse_plan, run_chain
from axbar.techniques._finetune import FewImages

__all__ = ["BASE", "EXIT", "Net", "Tuning", "Variant", "base", "make", "unseen", "variants"]

BASE, EXIT, ALL = "T = 4", "early exit", "all together"
_STEPS = 4
WEIGHT_BITS = 8
#: of pruned networks: they have more to mend, and take the rate of the first training
_PRUNE_LR: Final = 4e-3
#: calibration images
_HELD: Final = 5_000


@dataclass(frozen=True)
class Tuning:
    """How variants are fine-tuned."""

    epochs: int
    images: int
    lr: float = 1e-3


@dataclass(frozen=True)
class Net:
    """One network of the ladder and how it is trained.

    Args:
        name: as in tables.
        model, width: of ``build_model``.
        data: name of the data set.
        images, epochs: of the training at T = 4.
        tests: test images on which accuracies are measured; None for all.
        tuning: of its variants.
        lr, batch, augment: of that training.
    """

    name: str
    model: str
    width: int
    data: str
    images: int
    epochs: int
    tests: int | None
    tuning: Tuning
    lr: float = 4e-3
    batch: int = 50
    augment: str = "none"


@dataclass(frozen=True)
class Variant:
    """One variant of a network.

    Args:
        name: as in tables.
        steps: T.
        techniques: as of ``--technique``, in order.
        bits: of weights, and of membranes where MINT fixed them.
        fixed: whether ``bits`` hold for membranes too.
    """

    name: str
    steps: int = _STEPS
    techniques: tuple[str, ...] = ()
    bits: int = WEIGHT_BITS
    fixed: bool = False


def variants(
    steps: tuple[int, ...],
    bits: tuple[int, ...],
    sparsities: tuple[float, ...],
    tuning: Tuning,
    lost: float,
    seed: int,
) -> tuple[Variant, ...]:
    """Return all variants, the one that the others start from first."""

    def tuned(lr: float) -> str:
        return f"epochs={tuning.epochs},images={tuning.images},lr={lr},loss=tet,seed={seed}"

    def prune(sparsity: float) -> str:
        return f"prune:sparsity={sparsity},floor=0.01,gradual=0.5,{tuned(_PRUNE_LR)}"

    def mint(b: int) -> str:
        return f"mint:bits={b},{tuned(tuning.lr)}"

    leave = f"early-exit:drop={lost}"
    found = [Variant(BASE)]
    found += [Variant(f"T = {T}", T) for T in steps if T != _STEPS]
    found += [Variant(f"MINT, {b} bits", techniques=(mint(b),), bits=b, fixed=True) for b in bits]
    found += [Variant(EXIT, techniques=(leave,))]
    found += [Variant(f"pruned {s:.0%}", techniques=(prune(s),)) for s in sparsities]
    found += [Variant(ALL, techniques=(prune(0.9), mint(4), leave), bits=4, fixed=True)]
    return tuple(found)


def base(folder: Path, net: Net, dataset: Dataset, seed: int, progress: Any = None) -> nn.Module:
    """Train the network at T = 4, or go on where an earlier call in ``folder`` stopped."""
    colour: dict[str, Any] = COLOUR if dataset.input_shape[0] == 3 else {}
    network = build_model(
        net.model, width=net.width, steps=_STEPS, input_shape=dataset.input_shape, classes=len(dataset.classes),
        seed=seed, **colour,
    )  # fmt: skip
    recipe = TrainConfig(
        epochs=net.epochs, batch_size=net.batch, lr=net.lr, loss="tet", augment=net.augment, seed=seed  # pyright: ignore[reportArgumentType]
    )  # fmt: skip
    few: Any = FewImages(dataset.tuning(), net.images, seed)
    train(network, few, recipe, folder, resume=True, progress=progress)
    return network


def make(folder: Path, variant: Variant, trained: Path, dataset: Dataset, net: Net, seed: int) -> nn.Module:
    """Return a variant of the network in the run folder ``trained``."""
    if variant.name == BASE:
        return load_network(trained)
    if variant.techniques:
        *_, last = _chain(
            folder, variant, trained, unseen(dataset.tuning(), (net.images, net.tuning.images), seed)
        )
        return last
    network = load_network(trained, steps=variant.steps)
    tuning = net.tuning
    recipe = TrainConfig(epochs=tuning.epochs, batch_size=50, lr=tuning.lr, loss="tet", seed=seed)
    few: Any = FewImages(dataset.tuning(), tuning.images, seed)
    train(network, few, recipe, folder, resume=True)
    return network


def unseen(data: TuningData, images: tuple[int, ...], seed: int) -> TuningData:
    """Return the data with calibration images that no training used.

    Args:
        data: its calibration images stay where the training images leave no more than those.
        images: numbers of images of the trainings.
        seed: of them.
    """
    used = np.concatenate([FewImages(data, count, seed).chosen for count in images])
    left = np.setdiff1d(np.arange(len(data.train)), used)
    if len(left) <= len(data.calibration):
        return data
    held = np.random.default_rng(seed).permutation(left)[:_HELD]
    return replace(data, calibration=replace(data.train.take(held), role="calibration"))


def _chain(folder: Path, variant: Variant, trained: Path, data: TuningData) -> Iterator[nn.Module]:
    plan = parse_plan(variant.techniques)
    network, chip = load_network(trained), load_hardware("imc-rram-65nm")
    for made, _ in run_chain(network, plan, chip, data, folder, resume=True):
        yield made
