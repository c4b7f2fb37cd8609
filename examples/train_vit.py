"""Train a small vision transformer, and write its weights in 16 bits.

    python examples/train_vit.py --data cifar-10 --data-dir DATA --out runs/vit-tiny

Stopped at any moment, the same command goes on from the last finished epoch and ends with the same bits. ``OUT/run`` is
the run folder with all weights in 32 bits; ``OUT/half`` one with those of the last epoch in 16 bits, which
``axbar evaluate OUT/half --data cifar-10`` and ``load_network`` read as they are; ``OUT/result.json`` holds the
figures, ``OUT/progress.log`` one line per epoch.

Fashion-MNIST: ``--data fashion-mnist --patch 7`` (17 tokens an image instead of 65: about four times as fast).
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
from axbar.nn import EpochRecord, TrainConfig, accuracy, build_model, load_network, save_checkpoint, train


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="cifar-10")
    parser.add_argument("--data-dir")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--depth", type=int, default=6)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--patch", type=int, default=4)
    parser.add_argument("--drop-path", type=float, default=0.1, help="stochastic depth")
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--warmup", type=float, default=5.0, help="epochs until the peak rate, at most half")
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--shift", type=int, default=4, help="largest shift of an image, in pixels")
    parser.add_argument("--images", type=int, help="training images used; all unless given")
    parser.add_argument("--test-images", type=int, help="test images used; all unless given")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--amp", action="store_true", help="bfloat16 in matrix products")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


class Log:
    """One line per epoch, on the terminal and in a file; a line per hundred steps on the terminal."""

    def __init__(self, file: Path) -> None:
        self.file, self.start = file, time.perf_counter()

    def __call__(self, words: str, keep: bool = True) -> None:
        line = f"{(time.perf_counter() - self.start) / 60:7.1f} min  {words}"
        print(line, flush=True)
        if keep:
            with self.file.open("a", encoding="utf-8") as opened:
                opened.write(line + "\n")

    def step(self, epoch: int, step: int, steps: int, loss: float, right: float) -> None:
        if step % 100 == 0:
            self(f"epoch {epoch + 1}, step {step} of {steps}: loss {loss:.3f}, train {right:.1%}", keep=False)

    def epoch(self, record: EpochRecord) -> None:
        self(
            f"epoch {record.epoch + 1} done: loss {record.loss:.3f}, train {record.train_accuracy:.1%}, "
            f"calibration {record.calibration_accuracy:.1%}"
        )


def fresh(data: Dataset, given: argparse.Namespace) -> torch.nn.Module:
    """Return the network, with the mean and spread of the training images inside."""
    pixels = data.train.images(slice(0, 5000))
    mean, std = pixels.mean((0, 2, 3)), pixels.std((0, 2, 3))
    return build_model(
        "vit-tiny", width=given.width, depth=given.depth, heads=given.heads, patch=given.patch,
        drop_path=given.drop_path, input_shape=data.input_shape, classes=len(data.classes), seed=given.seed,
        mean=[round(float(n), 4) for n in mean], std=[round(float(n), 4) for n in std],
    )  # fmt: skip


def settings(given: argparse.Namespace) -> TrainConfig:
    """Return how transformers are trained from random weights: long warm-up, strong decay, tight clipping."""
    return TrainConfig(
        epochs=given.epochs, batch_size=given.batch, lr=given.lr, warmup_epochs=min(given.warmup, given.epochs / 2),
        weight_decay=0.05, label_smoothing=0.1, grad_clip=1.0, augment="shift-flip", shift_px=given.shift,
        amp=given.amp, device=given.device, seed=given.seed,
    )  # fmt: skip


def main() -> None:
    given = arguments()
    given.out.mkdir(parents=True, exist_ok=True)
    log = Log(given.out / "progress.log")
    data = axbar.load_data(given.data, data_dir=given.data_dir).subset(
        train=given.images, test=given.test_images
    )
    network = fresh(data, given)
    size = sum(p.numel() for p in network.parameters())
    log(f"start: {size} parameters, {len(data.train)} images of '{data.name}', {given.epochs} epochs")
    done = train(
        network, data, settings(given), given.out / "run", resume=True, progress=log.step, on_epoch=log.epoch
    )
    test = accuracy(network, data.test)
    file = save_checkpoint(given.out / "half", network.half())
    result: dict[str, Any] = {
        key: v for key, v in vars(given).items() if key not in ("out", "data_dir", "device")
    }
    result |= {
        "parameters": size,
        "calibration_accuracy": done.history[-1].calibration_accuracy,
        "test_accuracy": test,
        "test_accuracy_16_bits": accuracy(load_network(given.out / "half"), data.test),
        "bytes_16_bits": file.stat().st_size,
    }
    log(json.dumps(result))
    write_atomic(given.out / "result.json", json.dumps(result, indent=1).encode())


if __name__ == "__main__":
    main()
