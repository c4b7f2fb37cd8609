"""Events of a sensor that reports changes only: who changed, when, and in which direction.

A recording is a structured array of one row per event, in the order of time: ``t`` (int64, microseconds unless a
reader says otherwise), ``x`` (column), ``y`` (row), both int16, and ``p`` (uint8: 1 brighter or up, 0 darker or down).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from axbar.errors import DataError

__all__ = ["EVENT", "Events", "Size", "as_events", "checked_events", "pack_events", "read_bin"]

EVENT = np.dtype([("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "u1")])
Events = NDArray[np.void]
#: rows and columns of a sensor
Size = tuple[int, int]

_BIN_BYTES = 5
#: rows that mark no pixel but a wrap of the clock in N-MNIST files, and the time that each adds
_WRAP_ROW, _WRAP_US = 240, 1 << 13


def pack_events(
    t: ArrayLike, x: ArrayLike, y: ArrayLike, p: ArrayLike, where: str = "the recording"
) -> Events:
    """Return the structured array of four equally long columns; ``where`` names the file in errors.

    Raises:
        DataError: lengths differ, or a value does not fit into its field (see ``EVENT``).

    >>> pack_events([0, 7], [3, 4], [0, 0], [1, 0])["t"].tolist()
    [0, 7]
    """
    columns = {name: np.asarray(values) for name, values in zip("txyp", (t, x, y, p), strict=True)}
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) != 1:
        raise DataError(f"the columns of {where} differ in length ({lengths}); give one value per event.")
    packed = np.empty(len(columns["t"]), dtype=EVENT)
    for name, values in columns.items():
        _check_range(name, values, where)
        packed[name] = values
    return packed


def _check_range(name: str, values: NDArray[Any], where: str) -> None:
    """Refuse what numpy would wrap into another value when it is stored."""
    held = np.iinfo(EVENT[name])
    beyond = (values < held.min) | (values > held.max)
    if not beyond.any():
        return
    i = int(beyond.argmax())
    if name == "p":
        raise DataError(_odd_polarity(f"event {i} of {where}", values[i]))
    low = held.min if name == "t" else 0
    raise DataError(
        f"event {i} of {where} is at {name} = {values[i]}; allowed are {low} to {held.max}: "
        f"{'count time from the first event' if name == 't' else 'give pixels by number, or get the file anew'}."
    )


def _odd_polarity(event: str, polarity: Any) -> str:
    return f"{event} has the polarity {polarity}; allowed are 0 and 1: store p > 0 instead."


def checked_events(
    events: Events, size: Size, where: str, *, first_byte: int | None = None, bytes_each: int = 0
) -> Events:
    """Return a recording, or a sentence on its first bad event.

    Args:
        events: with the fields t, x, y and p of any integer type.
        size: ``(rows, columns)`` of the sensor.
        where: names the file in errors.
        first_byte, bytes_each: where event i stands in the file, if it has a fixed size.

    Raises:
        DataError: an event lies outside the sensor, has a polarity that is neither 0 nor 1, or is earlier than the
            one before it.
    """
    rows, columns = size

    def at(i: int) -> str:
        byte = "" if first_byte is None else f" (byte {first_byte + i * bytes_each})"
        return f"event {i}{byte} of {where}"

    outside = (events["x"] < 0) | (events["x"] >= columns) | (events["y"] < 0) | (events["y"] >= rows)
    if outside.any():
        i = int(outside.argmax())
        raise DataError(
            f"{at(i)} is at x = {events['x'][i]}, y = {events['y'][i]}, outside the sensor of {columns}x{rows} "
            "(columns x rows); give the right sensor size or get the file anew."
        )
    odd = (events["p"] != 0) & (events["p"] != 1)
    if odd.any():
        i = int(odd.argmax())
        raise DataError(_odd_polarity(at(i), events["p"][i]))
    back = events["t"][1:] < events["t"][:-1]  # a difference of far times would wrap
    if back.any():
        i = int(back.argmax()) + 1
        raise DataError(
            f"{at(i)} is at t = {events['t'][i]}, before the event in front of it at {events['t'][i - 1]}; sort the "
            "events by time or get the file anew."
        )
    return events


def read_bin(path: Path, size: Size = (34, 34)) -> Events:
    """Return the events of an N-MNIST file, times in microseconds.

    Each event takes 40 bits, big-endian: x (8), y (8), polarity (1), time (23). A row of 240 marks no pixel: it adds
    2¹³ µs to the times of all events behind it (G. Orchard et al., Front. Neurosci. 9:437, 2015).

    Raises:
        DataError: the file can't be read, is cut short, holds no event, or an event is bad.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"can't read '{path}': {error.strerror}.") from error
    whole, rest = divmod(len(raw), _BIN_BYTES)
    if rest or not whole:
        raise DataError(
            f"'{path}' is cut short: {len(raw)} bytes found, and {_BIN_BYTES} expected for each event (the event at "
            f"byte {whole * _BIN_BYTES} has {rest}); get the file anew."
        )
    cells = np.frombuffer(raw, dtype=np.uint8).reshape(whole, _BIN_BYTES).astype(np.int64)
    t = ((cells[:, 2] & 0x7F) << 16) | (cells[:, 3] << 8) | cells[:, 4]
    wrap = cells[:, 1] == _WRAP_ROW
    events = pack_events(t + _WRAP_US * np.cumsum(wrap), cells[:, 0], cells[:, 1], cells[:, 2] >> 7)
    if wrap.any():
        return checked_events(events[~wrap], size, f"'{path}' (clock marks left out)")
    return checked_events(events, size, f"'{path}'", first_byte=0, bytes_each=_BIN_BYTES)


def as_events(arrays: Any, where: str) -> Events:
    """Return the events of four arrays or one structured array, by key.

    Args:
        arrays: mapping with ``t``, ``x``, ``y`` and ``p``, or with one structured array of these fields.
        where: names the file in errors.

    Raises:
        DataError: a column is missing, holds other than whole numbers, or lengths differ.
    """
    found: dict[str, NDArray[Any]] = dict(arrays)
    whole = next((a for a in found.values() if a.dtype.names and set("txyp") <= set(a.dtype.names)), None)
    if whole is not None:
        found = {name: whole[name] for name in "txyp"}
    missing = [name for name in "txyp" if name not in found]
    if missing:
        raise DataError(
            f"{where} has no {', '.join(missing)}; a recording holds t, x, y and p, or one structured array of them."
        )
    for name in "txyp":
        column = found[name]
        if column.ndim != 1 or column.dtype.kind not in "bui":
            raise DataError(
                f"'{name}' of {where} is {column.dtype} of shape {column.shape}; give one whole number per event"
                + (" (times in microseconds)." if name == "t" else ".")
            )
    polarity = found["p"]
    signed = (
        polarity.size > 0 and polarity.min() == -1 and polarity.max() <= 1
    )  # -1 and 1 as some sensors write
    return pack_events(found["t"], found["x"], found["y"], polarity > 0 if signed else polarity, where)
