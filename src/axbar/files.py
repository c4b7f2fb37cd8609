"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from axbar.errors import AxbarError

__all__ = ["replacing", "write_atomic"]


@contextmanager
def replacing(path: Path) -> Generator[BinaryIO]:
    """Open a temporary file beside ``path`` that takes its place only when all went well.

    A reader sees the old file or the new one, never a part; nothing is left behind after an error or Ctrl-C.

    Raises:
        OSError: the folder can't be written.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp makes private files; what a user writes is to be read by others as any file of theirs.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_atomic(path: Path, content: str | bytes) -> Path:
    """Write a whole file, and its folder where there is none.

    Raises:
        AxbarError: the folder can't be made or written, or has no space.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as stream:
            stream.write(data)
    except OSError as error:
        raise AxbarError(
            f"can't write '{path}': {error.strerror or error}; choose a place that you may write to and that has space."
        ) from error
    return path
