"""What ``fit_device`` says of every target: the spread of its first reads, and what the laws leave unexplained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from axbar.devices.fit._cells import Writings
from axbar.devices.fit._estimate import DriftFit, ProgramFit, ReadFit, student
from axbar.devices.fit._table import Measurements

__all__ = ["Level", "Residual", "levels_of", "residuals_of"]

Floats = NDArray[np.float64]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Level:
    """First reads of the cells written to one target, at t0.

    Args:
        target_S: conductance asked for.
        cells: how many were written to it and first read within twice t0.
        mean_S, std_S: of their first reads (means where repeated), brought back to t0 by the mean drift; read noise
            included.
        mean_interval_S, std_interval_S: 95 %, Student's t and chi squared.
        program_sigma_S: of the fitted law at this target, without read noise.
    """

    target_S: float
    cells: int
    mean_S: float
    mean_interval_S: Interval
    std_S: float
    std_interval_S: Interval
    program_sigma_S: float


@dataclass(frozen=True)
class Residual:
    """What the laws leave unexplained at one target, in standard deviations: a good fit has mean 0 and std 1.

    Args:
        law: ``programming`` or ``drift``.
        target_S: conductance asked for.
        count: residuals.
        mean, std: of them.
        worst: the one farthest from 0.
        worst_cell: its cell.
    """

    law: str
    target_S: float
    count: int
    mean: float
    std: float
    worst: float
    worst_cell: str


def levels_of(cells: Writings, program: ProgramFit) -> Iterator[Level]:
    """Yield the level of every target with two cells or more first read within twice t0."""
    for number, x in enumerate(cells.targets):
        first = cells.mean[cells.at_start & (cells.level == number), 0] * cells.g_on_S
        count = len(first)
        if count < 2:
            continue
        mean, std = float(first.mean()), float(first.std(ddof=1))
        half = student(count - 1) * std / np.sqrt(count)
        low, high = chdtri(count - 1, 0.025), chdtri(count - 1, 0.975)  # quantiles 0.975 and 0.025
        yield Level(
            float(x * cells.g_on_S), count, mean, (mean - half, mean + half), std,
            (std * float(np.sqrt((count - 1) / low)), std * float(np.sqrt((count - 1) / high))),
            float(program.sigma(x) * cells.g_on_S),
        )  # fmt: skip


def residuals_of(
    rows: Measurements, cells: Writings, read: ReadFit, program: ProgramFit, drift: DriftFit
) -> Iterator[Residual]:
    """Yield what the laws leave unexplained, by law and target; the same cells as in the fit of each."""
    variance = program.sigma(cells.x) ** 2 + read.sigma(cells.x) ** 2 / cells.repeats[:, 0]
    standard = (cells.mean[:, 0] - cells.x - program.bias(cells.x)) / np.sqrt(np.maximum(variance, 1e-12))
    known = cells.at_start & (cells.mean[:, 0] > 0)  # what reads 0 is known only to lie at 0 or below
    everyone = np.arange(len(cells.x))
    yield from _per_target("programming", rows, cells, everyone[known], standard[known, None])
    if drift.members.size:
        yield from _per_target("drift", rows, cells, drift.members, drift.residuals)


def _per_target(
    law: str, rows: Measurements, cells: Writings, members: NDArray[np.int64], residuals: Floats
) -> Iterator[Residual]:
    for number, x in enumerate(cells.targets):
        here = cells.level[members] == number
        table = residuals[here]
        count = int(np.isfinite(table).sum())
        if count < 2:
            continue
        place = np.unravel_index(int(np.nanargmax(np.abs(table))), table.shape)
        cell = rows.cells[cells.cell[members[here][place[0]]]]
        yield Residual(
            law, float(x * cells.g_on_S), count, float(np.nanmean(table)), float(np.nanstd(table, ddof=1)),
            float(table[place]), cell,
        )  # fmt: skip
