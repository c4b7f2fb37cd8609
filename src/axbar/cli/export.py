"""``axbar export``: a run as LaTeX tables, CSV, citations, a methods section, NeuroBench metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from axbar.cli._common import Json, check_out, emit_json, say, verb

EXAMPLE = (
    "Example: axbar export runs/demo --to latex,csv,bibtex,methods,neurobench -o paper\n\n"
    "Cost:    axbar estimate vgg9 --json > vgg9.json; axbar export vgg9.json --to latex"
)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("export", epilog=EXAMPLE)(export)


@verb
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a run, or a saved 'axbar estimate --json'.")],
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="NAME,...", help="Formats, separated by commas; all by default."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Folder to write to; else RUN/export, or NAME-export beside NAME.json."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Write a run as LaTeX tables, tidy CSV, BibTeX of all sources, a methods section and NeuroBench metrics."""
    from axbar.report import export as export_run
    from axbar.report import formats, read_record

    record = read_record(run)
    beside = run.parent / "export" if run.name == "report.json" else run.with_name(f"{run.stem}-export")
    folder = out or (run / "export" if run.is_dir() else beside)
    check_out(folder)
    known = formats()
    names = list(known) if to is None else [name.strip() for name in to.split(",") if name.strip()]
    export_run(record, names, folder)
    files = {name: str(folder / known[name].file) for name in dict.fromkeys(names)}
    if json:
        emit_json({"files": files, "warnings": list(record.warnings)})
        return
    for warning in record.warnings:
        say(f"note: {warning}")
    for name, file in files.items():
        typer.echo(f"{file}: {known[name].summary}")
