"""The process of a worker on this machine, started by ``local``.

It lives as long as its driver: when the pipe to it closes, however the driver ended, the worker ends at once, in the
middle of a task too.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import shutil
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from axbar.search.work.packing import library

__all__ = ["work"]


def work(settings: Mapping[str, Any]) -> None:
    """Serve the scheduler until it or the driver ends.

    Args:
        settings: ``address`` of the scheduler, ``name`` of this worker, ``folder`` for its files.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal; the driver decides
    faulthandler.enable()
    threading.Thread(target=_end_with_driver, args=(settings["folder"],), daemon=True).start()
    asyncio.run(_serve(settings))


def _end_with_driver(folder: str) -> None:
    while sys.stdin.buffer.read(1):
        pass
    shutil.rmtree(Path(folder).parent, ignore_errors=True)  # of all workers of the driver that is gone
    os._exit(0)


async def _serve(settings: Mapping[str, Any]) -> None:
    library("dask").config.set({"distributed.worker.http.routes": []})  # no pages
    worker = library("distributed").Worker(
        settings["address"],
        name=settings["name"],
        nthreads=1,
        memory_limit=0,  # none: the system decides, not Dask
        local_directory=settings["folder"],
        host="127.0.0.1",
        dashboard=False,
    )
    async with worker:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        await worker.finished()
