"""``axbar show``: one thing in full: a chip, a device, a technique, a run, a workload."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from axbar.cli._common import Json, Set, emit_json, say, verb

EXAMPLE = "Example: axbar show imc-rram-65nm    axbar show rram-neurram    axbar show prune    axbar show runs/first"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("show", epilog=EXAMPLE)(show)


@verb
def show(
    what: Annotated[
        str, typer.Argument(help="Preset, YAML file, device, technique, run folder, or workload.npz.")
    ],
    set_: Set = None,
    yaml: Annotated[bool, typer.Option("--yaml", help="Print a chip as YAML, ready to edit.")] = False,
    json: Json = False,
) -> None:
    """Show a chip with every number's source, a device, a technique, a recorded run, or a workload."""
    from axbar import registry

    path = Path(what)
    if registry.canonical("devices", what) in registry.names("devices"):
        _only_chips("a device", set_, yaml)
        _device(registry.get("devices", what), json)
    elif registry.canonical("techniques", what) in registry.names("techniques"):
        _only_chips("a technique", set_, yaml)
        if (path / "run.json").exists():
            say(f"note: '{what}' is the technique; write ./{what} for the run.")
        _technique(what, json)
    elif path.suffix == ".npz":
        _only_chips("a workload", set_, yaml)
        _workload(path, json)
    elif (path / "run.json").exists() or path.name == "run.json":
        _only_chips("a run", set_, yaml)
        _run(path, json)
    else:
        _check_known(what)
        _chip(what, set_ or [], yaml, json)


def _only_chips(kind: str, changes: list[str] | None, yaml: bool) -> None:
    from axbar.errors import UsageError

    typed = " and ".join(["--set"] * bool(changes) + ["--yaml"] * yaml)
    if typed:
        raise UsageError(f"{typed} would do nothing: this is {kind} and no chip; leave it out.")


def _check_known(name: str) -> None:
    """Refuse a word that is neither a chip nor a path by the closest name of all that can be shown."""
    from axbar import registry
    from axbar.errors import UsageError, suggest, unknown_name
    from axbar.spec import preset_names

    others = [*registry.names("devices"), *registry.names("techniques")]
    known = [*preset_names(), *others]
    if (
        name not in known
        and not Path(name).exists()
        and any(f"'{o}'" in suggest(name, known) for o in others)
    ):
        raise UsageError(unknown_name("chip, device or technique", name, known, more="axbar ls"))


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


def technique_facts(name: str) -> dict[str, Any]:
    """Return what there is to know of a technique: summary, stage, settings, description with its sources, origin."""
    import inspect

    from axbar import registry
    from axbar.techniques import get_technique

    technique = get_technique(name)
    entry = next(
        e for e in registry.entries("techniques") if e.name == registry.canonical("techniques", name)
    )
    text = inspect.getdoc(inspect.getmodule(type(technique))) or inspect.getdoc(technique) or ""
    return {
        "name": technique.name,
        "summary": entry.summary or str(getattr(technique, "summary", "")) or text.partition("\n")[0],
        "stage": technique.stage,
        "settings": _settings(technique.Config),
        "description": text,
        "origin": entry.origin,
        "source": entry.target,
    }


def _technique(name: str, json: bool) -> None:
    facts = technique_facts(name)
    if json:
        emit_json(facts)
        return
    when = {"network": "once, before the chip", "chip": "on every programmed die"}[facts["stage"]]
    typer.echo(f"{facts['name']}: {facts['summary']}")
    typer.echo(f"  stage: {facts['stage']} ({when})   from: {facts['origin']} ({facts['source']})")
    typer.echo("settings:" if facts["settings"] else "settings: none")
    rows = [
        (s["name"], f"= {_said(s['default'])}", s["allowed"], s["description"]) for s in facts["settings"]
    ]
    widths = [max((len(row[k]) for row in rows), default=0) for k in range(3)]
    for row in rows:
        cells = (f"{part:<{width}}" for part, width in zip(row, [*widths, 0], strict=True))
        typer.echo(f"  {'  '.join(cells)}".rstrip())
    typer.echo(f"\n{facts['description']}")


def _settings(config: Any) -> list[dict[str, Any]]:
    """Return what a technique can be told: name, type, default, what is allowed, and what it means."""
    from axbar.spec._paths import path_info

    found: list[dict[str, Any]] = []
    for name, field in config.model_fields.items():
        info = path_info(config, name)
        default = None if field.is_required() else field.get_default(call_default_factory=True)
        allowed = "" if info is None else "true or false" if info.type == "bool" else info.allowed
        found.append(
            {
                "name": name,
                "type": "" if info is None else info.type,
                "default": default,
                "allowed": allowed,
                "low": None if info is None else info.low,
                "high": None if info is None else info.high,
                "choices": [] if info is None else list(info.choices),
                "description": field.description or "",
            }
        )
    return found


def _said(value: object) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


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
