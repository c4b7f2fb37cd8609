"""``axbar evaluate``: accuracy and cost of one network on one chip."""

from __future__ import annotations

from typing import Annotated

import typer

from axbar.cli._common import (
    Chips,
    DataDir,
    Hardware,
    Json,
    Out,
    Seed,
    Set,
    Technique,
    command_line,
    emit_json,
    parse_config,
    progress_bar,
    say,
    verb,
)

EXAMPLE = (
    "Example: axbar evaluate runs/demo/model --data fashion-mnist-small --hardware imc-rram-65nm "
    "--set adc.bits=5 --chips 5 --out runs/first"
)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("evaluate", epilog=EXAMPLE)(evaluate)


@verb
def evaluate(
    model: Annotated[str, typer.Argument(help="Run folder, checkpoint, registered name, or file.py:factory.")],
    data: Annotated[str, typer.Option("--data", "-d", help="Registered name, .npz, folder, or file.py:loader.")],
    hardware: Hardware = "imc-rram-65nm",
    set_: Set = None,
    technique: Technique = None,
    chips: Chips = 5,
    seed: Seed = 0,
    weights: Annotated[str | None, typer.Option(help="Weights: .safetensors, .npz, or .pt (loaded weights-only).")] = None,
    config: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="Argument of the model. Repeats.")] = None,
    images: Annotated[int | None, typer.Option(help="Balanced test images to use; default all.", min=1)] = None,
    samples: Annotated[int, typer.Option(help="Test images whose spikes are recorded for the cost.", min=1)] = 16,
    data_dir: DataDir = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Evaluate a network on a chip: accuracy on programmed dies, energy, latency, area."""
    from axbar._run import run, save_run

    arguments = {
        "model": model, "data": data, "hardware": hardware, "weights": weights, "config": parse_config(config),
        "overrides": set_ or [], "techniques": technique or [], "chips": chips, "seed": seed, "images": images,
        "trace_samples": samples, "data_dir": data_dir,
    }  # fmt: skip
    with progress_bar(json) as progress:
        done = run(arguments, command_line(), progress)
    if out is not None:
        save_run(done, out)
    if json:
        emit_json(done.report.to_dict())
    else:
        done.report.show()
        if out is not None:
            say(f"report: {out / 'report.html'}")
    if not done.report.estimate.feasible[0]:
        raise typer.Exit(3)
