"""The three estimates of ``fit_device``: which parameters the data support, their start values, their fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from axbar.devices.fit._cells import LEAST_CELLS, Writings, sum_by
from axbar.devices.fit._drift import DriftLoss, DriftSeries
from axbar.devices.fit._laws import FirstReads, Repeats, program_loss, read_loss
from axbar.devices.fit._profile import Fitted, Problem, maximise

__all__ = [
    "DriftFit",
    "ProgramFit",
    "ReadFit",
    "at_t0",
    "first_reads",
    "fit_drift",
    "fit_program",
    "fit_read",
]

Floats = NDArray[np.float64]
Interval = tuple[float, float]

_LEAST_SPAN = 0.5  # of ln t
_TOLD_APART = 4.0  # AICc: orders within this of the best are not refused
_LEAST_X = 1e-3  # of a state whose logarithm is taken


@dataclass(frozen=True)
class ReadFit:
    """r0, r1 with intervals; ``information`` is None where read noise is not determined."""

    values: dict[str, float] = field(default_factory=dict[str, float])
    intervals: dict[str, Interval] = field(default_factory=dict[str, Interval])
    information: Floats | None = None

    @property
    def array(self) -> Floats | None:
        """Estimates (r0[, r1]), or None."""
        return np.array(list(self.values.values())) if self.information is not None else None

    def sigma(self, x: Floats) -> Floats:
        """Return the sigma of one read in shares of g_on."""
        return np.maximum(self.values.get("r0", 0.0) + self.values.get("r1", 0.0) * x, 0.0)


@dataclass(frozen=True)
class ProgramFit:
    """b and c with intervals; ``orders`` are the powers of x that the data do not refuse, best first."""

    values: dict[str, float]
    intervals: dict[str, Interval]
    orders: tuple[int, ...]

    def bias(self, x: Floats) -> Floats:
        """Return the mean error in shares of g_on."""
        return self.values["b0"] + self.values.get("b1", 0.0) * x

    def sigma(self, x: Floats) -> Floats:
        """Return the sigma of programming in shares of g_on."""
        return np.maximum(sum(self.values.get(f"c{k}", 0.0) * x**k for k in range(4)), 0.0)


@dataclass(frozen=True)
class DriftFit:
    """nu and d with intervals, and what they were fitted to.

    Args:
        values, intervals: of nu0, nu1, nu_sigma, d0, d1 as far as determined.
        members: which writings were used ``[n]``; empty if no drift was fitted.
        exponents: least-squares exponent of each of them ``[n]``.
        residuals: of their later reads, standardised and made independent ``[n, L]``; NaN where none.
        emptied: numbers of the targets left out, as cells that read above 0 fell to 0 there.
        why_not: the reason if nothing was fitted.
        undetermined: what of the rest is not.
    """

    values: dict[str, float] = field(default_factory=dict[str, float])
    intervals: dict[str, Interval] = field(default_factory=dict[str, Interval])
    members: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    exponents: Floats = field(default_factory=lambda: np.zeros(0))
    residuals: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    emptied: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    why_not: str = ""
    undetermined: tuple[str, ...] = ()

    def exponent(self, x: Floats) -> Floats:
        """Return the mean nu of cells in the state x, in shares of g_on."""
        return self.values.get("nu0", 0.0) + self.values.get("nu1", 0.0) * np.log(np.maximum(x, _LEAST_X))


def student(freedom: float) -> float:
    """Return the half width of a 95 % interval in standard errors."""
    return float(stdtrit(max(freedom, 2.0), 0.975))


def fit_read(cells: Writings) -> ReadFit | None:
    """Fit read noise to repeated reads; None if there are none."""
    usable = (cells.repeats > 1) & (cells.mean > 0)
    if not usable.any():
        return None
    level = np.broadcast_to(cells.level[:, None], usable.shape)[usable]
    place = np.broadcast_to(np.arange(usable.shape[1]), usable.shape)[usable]
    _, group = np.unique(np.stack([level, place]), axis=1, return_inverse=True)
    freedom = cells.repeats[usable] - 1
    weight = sum_by(group, freedom)
    data = Repeats(
        x=sum_by(group, freedom * cells.mean[usable]) / weight,
        freedom=weight,
        squares=sum_by(group, cells.scatter[usable]),
    )
    if not data.squares.sum() > 0:
        return ReadFit({"r0": 0.0}, {"r0": (0.0, 0.0)}, np.full((1, 1), 1e12))
    pooled = float(np.sqrt(data.squares.sum() / weight.sum()))
    count = min(len(cells.targets), 2)
    fitted = maximise(
        Problem(
            ("r0", "r1")[:count], read_loss(data), np.array([pooled, 0.0])[:count],
            np.full(count, 0.3 * pooled), np.array([0.0, -10.0])[:count], np.full(count, 10.0),
            np.array([[1.0, data.x.max()]])[:, :count],
        ),
        student(weight.sum() - count),
    )  # fmt: skip
    return ReadFit(fitted.values, fitted.intervals, _positive(fitted.information))


def first_reads(cells: Writings) -> FirstReads:
    """Gather the errors of first reads per target and number of repeats."""
    at_start = cells.at_start
    repeats, mean = cells.repeats[at_start, 0], cells.mean[at_start, 0]
    pairs, group = np.unique(np.stack([cells.level[at_start], repeats]), axis=1, return_inverse=True)
    x, positive = cells.targets[pairs[0].astype(np.int64)], (mean > 0).astype(np.float64)
    error = (mean - cells.x[at_start]) * positive
    return FirstReads(
        x, pairs[1], sum_by(group, positive), sum_by(group, error),
        sum_by(group, error**2), sum_by(group, 1 - positive),
    )  # fmt: skip


def fit_program(cells: Writings, read: ReadFit) -> ProgramFit:
    """Fit bias and sigma of programming; the power of x by Akaike's criterion for small samples.

    The interval of a coefficient spans those of all orders within 4 of the best: the choice of the order is a
    part of what is not known.
    """
    data = first_reads(cells)
    count = float(data.count.sum() + data.empty.sum())
    pooled = float(np.sqrt(data.squares.sum() / max(data.count.sum(), 1.0)))
    levels = len(cells.start_levels)
    n_bias = min(levels, 2)
    if pooled < 1e-6:
        zero = {"b0": 0.0, "b1": 0.0, "c0": 0.0}
        return ProgramFit(zero, dict.fromkeys(zero, (0.0, 0.0)), (0,))
    problems = [
        _program_problem(data, n_bias, order + 1, read, pooled) for order in range(min(3, levels - 1) + 1)
    ]
    size = [n_bias + order + 1 for order in range(len(problems))]
    score = [
        2 * maximise(problem, 0.0, ()).loss + 2 * p + 2 * p * (p + 1) / max(count - p - 1, 1.0)
        for problem, p in zip(problems, size, strict=True)
    ]
    best = int(np.argmin(score))
    kept = [int(order) for order in np.argsort(score) if score[order] - score[best] <= _TOLD_APART]
    found = {
        order: maximise(problems[order], student(count - size[order]), problems[order].names[: size[order]])
        for order in kept
    }
    fits = list(found.values())
    names = [name for name in found[max(kept)].values if name[0] in "bc"]
    values = {name: found[best].values.get(name, 0.0) for name in names}
    return ProgramFit(values, {name: _span(name, fits) for name in names}, tuple(kept))


def _program_problem(data: FirstReads, n_bias: int, n_sigma: int, read: ReadFit, pooled: float) -> Problem:
    r = read.array
    n_read = 0 if r is None else len(r)
    names = ("b0", "b1")[:n_bias] + ("c0", "c1", "c2", "c3")[:n_sigma] + ("r0", "r1")[:n_read]
    grid = np.linspace(data.x.min(), data.x.max(), 9)[:, None] ** np.arange(n_sigma)
    sums = np.hstack([np.zeros((len(grid), n_bias)), grid, np.zeros((len(grid), n_read))])
    known = np.zeros(0) if r is None else r
    noise = float(np.max(read.sigma(data.x) / np.sqrt(data.repeats)))
    start_sigma = np.sqrt(max(pooled**2 - noise**2, 0.1 * pooled**2))
    lowest_sigma = np.full(n_sigma, -10.0) if n_sigma > 1 else np.zeros(1)
    return Problem(
        names,
        program_loss(data, n_bias, n_sigma, r, read.information),
        np.concatenate([np.zeros(n_bias), [start_sigma], np.zeros(n_sigma - 1), known]),
        np.concatenate(
            [np.full(n_bias + n_sigma, 0.3 * pooled), np.maximum(0.1 * np.abs(known), 0.01 * pooled)]
        ),
        np.concatenate(
            [
                np.full(n_bias, -1.0),
                lowest_sigma,
                np.zeros(min(n_read, 1)),
                np.full(max(n_read - 1, 0), -10.0),
            ]
        ),
        np.concatenate([np.full(n_bias, 1.0), np.full(n_sigma + n_read, 10.0)]),
        sums,
    )


def _span(name: str, fits: Sequence[Fitted]) -> Interval:
    """Return the union of a coefficient's intervals; a fit without it says 0."""
    ends = [fit.intervals.get(name, (0.0, 0.0)) for fit in fits]
    return min(low for low, _ in ends), max(high for _, high in ends)


