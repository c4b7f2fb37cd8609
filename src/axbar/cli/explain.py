"""``axbar explain``: one figure of an estimate, down to formula, counts, constants and sources."""

from __future__ import annotations

from typing import Annotated

import typer

from axbar.cli._common import (
    Config,
    Hardware,
    Json,
    Set,
    emit_json,
    parse_config,
    verb,
)

EXAMPLE = "Example: axbar explain adc.energy --workload vgg9 --hardware imc-rram-65nm"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("explain", epilog=EXAMPLE)(explain)


@verb
def explain(
    query: Annotated[
        str,
        typer.Argument(help="component.quantity, e.g. adc.energy, or a component, e.g. adc; '' lists them."),
    ] = "",
    workload: Annotated[
        str, typer.Option("--workload", "-w", help="workload.npz, run folder, .csv or a shape.")
    ] = "vgg9",
    hardware: Hardware = "imc-rram-65nm",
    set_: Set = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Explain one figure: formula, counts per layer, constants with their sources."""
    from axbar.cost import estimate
    from axbar.spec import load_hardware
    from axbar.workload import read_workload

    asked, spec = read_workload(workload, parse_config(config)), load_hardware(hardware, set_ or [])
    result = estimate(asked, spec)
    explanation = result.explain(query)
    if json:
        emit_json(explanation.to_dict())
    else:
        typer.echo(f"{asked.name}, T = {asked.steps}, on {spec.name}\n")
        typer.echo(explanation.text())
