"""The command line: one file per verb, each a thin shell around the library."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run ``axbar``; exit codes: 0 done, 1 error, 2 usage, 3 infeasible, 130 stopped by Ctrl-C."""
    import os

    # Waiting OpenMP threads spin by default: beside any other program an epoch takes ten times as long. It is read
    # when torch is first imported.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    from axbar.cli._app import app

    app(prog_name="axbar")
