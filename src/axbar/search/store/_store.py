"""What was evaluated, kept so that nothing is evaluated twice and a kill costs nothing.

A study is a folder: ``study.json`` (what was asked), ``records.jsonl`` (one line of plain JSON a record, with its
checksum; only ever appended to) and, while a process works on it, ``store.lock`` and ``owner.json``.

When a put returns, the record is with the operating system: a ``kill -9`` loses nothing. It is on the disk at the
next sync, at most ``sync_s`` of puts later, or on a slow disk four times as long as its last sync took, so that puts
wait a fifth of the time at most: that much a power cut may cost. Opening reads every line once: a torn last
line goes to ``torn.txt``, a damaged one is named and goes to ``damaged.txt``, all others stay.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from axbar import __version__
from axbar.errors import AxbarError, UsageError
from axbar.search.store import lines as _lines
from axbar.search.store.asked import changes, settle, then_now
from axbar.search.store.lines import Record, to_json
from axbar.search.store.lock import FolderLock

__all__ = ["Record", "Store", "key_of"]

_RECORDS = "records.jsonl"
#: time between two syncs in units of the time that the last one took, at least
_SYNC_PAUSE = 4.0


def key_of(
    *,
    workload: object,
    spec: object,
    techniques: object,
    fidelity: object,
    seed: int,
    version: str = __version__,
    **more: object,
) -> str:
    """Return the content hash of all that decides an outcome, 32 hex digits.

    The order within mappings doesn't count; that of lists does (techniques run in order), and so do the bits and kind
    of numbers (``1`` is not ``1.0``).

    Args:
        workload: hash or plain JSON of the network, its weights and its data.
        spec: hash or plain JSON of the chip.
        techniques: plain JSON of the techniques with their settings, in order.
        fidelity: plain JSON of how carefully was looked.
        seed: of all that is drawn.
        version: of the code that evaluates; another version is another key.
        more: further parts by name, plain JSON.

    Raises:
        AxbarError: a part is no plain JSON.

    >>> parts = dict(workload="a1", techniques=[], fidelity="F0", seed=0, version="1")
    >>> key_of(spec={"rows": 64, "bits": 5}, **parts) == key_of(spec={"bits": 5, "rows": 64}, **parts)
    True
    """
    named = dict(
        workload=workload, spec=spec, techniques=techniques, fidelity=fidelity, seed=seed, version=version
    )
    text = to_json({**named, **{f"more.{name}": part for name, part in more.items()}}, "key", sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Store:
    """The records of one study; one process at a time may write.

    Args:
        folder: of the study; made where there is none.
        asked: what the study was asked, plain JSON: kept in ``study.json`` the first time, and the same ever after;
            None to take what is there.
        sync_s: s of puts that a power cut may cost; 0 syncs every put (a few ms on an SSD).
        read_only: look at what is there now, also while others write: no lock, nothing mended, no puts.

    Attributes:
        asked: what the study was asked.
        notes: what was mended on opening, a sentence each.

    Raises:
        UsageError: the study was asked something else, or there is none to read.
        AxbarError: another process works on the study, or its folder can't be written.

    >>> with Store("runs/s", asked={"seed": 0}) as store:  # doctest: +SKIP
    ...     if store.get(key) is None:
    ...         store.put(Record(key, asked=point, values=evaluate(point)))
    """

    def __init__(
        self,
        folder: str | Path,
        asked: Mapping[str, Any] | None = None,
        *,
        sync_s: float = 1.0,
        read_only: bool = False,
    ) -> None:
        self.folder = Path(folder)
        self.notes: list[str] = []
        self._path = self.folder / _RECORDS
        self._sync_s, self._read_only = sync_s, read_only
        self._mutex = threading.RLock()
        self._pid = os.getpid()
        self._lock: FolderLock | None = None
        self._file: int | None = None
        self._refusal = ""
        self._unsynced, self._synced_s, self._sync_took_s = 0, time.monotonic(), 0.0
        try:
            self._open(asked)
        except BaseException:
            self._let_go()
            raise

    def _open(self, asked: Mapping[str, Any] | None) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            raise UsageError(f"'{self.folder}' is a file; a study is a folder: choose another name.")
        if not self._read_only:
            with self._saying("open"):
                self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = FolderLock(self.folder)
            if (former := self._lock.former) is not None:
                self.notes.append(
                    f"process {former.pid} on {former.host}, at work since {former.since}, ended without closing "
                    f"'{self.folder}'; every record that it had put is kept."
                )
        elif not self._path.exists():
            raise UsageError(
                f"there is no study in '{self.folder}' ('{_RECORDS}' is missing); check the folder."
            )
        self.asked, notes = settle(self.folder, asked, write=not self._read_only)
        self.notes += notes
        with self._saying("open"):
            flags = os.O_RDONLY if self._read_only else os.O_RDWR | os.O_APPEND | os.O_CREAT
            self._file = os.open(self._path, flags | getattr(os, "O_BINARY", 0), 0o666)
            self._spans = self._scanned()
            self._stop = os.fstat(self._file).st_size
            if not self._read_only:
                _sync_folder(self.folder)

    def _scanned(self) -> dict[str, tuple[int, int]]:
        with self._path.open("rb") as stream:
            found = _lines.scan(stream)
        if not found.ours:
            raise AxbarError(
                f"'{self._path}' holds {len(found.damaged)} lines and none is a record of axbar; choose another folder."
            )
        if self._read_only:
            if found.damaged:
                self.notes.append(_lines.damage_note(self._path, found, "stay where they are"))
        elif found.damaged or found.torn or found.unended:
            self.notes += _lines.repair(self._path, found)
        return found.spans

    def __len__(self) -> int:
        return len(self._spans)

    def __contains__(self, key: object) -> bool:
        return key in self._spans

    def get(self, key: str) -> Record | None:
        """Return the record of a key, None if there is none.

        Raises:
            AxbarError: the file was changed or lost while it was open.
        """
        with self._mutex:
            span = self._spans.get(key)
            return None if span is None else _lines.decode(self._line(key, *span))

    def records(self) -> Iterator[Record]:
        """Yield all records that are there now, in the order in which their keys were first put."""
        spans = list(self._spans.items())
        with self._saying("read"):  # of its own: what was put is never changed, so a buffer can't be stale
            stream = self._path.open("rb")
        with stream:
            for key, (start, size) in spans:
                stream.seek(start)
                yield _lines.decode(self._right(key, stream.read(size)))

    def put(self, record: Record) -> None:
        """Keep a record; when this returns, a kill can't lose it. See ``put_all``."""
        self.put_all((record,))

    def put_all(self, records: Iterable[Record]) -> None:
        """Keep records in order, with one write for all.

        A record that is there already is not written again, and a failure never replaces values; values replace a
        failure.

        Raises:
            AxbarError: a record is no plain JSON or has other values than the one of its key that is there (nothing is
                written then); the disk is full (the sentence says what was kept); the store is closed or read only.
        """
        with self._mutex:
            self._check_open()
            fresh: dict[str, bytes] = {}
            for record in records:
                line = _lines.encode(record)
                if self._is_news(record, line, fresh.get(record.key)):
                    fresh[record.key] = line
            if fresh:
                self._append(fresh)
                self._sync(wait_s=self._sync_s)

    def flush(self) -> None:
        """Have everything that was put on the disk, safe from a power cut.

        Raises:
            AxbarError: the disk refuses.
        """
        with self._mutex:
            self._sync(wait_s=0.0)

    def close(self) -> None:
        """Sync, and let others in; a second call does nothing.

        Raises:
            AxbarError: the disk refuses the last records.
        """
        with self._mutex:
            try:
                if self._file is not None and self._pid == os.getpid():
                    self._sync(wait_s=0.0)
            finally:
                self._refusal = self._refusal or f"the store in '{self.folder}' is closed; open it again."
                self._let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except AxbarError:
            if error is None:
                raise
            # the first error is the one to read

    def _let_go(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._lock is not None and self._pid == os.getpid():
            self._lock.release()
            self._lock = None

    def _check_open(self) -> None:
        if self._refusal:
            raise AxbarError(self._refusal)
        if self._read_only:
            how = "open it without read_only to put records."
            raise AxbarError(f"the store in '{self.folder}' was opened to read; {how}")
        if self._pid != os.getpid():
            raise AxbarError(
                f"the store in '{self.folder}' belongs to process {self._pid}; return records to it instead of putting "
                "them from a copy of it."
            )

    def _is_news(self, record: Record, line: bytes, pending: bytes | None) -> bool:
        span = self._spans.get(record.key)
        if pending is None and span is None:
            return True
        there = (
            pending.rstrip(b"\n")
            if pending is not None
            else self._line(record.key, *cast("tuple[int, int]", span))
        )
        if there == line[:-1]:
            return False
        before = _lines.decode(there)
        if record.failure is not None:
            return before.failure is not None and before.failure != record.failure
        if before.failure is not None:
            return True
        now = _lines.decode(line)
        pairs = {"asked": (before.asked, now.asked), "values": (before.values, now.values)}
        differing = [change for where, (then, new) in pairs.items() for change in changes(then, new, where)]
        if differing:
            raise AxbarError(
                f"key {record.key} is in '{self._path}' with {then_now(differing)}; the same key must give the same "
                "bits: put what differs into the key, or evaluate in another folder."
            )
        return False

    def _line(self, key: str, start: int, size: int) -> bytes:
        """Read a line and check it again: what was right on opening may have changed since."""
        if self._file is None:
            raise AxbarError(f"the store in '{self.folder}' is closed; open it again.")
        with self._saying("read"):
            os.lseek(self._file, start, os.SEEK_SET)
            line = os.read(self._file, size)
            while len(line) < size and (more := os.read(self._file, size - len(line))):
                line += more
        return self._right(key, line)

    def _right(self, key: str, line: bytes) -> bytes:
        if _lines.checked(line) != key:
            raise AxbarError(
                f"'{self._path}' was changed by others while it was open; close the store and open it again."
            )
        return line

    def _append(self, lines: Mapping[str, bytes]) -> None:
        """Write whole lines at the end; what was written in part is cut off again."""
        file = cast("int", self._file)
        state = os.fstat(file)
        if state.st_nlink == 0 or state.st_size != self._stop:
            what = "deleted" if state.st_nlink == 0 else "changed"
            self._refusal = f"'{self._path}' was {what} by others while it was open; open the store again."
            raise AxbarError(self._refusal)
        data, written = memoryview(b"".join(lines.values())), 0
        try:
            while written < len(data):
                step = os.write(file, data[written:])
                if step == 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                written += step
        except OSError as error:
            kept = self._keep(lines, written)
            raise AxbarError(
                f"can't write '{self._path}': {error.strerror or error}; {len(self)} records are kept and "
                f"{len(lines) - kept} could not be added: free some space and run the same again, which "
                "goes on from there."
            ) from error
        except BaseException:  # Ctrl-C between two parts of a line
            self._keep(lines, written)
            raise
        self._keep(lines, written)

    def _keep(self, lines: Mapping[str, bytes], written: int) -> int:
        """Count the whole lines among the bytes written and cut off the rest; return how many were whole."""
        file, kept = cast("int", self._file), 0
        for key, line in lines.items():
            if len(line) > written:
                break
            self._spans[key] = (self._stop, len(line) - 1)
            self._stop += len(line)
            written -= len(line)
            kept += 1
        self._unsynced += kept
        try:
            if os.fstat(file).st_size != self._stop:
                os.ftruncate(file, self._stop)
        except OSError as error:
            # the half line stays, so nothing may follow it; the next opening takes it out
            self._refusal = (
                f"'{self._path}' can't be mended now ({error.strerror or error}); open the store again."
            )
        return kept

    def _sync(self, wait_s: float) -> None:
        """Have the disk take what was put, unless it did less than ``wait_s`` ago."""
        start_s = time.monotonic()
        pause_s = max(wait_s, _SYNC_PAUSE * self._sync_took_s) if wait_s > 0 else 0.0
        if self._file is None or not self._unsynced or start_s - self._synced_s < pause_s:
            return
        try:
            os.fsync(self._file)
        except OSError as error:
            # after a failed sync the system may have dropped the pages, and a second one would call them safe
            count, self._unsynced = self._unsynced, 0
            self._refusal = (
                f"the disk of '{self._path}' refuses what was written: {error.strerror or error}; "
                f"{len(self) - count} records are kept for sure and the last {count} perhaps: free some space and run "
                "the same again, which goes on from there."
            )
            raise AxbarError(self._refusal) from error
        self._unsynced, self._synced_s = 0, time.monotonic()
        self._sync_took_s = self._synced_s - start_s

    @contextmanager
    def _saying(self, verb: str) -> Generator[None]:
        """Turn an error of the system into one sentence."""
        try:
            yield
        except OSError as error:
            raise AxbarError(
                f"can't {verb} the study in '{self.folder}': {error.strerror or error}; choose a folder that you may "
                "write to and that has space."
            ) from error


def _sync_folder(folder: Path) -> None:
    """Have a new file's name on the disk too; Windows knows no such thing."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
