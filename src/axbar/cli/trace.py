"""``axbar trace``: record what a network asks of hardware."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    note_shadowed,
    parse_config,
    say,
    verb,
)

if TYPE_CHECKING:
    from axbar.workload import GradTrace

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
    training: Annotated[
        bool,
        typer.Option(
            "--training",
            help="Also record where the gradients of one training step are not zero (cross entropy of the "
            "mean logits over time).",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Record layers, spikes and weights of a network once, for every hardware model."""
    import torch

    from axbar._evaluate import check_network
    from axbar.cost._noted import neuron_notes
    from axbar.data import load_data
    from axbar.nn import load_network
    from axbar.report import workload_table
    from axbar.workload import trace as record

    note_shadowed(model)
    dataset = load_data(data, data_dir=data_dir)
    network = load_network(model, weights=weights, **parse_config(config)).eval()
    check_network(network, dataset)
    split = dataset.test.balanced(samples)
    labels = split.labels() if training else None
    workload = record(network, torch.from_numpy(split.images()), name=model, labels=labels)
    workload.save(out)
    for note in neuron_notes(workload):
        say(f"note: {note}")
    if json:
        emit_json(
            {"file": str(out), "hash": workload.hash(), "steps": workload.steps, "layers": workload.summary()}
        )
        return
    typer.echo(workload_table(workload))
    for line in _gradients(workload.grad or {}):
        typer.echo(line)
    say(f"workload: {out}")


def _gradients(grad: Mapping[str, GradTrace]) -> Iterator[str]:
    """Yield one line per layer of a traced training step."""
    from axbar.workload import df_rate, du_rate

    if grad:
        yield "not zero in one training step, mean over steps: gradients at the layer's output (du), surrogate"
        yield "derivatives of the neurons behind it (df)"
    for name, masks in grad.items():
        slopes = df_rate(masks)
        behind = "no neurons" if slopes is None else f"df {slopes.mean():6.1%}  ({masks.neuron})"
        yield f"  {name:<20} du {du_rate(masks).mean():6.1%}   {behind}"
    if grad:
        yield ""
