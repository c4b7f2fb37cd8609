"""``axbar ls``: what there is."""

from __future__ import annotations

from typing import Annotated

import typer

from axbar.cli._common import Json, emit_json, verb

EXAMPLE = "Example: axbar ls devices        axbar ls paths"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("ls", epilog=EXAMPLE)(ls)


@verb
def ls(
    what: Annotated[
        str | None,
        typer.Argument(
            help="hardware, kinds, devices, techniques, models, data, shapes, reproductions, renderers, paths."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """List presets, devices, techniques, models, data sets, reproductions, and the paths of a spec."""
    from axbar.errors import UsageError, unknown_name

    if what is not None and what not in LISTS:
        raise UsageError(unknown_name("list", what, LISTS))
    found = {name: LISTS[name]() for name in ([what] if what else [n for n in LISTS if n != "paths"])}
    if json:
        emit_json(found)
        return
    for name, rows in found.items():
        typer.echo(f"{name}:")
        width = max((len(row[0]) for row in rows), default=0)
        for row in rows:
            typer.echo(f"  {row[0]:<{width}}  {row[1]}".rstrip())
        if not rows:
            typer.echo("  (none)")


Rows = list[tuple[str, str]]


def _registered(group: str) -> Rows:
    from axbar import registry

    rows: Rows = []
    for entry in registry.entries(group):
        summary = entry.summary or _summary(group, entry.name)
        rows.append(
            (entry.name, summary if entry.origin == "axbar" else f"{summary} [{entry.origin}]".strip())
        )
    return rows


def _summary(group: str, name: str) -> str:
    """One line of a third party's object: its ``summary``, else the first line of its docstring."""
    from axbar import registry

    found = registry.get(group, name)
    text = getattr(found, "summary", None) or (getattr(found, "__doc__", None) or "").strip()
    return str(text).splitlines()[0] if text else ""


def _presets() -> Rows:
    from axbar.spec import preset_names, preset_summary

    return [(name, preset_summary(name)) for name in preset_names()]


def _data() -> Rows:
    from axbar.data import data_names

    return list(data_names().items())


def _shapes() -> Rows:
    from axbar.workload import shapes

    return [(name, (f.__doc__ or "").strip().splitlines()[0]) for name, f in sorted(shapes.TABLE.items())]


def _paths() -> Rows:
    from axbar import registry
    from axbar.spec import path_table

    rows: Rows = []
    for kind in registry.names("hardware"):
        for path, info in path_table(registry.get("hardware", kind).Spec).items():
            allowed = ", ".join(map(str, info.choices)) if info.choices else f"{info.low} .. {info.high}"
            rows.append((path, f"[{kind}] {info.unit or info.type}  {allowed}  {info.description}".rstrip()))
    return rows


LISTS = {
    "hardware": _presets,
    "kinds": lambda: _registered("hardware"),
    "devices": lambda: _registered("devices"),
    "techniques": lambda: _registered("techniques"),
    "models": lambda: _registered("models"),
    "data": _data,
    "shapes": _shapes,
    "reproductions": lambda: _registered("reproductions"),
    "renderers": lambda: _registered("renderers"),
    "paths": _paths,
}
