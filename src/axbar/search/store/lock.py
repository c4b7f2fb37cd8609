"""One process at a time works on a study.

The operating system holds the lock (``filelock``: ``flock`` or its Windows twin) and lets go of it when its process
ends, however it ends. So a lock is never left over, and no process id that was used again can be mistaken for its
owner. Who holds it stands in a file beside it, for the sentence that a second process is given.

Across machines the lock is as good as the file system: local disks, NFS since Linux 2.6.12 and SMB know it.
"""

from __future__ import annotations

import json
import os
import platform
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from axbar.errors import AxbarError
from axbar.files import write_atomic

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = ["FolderLock", "Owner", "check_free"]

_LOCK, _OWNER = "store.lock", "owner.json"

#: s that a process may take between the lock and the file that names it
_NAMING_S = 0.5


@dataclass(frozen=True)
class Owner:
    """Who works on a study: process, machine and since when (UTC)."""

    pid: int
    host: str
    since: str

    @property
    def ended(self) -> bool:
        """Whether it is known to run no more; only a process of this machine is known."""
        if os.name != "posix" or self.host != platform.node():
            return False  # on Windows, signal 0 is no question but Ctrl-C
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False


class FolderLock:
    """Hold a folder until ``release``.

    Attributes:
        former: the owner before, if it ended without releasing the folder (killed, power cut).

    Raises:
        AxbarError: another process holds the folder, or the folder can't be written.
    """

    def __init__(self, folder: Path) -> None:
        self._owner_file = folder / _OWNER
        self._lock = _acquired(folder)
        self.former = _read(self._owner_file)
        try:
            # a wrong name is worse than none, which is what a full disk leaves
            self._owner_file.unlink(missing_ok=True)
            since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
            write_atomic(self._owner_file, json.dumps(asdict(Owner(os.getpid(), platform.node(), since))))
        except (OSError, AxbarError):
            pass
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Let others in; a second call does nothing."""
        if not self._lock.is_locked:
            return
        try:
            self._owner_file.unlink(missing_ok=True)
        except OSError:
            pass  # the next owner says that this one ended, which is true
        self._lock.release()


def check_free(folder: Path) -> None:
    """Refuse a folder that another process holds, before work is done for it; to hold it takes a ``FolderLock``.

    Raises:
        AxbarError: another process holds it.
    """
    if (folder / _LOCK).exists():
        _acquired(folder).release()


def _acquired(folder: Path) -> BaseFileLock:
    """Return the held lock of a folder."""
    from filelock import FileLock, Timeout  # a third of a second that other verbs need not pay

    # a callback of a scheduler may close the store from another thread
    lock = FileLock(folder / _LOCK, thread_local=False)
    give_up_s = time.monotonic() + _NAMING_S
    while True:
        try:
            lock.acquire(timeout=0)
            return lock
        except Timeout:
            owner = _read(folder / _OWNER)
        except (OSError, NotImplementedError) as error:
            raise AxbarError(
                f"can't lock '{folder / _LOCK}': {getattr(error, 'strerror', None) or error}; choose a folder that you "
                "may write to, on a disk that knows locks."
            ) from error
        if time.monotonic() > give_up_s:
            raise AxbarError(_refusal(folder, owner))
        time.sleep(0.02)  # the owner changed just now and its name is being written, or somebody only looked


def _refusal(folder: Path, owner: Owner | None) -> str:
    if owner is None or owner.ended:
        who, mend = "another process", "wait until it ends"
    elif owner.host != platform.node():
        who, mend = f"process {owner.pid} on {owner.host}", f"wait until it ends, or end it on {owner.host}"
    elif owner.pid == os.getpid():
        who, mend = f"this process ({owner.pid} on {owner.host})", "close the store that is open"
    else:
        who = f"process {owner.pid} on {owner.host}"
        mend = f"wait until it ends, or end it ('kill {owner.pid}')"
    since = f" since {owner.since}" if owner is not None and not owner.ended else ""
    return f"the study in '{folder}' is in use by {who}{since}; {mend}, or choose another folder."


def _read(path: Path) -> Owner | None:
    """Return the owner that a file names; None where there is none, or it can't be read."""
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
        return Owner(int(found["pid"]), str(found["host"]), str(found["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
