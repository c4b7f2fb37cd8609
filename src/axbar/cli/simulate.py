"""``axbar simulate``: one layer's spikes and weights on a dual-sparse dataflow, in cycles and bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from axbar.cli._common import Json, emit_json, verb

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from axbar.cost.sparse import Counters

EXAMPLE = (
    "Example: axbar simulate layer.npz --dataflow loas --fidelity published --pes 16\n\n"
    "All:     axbar simulate layer.npz --dataflow all --json"
)

#: bits of a KiB, which published tables call a kilobyte
_KiB = 8192


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("simulate", epilog=EXAMPLE)(simulate)


@verb
def simulate(
    file: Annotated[
        Path,
        typer.Argument(help=".npz with x [T, M, K] of 0 and 1 (or [M, K]) and w [K, N], 0 where pruned."),
    ],
    dataflow: Annotated[
        str, typer.Option("--dataflow", help="loas, loas-nmtk, sparten, gospa, gamma, ptb, or all.")
    ] = "loas",
    fidelity: Annotated[
        str, typer.Option(help="published, join or pipeline: what a cycle holds.")
    ] = "pipeline",
    pes: Annotated[
        int | None, typer.Option(help="Processing elements; those of the dataflow by default.", min=1)
    ] = None,
    balance: Annotated[str, typer.Option(help="none or greedy (sparten, ptb).")] = "none",
    prefix: Annotated[
        str, typer.Option(help="fast-laggy, two-fast or two-laggy prefix sums.")
    ] = "fast-laggy",
    json: Json = False,
) -> None:
    """Simulate one layer's raw tensors on dual-sparse dataflows: cycles, operations, traffic by stream."""
    from axbar.cost.sparse import DATAFLOWS
    from axbar.cost.sparse import simulate as run
    from axbar.errors import DataError

    x, w = _operands(file)

    def one(name: str) -> Counters:
        try:
            return run(x, w, name, fidelity, pes, balance=balance, prefix=prefix)
        except DataError as error:
            raise DataError(f"'{file}': {error}") from None

    found, skipped = _all(list(DATAFLOWS), one) if dataflow == "all" else ([one(dataflow)], [])
    if json:
        results = [each.to_dict() for each in found]
        emit_json(
            {"file": str(file), "results": results, "skipped": skipped}
            if dataflow == "all"
            else {"file": str(file), **results[0]}
        )
        return
    typer.echo(_table(found))
    for note in dict.fromkeys([*skipped, *(note for each in found for note in each.notes)]):
        typer.echo(f"note: {note}")


def _all(names: list[str], one: Callable[[str], Counters]) -> tuple[list[Counters], list[str]]:
    """Return what every dataflow yields, and why those that refuse are left out; raise where all refuse."""
    from axbar.errors import UsageError

    found: list[Counters] = []
    skipped: list[str] = []
    for name in names:
        try:
            found.append(one(name))
        except UsageError as error:
            if name == names[-1] and not found:
                raise
            skipped.append(f"{name} is left out: {error}")
    return found, skipped


def _operands(file: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    import zipfile

    import numpy as np

    from axbar.errors import DataError, UsageError

    if file.is_dir():
        raise UsageError(f"'{file}' is a folder; give an .npz in it with the arrays x and w of one layer.")
    if not file.is_file():
        raise UsageError(f"there is no file '{file}'; give an .npz with the arrays x and w.")
    try:
        with file.open("rb") as stream:
            single = stream.read(6) == b"\x93NUMPY"
        if single or not zipfile.is_zipfile(file):
            what = "one array without a name (.npy)" if single else "no readable .npz file"
            raise DataError(
                f"'{file}' is {what}; an .npz with the arrays x and w is needed: save one layer with "
                "numpy.savez(path, x=spikes, w=weights)."
            )
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            missing = [name for name in ("x", "w") if name not in arrays.files]
            if missing:
                held = ", ".join(arrays.files[:6]) or "nothing"
                raise DataError(
                    f"'{file}' holds no array '{missing[0]}' (it holds {held}); save one layer with "
                    "numpy.savez(path, x=spikes, w=weights); a traced network goes to 'axbar estimate -H loas'."
                )
            return np.asarray(arrays["x"]), np.asarray(arrays["w"])
    except DataError:
        raise
    except Exception as error:  # a damaged archive fails in many ways inside zipfile, zlib and numpy
        raise DataError(f"'{file}' is no readable .npz file ({error}); save it again.") from None


def _table(found: list[Counters]) -> str:
    head = ("dataflow", "fidelity", "PEs", "cycles", "ops", "corrections", "use", "DRAM KiB", "SRAM KiB")
    rows = [
        (
            c.dataflow, c.fidelity, str(c.pes), f"{c.cycles:,}", f"{c.ops:,}", f"{c.corrections:,}",
            f"{100 * c.utilisation:.1f} %", f"{c.dram_total_bits / _KiB:,.1f}", f"{c.sram_total_bits / _KiB:,.1f}",
        )
        for c in found
    ]  # fmt: skip
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [
        "  ".join(
            text.ljust(width) if i < 2 else text.rjust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [head, *rows]
    ]
    return "\n".join(lines)
