"""``axbar train``: train a registered (or the user's own) network on real images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from axbar.cli._common import (
    Config,
    Data,
    DataDir,
    Hardware,
    Json,
    Seed,
    Technique,
    Weights,
    emit_json,
    note_shadowed,
    parse_config,
    quiet,
    say,
    verb,
)
from axbar.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axbar.techniques._plan import Plan

EXAMPLE = (
    "Example: axbar train spiking-cnn --data fashion-mnist-small --config width=32 --epochs 8 --out runs/mine\n\n"
    "Cheaper: axbar train runs/mine --data fashion-mnist-small --epochs 0 --technique prune:sparsity=0.9 "
    "--technique mint:bits=4 --out runs/small\n\n"
    "Interrupted? The same command with --resume goes on from the last finished epoch or technique."
)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("train", epilog=EXAMPLE)(train)


@verb
def train(
    model: Annotated[
        str, typer.Argument(help="Registered name (axbar ls models), file.py:factory, or a run folder.")
    ],
    data: Data,
    out: Annotated[Path, typer.Option("--out", "-o", help="Run folder: checkpoints and config.")],
    config: Config = None,
    technique: Technique = None,
    hardware: Hardware = "imc-rram-65nm",
    epochs: Annotated[
        int, typer.Option(min=0, help="Passes over the training images before techniques.")
    ] = 8,
    batch_size: Annotated[int, typer.Option(min=1)] = 100,
    lr: Annotated[float, typer.Option(help="Peak learning rate.", min=0.0)] = 2e-3,
    loss: Annotated[
        str, typer.Option(help="mean: of the logits' mean over time; tet: of every step, for early exit.")
    ] = "mean",
    augment: Annotated[str, typer.Option(help="none, shift, flip or shift-flip.")] = "none",
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
    import torch

    from axbar._evaluate import check_network
    from axbar.data import load_data, network_facts
    from axbar.nn import TrainConfig, accuracy, load_network, save_checkpoint
    from axbar.nn import train as fit
    from axbar.spec import load_hardware
    from axbar.techniques import check_network as check_served
    from axbar.techniques import noted, parse_plan, run_chain
    from axbar.usercode import is_reference

    note_shadowed(model)
    dataset = load_data(data, data_dir=data_dir)
    facts = network_facts(dataset)
    if is_reference(model):
        facts.pop("steps", None)  # a factory of the user's own finds them in input_shape
    arguments = {**facts, **parse_config(config)}
    network = load_network(model, weights=weights, **arguments)
    check_network(network, dataset)
    plan = parse_plan(technique or (), noted(network))
    if not epochs and not plan:
        raise UsageError("--epochs 0 trains nothing; give at least 1, or a --technique.")
    _check_folders(_sources(model, weights), out, plan, epochs, resume)
    check_served(plan, network, torch.from_numpy(dataset.train.images(slice(0, 1))))
    _note_random(network, model, weights, epochs)
    spec = load_hardware(hardware) if plan else None
    if epochs:
        asked = {
            "epochs": epochs,
            "batch_size": batch_size,
            "lr": lr,
            "seed": seed,
            "device": device,
            "amp": amp,
        }
        settings = TrainConfig.from_dict({**asked, "loss": loss, "augment": augment})
        with training_bar(json, epochs) as progress:
            fit(
                network, dataset, settings, out / "0-float" if plan else out, resume=resume, progress=progress
            )
    rows = [("trained" if epochs else "as given", accuracy(network, dataset.test), {})]
    for made, link in run_chain(network, plan, spec, dataset.tuning(), out, resume=resume, on_start=_tell):
        rows.append((link.name, accuracy(made, dataset.test), dict(link.cost)))
        if len(rows) > len(plan):
            save_checkpoint(out, made)
    _report(model, dataset, out, rows, {"epochs": epochs, "seed": seed}, json)


def _sources(model: str, weights: str | None) -> Iterator[Path]:
    """Yield the run folders that the network and its weights are read from."""
    from axbar import registry

    if model not in registry.names("models") and (Path(model).is_dir() or model.endswith(".safetensors")):
        yield Path(model) if Path(model).is_dir() else Path(model).parent
    if weights is not None and Path(weights).is_dir():
        yield Path(weights)
    elif weights is not None and Path(weights).name in ("best.safetensors", "last.safetensors"):
        yield Path(weights).parent


def _check_folders(sources: Iterator[Path], out: Path, plan: Plan, epochs: int, resume: bool) -> None:
    """Refuse folders that hold what this call would write over, before any work.

    A training without techniques looks at its folder itself.

    Raises:
        UsageError: a folder to write to is one to read from, or holds a run that can't be gone on with.
    """
    links = [out / f"{number}-{technique.name}" for number, (technique, _) in enumerate(plan, 1)]
    written = [out, *([out / "0-float"] if plan and epochs else []), *links]
    for source in sources:
        if source.resolve() in [place.resolve() for place in written]:
            raise UsageError(
                f"'{source}' is the run to start from, and --out {out} would write over it; give another folder."
            )
    if not plan or not (out / "last.safetensors").exists():
        return
    if not (links[0] / "technique.json").exists():
        raise UsageError(
            f"'{out}' already holds a run, which did not begin with '{plan[0][0].name}' and would be written over; "
            "give another folder."
        )
    if not resume:
        raise UsageError(f"'{out}' already holds a run; resume it (--resume), or give another folder.")


def _note_random(network: Any, model: str, weights: str | None, epochs: int) -> None:
    from axbar import registry
    from axbar.nn import is_untrained

    named = weights is None and model in registry.names("models")
    if named and not epochs and is_untrained(network):
        say(
            f"note: the weights of '{model}' are random: no epoch trains them and --weights gives none; techniques "
            "start from those."
        )


def _tell(name: str, number: int, total: int) -> None:
    say(f"technique {number} of {total}: {name}")


def _report(
    model: str,
    dataset: Any,
    out: Path,
    rows: list[tuple[str, float, dict[str, Any]]],
    facts: dict[str, Any],
    json: bool,
) -> None:
    from axbar.report import accuracy_interval, technique_cost

    if json:
        steps = [{"name": name, "test_accuracy": test, "cost": cost} for name, test, cost in rows]
        emit_json({"model": model, "data": dataset.name, "out": str(out), "test_accuracy": rows[-1][1],
                   **facts, "steps": steps, "notes": list(dataset.notes)})  # fmt: skip
        return
    for name, test, cost in rows:
        shown = f"{name}: " if len(rows) > 1 else ""
        typer.echo(f"{shown}test accuracy {accuracy_interval(test, len(dataset.test))}")
        if cost:
            typer.echo(f"  {technique_cost({'cost': cost})}")
    for note in dataset.notes:
        typer.echo(f"note: {note}")
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
