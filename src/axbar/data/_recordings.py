"""From recordings of events to samples ``[T, C, H, W]`` that a data set holds.

How recordings are cut into frames is written behind the name of the data: ``n-mnist:frames=16,by=count``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from axbar.data._arrays import Pair, Raw
from axbar.data._encoders import Binning, event_frames
from axbar.data._events import Events, Size
from axbar.data._types import Labels
from axbar.errors import UsageError, unknown_name

__all__ = ["FrameOptions", "RawEvents", "Recordings", "framed", "split_options"]

#: most steps that a network runs on and a workload holds
_MAX_FRAMES = 64


@dataclass(frozen=True)
class FrameOptions:
    """How a recording becomes frames.

    Args:
        frames: T, 1..64.
        by: ``time`` or ``count``, as in ``event_frames``.
        cap: events of a bin at one pixel above this number are not counted; values are counts / cap, so that 1
            makes binary spikes.

    Raises:
        UsageError: a value is out of range.
    """

    frames: int = 8
    by: Binning = "time"
    cap: int = 1

    def __post_init__(self) -> None:
        for name, high in (("frames", _MAX_FRAMES), ("cap", 255)):
            value = getattr(self, name)
            if not 1 <= value <= high:
                raise UsageError(f"{name} = {value} is out of range; give a whole number from 1 to {high}.")
        if self.by not in get_args(Binning):
            raise UsageError(unknown_name("binning", self.by, get_args(Binning)))


@dataclass(frozen=True)
class Recordings:
    """One part of a set: labels ``[N]`` and what reads recording i, which need not all fit into memory."""

    labels: Labels
    read: Callable[[int], Events]


@dataclass(frozen=True)
class RawEvents:
    """What a reader of events found, not yet cut into frames.

    Args:
        train, test: the parts; ``test`` None where the source has one part only.
        size: ``(H, W)`` of the sensor.
        classes, notes: as in ``Raw``.
        span: time that the bins cover, as in ``event_frames``.
        defaults: frames of this kind of data unless the user says otherwise.
    """

    train: Recordings
    test: Recordings | None
    size: Size
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    span: tuple[int, int] | None = None
    defaults: FrameOptions = FrameOptions()


def split_options(text: str) -> tuple[str, dict[str, str]]:
    """Return a name and the options written behind it.

    Raises:
        UsageError: a part is no ``key=value``, or a key is given twice.

    >>> split_options("n-mnist:frames=16,by=count")
    ('n-mnist', {'frames': '16', 'by': 'count'})
    >>> split_options("C:/data/mnist")
    ('C:/data/mnist', {})
    """
    found = re.fullmatch(r"(.*?):(\w+=[^:/\\]*)", text)
    if not found:
        return text, {}
    options: dict[str, str] = {}
    for part in found[2].split(","):
        key, equals, value = part.partition("=")
        if not equals or key in options:
            raise UsageError(f"'{part}' in '{text}' is no new key=value; write {found[1]}:frames=8,by=time.")
        options[key] = value
    return found[1], options


def options_of(given: dict[str, str], defaults: FrameOptions) -> FrameOptions:
    """Return options from their texts.

    Raises:
        UsageError: a key is unknown, or a value is none of its kind.
    """
    known = [f.name for f in fields(FrameOptions)]
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in known:
            raise UsageError(unknown_name("option of event data", key, known))
        if key != "by" and not re.fullmatch(r"[+-]?\d+", value):
            raise UsageError(f"{key} = '{value}' is no whole number; write for instance {key}=8.")
        values[key] = value if key == "by" else int(value)
    return replace(defaults, **values)


def framed(raw: RawEvents, given: dict[str, str]) -> Raw:
    """Read all recordings and cut them into frames.

    Raises:
        UsageError: an option is wrong.
        DataError: a recording is damaged.
    """
    options = options_of(given, raw.defaults)
    lost = [0, 0]
    train = _part(raw.train, raw, options, lost)
    test = None if raw.test is None else _part(raw.test, raw, options, lost)
    what = "equal time" if options.by == "time" else "equally many events"
    kept = "binary" if options.cap == 1 else f"counts up to {options.cap}, divided by {options.cap}"
    share = 100 * lost[0] / max(lost[1], 1)
    notes = (f"{options.frames} frames of {what}, {kept}; {share:.1f} % of the events lie above the cap",)
    return Raw(train, test, raw.classes, (*raw.notes, *notes))


def _part(part: Recordings, raw: RawEvents, options: FrameOptions, lost: list[int]) -> Pair:
    whole = 255 % options.cap == 0  # bytes hold such values exactly, in a quarter of the memory
    shape = (len(part.labels), options.frames, 2, *raw.size)
    x: NDArray[Any] = np.empty(shape, dtype=np.uint8 if whole else np.float32)
    span = raw.span if options.by == "time" else None
    for i in range(len(part.labels)):
        counts = event_frames(part.read(i), options.frames, raw.size, by=options.by, span=span)
        kept = np.minimum(counts, options.cap)
        lost[0] += int(counts.sum() - kept.sum())
        lost[1] += int(counts.sum())
        x[i] = kept * (255 // options.cap) if whole else kept / options.cap
    return x, part.labels
