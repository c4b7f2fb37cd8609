"""What all verbs share: errors to exit codes, JSON on stdout, progress on stderr, common options."""

from __future__ import annotations

import functools
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, ParamSpec, Protocol

import typer

from axbar.errors import AxbarError, UsageError

__all__ = [
    "Chips",
    "Config",
    "Data",
    "DataDir",
    "Hardware",
    "Images",
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
    "note_shadowed",
    "parse_config",
    "progress_bar",
    "refuse_without",
    "say",
    "show_result",
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
Images = Annotated[
    int | None, typer.Option("--images", help="Balanced test images to use; default all.", min=1)
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


def refuse_without(context: typer.Context, names: Sequence[str], needed: str) -> None:
    """Refuse options that were typed but do nothing without another one.

    Args:
        context: of the call.
        names: parameters of the verb.
        needed: the option that is missing, and what for, e.g. ``--data``.

    Raises:
        UsageError: naming each of them as typed.
    """
    typed = [f"--{n.replace('_', '-')}" for n in names if _was_typed(context, n)]
    if typed:
        it = "it" if len(typed) == 1 else "them"
        raise UsageError(
            f"{', '.join(typed)} would do nothing here: give {needed} as well, or leave {it} out."
        )


def _was_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def note_shadowed(model: str) -> None:
    """Say that a run folder of the name of a registered network is not what is taken."""
    from axbar import registry

    if model in registry.names("models") and (Path(model) / "config.json").is_file():
        say(f"note: '{model}' is the registered network; write ./{model} for the folder.")


def check_out(folder: Path | None, verb: str = "", option: str = "--out") -> None:
    """Refuse a folder that can't be written before hours of work go into it; leave no trace.

    A run that will be replaced is named on stderr while it can still be saved.

    Args:
        verb: whose ``run.json`` will lie there; one of another verb is not written over.
        option: with which the folder was given.
    """
    if folder is None:
        return
    there, command = _recorded(folder / "run.json") if verb else (None, "")
    if there not in (None, verb):
        raise UsageError(
            f"'{folder}' holds the record of 'axbar {there}', which this would write over; choose another folder "
            f"with {option}."
        )
    made = [p for p in (folder, *folder.parents) if not p.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise AxbarError(
            f"can't write to '{folder}': {error.strerror or error}; choose a folder that you may write with {option}."
        ) from error
    finally:
        for path in made:
            if path.is_dir():
                path.rmdir()
    if there is not None:
        say(f"'{folder}' holds a run already, which this one replaces when it is done: {command}")


def _recorded(file: Path) -> tuple[str | None, str]:
    """Return verb and command of a run record; no verb where there is none that can be read."""
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        return record.get("verb", "evaluate"), str(record.get("command", "of an unknown command"))
    except (OSError, ValueError, AttributeError):
        return None, ""


class Result(Protocol):
    """A report or a comparison."""

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as plain JSON values."""
        ...

    def show(self) -> None:
        """Write the tables to the terminal."""
        ...


def show_result(result: Result, fits: bool, page: Path | None, json_output: bool, **first: Any) -> None:
    """Write a result as JSON (behind ``first``) or as tables, and say where its page lies; exit 3 if nothing fits."""
    if json_output:
        emit_json({**first, **result.to_dict()})
    else:
        result.show()
        if page is not None:
            say(f"{page.stem}: {page}   again: axbar rerun {page.parent}")
    if not fits:
        raise typer.Exit(3)


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

    stage = TextColumn("{task.description:<12}", markup=False)  # which would read emoji codes, too
    columns = (stage, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)

        yield tell


def parse_config(pairs: list[str] | None) -> dict[str, Any]:
    """Read ``["width=32", "steps=4"]`` into plain values."""
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
