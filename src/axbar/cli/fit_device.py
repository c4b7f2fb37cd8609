"""``axbar fit-device``: the laws of a memory cell from measured rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from axbar.cli._common import Json, emit_json, say, verb

EXAMPLE = (
    "Example: axbar fit-device cells.csv -o my.yaml --plot fit.html\n\n"
    "Then:    axbar evaluate MODEL --data DATA --hardware my.yaml"
)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("fit-device", epilog=EXAMPLE)(fit_device)


@verb
def fit_device(
    data: Annotated[
        Path,
        typer.Argument(
            help="CSV with the columns target_S, read_S (or uS, ...), cell, and time_s; a row per read."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Hardware file to write (.yaml) with the fitted device."),
    ] = None,
    extends: Annotated[
        str, typer.Option(help="Preset or YAML file that gives the rest of the chip.")
    ] = "imc-rram-65nm",
    g_on: Annotated[
        str | None, typer.Option(help="Largest conductance, e.g. '50 uS'; else the largest target.")
    ] = None,
    g_off: Annotated[str | None, typer.Option(help="Smallest conductance; else the smallest target.")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Picture of the fit: .svg, or .html with the numbers below.")
    ] = None,
    json: Json = False,
) -> None:
    """Fit programming noise, read noise, drift and relaxation to measured cells, with 95 % intervals."""
    from axbar.devices.fit import fit_device as fit

    _check_names(out, plot)
    result = fit(data, g_on_S=_siemens(g_on, "--g-on"), g_off_S=_siemens(g_off, "--g-off"))
    # Both texts exist before the first file is written: nothing is half-done if the second can't be made.
    chip = None if out is None else result.to_yaml(_as_seen_from(extends, out), out.stem, found_at=extends)
    if plot is not None:
        from axbar.cli._fit_plot import render
        from axbar.files import write_atomic

        write_atomic(plot, render(result, page=plot.suffix == ".html"))
    if out is not None and chip is not None:
        from axbar.files import write_atomic

        write_atomic(out, chip)
    if json:
        emit_json({**result.to_dict(), "out": None if out is None else str(out)})
    else:
        typer.echo(result.summary)
    for path, what in ((out, "hardware"), (plot, "picture")):
        if path is not None:
            say(f"{what}: {path}")


def _check_names(out: Path | None, plot: Path | None) -> None:
    from axbar.errors import UsageError

    if out is not None and out.suffix not in (".yaml", ".yml"):
        raise UsageError(f"--out = '{out}' is no hardware file; end it in .yaml.")
    if plot is not None and plot.suffix not in (".svg", ".html"):
        raise UsageError(f"--plot = '{plot}' is no picture that can be drawn; end it in .svg or .html.")


def _siemens(text: str | None, option: str) -> float | None:
    from axbar.errors import UsageError
    from axbar.units import parse_quantity

    if text is None:
        return None
    try:
        return parse_quantity(text, "S")
    except ValueError as error:
        raise UsageError(f"{option}: {error}; write for example '50 uS'.") from None


def _as_seen_from(extends: str, out: Path) -> str:
    """Return a file to extend relative to the folder of the new one, as 'extends:' is read."""
    if not Path(extends).is_file():
        return extends
    import os

    return Path(os.path.relpath(extends, out.parent)).as_posix()
