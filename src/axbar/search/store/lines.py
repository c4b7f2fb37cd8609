"""Records as lines of JSON that carry their own checksum, and the repair of a file of them.

A line is ``{"crc":"8 hex digits","key":"…","record":{"asked":{…},"values":{…},"failure":null}}``, ASCII, ended by a
newline. ``crc`` is CRC-32 (zlib) over the bytes from ``"key"`` to the last brace: the checksum is against accidents,
not against forgers, and CRC-32 sees every damage of up to 32 neighbouring bits. It and the key are found without
parsing the JSON, so opening a store costs little more than reading it.

Finite floats are written with the digits of ``repr``, which give back the same bits. JSON has no others, so these
are named: ``{"$float": "nan"}``, ``"inf"``, ``"-inf"``, and ``"0x…"`` (the 64 bits) for a NaN with other bits than
Python's own.
"""

from __future__ import annotations

import json
import math
import os
import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from axbar.errors import AxbarError

__all__ = [
    "Damage",
    "Record",
    "Scan",
    "checked",
    "decode",
    "encode",
    "from_json",
    "repair",
    "scan",
    "to_json",
]

_HEAD, _KEY, _RECORD = b'{"crc":"', b'"key":"', b',"record":'
_CRC = slice(len(_HEAD), len(_HEAD) + 8)
_SUMMED = _CRC.stop + len(b'",')
_FLOAT = "$float"
_NAMED = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_SAME = frozenset((str, int, bool, type(None)))
_KEY_WORDS = re.compile(r"[A-Za-z0-9._:-]{1,200}")


@dataclass(frozen=True)
class Record:
    """What one evaluation was asked and found.

    Attributes:
        key: content hash of all that decides the outcome, see ``axbar.search.store._store.key_of``.
        asked: plain JSON: the point, its fidelity and seed, as a page shows them.
        values: plain JSON: what was found, by quantity, in SI units.
        failure: the reason why there are no values; None if all went well.
    """

    key: str
    asked: Mapping[str, Any]
    values: Mapping[str, Any]
    failure: str | None = None


@dataclass(frozen=True)
class Damage:
    """A line that is no record: its number from 1, and its bytes ``start:stop`` in the file."""

    number: int
    start: int
    stop: int


@dataclass(frozen=True)
class Scan:
    """What a file of lines holds.

    Attributes:
        spans: key -> (first byte, number of bytes) of its last line, without the newline.
        damaged: lines with a newline that are no record.
        torn: bytes after the last whole line.
        unended: the last record is whole and lacks the newline only.
        stop: bytes of all whole lines.
        ours: False if lines are there and none looks like a record, damaged or not.
    """

    spans: dict[str, tuple[int, int]]
    damaged: list[Damage]
    torn: bytes
    unended: bool
    stop: int
    ours: bool


def to_json(value: object, where: str = "value", *, sort_keys: bool = False) -> str:
    """Return one line of plain JSON with floats bit for bit.

    Raises:
        AxbarError: a part is no plain JSON, or a key is the reserved ``$float``.
    """
    return (_SORTING if sort_keys else _WRITING).encode(_named(value, where))


def from_json(text: str | bytes) -> Any:
    """Return what ``to_json`` wrote."""
    text = text.decode() if isinstance(text, bytes) else text
    return (_NAMING if f'"{_FLOAT}"' in text else _READING).decode(text)


def _named(value: object, where: str) -> Any:
    """Return plain lists, dicts, strings and numbers, with a name in place of each float that JSON lacks."""
    if type(value) in _SAME or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {_FLOAT: _float_name(value)}
    if isinstance(value, list | tuple):
        return [_named(part, f"{where}.{i}") for i, part in enumerate(cast("list[object]", value))]
    if isinstance(value, Mapping):
        parts = cast("Mapping[object, object]", value)
        return {_key_word(k, where): _named(part, f"{where}.{k}") for k, part in parts.items()}
    kind = type(value)
    raise AxbarError(
        f"'{where}' is a {kind.__module__}.{kind.__qualname__}, which can't be stored; give plain None, bool, int, "
        "float, str, lists and mappings of them (of a NumPy value x: x.item() or x.tolist())."
    )


def _key_word(key: object, where: str) -> str:
    if not isinstance(key, str) or key == _FLOAT:
        raise AxbarError(f"'{where}' has the key {key!r}; keys are strings other than '{_FLOAT}'.")
    return key


def _float_name(value: float) -> str:
    bits = struct.pack(">d", value)
    known = (name for name, number in _NAMED.items() if struct.pack(">d", number) == bits)
    return next(known, f"0x{bits.hex()}")


def _unnamed(found: dict[str, Any]) -> Any:
    if found.keys() != {_FLOAT}:
        return found
    name = found[_FLOAT]
    return _NAMED[name] if name in _NAMED else struct.unpack(">d", bytes.fromhex(name[2:]))[0]


#: made once, as making one costs as much as a short line
_WRITING = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
_SORTING = json.JSONEncoder(allow_nan=False, separators=(",", ":"), sort_keys=True)
_READING = json.JSONDecoder()
_NAMING = json.JSONDecoder(object_hook=_unnamed)


