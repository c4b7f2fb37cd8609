"""``axbar trace``: record what a network asks of hardware."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from axbar.cli._common import DataDir, Json, emit_json, parse_config, say, verb

EXAMPLE = "Example: axbar trace runs/demo/model --data fashion-mnist-small -o workload.npz"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("trace", epilog=EXAMPLE)(trace)


@verb
def trace(
    model: Annotated[str, typer.Argument(help="Run folder, checkpoint, registered name, or file.py:factory.")],
    data: Annotated[str, typer.Option("--data", "-d", help="Registered name, .npz, folder, or file.py:loader.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The workload file to write (.npz).")],
    weights: Annotated[str | None, typer.Option(help="Weights: .safetensors, .npz, or .pt (loaded weights-only).")] = None,
    config: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="Argument of the model. Repeats.")] = None,
    samples: Annotated[int, typer.Option(help="Test images to record.", min=1)] = 16,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Record layers, spikes and weights of a network once, for every hardware model."""
    import torch

    from axbar.data import check_fits, load_data
    from axbar.nn import load_network
    from axbar.report import workload_table
    from axbar.workload import trace as record

    dataset = load_data(data, data_dir=data_dir)
    network = load_network(model, weights=weights, **parse_config(config)).eval()
    if getattr(network, "input_shape", None) is not None:
        check_fits(dataset, tuple(network.input_shape), getattr(network, "classes", None))
    workload = record(network, torch.from_numpy(dataset.test.images(slice(0, samples))), name=model)
    workload.save(out)
    if json:
        emit_json({"file": str(out), "hash": workload.hash(), "steps": workload.steps, "layers": workload.summary()})
        return
    typer.echo(workload_table(workload))
    say(f"workload: {out}")
