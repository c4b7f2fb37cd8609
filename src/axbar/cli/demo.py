"""``axbar demo``: from real images to a chip report in one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from axbar.cli._common import (
    Chips,
    Hardware,
    Json,
    Seed,
    check_out,
    command_line,
    progress_bar,
    quiet,
    say,
    show_result,
    verb,
)
from axbar.cli.evaluate import Waterfall
from axbar.cli.train import training_bar

EXAMPLE = "Example: axbar demo --out runs/demo        then: axbar explain adc.energy -w runs/demo"

DATA = "fashion-mnist-small"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("demo", epilog=EXAMPLE)(demo)


@verb
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the network and the report.")] = Path(
        "runs/demo"
    ),
    hardware: Hardware = "imc-rram-65nm",
    chips: Chips = 3,
    seed: Seed = 0,
    waterfall: Waterfall = 128,
    json: Json = False,
) -> None:
    """Train a spiking network on real images, program it onto a chip, and report what results.

    The network is kept in the folder: a second call only evaluates.
    """
    from axbar._run import run, save_run

    check_out(out, "evaluate")
    _train(out / "model", seed, json)
    arguments = {
        "model": str(out / "model"), "data": DATA, "hardware": hardware, "weights": None, "config": {}, "overrides": [],
        "techniques": [], "chips": chips, "seed": seed, "images": None, "trace_samples": 16, "data_dir": None,
        "waterfall": waterfall,
    }  # fmt: skip
    if not json:
        say(f"programming {chips} dies of {hardware} ...")
    with progress_bar(json) as progress:
        done = run(arguments, command_line(), progress)
    save_run(done, out)
    show_result(done.report, bool(done.report.estimate.feasible[0]), out / "report.html", json)


def _train(folder: Path, seed: int, json: bool) -> None:
    """Train by the shipped recipe, or take up what an earlier call left."""
    from dataclasses import replace

    from axbar.data import load_data
    from axbar.nn import build_model, demo_recipe, train

    dataset = load_data(DATA)
    name, config, recipe = demo_recipe()
    recipe = replace(recipe, seed=seed)
    network: Any = build_model(name, **{**config, "seed": seed})
    if quiet(json):
        say(
            f"training {name} on {len(dataset.train.y)} images of {dataset.name} for {recipe.epochs} epochs ..."
        )
    with training_bar(json, recipe.epochs) as progress:
        train(network, dataset, recipe, out_dir=folder, resume=True, progress=progress)
