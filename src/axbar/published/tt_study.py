"""Tensor-train spiking networks (TT-SNN: Lee, Yin, Kim, Moitra, Li and Panda, DATE 2024) on real data and on chips.

Trained: dense, STT, PTT and HTT with one recipe. Counted: parameters and operations at full width. Measured: training
steps on this machine. Modelled: training on systolic arrays, inference on crossbars, from the trained networks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from axbar._evaluate import Progress
from axbar._run import versions
from axbar.data import Dataset
from axbar.nn import predict_logits
from axbar.nn.tensor_train import TTConv2d
from axbar.published._reproduction import Reproduction, kept, write_study
from axbar.published.tt_chips import inference, specs, training
from axbar.published.tt_claims import claims
from axbar.published.tt_figure import panels
from axbar.published.tt_measure import steps
from axbar.published.tt_networks import MODES, VARIANTS, Net, data_of, trained, warmed
from axbar.published.tt_sizes import STORED_BITS, TRAINED_BITS, sizes, solved
from axbar.published.tt_table import markdown, rows
from axbar.techniques import merge_tensor_train
from axbar.techniques._tuning import count_macs

__all__ = ["SCALES", "Scale", "reproduce"]


@dataclass(frozen=True)
class Scale:
    """How much to run; the first network and seed is the one that chips are asked about.

    Args:
        nets: networks, and how each is trained.
        width, batch, rounds: of the measured training steps; the width also of a modelled one without training.
        samples: recorded for chips.
    """

    nets: tuple[Net, ...]
    width: int = 64
    batch: int = 8
    rounds: int = 9
    samples: int = 4


SCALES: dict[str, Scale] = {
    "quick": Scale(
        (Net("Fashion-MNIST, small", "fashion-mnist-small", 8, 1_000, 2, 500, (0,)),), 16, 8, 3, 2,
    ),
    "default": Scale(
        (
            Net("CIFAR-10", "cifar-10", 16, 10_000, 10, None, augment="shift-flip"),
            Net("CIFAR-100", "cifar-100", 16, 10_000, 10, None, (0,), augment="shift-flip"),
            Net("N-MNIST", "n-mnist:frames=4", 16, 120, 100, None, (0,), augment="shift", batch=10),
        ),
    ),
    "full": Scale(
        (
            Net("CIFAR-10", "cifar-10", 64, 45_000, 100, None, augment="shift-flip", batch=128),
            Net("CIFAR-100", "cifar-100", 64, 45_000, 100, None, augment="shift-flip", batch=128),
        ),
        rounds=25,
    ),
}  # fmt: skip


def reproduce(
    folder: Path,
    *,
    scale: str = "default",
    data_dir: str | None = None,
    progress: Progress | None = None,
) -> Reproduction:
    """Train, count, measure and price; write ``results.json``, ``table.md`` and ``figure.svg``.

    Finished runs and measurements are read back from ``folder``. ``default`` and ``full`` read CIFAR-10, CIFAR-100 and
    N-MNIST under ``data_dir``.
    """
    size = SCALES[scale]
    place, rank = folder / scale, size.nets[0].rank
    runs = [(net, mode, seed) for net in size.nets for seed in net.seeds for mode in VARIANTS]
    tell = _teller(progress, len(runs) + 1)
    found: dict[str, Any] = {"rank": rank, "nets": {}}
    for number, (net, mode, seed) in enumerate(runs):
        tell(number)
        at = found["nets"].setdefault(net.name, {"recipe": asdict(net), "runs": {m: [] for m in VARIANTS}})
        at["runs"][mode].append(_run(place, net, mode, seed, data_of(net, data_dir)))
    tell(len(runs))
    found |= _chips(place, size, data_dir)
    found["untrained"] = _untrained(place, size, data_dir)
    measured = {"width": size.width, "batch": size.batch, "rounds": size.rounds, "rank": rank, "threads": 1}
    found["steps"] = kept(
        place / "steps.json", measured, lambda: steps(size.width, size.batch, rank, size.rounds)
    )
    found |= {"sizes": sizes(rank), "solved": solved()}
    how = f"{scale}: MS-ResNet18, {_recipes(size.nets)}"
    written = write_study(folder, results=found, table=markdown(found), figure=panels(found, how))
    return Reproduction(
        name="tt-snn",
        source="Lee et al., TT-SNN, DATE 2024 (arXiv 2401.08001): abstract and open training code",
        scale=how,
        seeds=size.nets[0].seeds,
        claims=claims(found),
        rows=rows(found),
        settings=written,
    )


def _teller(progress: Progress | None, total: int) -> Callable[[int], None]:
    return lambda done: progress("tt-snn", done, total) if progress else None


def _recipes(nets: tuple[Net, ...]) -> str:
    """Return how networks are trained, those with one recipe together."""
    names: dict[str, list[str]] = {}
    for net in nets:
        how = f"width {net.width}, {net.images:,} images, {net.epochs} epochs, rank {net.rank:g} min(I, O)"
        names.setdefault(how, []).append(net.name)
    return "; ".join(f"{', '.join(each)}: {how}" for how, each in names.items())


def _slug(net: Net, mode: str, seed: int) -> str:
    """Return the folder of a run; networks that differ in ranks alone share their dense runs."""
    data = "-".join("".join(c if c.isalnum() else " " for c in net.data.lower()).split())
    return f"{data}-{mode}{'' if mode == 'dense' else f'-{net.rank:g}'}-{seed}"


def _run(place: Path, net: Net, mode: str, seed: int, dataset: Dataset) -> dict[str, Any]:
    """Return accuracy and size of one run, trained or merged."""
    here = place / _slug(net, mode, seed)
    facts = {**_recipe(net, mode), "mode": mode, "seed": seed, "data_hash": dataset.hash()}
    return kept(here / "row.json", facts, lambda: _row(trained(here, net, mode, dataset, seed), net, dataset))


def _recipe(net: Net, mode: str) -> dict[str, Any]:
    left_out = {"name", "seeds"} | ({"rank"} if mode == "dense" else set())
    return {key: value for key, value in asdict(net).items() if key not in left_out}


def _row(network: nn.Module, net: Net, dataset: Dataset) -> dict[str, Any]:
    test = dataset.test if net.tests is None else dataset.test.balanced(net.tests)
    is_train = any(isinstance(m, TTConv2d) for m in network.modules())
    merged = merge_tensor_train(network) if is_train else network
    right = _right(network, test)
    again = _right(merged, test) if is_train else right
    weights = {name: _weights(each) for name, each in (("trained", network), ("merged", merged))}
    image = torch.from_numpy(test.images(slice(0, 1)))
    return {
        "accuracy": right / len(test), "merged_accuracy": again / len(test), "right": right, "tests": len(test),
        "weights": weights["trained"], "macs": count_macs(network, image).forward,
        "trained_bits": TRAINED_BITS * weights["trained"], "stored_bits": STORED_BITS * weights["merged"],
    }  # fmt: skip


def _right(network: nn.Module, test: Any) -> int:
    logits = predict_logits(network, test.images())
    return int((logits.mean(0).argmax(-1).cpu().numpy() == test.labels()).sum())


def _weights(network: nn.Module) -> int:
    """Return weights of convolutions and linear layers that are not empty taps."""
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    return sum(int(torch.count_nonzero(layer.weight)) for layer in layers)


def _chips(place: Path, size: Scale, data_dir: str | None) -> dict[str, Any]:
    """Return what chips take for the first network's first seed."""
    net, dataset = size.nets[0], data_of(size.nets[0], data_dir)
    found: dict[str, Any] = {"training": {}, "inference": {}}
    for mode in MODES:
        here = place / _slug(net, mode, net.seeds[0])
        facts = {**_recipe(net, mode), "mode": mode, **_priced(size, dataset)}

        def price(here: Path = here, mode: str = mode) -> dict[str, Any]:
            network = trained(here, net, mode, dataset, net.seeds[0]).eval()
            return {
                "training": training(network, dataset, size.samples),
                "inference": inference(network, dataset, size.samples),
            }

        row = kept(here / "chips.json", facts, price)
        for what in found:
            found[what][mode] = row[what]
    return found | {"traced": f"{net.name}, width {net.width}, {size.samples} samples"}


def _untrained(place: Path, size: Scale, data_dir: str | None) -> dict[str, Any]:
    """Return what training the first network takes at the width of the measured steps, by mode, from random weights."""
    net, dataset = size.nets[0], data_of(size.nets[0], data_dir)
    facts = {"data": net.data, "rank": net.rank, "width": size.width, "steps": net.steps, "seed": net.seeds[0],
             **_priced(size, dataset)}  # fmt: skip

    def price() -> dict[str, Any]:
        networks = ((mode, warmed(net, mode, dataset, net.seeds[0], size.width)) for mode in MODES)
        return {mode: training(network, dataset, size.samples) for mode, network in networks}

    found = kept(place / "untrained.json", facts, price)
    return {"width": size.width, "training": found}


def _priced(size: Scale, dataset: Dataset) -> dict[str, Any]:
    chips = {name: spec.hash() for name, spec in specs().items()}
    return {"samples": size.samples, "data_hash": dataset.hash(), "chips": chips, "versions": versions()}
