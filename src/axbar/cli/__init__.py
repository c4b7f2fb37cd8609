"""The command line: one file per verb, each a thin shell around the library."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run ``axbar``; exit codes: 0 done, 1 error, 2 usage, 3 infeasible, 130 stopped by Ctrl-C."""
    from axbar.cli._app import app

    app(prog_name="axbar")
