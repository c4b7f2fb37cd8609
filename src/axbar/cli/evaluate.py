"""``axbar evaluate``: accuracy and cost of one network on one chip."""

from __future__ import annotations

from typing import Annotated

import typer

from axbar.cli._common import (
    Chips,
    Config,
    Data,
    DataDir,
    Hardware,
    Images,
    Json,
    Model,
    Out,
    Samples,
    Seed,
    Set,
    Technique,
    Weights,
    check_out,
    command_line,
    note_shadowed,
    parse_config,
    progress_bar,
    show_result,
    verb,
)

Waterfall = Annotated[
    int,
    typer.Option(
        help="Test images on which the loss is attributed to the chip's effects; 0: leave out.", min=0
    ),
]

Apply = Annotated[
    int,
    typer.Option(
        help="Carry out the first N recommendations, each alone, and tell promised from obtained.", min=0
    ),
]

EXAMPLE = (
    "Example: axbar evaluate runs/demo/model --data fashion-mnist-small --hardware imc-rram-65nm "
    "--set adc.bits=5 --chips 5 --out runs/first"
)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("evaluate", epilog=EXAMPLE)(evaluate)


@verb
def evaluate(
    model: Model,
    data: Data,
    hardware: Hardware = "imc-rram-65nm",
    set_: Set = None,
    technique: Technique = None,
    chips: Chips = 5,
    seed: Seed = 0,
    weights: Weights = None,
    config: Config = None,
    images: Images = None,
    samples: Samples = 16,
    data_dir: DataDir = None,
    waterfall: Waterfall = 128,
    apply: Apply = 0,
    out: Out = None,
    json: Json = False,
) -> None:
    """Evaluate a network on a chip: accuracy on programmed dies, energy, latency, area."""
    from axbar._run import run, save_run

    check_out(out, "evaluate")
    note_shadowed(model)
    arguments = {
        "model": model, "data": data, "hardware": hardware, "weights": weights, "config": parse_config(config),
        "overrides": set_ or [], "techniques": technique or [], "chips": chips, "seed": seed, "images": images,
        "trace_samples": samples, "data_dir": data_dir, "waterfall": waterfall, "apply": apply,
    }  # fmt: skip
    with progress_bar(json) as progress:
        done = run(arguments, command_line(), progress)
    if out is not None:
        save_run(done, out)
    page = None if out is None else out / "report.html"
    show_result(done.report, bool(done.report.estimate.feasible[0]), page, json)
