"""Train a network whose weights and spikes are both sparse, as dual-sparse accelerators want it.

    python examples/train_dual_sparse.py --data-dir DATA --out runs/vgg9

1. train the network (round 0), 2. lottery-ticket pruning, 25 % of the weights a round, 3. silence neurons that fire
once and fine-tune (both as in LoAS, Yin et al., MICRO 2024). Stopped at any moment, the same command goes on from the
last finished epoch and ends with the same bits. ``OUT/round-00``, ``OUT/round-NN`` and ``OUT/masked`` are run folders
for ``axbar evaluate`` and ``axbar trace``; ``OUT/*.npz`` are their traced workloads; ``OUT/result.json`` holds the
figures, ``OUT/progress.log`` one line per epoch.

The larger network: ``--model spiking-resnet19 --width 32 --out runs/resnet19`` (ten times the time per image).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch

import axbar
from axbar.data import Dataset
from axbar.files import write_atomic
from axbar.nn import EpochRecord, accuracy, build_model, load_network
from axbar.techniques import structure, structure_table
from axbar.techniques._structure import structure_facts
from axbar.techniques.lottery_ticket import LotteryTicketConfig, Round, find_ticket
from axbar.techniques.mask_single_spikes import MaskSingleSpikesConfig, firing, tune_masked

#: of the training images of CIFAR-10, per channel
CIFAR_MEAN, CIFAR_STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="spiking-vgg9")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--steps", type=int, default=4, help="time steps T")
    parser.add_argument("--data", default="cifar-10")
    parser.add_argument("--data-dir")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--images", type=int, default=7500, help="training images used")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--rewind", type=int, default=6, help="epochs before the early weights")
    parser.add_argument("--epochs", type=int, default=3, help="epochs of a round")
    parser.add_argument("--tune-epochs", type=int, default=3, help="epochs with single spikes masked")
    parser.add_argument("--floor", type=float, default=0.0, help="share of each layer that always stays")
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--test-images", type=int, default=2000)
    return parser.parse_args()


class Log:
    """One line per event, on the terminal and in a file."""

    def __init__(self, file: Path) -> None:
        self.file, self.start = file, time.perf_counter()

    def __call__(self, words: str) -> None:
        line = f"{(time.perf_counter() - self.start) / 60:7.1f} min  {words}"
        print(line, flush=True)
        with self.file.open("a", encoding="utf-8") as opened:
            opened.write(line + "\n")

    def epoch(self, what: str, record: EpochRecord) -> None:
        self(
            f"{what} epoch {record.epoch + 1}: loss {record.loss:.3f}, train {record.train_accuracy:.1%}, "
            f"calibration {record.calibration_accuracy:.1%}"
        )


def fresh(data: Dataset, given: argparse.Namespace) -> torch.nn.Module:
    colour = data.input_shape[0] == 3
    normalise = {"mean": CIFAR_MEAN, "std": CIFAR_STD} if colour else {}
    return build_model(
        given.model, width=given.width, steps=given.steps, input_shape=data.input_shape,
        classes=len(data.classes), seed=given.seed, **normalise,
    )  # fmt: skip


def measure(name: str, folder: Path, data: Dataset, given: argparse.Namespace) -> dict[str, Any]:
    """Test accuracy, sparsity of weights and spikes of a run folder; its workload goes beside it."""
    network = load_network(folder)
    workload = axbar.trace(network, torch.from_numpy(data.test.balanced(16).images()), name=name)
    workload.save(given.out / f"{name}.npz")
    layers = structure(
        {layer.name: layer.weight for layer in workload.matmuls[1:] if layer.weight is not None}
    )
    silent, single = firing(network, torch.from_numpy(data.calibration.images(slice(0, 64))))
    (given.out / f"{name}-structure.txt").write_text(structure_table(layers) + "\n", encoding="utf-8")
    return {
        "test_accuracy": accuracy(network, data.test.balanced(given.test_images)),
        "weight_sparsity": 1 - sum(at.kept for at in layers) / sum(at.weights for at in layers),
        "silent_neurons": silent,
        "neurons_firing_once": single,
        **structure_facts(layers),
    }


def main() -> None:
    given = arguments()
    given.out.mkdir(parents=True, exist_ok=True)
    log = Log(given.out / "progress.log")
    data = axbar.load_data(given.data, data_dir=given.data_dir)
    common: dict[str, Any] = {
        "batch": given.batch,
        "images": given.images,
        "augment": "flip",
        "seed": given.seed,
    }
    network = fresh(data, given)
    log(
        f"start: {given.model} width {given.width}, T = {given.steps}, {min(given.images, len(data.train))} images"
    )

    def on_round(done: Round) -> None:
        log(f"round {done.number} done: sparsity {done.sparsity:.2%}, calibration {done.accuracy:.1%}")

    settings = LotteryTicketConfig(
        rounds=given.rounds,
        rewind=given.rewind,
        epochs=given.epochs,
        floor=given.floor,
        start="given",
        **common,
    )
    find_ticket(
        network, data.tuning(), settings, given.out,
        on_round=on_round, on_epoch=lambda number, record: log.epoch(f"round {number}", record),
    )  # fmt: skip
    mask = MaskSingleSpikesConfig(epochs=given.tune_epochs, **common)
    tune_masked(
        network, data.tuning(), mask, given.out / "masked",
        on_epoch=lambda record: log.epoch("masked", record),
    )  # fmt: skip
    folders = {"dense": "round-00", "ticket": f"round-{given.rounds:02d}", "masked": "masked"}
    result: dict[str, Any] = {"data": data.name, **{k: str(v) for k, v in vars(given).items()}}
    for name, folder in folders.items():
        result[name] = measure(name, given.out / folder, data, given)
        log(f"{name}: {json.dumps(result[name])}")
    write_atomic(given.out / "result.json", json.dumps(result, indent=1).encode())


if __name__ == "__main__":
    main()
