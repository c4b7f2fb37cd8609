"""``axbar new``: start from something that works: a chip file, or a package with a device, technique or kind."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from axbar.cli._common import say, verb

EXAMPLE = "Example: axbar new chip my.yaml --preset imc-rram-65nm        axbar new device my-cell"

_KINDS = ("chip", "device", "technique", "hardware")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("new", epilog=EXAMPLE)(new)


@verb
def new(
    what: Annotated[str, typer.Argument(help="chip, device, technique or hardware.")],
    name: Annotated[
        str, typer.Argument(help="File of the chip (my.yaml), or name of the device, technique or kind.")
    ],
    preset: Annotated[str, typer.Option(help="Preset a new chip starts from.")] = "imc-rram-65nm",
) -> None:
    """Write a chip file, or a small installable package with a device, a technique or a hardware kind."""
    from axbar.errors import UsageError, unknown_name

    if what not in _KINDS:
        raise UsageError(unknown_name("thing to make", what, _KINDS))
    if what == "chip":
        _chip(Path(name), preset)
    else:
        _package(what, name)


def _chip(target: Path, preset: str) -> None:
    from axbar.errors import UsageError
    from axbar.files import write_atomic
    from axbar.spec import load_hardware

    if target.exists():
        raise UsageError(f"'{target}' exists; give another name or remove it.")
    if target.suffix not in (".yaml", ".yml"):
        raise UsageError(f"'{target}' is no YAML name; write for example {target.stem}.yaml.")
    spec = load_hardware(preset)
    lines = [
        f"# A chip that starts from the preset {spec.name}; change what differs and say where it comes from.",
        f"# 'axbar show {spec.name}' lists every quantity, 'axbar ls paths' its allowed range.",
        f"extends: {spec.name}",
        f"name: {target.stem}",
        "# adc:",
        '#   bits: {value: 5, source: "own design, simulated", confidence: user}',
        "",
    ]
    write_atomic(target, "\n".join(lines))
    say(f"wrote {target}; try: axbar estimate vgg9 --hardware {target}")


def _package(what: str, name: str) -> None:
    from importlib.resources import files

    from axbar.errors import UsageError
    from axbar.files import write_atomic

    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise UsageError(
            f"'{name}' is no name: lower-case letters, digits and single hyphens, e.g. my-{what}."
        )
    folder, module = Path(name), name.replace("-", "_")
    if folder.exists():
        raise UsageError(f"'{folder}' exists; give another name or remove it.")
    names = {"name": name, "module": module, "label": "".join(part.title() for part in name.split("-"))}
    templates = files("axbar.cli") / "templates"
    group = what if what == "hardware" else f"{what}s"
    names |= {
        "group": group,
        "object": {"device": "PRESET", "technique": "TECHNIQUE", "hardware": "KIND"}[what],
    }
    made = {"pyproject.toml": "pyproject.toml.txt", f"{module}.py": f"{what}.py.txt"}
    if what == "hardware":
        made[f"{name}-default.yaml"] = "hardware.yaml.txt"
    for file, template in made.items():
        text = (templates / template).read_text(encoding="utf-8")
        for key, value in names.items():
            text = text.replace(f"@{key}@", value)
        write_atomic(folder / file, text)
    say(
        f"wrote {folder}/; try: pip install -e {folder} && axbar ls {'kinds' if what == 'hardware' else group}"
    )