def encode(record: Record) -> bytes:
    """Return the line of a record, with its newline.

    Raises:
        AxbarError: the key is no key, or a part is no plain JSON.
    """
    if not _KEY_WORDS.fullmatch(record.key):
        raise AxbarError(
            f"key {record.key!r} can't be stored; keys are 1 to 200 letters, digits, '.', '_', ':', '-'."
        )
    asked, values = _named(record.asked, "asked"), _named(record.values, "values")
    found = _WRITING.encode({"asked": asked, "values": values, "failure": record.failure})
    body = _KEY + record.key.encode() + b'"' + _RECORD + found.encode() + b"}"
    return _HEAD + b"%08x" % zlib.crc32(body) + b'",' + body + b"\n"


def checked(line: bytes) -> str | None:
    """Return the key of a line without its newline; None if a byte of it is wrong."""
    body = line[_SUMMED:]
    if (
        b"%08x" % zlib.crc32(body) != line[_CRC]
        or line[: len(_HEAD)] != _HEAD
        or line[_CRC.stop : _SUMMED] != b'",'
    ):
        return None
    stop = body.find(b'"', len(_KEY))
    if body[: len(_KEY)] != _KEY or body[stop + 1 : stop + 1 + len(_RECORD)] != _RECORD:
        return None
    return body[len(_KEY) : stop].decode()


def decode(line: bytes) -> Record:
    """Return the record of a checked line."""
    found: dict[str, Any] = from_json(line)
    return Record(found["key"], **found["record"])


def scan(stream: BinaryIO) -> Scan:
    """Read all lines once, holding one at a time.

    Of a key with several lines the last counts. Where a newline was lost, the last record of the run is found again.
    """
    spans: dict[str, tuple[int, int]] = {}
    damaged: list[Damage] = []
    line, start, alike = b"", 0, False
    for number, line in enumerate(stream, 1):
        if not line.endswith(b"\n"):
            break
        key, skipped = checked(line[:-1]), 0
        if key is None and not line.isspace():
            key, skipped = _salvaged(line[:-1])
            damaged.append(Damage(number, start, start + (skipped or len(line))))
            alike = alike or _HEAD[1:] in line or _RECORD in line
        if key is not None:
            spans[key] = (start + skipped, len(line) - skipped - 1)
        start, line = start + len(line), b""
    unended = checked(line)
    if unended is not None:
        spans[unended] = (start, len(line))
    torn = b"" if unended is not None else line
    ours = alike or bool(spans) or not damaged
    return Scan(spans, damaged, torn, unended is not None, start, ours)


def _salvaged(line: bytes) -> tuple[str | None, int]:
    """Return the key of a record that ends a damaged line, and the bytes before it."""
    at = line.find(_HEAD, 1)
    while at > 0:
        if (key := checked(line[at:])) is not None:
            return key, at
        at = line.find(_HEAD, at + 1)
    return None, 0


def repair(path: Path, found: Scan) -> list[str]:
    """Take out of a file what is no record; what is taken out is kept in files beside it.

    Nothing is moved within the file and no space is needed: a damaged line is overwritten with blanks, a torn last
    line is cut off. A kill in the middle leaves what the next repair finishes.

    Returns:
        What was done, a sentence each.

    Raises:
        OSError: the file can't be written.
    """
    notes: list[str] = []
    with path.open("r+b") as stream:
        if found.damaged:
            notes.append(_set_aside(path, stream, found))
        if found.unended:
            stream.seek(0, os.SEEK_END)
            stream.write(b"\n")
        if found.torn:
            saved = _save(path.with_name("torn.txt"), [found.torn + b"\n"])
            stream.truncate(found.stop)
            notes.append(
                f"the last line of '{path}' was torn by a kill or a full disk: its {len(found.torn)} bytes {saved}, "
                "and it is evaluated again."
            )
        stream.flush()
        os.fsync(stream.fileno())
    return notes


def _set_aside(path: Path, stream: BinaryIO, found: Scan) -> str:
    lines: list[bytes] = []
    for line in found.damaged:
        stream.seek(line.start)
        lines.append(b"line %d: " % line.number + stream.read(line.stop - line.start).rstrip(b"\n") + b"\n")
    saved = _save(path.with_name("damaged.txt"), lines)
    if not saved.startswith("can't"):
        for line in found.damaged:
            stream.seek(line.start)
            stream.write(b" " * (line.stop - line.start - 1) + b"\n")
    return damage_note(path, found, saved)


def damage_note(path: Path, found: Scan, done: str) -> str:
    """Return the sentence that names the damaged lines, and what was done with them."""
    numbers = [str(line.number) for line in found.damaged]
    many = f" and {len(numbers) - 5} more" if len(numbers) > 5 else ""
    which = f"line{'s' if len(numbers) > 1 else ''} {', '.join(numbers[:5])}{many}"
    return f"{which} of '{path}' can't be read (damaged on the disk) and {done}; {len(found.spans)} records stay."


def _save(path: Path, lines: list[bytes]) -> str:
    """Append lines to a file for the curious; return what became of them, which is never an error."""
    try:
        with path.open("ab") as stream:
            stream.writelines(lines)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        return f"can't be kept in '{path}' ({error.strerror or error})"
    return f"went to '{path.name}'"
