"""``axbar trace``: record what a network asks of hardware."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from axbar.cli._common import (
    Config,
    Data,
    DataDir,
    Json,
    Model,
    Samples,
    Weights,
    emit_json,
    parse_config,
    say,
    verb,
)

EXAMPLE = "Example: axbar trace runs/demo/model --data fashion-mnist-small -o workload.npz"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("trace", epilog=EXAMPLE)(trace)


@verb
def trace(
    model: Model,
    data: Data,
    out: Annotated[Path, typer.Option("--out", "-o", help="The workload file to write (.npz).")],
    weights: Weights = None,
    config: Config = None,
    samples: Samples = 16,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Record layers, spikes and weights of a network once, for every hardware model."""
    import torch

    from axbar._evaluate import check_network
    from axbar.data import load_data
    from axbar.nn import load_network
    from axbar.report import workload_table
    from axbar.workload import trace as record

    dataset = load_data(data, data_dir=data_dir)
    network = load_network(model, weights=weights, **parse_config(config)).eval()
    check_network(network, dataset)
    workload = record(network, torch.from_numpy(dataset.test.balanced(samples).images()), name=model)
    workload.save(out)
    if json:
        emit_json(
            {"file": str(out), "hash": workload.hash(), "steps": workload.steps, "layers": workload.summary()}
        )
        return
    typer.echo(workload_table(workload))
    say(f"workload: {out}")
