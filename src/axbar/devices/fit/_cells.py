"""From rows to what the estimates need: every written cell with its reads in order of time.

A *writing* is one cell at one target. Its rows at one time (within 5 %) are repeats: their mean is one read of
the state, their scatter is read noise. Writings are taken as independent of each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from axbar.devices.fit._table import Measurements
from axbar.errors import DataError
from axbar.units import format_quantity

__all__ = ["LEAST_CELLS", "LEAST_PER_TARGET", "SAME_TIME", "Writings", "group_writings", "sum_by"]

Floats = NDArray[np.float64]

LEAST_CELLS = 20
LEAST_PER_TARGET = 8
SAME_TIME = 0.05  # in ln t
_FIRST_WITHIN = float(np.log(2.0))  # in ln t: what a cell first read later was written to is not known
_MOST_TIMES = 12  # kept per cell: the cost of the likelihood grows with their cube


@dataclass(frozen=True)
class Writings:
    """Cells as written, in shares of g_on. ``n`` writings, up to ``T`` times each.

    Args:
        x: target ``[n]``.
        level: number of the target in ``targets`` ``[n]``.
        targets: distinct targets, ascending ``[levels]``.
        cell: number of the cell in the measurements ``[n]``.
        mean: mean read at each time ``[n, T]``; 0 where there is none.
        repeats: number of reads behind each mean ``[n, T]``; 0 marks a time that the cell was not read at.
        scatter: sum of squares of the reads about their mean ``[n, T]``.
        zeros: number of reads of exactly 0 among them ``[n, T]``.
        log_time: ln(t / t0) ``[n, T]``; 0 where there is no read.
        t0_s, t_last_s: first and last time of all; 0 where no time was recorded.
        g_on_S: the conductance of x = 1.
    """

    x: Floats
    level: NDArray[np.int64]
    targets: Floats
    cell: NDArray[np.int64]
    mean: Floats
    repeats: Floats
    scatter: Floats
    zeros: Floats
    log_time: Floats
    t0_s: float
    t_last_s: float
    g_on_S: float

    @property
    def times(self) -> NDArray[np.int64]:
        """Number of times at which each writing was read ``[n]``."""
        return (self.repeats > 0).sum(1)

    @property
    def at_start(self) -> NDArray[np.bool_]:
        """Whether each writing was first read within twice t0: the others tell of drift only ``[n]``."""
        return self.log_time[:, 0] <= _FIRST_WITHIN

    @property
    def start_levels(self) -> NDArray[np.int64]:
        """Numbers of the targets with such writings, ascending."""
        return np.unique(self.level[self.at_start])


def group_writings(rows: Measurements, g_on_S: float | None = None) -> Writings:
    """Group rows by cell, target and time.

    Args:
        rows: as read.
        g_on_S: full scale; the largest target if None.

    Raises:
        DataError: fewer than 20 cells, or fewer than 8 at a target, or too few of them first read near t0.
    """
    g_on = float(rows.target_S.max()) if g_on_S is None else g_on_S
    if not g_on > 0:
        raise DataError(f"{rows.name}: the largest target is {g_on:g} S; one above 0 S is needed.")
    targets, level_of_row = np.unique(rows.target_S, return_inverse=True)
    keys, writing = np.unique(np.stack([level_of_row, rows.cell], 1), axis=0, return_inverse=True)
    _refuse_too_few(rows, targets, keys)
    time_s = np.ones_like(rows.read_S) if rows.time_s is None or not rows.time_s.any() else rows.time_s
    known = rows.time_s is not None and bool(rows.time_s.any())
    log_t = np.log(time_s / time_s.min())
    first = np.full(len(keys), np.inf)
    np.minimum.at(first, writing, log_t)
    # counted from each cell's own first read, so that equal times are never parted by a boundary
    bin_ = np.floor((log_t - first[writing]) / SAME_TIME + 1e-9).astype(np.int64)
    groups, group = np.unique(np.stack([writing, bin_], 1), axis=0, return_inverse=True)
    count = sum_by(group, np.ones_like(log_t))
    mean = sum_by(group, rows.read_S / g_on) / count
    scatter = sum_by(group, (rows.read_S / g_on - mean[group]) ** 2)
    zeros = sum_by(group, (rows.read_S == 0).astype(np.float64))
    when = sum_by(group, log_t) / count
    owner = groups[:, 0]
    rank = np.arange(len(owner)) - np.searchsorted(owner, owner)
    shape = (len(keys), int(rank.max()) + 1)
    padded = [_pad(values, owner, rank, shape) for values in (mean, count, scatter, zeros, when)]
    padded = _thinned(padded)
    cells = Writings(
        targets[keys[:, 0]] / g_on, keys[:, 0], targets / g_on, keys[:, 1], *padded,
        t0_s=float(time_s.min()) if known else 0.0, t_last_s=float(time_s.max()) if known else 0.0, g_on_S=g_on,
    )  # fmt: skip
    _refuse_too_late(rows, cells)
    return cells


def sum_by(group: NDArray[np.int64], values: Floats) -> Floats:
    """Return the sum of ``values`` of every group ``[groups]``."""
    return np.bincount(group, values).astype(np.float64)


def _pad(values: Floats, owner: NDArray[np.int64], rank: NDArray[np.int64], shape: tuple[int, int]) -> Floats:
    table = np.zeros(shape)
    table[owner, rank] = values
    return table


def _thinned(tables: list[Floats]) -> list[Floats]:
    """Keep at most 12 times of each writing, evenly spread over its own, the first and last among them."""
    width = tables[0].shape[1]
    if width <= _MOST_TIMES:
        return tables
    have = (tables[1] > 0).sum(1)
    place = np.linspace(0, 1, _MOST_TIMES)[None] * (np.maximum(have, 1)[:, None] - 1)
    few = np.broadcast_to(np.arange(_MOST_TIMES), place.shape)
    picked = np.where(have[:, None] > _MOST_TIMES, np.round(place).astype(np.int64), few)
    return [np.take_along_axis(table, picked, 1) for table in tables]


def _refuse_too_few(rows: Measurements, targets: Floats, keys: NDArray[np.int64]) -> None:
    cells = len(rows.cells)
    if cells < LEAST_CELLS:
        raise DataError(
            f"{rows.name} holds {cells} cells, but at least {LEAST_CELLS} are needed to tell a spread; measure more "
            "cells (repeated reads of one cell count once)."
        )
    per_target = np.bincount(keys[:, 0], minlength=len(targets))
    worst = int(per_target.argmin())
    if per_target[worst] < LEAST_PER_TARGET:
        few = int((per_target < LEAST_PER_TARGET).sum())
        more = f" ({few} of {len(targets)} targets have too few)" if few > 1 else ""
        raise DataError(
            f"{rows.name}: the target {format_quantity(float(targets[worst]), 'S')} has {per_target[worst]} cells, but "
            f"at least {LEAST_PER_TARGET} per target are needed{more}; measure more cells or leave its rows out."
        )


def _refuse_too_late(rows: Measurements, cells: Writings) -> None:
    at_start = cells.at_start
    many, per_target = int(at_start.sum()), np.bincount(cells.level[at_start])
    if many < LEAST_CELLS or per_target.max() < LEAST_PER_TARGET:
        raise DataError(
            f"{rows.name}: {many} of {len(at_start)} cells were first read within twice t0 = "
            f"{format_quantity(cells.t0_s, 's')}, the earliest time of all, but at least {LEAST_CELLS} are needed, "
            f"{LEAST_PER_TARGET} of them at one target; read more cells early, or leave out what was read before most."
        )
