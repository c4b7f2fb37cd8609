"""All verbs in one application. Nothing heavy is imported here: ``axbar --help`` must be instant."""

from __future__ import annotations

from typing import Annotated

import typer

from axbar.cli import (
    compare,
    demo,
    doctor,
    estimate,
    evaluate,
    explain,
    explore,
    export,
    fit_device,
    ls,
    new,
    reproduce,
    rerun,
    schema,
    show,
    simulate,
    trace,
    train,
    validate,
)

__all__ = ["app"]

app = typer.Typer(
    name="axbar",
    help="Given a network and a chip: what accuracy, energy, latency and area result, and what holds them back.",
    epilog="Start with 'axbar demo'. Every verb has --help with an example; 'axbar ls' lists what there is.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
    # The rich help renderer alone costs more than the whole start-up budget.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)
    ] = False,
) -> None:
    if version:
        from axbar import __version__

        typer.echo(f"axbar {__version__}")
        raise typer.Exit


for _verb in (
    demo,
    train,
    trace,
    evaluate,
    estimate,
    compare,
    explore,
    explain,
    simulate,
    export,
    rerun,
    reproduce,
    fit_device,
    validate,
    ls,
    show,
    new,
    schema,
    doctor,
):
    _verb.register(app)
