"""What all verbs share: errors to exit codes, JSON on stdout, progress on stderr, common options."""

from __future__ import annotations

import functools
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import typer

from axbar.errors import AxbarError

__all__ = [
    "Chips",
    "Config",
    "Data",
    "DataDir",
    "Hardware",
    "Json",
    "Model",
    "Out",
    "Samples",
    "Seed",
    "Set",
    "Technique",
    "Weights",
    "WorkloadName",
    "check_out",
    "command_line",
    "emit_json",
    "parse_config",
    "progress_bar",
    "say",
    "verb",
]

P = ParamSpec("P")

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout; everything else goes to stderr.")
]
Hardware = Annotated[
    str,
    typer.Option("--hardware", "-H", help="Preset name or YAML file of the chip; see 'axbar ls hardware'."),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="PATH=VALUE", help="Change one quantity of the chip, e.g. adc.bits=5. Repeats."
    ),
]
Technique = Annotated[
    list[str] | None,
    typer.Option("--technique", metavar="NAME[:KEY=VALUE,...]", help="Apply a technique. Repeats, in order."),
]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="Folder for report.html, report.json and run.json.")
]
DataDir = Annotated[str | None, typer.Option("--data-dir", help="Folder of data sets; else AXBAR_DATA.")]
Seed = Annotated[int, typer.Option(help="Seed of all random draws.")]
Model = Annotated[str, typer.Argument(help="Run folder, checkpoint, registered name, or file.py:factory.")]
Data = Annotated[
    str,
    typer.Option(
        "--data", "-d", help="Registered name, .npz, folder, or file.py:loader; see 'axbar ls data'."
    ),
]
Weights = Annotated[
    str | None, typer.Option("--weights", help="Weights: .safetensors, .npz, or .pt (loaded weights-only).")
]
Config = Annotated[
    list[str] | None,
    typer.Option(
        "--config", metavar="KEY=VALUE", help="Argument of the model or shape, e.g. width=32. Repeats."
    ),
]
Samples = Annotated[int, typer.Option("--samples", help="Test images whose spikes are recorded.", min=1)]
WorkloadName = Annotated[
    str, typer.Argument(help="workload.npz, run folder, layers.csv, or a shape: vgg9, vgg16, ...")
]
Chips = Annotated[int, typer.Option(help="Dies to program, each with its own noise.", min=0)]


def verb(function: Callable[P, None]) -> Callable[P, None]:
    """Turn errors that a user can mend into one sentence on stderr and the right exit code."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except AxbarError as error:
            say(f"error: {error}")
            raise typer.Exit(error.exit_code) from None
        except ImportError as error:
            say(f"error: this verb needs a package that does not import: {error}; see 'axbar doctor'.")
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            say("stopped by Ctrl-C.")
            raise typer.Exit(130) from None
        except BrokenPipeError:
            # The reader (head, less) has gone; Python would complain once more when it closes stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except OSError as error:
            where = f" '{error.filename}'" if error.filename else ""
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            say(f"error: can't read or write{where}: {error.strerror or error}.")
            raise typer.Exit(1) from None

    return run


def say(text: str) -> None:
    """Write one line to stderr."""
    typer.echo(text, err=True)


def check_out(folder: Path | None) -> None:
    """Refuse a folder that can't be written before hours of work go into it; leave no trace."""
    if folder is None:
        return
    made = [p for p in (folder, *folder.parents) if not p.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise AxbarError(
            f"can't write to '{folder}': {error.strerror or error}; choose a folder that you may write with --out."
        ) from error
    finally:
        for path in made:
            if path.is_dir():
                path.rmdir()


def emit_json(value: Any) -> None:
    """Write one JSON object to stdout."""
    typer.echo(json.dumps(value, indent=1, allow_nan=False, default=str))


def command_line() -> str:
    """Return the command as typed, program name without its folder."""
    import shlex

    return shlex.join(["axbar", *sys.argv[1:]])


def quiet(json_output: bool) -> bool:
    """Progress is off when nobody watches: not a terminal, JSON asked for, or CI."""
    return json_output or bool(os.environ.get("CI")) or not sys.stderr.isatty()


@contextmanager
def progress_bar(json_output: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """Give a ``progress(stage, done, total)`` callback drawn as one bar per stage; None when quiet."""
    if quiet(json_output):
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)

        yield tell


def parse_config(pairs: list[str] | None) -> dict[str, Any]:
    """Read ``["width=32", "steps=4"]`` into plain values."""
    from axbar.errors import UsageError

    config: dict[str, Any] = {}
    for pair in pairs or []:
        key, found, text = pair.partition("=")
        if not found or not key:
            raise UsageError(f"'{pair}' is not KEY=VALUE; write for example width=32.")
        try:
            config[key.strip()] = json.loads(text)
        except ValueError:
            config[key.strip()] = text
    return config
