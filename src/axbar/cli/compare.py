"""``axbar compare``: one network on many chips of any kind, from one trace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from axbar.cli._common import (
    Chips,
    Config,
    DataDir,
    Images,
    Json,
    Samples,
    Seed,
    Technique,
    Weights,
    check_out,
    command_line,
    note_shadowed,
    parse_config,
    progress_bar,
    refuse_without,
    show_result,
    verb,
)

EXAMPLE = (
    "Example: axbar compare runs/demo/model --data fashion-mnist-small --hardware imc-rram-65nm,sata,loas "
    "--out runs/rivals\n\n"
    "By shape: axbar compare vgg9 --hardware imc-rram-65nm,sata,loas"
)
_CHIPS = "imc-rram-65nm,sata,loas"
#: what concerns a network and its images, of which a workload has neither
_OF_DATA = ("weights", "images", "samples", "chips", "seed", "data_dir")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("compare", epilog=EXAMPLE)(compare)


@verb
def compare(
    context: typer.Context,
    model: Annotated[
        str,
        typer.Argument(
            help="With --data: run folder, checkpoint, name or file.py:factory. Else a workload.npz, run folder, "
            "layers.csv or shape."
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            "--data", "-d", help="Registered name, .npz, folder, or file.py:loader; without: cost only."
        ),
    ] = None,
    hardware: Annotated[
        list[str] | None,
        typer.Option(
            "--hardware",
            "-H",
            metavar="NAME[,NAME...]",
            help="Presets or YAML files, with commas between or one by one; ratios refer to the first.",
            show_default=_CHIPS,
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="[NAME:]PATH=VALUE",
            help="Change one quantity of every chip that has it, or of the chip NAME alone, e.g. adc.bits=5 or "
            "sata:clock_Hz=200e6. Repeats.",
        ),
    ] = None,
    technique: Technique = None,
    chips: Chips = 5,
    seed: Seed = 0,
    weights: Weights = None,
    config: Config = None,
    images: Images = None,
    samples: Samples = 16,
    data_dir: DataDir = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for comparison.html, .json, .csv and run.json.")
    ] = None,
    json: Json = False,
) -> None:
    """Compare chips of any kind on the very same spikes: cost by component, accuracy, who wins where and why."""
    from axbar._run import run_comparison, save_comparison

    if data is None:
        refuse_without(context, _OF_DATA, "--data")
    else:
        note_shadowed(model)
    check_out(out, "compare")
    names = [name.strip() for name in ",".join(hardware or [_CHIPS]).split(",") if name.strip()]
    arguments = {
        "model": model, "data": data, "hardware": names, "weights": weights, "config": parse_config(config),
        "overrides": set_ or [], "techniques": technique or [], "chips": chips, "seed": seed, "images": images,
        "trace_samples": samples, "data_dir": data_dir,
    }  # fmt: skip
    command = command_line()
    with progress_bar(json) as progress:
        done = run_comparison(arguments, command, progress)
    if out is not None:
        save_comparison(done, out)
    page = None if out is None else out / "comparison.html"
    fits = any(bool(report.estimate.feasible[0]) for report in done.comparison.reports)
    show_result(done.comparison, fits, page, json, command=command)
