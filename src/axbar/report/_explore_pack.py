"""Ten thousand designs in a page: columns of few bits, compressed together.

What a column keeps: parameters and other values with at most 4,096 levels are exact (numbers of a table of levels);
other numbers are float32 of which 16 bits of mantissa are kept (relative error below 1e-5: five digits); shares have
254 steps (error below 0.002). Missing values stay missing.

The block is: length of the head (uint32, little endian), head (JSON in UTF-8), then the columns, each byte of a wide
number in a plane of its own, because neighbours in a plane resemble each other. ``templates/explore_data.js`` reads it.
"""

from __future__ import annotations

import base64
import gzip
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["DIGITS", "Block", "finite", "rounded"]

#: levels of a table, at most
_LEVELS = 4096
#: steps of a share
_STEPS = 254
#: significant digits of a number in the page
DIGITS = 5
_HASH = re.compile(r"[0-9a-f]{16}")


class Block:
    """Columns of ``points`` rows that are collected, then compressed once.

    Args:
        points: rows of each column.
        mantissa: bits of a float32 that are kept, 1..23; 16 keep five digits.
    """

    def __init__(self, points: int, mantissa: int = 16) -> None:
        self.points = points
        self._drop = 23 - mantissa
        self._fields: list[dict[str, Any]] = []
        self._bytes: list[bytes] = []
        self._at = 0

    def add_ids(self, name: str, ids: Sequence[str]) -> None:
        """Add names of points: 8 bytes each where all are hashes of 16 hexadecimal digits."""
        if all(_HASH.fullmatch(text) for text in ids):
            rows = np.frombuffer(bytes.fromhex("".join(ids)), np.uint8).reshape(-1, 8)
            self._put(name, "hash", rows.T.tobytes())
        else:
            self._put(name, "names", b"", table=list(ids))

    def add_values(self, name: str, values: Sequence[Any]) -> None:
        """Add words, switches or numbers; None or what is not finite is missing."""
        clean = [None if isinstance(v, float) and not math.isfinite(v) else v for v in values]
        levels = dict.fromkeys(v for v in clean if v is not None)
        if len(levels) <= _LEVELS or not all(isinstance(v, int | float) for v in levels):
            table = sorted(levels) if all(isinstance(v, int | float) for v in levels) else list(levels)
            number: dict[Any, int] = {None: 0} | {level: i + 1 for i, level in enumerate(table)}
            codes = np.array([number[v] for v in clean], "<u2" if len(table) < 2**16 else "<u4")
            if len(table) < 2**8:
                self._put(name, "u1", codes.astype(np.uint8).tobytes(), table=table)
            else:
                self._put(name, f"u{codes.itemsize}", _planes(codes), table=table)
        else:
            self._put(name, "f4", _planes(self._short(clean)))

    def add_flags(self, name: str, flags: Sequence[Any]) -> None:
        """Add small whole numbers, 0..255."""
        self._put(name, "flag", np.asarray(flags, np.uint8).tobytes())

    def add_shares(self, name: str, shares: Sequence[float | None]) -> None:
        """Add shares of 0..1 in 254 steps."""
        column = np.array([math.nan if v is None else v for v in shares], np.float64)
        code = np.where(np.isfinite(column), 1 + np.rint(_STEPS * np.clip(column, 0, 1)), 0)
        self._put(name, "share", np.nan_to_num(code).astype(np.uint8).tobytes())

    def text(self, **rest: Any) -> str:
        """Return everything as base64 of one gzip stream; ``rest`` joins the head. Equal data give equal text."""
        head = json.dumps(
            {"points": self.points, "fields": self._fields, **rest},
            separators=(",", ":"),
            ensure_ascii=False,
            allow_nan=False,
        ).encode()
        whole = len(head).to_bytes(4, "little") + head + b"".join(self._bytes)
        return base64.b64encode(gzip.compress(whole, 9, mtime=0)).decode()

    def _short(self, values: Sequence[Any]) -> NDArray[np.uint32]:
        """Return float32 as bits, rounded to fewer of them; NaN where missing."""
        wide = np.array([math.nan if v is None else v for v in values], np.float64)
        bits = wide.astype("<f4").view("<u4")
        half = np.uint32((1 << self._drop) >> 1)
        mask = np.uint32(0xFFFFFFFF ^ ((1 << self._drop) - 1))
        return np.where(np.isnan(wide), np.uint32(0x7FC00000), (bits + half) & mask).astype("<u4")

    def _put(self, name: str, kind: str, content: bytes, **more: Any) -> None:
        self._fields.append({"name": name, "as": kind, "at": self._at, **more})
        self._bytes.append(content)
        self._at += len(content)


def _planes(numbers: NDArray[Any]) -> bytes:
    """Return the lowest byte of all numbers, then the next one of all."""
    return numbers.view(np.uint8).reshape(len(numbers), -1).T.tobytes()


def finite(value: Any) -> Any:
    """Return plain data in which what is not finite is None, as JSON needs."""
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    plain = value.item() if callable(getattr(value, "item", None)) else value
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain


def rounded(value: Any) -> Any:
    """Return plain data with numbers of ``DIGITS`` digits."""
    if isinstance(value, Mapping):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
