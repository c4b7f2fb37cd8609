"""``axbar train``: train a registered (or the user's own) network on real images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from axbar.cli._common import (
    Config,
    Data,
    DataDir,
    Json,
    Seed,
    Weights,
    emit_json,
    parse_config,
    quiet,
    say,
    verb,
)

EXAMPLE = (
    "Example: axbar train spiking-cnn --data fashion-mnist-small --config width=32 --epochs 8 --out runs/mine\n\n"
    "Interrupted? The same command with --resume goes on from the last finished epoch."
)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("train", epilog=EXAMPLE)(train)


@verb
def train(
    model: Annotated[str, typer.Argument(help="Registered name (axbar ls models) or file.py:factory.")],
    data: Data,
    out: Annotated[Path, typer.Option("--out", "-o", help="Run folder: checkpoints and config.")],
    config: Config = None,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training images.")] = 8,
    batch_size: Annotated[int, typer.Option(min=1)] = 100,
    lr: Annotated[float, typer.Option(help="Peak learning rate.", min=0.0)] = 2e-3,
    seed: Seed = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    amp: Annotated[bool, typer.Option("--amp", help="Mixed precision.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last finished epoch in --out.")
    ] = False,
    weights: Weights = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Train a network; checkpoints are whole at any moment, and a stopped run resumes bit for bit."""
    from axbar._evaluate import check_network
    from axbar.data import load_data
    from axbar.nn import TrainConfig, accuracy, load_network
    from axbar.nn import train as fit

    dataset = load_data(data, data_dir=data_dir)
    arguments = {"input_shape": dataset.input_shape, "classes": len(dataset.classes), **parse_config(config)}
    network = load_network(model, weights=weights, **arguments)
    check_network(network, dataset)
    settings = TrainConfig(epochs=epochs, batch_size=batch_size, lr=lr, seed=seed, device=device, amp=amp)
    with training_bar(json, epochs) as progress:
        result = fit(network, dataset, settings, out_dir=out, resume=resume, progress=progress)
    test = accuracy(network, dataset.test)
    if json:
        emit_json({"model": model, "data": dataset.name, "out": str(out), "test_accuracy": test,
                   "calibration_accuracy": result.best_accuracy, "epochs": epochs, "seed": seed})  # fmt: skip
        return
    typer.echo(f"test accuracy {100 * test:.1f} % on {len(dataset.test.y)} images")
    say(f"checkpoint: {out}")


class training_bar:
    """A rich progress bar behind the ``(epoch, step, steps, loss, accuracy)`` callback of the training loop."""

    def __init__(self, json_output: bool, epochs: int) -> None:
        self.off = quiet(json_output)
        self.epochs = epochs
        self.bar: Any = None
        self.task: Any = None

    def __enter__(self) -> Any:
        if self.off:
            return None
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.bar = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"), BarColumn(),
            TextColumn("loss {task.fields[loss]:.3f}  train {task.fields[accuracy]:.1f} %"), TimeRemainingColumn(),
            console=Console(stderr=True), transient=True,
        )  # fmt: skip
        self.bar.start()
        self.task = self.bar.add_task(
            "train", total=None, epoch=1, epochs=self.epochs, loss=0.0, accuracy=0.0
        )
        return self._tell

    def _tell(self, epoch: int, step: int, steps: int, loss: float, accuracy: float) -> None:
        self.bar.update(
            self.task, total=self.epochs * steps, completed=epoch * steps + step,
            epoch=min(epoch + 1, self.epochs), loss=loss, accuracy=100 * accuracy,
        )  # fmt: skip

    def __exit__(self, *exception: object) -> None:
        if self.bar is not None:
            self.bar.stop()
