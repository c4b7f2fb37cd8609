"""A draw that asks for no more networks than can be made: each of them costs a training, a technique or a trace.

Of more variants than that, those of a Sobol sequence through the parameters on which the variant depends are taken,
in the order in which they come, and each is a piece of the draw with an equal part of the points.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from axbar.search.space.domains import Choices
from axbar.search.space.grid import Grid
from axbar.search.space.parts import Columns, Parameter
from axbar.search.sweep.codes import alike, columns_of
from axbar.search.sweep.draws import Draw, Piece, sobol

__all__ = ["drawn"]

#: settings of networks that are listed at most
_MOST_LISTED = 100_000


def drawn(
    parameters: Sequence[Parameter], network: Iterable[str], points: int, variants: int, seed: int
) -> tuple[Draw, tuple[str, ...]]:
    """Return the designs to look at, and notes on what was left out.

    Args:
        parameters: of the space, what changes slowest first.
        network: paths that decide the variant.
        points: designs to look at, at most.
        variants: networks to ask for, at most.
        seed: of all sequences.
    """
    paths = tuple(p.path for p in parameters)
    whole = tuple(parameters)
    wanted = tuple(path for path in paths if path in set(network))
    needed = _closure(whole, wanted)
    if not wanted:
        return Draw((Piece(whole, points, (seed,)),), paths), ()
    settings, all_listed = _settings(needed, seed)
    first, which = alike(columns_of(settings, wanted), len(settings))
    if len(first) <= variants:
        return Draw((Piece(whole, points, (seed,)),), paths), ()
    chosen = np.sort(first)[: min(variants, points)]
    rows = np.flatnonzero(np.isin(which, which[chosen]))
    once, _ = alike(columns_of(settings, [p.path for p in needed]), len(settings))
    rows = np.intersect1d(rows, once)
    share = max(1, points // len(rows))
    pieces = tuple(
        Piece(_fixed(whole, settings, int(row)), share, (seed, number)) for number, row in enumerate(rows)
    )
    known = f"{len(first):,}" if all_listed else f"{len(first):,} or more"
    note = f"the space asks for {known} different networks; {len(chosen)} of them were drawn, spread evenly"
    return Draw(pieces, paths), (note,)


def _closure(parameters: Sequence[Parameter], paths: Iterable[str]) -> tuple[Parameter, ...]:
    """Return parameters and those on which their conditions depend, in order."""
    known = {p.path: p for p in parameters}
    needed: set[str] = set()
    waiting = list(paths)
    while waiting:
        path = waiting.pop()
        if path not in needed:
            needed.add(path)
            when = known[path].when
            waiting += [clause.path for clause in when.clauses] if when else []
    return tuple(p for p in parameters if p.path in needed)


def _settings(needed: tuple[Parameter, ...], seed: int) -> tuple[Columns, bool]:
    """Return settings of the network, some of them in an evenly spread order, and whether these are all."""
    grid = Grid(needed)
    free = [k for k, p in enumerate(needed) if p.domain.size != 1]
    unit = next(sobol(len(free), (seed, 0))) if free else np.zeros((1, 0))
    cube = np.zeros((len(unit), len(needed)))
    cube[:, free] = unit
    spread = grid.decode(cube)
    if grid.count is None or grid.count > _MOST_LISTED:
        return spread, False
    every = grid.distinct(np.arange(grid.count))
    return Columns(
        {path: np.concatenate([v, every.values[path]]) for path, v in spread.values.items()},
        {path: np.concatenate([v, every.active[path]]) for path, v in spread.active.items()},
    ), True


def _fixed(parameters: Sequence[Parameter], settings: Columns, row: int) -> tuple[Parameter, ...]:
    """Return the parameters with those that are settled at the values of a row."""
    return tuple(
        replace(p, domain=Choices((settings.values[p.path][row].item(),))) if p.path in settings.values else p
        for p in parameters
    )
