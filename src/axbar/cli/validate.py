"""``axbar validate``: the model of a chip against measurements of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from axbar.cli._common import Json, emit_json, say, verb

# One line of an 80-column terminal, so that it can be copied whole.
EXAMPLE = "Example: cd examples && axbar validate macro-chip.yaml -m macro-measured.csv"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("validate", epilog=EXAMPLE)(validate)


@verb
def validate(
    chip: Annotated[
        Path, typer.Argument(help="YAML file of one macro (kind: macro) or of a chip (kind: imc).")
    ],
    measured: Annotated[
        Path,
        typer.Option(
            "--measured",
            "-m",
            help="CSV, a row per operating point: conditions such as vdd_V; energy_per_op_J or tops_per_W; if "
            "measured area_m2 or tops_per_mm2, array_energy_J, adc_energy_J, ...; use: calibrate or test.",
        ),
    ],
    json: Json = False,
) -> None:
    """Compare the model with measured energy and area, by component and in total, and calibrate it."""
    from axbar.cost.macro import load_macro, read_measured
    from axbar.cost.macro import validate as compare

    result = compare(load_macro(chip), read_measured(measured))
    if json:
        emit_json(result.to_dict())
    else:
        typer.echo(result.text())
    for doubt in result.doubts:
        say(f"note: {doubt}")
