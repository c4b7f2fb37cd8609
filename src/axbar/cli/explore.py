"""``axbar explore``: search device, circuit, system and algorithm together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from axbar.cli._common import (
    Config,
    DataDir,
    Json,
    Seed,
    Set,
    Weights,
    check_out,
    command_line,
    emit_json,
    note_shadowed,
    parse_config,
    refuse_without,
    say,
    verb,
)

if TYPE_CHECKING:
    from axbar.search.study import Study

EXAMPLE = (
    "Example: axbar explore --space space.yaml --model runs/demo/model --data fashion-mnist-small --study runs/s\n\n"
    "By cost alone: axbar explore --space space.yaml --model vgg9 --study runs/costs\n\n"
    "Later: axbar explore --study runs/s --best edp_Js --where 'accuracy > 0.85' --export best.yaml"
)
#: what only a search takes
_OF_SEARCH = (
    "model", "data", "hardware", "set_", "weights", "config", "seed", "sampler", "workers", "scheduler", "until",
    "retry",
)  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("explore", epilog=EXAMPLE)(explore)


@verb
def explore(
    context: typer.Context,
    space: Annotated[
        str | None,
        typer.Option(
            "--space", "-s", help="YAML file of what may vary; without, what --study knows is shown."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="With --data: run folder, checkpoint, name or file.py:factory. Else workload.npz, layers.csv, shape.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data", "-d", help="Registered name, .npz, folder, or file.py:loader; without: cost only."
        ),
    ] = None,
    hardware: Annotated[
        str | None, typer.Option("--hardware", "-H", help="The chip, where the space names none.")
    ] = None,
    set_: Set = None,
    study: Annotated[
        Path | None,
        typer.Option(
            "--study", help="Folder that keeps everything; the same call again goes on where it stopped."
        ),
    ] = None,
    sampler: Annotated[
        str,
        typer.Option(
            help="auto, grid, sobol, evolve, nsga2 or tpe: who proposes points beside the survivors."
        ),
    ] = "auto",
    until: Annotated[
        str, typer.Option(help="Last rung: sweep, proxy, full or retrain.", show_default="all")
    ] = "",
    workers: Annotated[int, typer.Option(help="Local processes; 0: this one.", min=0)] = 0,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a running Dask scheduler instead, tcp://host:port.")
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Look again at designs that failed.")] = False,
    seed: Seed = 0,
    weights: Weights = None,
    config: Config = None,
    data_dir: DataDir = None,
    best: Annotated[
        str | None,
        typer.Option("--best", metavar="QUANTITY", help="Show the best design by it, e.g. edp_Js."),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where", metavar="CONDITION", help="What it must keep, e.g. 'accuracy > 0.85'. Repeats."
        ),
    ] = None,
    design: Annotated[str | None, typer.Option("--design", metavar="ID", help="Show this design.")] = None,
    export: Annotated[
        Path | None, typer.Option("--export", metavar="FILE.yaml", help="Write the chip of that design.")
    ] = None,
    json: Json = False,
) -> None:
    """Search chip and network together: price all designs, measure the promising ones, keep the Pareto front."""
    if design is not None and (best is not None or where):
        raise _usage("--design names a design, so --best and --where would do nothing; leave them out.")
    if space is None:
        if study is None:
            raise _usage("give --space FILE.yaml to search, or --study FOLDER to see what a search found.")
        refuse_without(context, _OF_SEARCH, "--space")
        from axbar.search import open_study

        found = open_study(study)
    else:
        if retry and study is None:
            raise _usage("--retry looks again at what failed in a --study; give its folder.")
        found = _searched(
            space, model, data, hardware, set_, study, sampler, until, workers, scheduler, retry, seed, weights,
            config, data_dir, json,
        )  # fmt: skip
    _shown(found, best, " and ".join(where or []), design, export, json)


def _searched(
    space: str,
    model: str | None,
    data: str | None,
    hardware: str | None,
    set_: list[str] | None,
    study: Path | None,
    sampler: str,
    until: str,
    workers: int,
    scheduler: str | None,
    retry: bool,
    seed: int,
    weights: str | None,
    config: list[str] | None,
    data_dir: str | None,
    json: bool,
) -> Study:
    from axbar.search.store.lock import check_free

    check_out(study, option="--study")
    if study is not None:
        check_free(study)
    # seconds of imports, which who must wait for another process need not spend
    from axbar.cli._explore_view import live_view
    from axbar.search import explore as search

    if model is not None and data is not None:
        note_shadowed(model)
    with _kept(study), live_view(json) as (progress, watch):
        found = search(
            space, model, data, hardware, weights=weights, config=parse_config(config), overrides=set_ or [],
            study=study, seed=seed, sampler=sampler, workers=workers, scheduler=scheduler, data_dir=data_dir,
            until=until, retry=retry, progress=progress, watch=watch, command=command_line(),
        )  # fmt: skip
    if study is not None:
        for name in ("study.html", "study.csv"):
            found.save(study / name)
    return found


@contextmanager
def _kept(study: Path | None) -> Iterator[None]:
    """Say what Ctrl-C leaves behind."""
    try:
        yield
    except KeyboardInterrupt:
        if study is not None:
            say(f"what was found out is kept in '{study}'; the same call goes on from there.")
        raise


def _usage(text: str) -> Exception:
    from axbar.errors import UsageError

    return UsageError(text)


def _shown(
    study: Study, best: str | None, where: str, design: str | None, export: Path | None, json: bool
) -> None:
    chosen = None
    if design is not None:
        chosen = study.row(design)
    elif best is not None or where or export is not None:
        chosen = study.best(best or "", where)
    if json:
        extra = {} if chosen is None else {"design": study.shown(chosen)}
        emit_json({**study.to_dict(), **extra})
    else:
        study.show()
        if chosen is not None:
            say(study.sentence(chosen))
    if export is not None and chosen is not None:
        study.export(chosen, export)
        command = study.command(chosen, str(export))
        say(f"design {chosen.id[:8]}: {export}" + (f"   check it: {command}" if command else ""))
    if study.folder is not None and not json and (study.folder / "study.html").exists():
        say(f"study: {study.folder / 'study.html'}   table: {study.folder / 'study.csv'}")
    if not study.front():
        raise typer.Exit(3)
