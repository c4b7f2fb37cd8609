"""``axbar show``: one thing in full: a chip, a device, a run, a workload."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from axbar.cli._common import Json, Set, emit_json, verb

EXAMPLE = "Example: axbar show imc-rram-65nm        axbar show rram-neurram        axbar show runs/first"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("show", epilog=EXAMPLE)(show)


@verb
def show(
    what: Annotated[str, typer.Argument(help="Preset, YAML file, device, run folder, or workload.npz.")],
    set_: Set = None,
    yaml: Annotated[bool, typer.Option("--yaml", help="Print a chip as YAML, ready to edit.")] = False,
    json: Json = False,
) -> None:
    """Show a chip with every number's source, a device, a recorded run, or a workload."""
    from axbar import registry

    path = Path(what)
    if registry.canonical("devices", what) in registry.names("devices"):
        _device(registry.get("devices", what), json)
    elif path.suffix == ".npz":
        _workload(path, json)
    elif (path / "run.json").exists() or path.name == "run.json":
        _run(path, json)
    else:
        _chip(what, set_ or [], yaml, json)


def _chip(name: str, changes: list[str], yaml: bool, json: bool) -> None:
    from axbar.spec import load_hardware, to_yaml

    spec = load_hardware(name, changes)
    if json:
        emit_json(spec.model_dump(mode="json"))
    elif yaml:
        typer.echo(to_yaml(spec), nl=False)
    else:
        typer.echo(f"{spec.name} ({spec.kind}): {spec.description}")
        sources = {path: (found.confidence, found.source) for path, found in spec.sources.items()}
        values = spec.values()
        _values(values if values.get("device.name") == "custom" else _without_custom(values), sources)


def _device(preset: Any, json: bool) -> None:
    values = {f"custom.{key}": value for key, value in preset.spec.custom.model_dump().items()}
    values = preset.spec.model_dump(exclude={"custom"}) | (values if preset.name == "custom" else {})
    if json:
        emit_json({"name": preset.name, "summary": preset.summary, "values": values,
                   "sources": {k: v.model_dump() for k, v in preset.sources.items()}})  # fmt: skip
        return
    typer.echo(f"{preset.name}: {preset.summary}")
    _values(values, {path: (found.confidence, found.source) for path, found in preset.sources.items()})


def _without_custom(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out the laws that only the device 'custom' reads."""
    return {path: value for path, value in values.items() if not path.startswith("device.custom.")}


def _values(values: dict[str, Any], sources: dict[str, tuple[str, str]]) -> None:
    from axbar.units import format_quantity, unit_of

    for path, value in values.items():
        unit = unit_of(path)
        shown = format_quantity(value, unit) if unit and isinstance(value, int | float) else str(value)
        confidence, source = sources.get(path, ("", ""))
        typer.echo(f"  {path:<28} {shown:<12} {confidence:<8} {source}".rstrip())


def _workload(path: Path, json: bool) -> None:
    from axbar.report import workload_table
    from axbar.workload import Workload

    workload = Workload.load(path)
    if json:
        emit_json({"name": workload.name, "steps": workload.steps, "samples": workload.samples,
                   "hash": workload.hash(), "layers": workload.summary()})  # fmt: skip
    else:
        typer.echo(workload_table(workload))


def _run(path: Path, json: bool) -> None:
    from axbar._run import load_record

    record = load_record(path)
    if json:
        emit_json(record)
        return
    typer.echo(record["report"]["verdict"])
    typer.echo(f"command: {record['command']}")
    for name, value in {**record["versions"], **record["inputs"]}.items():
        typer.echo(f"  {name:<10} {value}")