def fit_drift(cells: Writings, read: ReadFit, program: ProgramFit) -> tuple[DriftFit, ReadFit]:
    """Fit drift and relaxation; also read noise, from the scatter about the law, if no read was repeated.

    A read of 0 says only that the state lies at 0 or below. Where a cell that read above 0 falls to 0, the whole
    target is left out: without such reads, or such cells, the rest would be those that relaxed upwards.

    Returns:
        the fit, and read noise (``read`` itself if that was determined).
    """
    able = (cells.times > 1) & (cells.mean[:, 0] > 0)
    emptied = np.unique(cells.level[able & (cells.zeros[:, 1:].sum(1) > 0)])
    members = np.flatnonzero(able & ~np.isin(cells.level, emptied))
    span = float(np.max(cells.log_time[members], initial=0.0))
    if why := _why_no_drift(cells, len(members), span, emptied):
        return DriftFit(emptied=emptied, why_not=why), read
    data, exponents = _series(cells, members, read, program)
    layouts, undetermined = _layouts(cells, members, read)
    fits = [_fit_layout(data, layout, read, exponents) for layout in layouts]
    scores = [2 * fit.loss + 2 * len(layout) for fit, layout in zip(fits, layouts, strict=True)]
    best = fits[int(np.argmin(scores))]
    values, intervals = dict(best.values), dict(best.intervals)
    if max(scores) - min(scores) <= _TOLD_APART:
        intervals |= {name: _span(name, fits) for fit in fits for name in fit.intervals}
    if "nu_variance" in values:
        values["nu_sigma"] = float(np.sqrt(values.pop("nu_variance")))
    if "nu_variance" in intervals:
        low, high = intervals.pop("nu_variance")
        intervals["nu_sigma"] = (float(np.sqrt(low)), float(np.sqrt(high)))
    if len(layouts) > 1:
        word = "the spread of nu" if "nu_sigma" in values else "relaxation"
        undetermined.append(
            "cells read at two times only: relaxation and a spread of nu from cell to cell can't be told apart; "
            f"all of it is put down to {word}, which fits better"
        )
    return (
        DriftFit(
            {k: v for k, v in values.items() if k[0] != "r"}, {k: v for k, v in intervals.items() if k[0] != "r"},
            members, exponents, DriftLoss(data, ()).whitened(best.values), emptied, undetermined=tuple(undetermined),
        ),
        _read_of(best, read),
    )  # fmt: skip


