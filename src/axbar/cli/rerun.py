"""``axbar rerun``: run a recorded evaluation or comparison again and compare every figure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from axbar.cli._common import Json, emit_json, progress_bar, say, verb

EXAMPLE = "Example: axbar rerun runs/first/run.json"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("rerun", epilog=EXAMPLE)(rerun)


@verb
def rerun(
    record: Annotated[Path, typer.Argument(help="A run.json, or the folder that holds one.")],
    json: Json = False,
) -> None:
    """Run a recorded evaluation or comparison again; the same bits, or the input that changed."""
    from axbar._run import rerun as again

    with progress_bar(json) as progress:
        result, found = again(record, progress)
    if json:
        emit_json(
            {"same": not found, "differences": {k: list(v) for k, v in found.items()}, **result.to_dict()}
        )
    elif not found:
        typer.echo(f"same figures, bit for bit: {result.verdict}")
    else:
        say("the inputs are the recorded ones, but figures differ:")
        for path, (then, now) in list(found.items())[:20]:
            say(f"  {path}: {then} then, {now} now")
    if found:
        raise typer.Exit(1)
