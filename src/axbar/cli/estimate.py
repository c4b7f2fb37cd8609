"""``axbar estimate``: what a workload costs on a chip; needs no network, data or torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from axbar import __version__
from axbar.cli._common import (
    Config,
    Hardware,
    Json,
    Set,
    WorkloadName,
    emit_json,
    parse_config,
    say,
    verb,
)

EXAMPLE = (
    "Example: axbar estimate vgg9 --config steps=5 --hardware imc-rram-65nm --set adc.bits=5\n\n"
    "Sweep:   axbar estimate workload.npz --sweep adc.bits=3:8 --sweep crossbar.rows=32,64,128 --csv sweep.csv"
)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("estimate", epilog=EXAMPLE)(estimate)


@verb
def estimate(
    workload: WorkloadName,
    hardware: Hardware = "imc-rram-65nm",
    set_: Set = None,
    config: Config = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH=VALUES", help="a,b,c or low:high[:step]; several make a grid. Repeats."),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the sweep's totals to this file.")] = None,
    json: Json = False,
) -> None:
    """Estimate energy, latency and area of a workload on a chip, for one design point or a sweep."""
    from axbar.cost import estimate as cost
    from axbar.cost.fair import beside_twin
    from axbar.errors import UsageError
    from axbar.spec import load_hardware
    from axbar.workload import read_workload

    if csv is not None and not sweep:
        raise UsageError("--csv holds the points of a sweep; give --sweep PATH=VALUES as well.")

    asked = read_workload(workload, parse_config(config))
    spec = load_hardware(hardware, set_ or [])
    if sweep:
        _sweep(cost(asked, spec, sweep=parse_grid(sweep)), csv, json)
        return
    result = cost(asked, spec)
    twin = beside_twin(result)
    if json:
        held = result.bottlenecks().to_dict()
        chip = {"kind": spec.kind, "hash": spec.hash(), "values": spec.values()}
        emit_json({
            "axbar": __version__, "hardware": spec.name, "spec": chip, **result.to_dict(), "bottlenecks": held,
            "ann_twin": None if twin is None else twin.to_dict(),
        })  # fmt: skip
    else:
        from axbar.report import estimate_text

        typer.echo(estimate_text(result, spec, result.bottlenecks()))
        if twin is not None:
            typer.echo(twin.text())
    if not result.feasible[0]:
        say(f"does not fit: {result.reasons[0]}")
        raise typer.Exit(3)


def parse_grid(texts: list[str]) -> dict[str, Any]:
    """Turn ``["adc.bits=3:8", "crossbar.rows=32,64"]`` into columns of the full grid."""
    import numpy as np

    from axbar.errors import UsageError

    pairs = [_axis(text) for text in texts]
    axes = dict(pairs)
    if len(axes) < len(pairs):
        twice = next(path for path, _ in pairs if [p for p, _ in pairs].count(path) > 1)
        raise UsageError(f"'{twice}' is swept twice; give all its values in one --sweep.")
    grid = np.meshgrid(*axes.values(), indexing="ij")
    return {path: column.ravel() for path, column in zip(axes, grid, strict=True)}


def _axis(text: str) -> tuple[str, Any]:
    import numpy as np

    from axbar.errors import UsageError
    from axbar.units import parse_quantity, unit_of

    path, found, values = text.partition("=")
    if not found or not values:
        raise UsageError(f"'{text}' is no sweep; write PATH=a,b,c or PATH=low:high[:step].")
    if ":" not in values:
        words = values.split(",")
        try:
            return path, np.array([parse_quantity(word, unit_of(path)) for word in words])
        except ValueError:
            return path, np.array(words)
    try:
        low, high, *step = (parse_quantity(word, unit_of(path)) for word in values.split(":"))
        increment = step[0] if step else 1.0
        count = int((high - low) / increment + 1e-9) + 1
    except (ValueError, ZeroDivisionError, IndexError):
        raise UsageError(
            f"'{values}' is no range; write low:high or low:high:step, e.g. {path}=3:8."
        ) from None
    if count < 1 or len(step) > 1:
        raise UsageError(f"'{values}' holds no value; write low:high[:step] with low <= high and step > 0.")
    return path, low + increment * np.arange(count)


def _sweep(result: Any, csv: Path | None, json: bool) -> None:
    from axbar.files import write_atomic
    from axbar.report import sweep_csv, sweep_text

    first, *others = result.plan.events
    notes = [
        note for note in first.notes if all(note in other.notes for other in others)
    ]  # true of all points
    if csv is not None:
        write_atomic(csv, sweep_csv(result))
        say(f"{len(result.feasible)} points: {csv}")
    if json:
        totals = {
            q: [float(v) for v in result.total(q)] for q in ("energy_J", "latency_s", "area_m2", "leakage_W")
        }
        points = {path: [v.item() for v in column] for path, column in result.points.items()}
        emit_json({"points": points, "feasible": [bool(f) for f in result.feasible], "reasons": list(result.reasons),
                   **totals, "edp_Js": [float(v) for v in result.edp_Js], "notes": notes})  # fmt: skip
    elif csv is None:
        typer.echo("\n".join([sweep_text(result), *(f"note: {note}" for note in notes)]))
    if not result.feasible.any():
        say(f"no point fits; the first: {result.reasons[0]}")
        raise typer.Exit(3)