def at_t0(cells: Writings, drift: DriftFit) -> Writings:
    """Return the cells with first reads brought back to t0 by the mean drift, where they lie within twice t0."""
    first = cells.mean[:, 0]
    mean = cells.mean.copy()
    mean[:, 0] = np.where(cells.at_start, first * np.exp(drift.exponent(first) * cells.log_time[:, 0]), first)
    return replace(cells, mean=mean)


def _why_no_drift(cells: Writings, many: int, span: float, emptied: NDArray[np.int64]) -> str:
    if cells.t0_s == 0:
        return "the data hold no times"
    if many == 0 and emptied.size:
        return (
            "cells fell to 0 S at every target read at two times, where the law has no end; leave the rows of broken "
            "cells out"
        )
    if many == 0:
        return "no cell was read at two times"
    if many < LEAST_CELLS:
        where = ", at targets where none fell to 0 S" if emptied.size else ""
        return f"{many} cells were read at two times{where}, at least {LEAST_CELLS} are needed"
    if span < _LEAST_SPAN:
        return f"the times of a cell span a factor of {np.exp(span):.3g}, at least {np.exp(_LEAST_SPAN):.2g} is needed"
    return ""


def _series(
    cells: Writings, members: NDArray[np.int64], read: ReadFit, program: ProgramFit
) -> tuple[DriftSeries, Floats]:
    """Return the series of the members and a least-squares exponent of each."""
    mean, repeats, log_t = cells.mean[members], cells.repeats[members], cells.log_time[members]
    have = repeats[:, 1:] > 0
    elapsed = np.where(have, log_t[:, 1:] - log_t[:, :1], 0.0)
    relaxed = np.where(have, np.sqrt(np.maximum(log_t[:, 1:], 0.0)) - np.sqrt(log_t[:, :1]), 0.0)
    x = cells.x[members]
    expected = x + program.bias(x)
    spread2, noise2 = program.sigma(x) ** 2, read.sigma(x) ** 2 / repeats[:, 0]
    # what was written is a guide to the first read only where that lies near t0
    guided = cells.at_start[members] & (spread2 + noise2 > 0)
    weight = np.where(guided, spread2 / np.maximum(spread2 + noise2, 1e-300), 1.0)
    state = np.maximum(weight * mean[:, 0] + (1 - weight) * expected, _LEAST_X)
    ratio = np.where(have, mean[:, 1:] / mean[:, :1], 1.0)
    squares = np.sum(elapsed**2, 1)
    exponents = -np.sum(np.log(ratio) * elapsed, 1) / np.maximum(squares, 1e-12)
    typical = float(np.average(exponents, weights=state**2))
    level = state[:, None] * np.exp(np.clip(-typical * elapsed, -20, 20))
    return DriftSeries(
        state, mean[:, 0], repeats[:, 0], mean[:, 1:], repeats[:, 1:] * have, elapsed, relaxed, level
    ), exponents


