"""The command line: one file per verb, each a thin shell around the library."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run ``axbar``; exit codes: 0 done, 1 error, 2 usage, 3 infeasible, 130 stopped by Ctrl-C."""
    import os

    # Waiting OpenMP threads spin by default: beside any other program an epoch takes ten times as long. It is read
    # when torch is first imported.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    _keep_freed_memory()
    from axbar.cli._app import app

    app(prog_name="axbar")


def _keep_freed_memory() -> None:
    """Have the C library keep the memory of freed tensors for the next ones, where it is glibc.

    It gives large blocks back to the system and gets them anew, page by page, in every training step: a step of a
    network with 25 MB activations takes 1.7 times as long that way.
    """
    import ctypes
    import sys

    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mmap_threshold, trim_threshold, largest = -3, -1, 2**31 - 1  # names and numbers of malloc.h
        mallopt(mmap_threshold, largest)
        mallopt(trim_threshold, largest)
