"""``axbar compare``: one network on many chips of any kind, from one trace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from axbar.cli._common import (
    Chips,
    Config,
    DataDir,
    Json,
    Samples,
    Seed,
    Set,
    Technique,
    Weights,
    check_out,
    command_line,
    emit_json,
    parse_config,
    progress_bar,
    say,
    verb,
)

EXAMPLE = (
    "Example: axbar compare runs/demo/model --data fashion-mnist-small --hardware imc-rram-65nm,sata,loas "
    "--out runs/rivals\n\n"
    "By shape: axbar compare vgg9 --hardware imc-rram-65nm,sata,loas"
)
_CHIPS = "imc-rram-65nm,sata,loas"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("compare", epilog=EXAMPLE)(compare)


@verb
def compare(
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
        str,
        typer.Option(
            "--hardware", "-H", help="Presets or YAML files, with commas between; ratios refer to the first."
        ),
    ] = _CHIPS,
    set_: Set = None,
    technique: Technique = None,
    chips: Chips = 5,
    seed: Seed = 0,
    weights: Weights = None,
    config: Config = None,
    images: Annotated[
        int | None, typer.Option(help="Balanced test images to use; default all.", min=1)
    ] = None,
    samples: Samples = 16,
    data_dir: DataDir = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for comparison.html, .json and .csv.")
    ] = None,
    json: Json = False,
) -> None:
    """Compare chips of any kind on the very same spikes: cost by component, accuracy, who wins where and why."""
    check_out(out)
    names = [name.strip() for name in hardware.split(",") if name.strip()]
    with progress_bar(json) as progress:
        if data is None:
            found = _by_shape(model, names, set_ or [], technique, config, progress)
        else:
            from axbar._compare import compare as compared

            found = compared(
                model, data, names, weights=weights, config=parse_config(config), overrides=set_ or [],
                techniques=technique or [], chips=chips, seed=seed, images=images, trace_samples=samples,
                data_dir=data_dir, progress=progress,
            )  # fmt: skip
    if out is not None:
        for form in ("html", "json", "csv"):
            found.save(out / f"comparison.{form}")
    if json:
        emit_json({"command": command_line(), **found.to_dict()})
    else:
        found.show()
        if out is not None:
            say(f"comparison: {out / 'comparison.html'}")
    if not any(bool(report.estimate.feasible[0]) for report in found.reports):
        raise typer.Exit(3)


def _by_shape(
    model: str,
    names: list[str],
    set_: list[str],
    technique: list[str] | None,
    config: list[str] | None,
    progress: Any,
) -> Any:
    from axbar import registry
    from axbar._compare import compare_workload
    from axbar.cli._workloads import read_workload
    from axbar.errors import UsageError
    from axbar.workload import shapes

    if model in registry.names("models") and model not in shapes.TABLE:
        raise UsageError(
            f"'{model}' is a network; give --data to trace it, or a shape: see 'axbar ls shapes'."
        )
    if technique:
        raise UsageError(
            "a technique changes a network, and its effect is measured on data; give --data as well."
        )
    return compare_workload(
        read_workload(model, parse_config(config)), names, overrides=set_, model=model, progress=progress
    )