def _layouts(
    cells: Writings, members: NDArray[np.int64], read: ReadFit
) -> tuple[list[tuple[str, ...]], list[str]]:
    """Return the sets of parameters to try, and what none of them holds."""
    slope = len(np.unique(cells.level[members])) > 1
    nu = ("nu0", "nu1") if slope else ("nu0",)
    relax = ("d0", "d1") if slope else ("d0",)
    times = cells.times[members]
    single = [] if slope or len(cells.targets) == 1 else [
        "drift and relaxation rest on one target: their dependence on conductance is not determined"
    ]  # fmt: skip
    noise: tuple[str, ...] = ()
    if read.information is not None:
        noise = tuple(read.values)
    elif int((times > 3).sum()) >= LEAST_CELLS:
        noise = ("r0", "r1") if slope else ("r0",)
    if int((times > 2).sum()) < LEAST_CELLS:
        return [(*nu, "nu_variance", *noise), (*nu, *relax, *noise)], single
    return [(*nu, "nu_variance", *relax, *noise)], single


def _fit_layout(data: DriftSeries, layout: tuple[str, ...], read: ReadFit, exponents: Floats) -> Fitted:
    weight = data.state**2 / np.sum(data.state**2)
    nu = float(weight @ exponents)
    spread = max(float(np.sqrt(weight @ (exponents - nu) ** 2)), 1e-4)
    have = data.repeats > 0
    error = (data.later - data.first[:, None] * np.exp(np.clip(-nu * data.elapsed, -20, 20))) * have
    size = max(float(np.sqrt(np.sum(error**2) / max(np.sum(data.elapsed * have), 1e-9))), 1e-6)
    largest = float(data.state.max())
    known = dict(read.values) if read.information is not None else {"r0": 0.5 * size, "r1": 0.0}
    start = {"nu0": nu, "nu1": 0.0, "nu_variance": 0.5 * spread**2, "d0": 0.5 * size, "d1": 0.0, **known}
    noise = max(0.3 * abs(known.get("r0", 0.0)), 0.1 * size)
    scale = {
        "nu0": spread, "nu1": spread, "nu_variance": spread**2, "d0": size, "d1": size, "r0": noise, "r1": noise
    }  # fmt: skip
    lower = {"nu0": -1.0, "nu1": -1.0, "nu_variance": 0.0, "d0": 0.0, "d1": -1.0, "r0": 0.0, "r1": -10.0}
    sums = [
        [1.0 if name == zero else largest if name == one else 0.0 for name in layout]
        for zero, one in (("d0", "d1"), ("r0", "r1"))
        if one in layout
    ]
    problem = Problem(
        layout,
        DriftLoss(data, layout, read.array, read.information),
        *(np.array([of[name] for name in layout]) for of in (start, scale, lower)),
        upper=np.array([10.0 if name[0] == "r" else 1.0 for name in layout]),
        sums=np.array(sums).reshape(len(sums), len(layout)),
    )
    tied = read.information is not None
    wanted = tuple(name for name in layout if not (tied and name[0] == "r"))
    return maximise(problem, student(len(data.state) - len(layout)), wanted)


def _read_of(fit: Fitted, read: ReadFit) -> ReadFit:
    """Return read noise as fitted to the series, if it was free there."""
    names = [name for name in fit.values if name in ("r0", "r1")]
    if read.information is not None or not names:
        return read
    at = [list(fit.values).index(name) for name in names]
    covariance = np.linalg.pinv(_positive(fit.information))[np.ix_(at, at)]
    return ReadFit(
        {name: fit.values[name] for name in names},
        {name: fit.intervals[name] for name in names},
        _positive(np.asarray(np.linalg.pinv(covariance), dtype=np.float64)),
    )


def _positive(matrix: Floats) -> Floats:
    """Return the nearest matrix without negative eigenvalues."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * np.maximum(values, 0.0)) @ vectors.T
