"""``axbar reproduce``: run a published claim again on real data and say where we stand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from axbar.cli._common import DataDir, Json, Weights, emit_json, progress_bar, say, verb

EXAMPLE = "Example: axbar reproduce timesteps --quick --out runs/timesteps"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("reproduce", epilog=EXAMPLE)(reproduce)


@verb
def reproduce(
    name: Annotated[str, typer.Argument(help="Study; see 'axbar ls reproductions'.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for results; a second call resumes.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Smaller scale, at most ten minutes.")] = False,
    full: Annotated[bool, typer.Option("--full", help="The paper's own scale; needs --data-dir.")] = False,
    data_dir: DataDir = None,
    weights: Weights = None,
    json: Json = False,
) -> None:
    """Re-run a published claim and print paper, ours, seeds, scale and the reason for the gap."""
    import inspect

    from axbar import registry
    from axbar.errors import UsageError

    if quick and full:
        raise UsageError("--quick and --full exclude each other; give one.")
    study = registry.get("reproductions", name)
    options = {} if weights is None else {"weights": weights}
    if options and "weights" not in inspect.signature(study).parameters:
        raise UsageError(f"'{name}' trains its own networks and takes no weights; leave out --weights.")
    folder = out or Path("runs") / f"reproduce-{name}"
    scale = "quick" if quick else "full" if full else "default"
    with progress_bar(json) as progress:
        result = study(folder, scale=scale, data_dir=data_dir, progress=progress, **options)
    if json:
        emit_json(result.to_dict())
    else:
        typer.echo(result.text())
        say(f"results: {folder}")
