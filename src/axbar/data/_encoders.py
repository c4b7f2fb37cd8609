"""From events and sensor values to sequences that a spiking network reads step by step.

| encoder | rule | what is conserved |
|---|---|---|
| event frames | counts of the events in T bins of equal time, or of equal event count | all counts sum to the events |
| delta, previous | one spike where |x[t] - x[t-1]| > θ, up and down apart | spikes = changes larger than θ |
| delta, sent | up - down = trunc((x[t] - r)/θ), then r moves by θ for each | |x[t] - r[t]| < θ at every step |
| population | neuron k answers exp(-(x - c_k)²/2σ²), centres c_k over the range | strongest at the nearest centre |

None draws random numbers; ``rate`` and ``latency`` in ``axbar.nn.coding`` turn values in 0..1 into spikes.
``sent`` is send-on-delta sampling (M. Miskowicz, Sensors 6:49, 2006).
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from axbar.data._events import Events, Size, pack_events
from axbar.errors import DataError, UsageError, unknown_name

__all__ = ["Binning", "Reference", "delta", "delta_events", "event_frames", "population"]

Binning = Literal["time", "count"]
Reference = Literal["previous", "sent"]


def event_frames(
    events: Events, frames: int, size: Size, *, by: Binning = "time", span: tuple[int, int] | None = None
) -> NDArray[np.int64]:
    """Return the counts of events per bin, polarity and pixel, ``[T, 2, H, W]``; darker (p = 0) is channel 0.

    Args:
        events: one recording, in the order of time.
        frames: T.
        size: ``(H, W)`` of the sensor.
        by: ``time``, bins of equal length; ``count``, bins of equally many events (± 1).
        span: first time and the first time behind the bins; events outside are left out. From the first to the last
            event unless given; for ``time`` only.

    Returns:
        Counts from 0; their sum is the number of events (inside ``span``).

    Raises:
        UsageError: ``frames``, ``by`` or ``span`` is out of range.

    >>> from axbar.data._events import pack_events
    >>> recording = pack_events([0, 4, 9], [0, 1, 1], [0, 0, 0], [1, 1, 0])
    >>> event_frames(recording, 2, (1, 2)).sum(axis=(2, 3)).tolist()
    [[0, 2], [1, 0]]
    """
    if frames < 1:
        raise UsageError(f"frames = {frames} is too small; give at least 1.")
    if by not in get_args(Binning):
        raise UsageError(unknown_name("binning", by, get_args(Binning)))
    rows, columns = size
    if by == "count":
        when = np.arange(len(events)) * frames // max(len(events), 1)
    else:
        events, when = _time_bins(events, frames, span)
    pixel = events["y"].astype(np.int64) * columns + events["x"]
    place = (when * 2 + events["p"]) * (rows * columns) + pixel
    counts = np.bincount(place, minlength=frames * 2 * rows * columns)
    return counts.astype(np.int64).reshape(frames, 2, rows, columns)


def _time_bins(events: Events, frames: int, span: tuple[int, int] | None) -> tuple[Events, NDArray[np.int64]]:
    if span is None:
        span = (int(events["t"][0]), int(events["t"][-1]) + 1) if len(events) else (0, 1)
    start, stop = span
    if stop <= start:
        raise UsageError(f"span = {span} is empty; give a first time and a later one.")
    inside = events[(events["t"] >= start) & (events["t"] < stop)]
    return inside, (inside["t"] - start) * frames // (stop - start)


def delta(
    x: ArrayLike, threshold: float, reference: Reference = "previous", start: ArrayLike | None = None
) -> NDArray[np.int64]:
    """Return changes of sensor values as counts of spikes down (channel 0) and up (channel 1).

    Args:
        x: ``[T, ...]`` real values.
        threshold: θ above 0, in the unit of ``x``.
        reference: ``previous``: at most one spike a step, where a value moved by more than θ within the step;
            ``sent``: as many as bring the sum of all spikes sent, times θ, to within θ of the value.
        start: ``[...]`` level before the first step; that of the first step unless given.

    Returns:
        ``[T, 2, ...]``; 0 or 1 for ``previous``, whole numbers from 0 for ``sent``.

    Raises:
        UsageError: the threshold is not above 0, or the reference is unknown.
        DataError: values are not finite.

    >>> delta([0.0, 0.9, 2.4, 1.0], 1.0).tolist()
    [[0, 0], [0, 0], [0, 1], [1, 0]]
    >>> delta([0.0, 0.9, 2.4, 1.0], 1.0, "sent").tolist()
    [[0, 0], [0, 0], [0, 2], [1, 0]]
    """
    values = np.asarray(x, dtype=np.float64)
    if not (np.isfinite(threshold) and threshold > 0):
        raise UsageError(f"threshold = {threshold} is out of range; give a finite number above 0.")
    if reference not in get_args(Reference):
        raise UsageError(unknown_name("reference", reference, get_args(Reference)))
    if values.ndim < 1 or not len(values) or not bool(np.isfinite(values).all()):
        raise DataError(
            f"delta encoding takes finite values [T, ...], got an array of shape {values.shape}; repair or drop "
            "what is not finite."
        )
    first = values[0] if start is None else np.broadcast_to(np.asarray(start, np.float64), values.shape[1:])
    if reference == "previous":
        step = np.diff(values, axis=0, prepend=first[None])
        return np.stack([step < -threshold, step > threshold], axis=1).astype(np.int64)
    sent = _sent(values, threshold, first)
    return np.stack([np.maximum(-sent, 0), np.maximum(sent, 0)], axis=1)


def _sent(values: NDArray[np.float64], threshold: float, first: NDArray[Any]) -> NDArray[np.int64]:
    total = np.zeros(values.shape[1:], dtype=np.int64)
    spikes = np.empty(values.shape, dtype=np.int64)
    for step, value in enumerate(values):
        # the level is a whole multiple of the threshold, so that rounding does not add up over steps
        spikes[step] = np.trunc((value - first) / threshold - total).astype(np.int64)
        total += spikes[step]
    return spikes


def delta_events(spikes: NDArray[np.int64]) -> Events:
    """Return ``delta``'s counts ``[T, 2, W]`` as events on a sensor of one row; t is the step.

    >>> delta_events(delta([[0.0], [2.0]], 1.0, "sent"))["t"].tolist()
    [1, 1]
    """
    step, polarity, column = np.nonzero(spikes)
    many = spikes[step, polarity, column]
    rows = np.zeros(int(many.sum()), dtype=np.int64)
    return pack_events(np.repeat(step, many), np.repeat(column, many), rows, np.repeat(polarity, many))


def population(
    x: ArrayLike, neurons: int, low: float = 0.0, high: float = 1.0, width: float | None = None
) -> NDArray[np.float32]:
    """Return how strongly each of a population of neurons answers to each value.

    Args:
        x: ``[...]`` real values; those outside ``low..high`` are answered by the outermost neurons.
        neurons: K, centres spread evenly from ``low`` to ``high``, at least 2.
        width: σ of the Gaussian answers, in the unit of ``x``; the distance of two centres unless given.

    Returns:
        ``[..., K]`` float32 in 0..1; 1 where a value is a centre.

    Raises:
        UsageError: fewer than 2 neurons, an empty range, or a width that is not above 0.

    >>> population([0.5], 3).round(2).tolist()
    [[0.6100000143051147, 1.0, 0.6100000143051147]]
    """
    if neurons < 2 or not high > low:
        raise UsageError(
            f"a population of {neurons} neurons over {low:g}..{high:g} can't tell values apart; give at least 2 "
            "neurons and low < high."
        )
    sigma = (high - low) / (neurons - 1) if width is None else width
    if not sigma > 0:
        raise UsageError(f"width = {width} is out of range; give a number above 0.")
    inside = np.clip(np.asarray(x, dtype=np.float64), low, high)[..., None]
    centres = np.linspace(low, high, neurons)
    return np.exp(-((inside - centres) ** 2) / (2 * sigma**2)).astype(np.float32)
