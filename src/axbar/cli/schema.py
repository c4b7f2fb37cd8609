"""``axbar schema``: the JSON Schema of a hardware kind, for editors and checks."""

from __future__ import annotations

from typing import Annotated

import typer

from axbar.cli._common import emit_json, verb

EXAMPLE = "Example: axbar schema imc > imc.schema.json"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("schema", epilog=EXAMPLE)(schema)


@verb
def schema(kind: Annotated[str, typer.Argument(help="Hardware kind; see 'axbar ls kinds'.")] = "imc") -> None:
    """Print the JSON Schema of a hardware kind."""
    from axbar.spec import json_schema

    emit_json(json_schema(kind))
