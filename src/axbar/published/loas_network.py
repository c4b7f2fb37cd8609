"""A trained dual-sparse network: pruned by lottery ticket, then rid of neurons that fire once (LoAS-FT).

Training goes on where an earlier call in the same folder stopped. LoAS (Yin et al., MICRO 2024) removes 25 % of the
weights in each of 15 rounds; here fewer and harder rounds reach the same sparsity, so that it fits two cores.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from axbar._evaluate import Progress
from axbar._run import versions
from axbar.cost.sparse import LayerTensors
from axbar.cost.sparse.unfold import unfolded, weight_codes
from axbar.data import Dataset
from axbar.files import write_atomic
from axbar.nn import accuracy, build_model, load_network
from axbar.techniques import structure
from axbar.techniques._structure import structure_facts
from axbar.techniques.lottery_ticket import LotteryTicketConfig, find_ticket
from axbar.techniques.mask_single_spikes import MaskSingleSpikesConfig, firing, tune_masked
from axbar.workload import LayerTrace, Workload, trace

__all__ = ["COLOUR", "STAGES", "WEIGHT_BITS", "Recipe", "Stage", "dual_sparse", "hidden", "operands"]

#: of the network's life, in order
STAGES = ("dense", "pruned", "masked")
WEIGHT_BITS = 8
COLOUR = {"mean": (0.4914, 0.4822, 0.4465), "std": (0.2470, 0.2435, 0.2616)}
_TRACED, _COUNTED = 16, 64


@dataclass(frozen=True)
class Recipe:
    """How a network is trained and pruned.

    Args:
        model, width, steps: of the spiking network; steps is T.
        images: of the training part, at most.
        rounds, rate: of pruning; a round removes the share ``rate`` of the weights left.
        rewind, epochs: before the weights that rounds go back to, and of each round.
        tune_epochs: with single spikes masked.
        lr, batch, augment: of all training.
        test_images: on which accuracy is measured.
    """

    model: str
    width: int
    steps: int
    images: int
    rounds: int
    rate: float
    rewind: int
    epochs: int
    tune_epochs: int
    lr: float = 4e-3
    batch: int = 50
    augment: str = "shift"
    floor: float = 0.005
    test_images: int = 2000


@dataclass(frozen=True)
class Stage:
    """The network at one stage.

    Args:
        name: one of ``STAGES``.
        facts: accuracy, sparsities and where zeros lie.
        workload: traced on the first 16 test images.
    """

    name: str
    facts: dict[str, float]
    workload: Workload


def dual_sparse(
    folder: Path, dataset: Dataset, recipe: Recipe, seed: int, progress: Progress | None = None
) -> list[Stage]:
    """Train, prune and mask; return the network at every stage."""
    colour: dict[str, Any] = COLOUR if dataset.input_shape[0] == 3 else {}
    network = build_model(
        recipe.model, width=recipe.width, steps=recipe.steps, input_shape=dataset.input_shape,
        classes=len(dataset.classes), seed=seed, **colour,
    )  # fmt: skip
    common: dict[str, Any] = {
        "lr": recipe.lr, "batch": recipe.batch, "images": recipe.images, "augment": recipe.augment, "seed": seed,
    }  # fmt: skip
    lottery = LotteryTicketConfig(
        rounds=recipe.rounds, rate=recipe.rate, rewind=recipe.rewind, epochs=recipe.epochs, floor=recipe.floor,
        start="given", **common,
    )  # fmt: skip
    data = dataset.tuning()

    def tell(done: int) -> None:
        if progress:
            progress("loas, training", done, recipe.rounds + 2)

    tell(0)
    find_ticket(network, data, lottery, folder, on_round=lambda round_: tell(round_.number + 1))
    tune_masked(network, data, MaskSingleSpikesConfig(epochs=recipe.tune_epochs, **common), folder / "masked")
    tell(recipe.rounds + 2)
    runs = (folder / "round-00", folder / f"round-{recipe.rounds:02d}", folder / "masked")
    settings = {
        **asdict(recipe), "data": dataset.hash(), "seed": seed, "versions": versions()
    }  # fmt: skip
    return [_stage(name, run, dataset, settings) for name, run in zip(STAGES, runs, strict=True)]


def _stage(name: str, run: Path, dataset: Dataset, settings: dict[str, Any]) -> Stage:
    network = load_network(run)
    workload = trace(network, torch.from_numpy(dataset.test.balanced(_TRACED).images()), name=name)
    file = run.parent / f"{name}.json"
    settings = json.loads(json.dumps(settings))
    if file.exists():
        stored = json.loads(file.read_text(encoding="utf-8"))
        if stored["settings"] == settings:
            return Stage(name, stored["facts"], workload)
    found = structure({at.name: at.weight for at in workload.matmuls[1:] if at.weight is not None})
    silent, single = firing(network, torch.from_numpy(dataset.calibration.images(slice(0, _COUNTED))))
    facts = {
        "accuracy": accuracy(network, dataset.test.balanced(settings["test_images"])),
        "weight_sparsity": 1 - sum(at.kept for at in found) / sum(at.weights for at in found),
        "silent_neurons": silent,
        "single_spike_neurons": single,
        **{k: v for k, v in structure_facts(found).items() if isinstance(v, int | float)},
    }
    write_atomic(file, json.dumps({"settings": settings, "facts": facts}, indent=1))
    return Stage(name, facts, workload)


def hidden(workload: Workload) -> list[LayerTrace]:
    """Return the convolutions behind the first: the layers that LoAS was published on."""
    return [layer for layer in workload.matmuls[1:] if layer.op == "conv2d"]


def operands(workload: Workload, samples: int) -> list[LayerTensors]:
    """Return unfolded spikes and integer weights of all hidden convolutions and samples, sample by sample."""
    found: list[LayerTensors] = []
    for sample in range(samples):
        for layer in hidden(workload):
            words = layer.operands[0].words
            assert words is not None and layer.geometry.groups == 1
            codes = weight_codes(layer, WEIGHT_BITS)
            for part, weights in zip(unfolded(layer, words[sample]), codes, strict=True):
                found.append(LayerTensors(part, layer.operands[0].steps, weights))
    return found
