"""One task, run so that every process gives the same bits.

Sums in another order have other bits, so torch and BLAS compute with one thread (OpenBLAS gives other bits with two).
Random numbers that a user's code draws from the generators of the process (``torch``, ``numpy.random``, ``random``)
begin anew with every task, and gradients and the default type of torch are what a fresh process has. The driver's own
come back afterwards.
"""

from __future__ import annotations

import importlib
import random
import re
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from axbar.errors import AxbarError
from axbar.search.work.packing import library, packed, unpacked

__all__ = ["Function", "Load", "OneThread", "one_line", "run_task"]

Load = Callable[[str], Any]
Function = Callable[[Any, Load], Any]

#: characters of an error of others that are kept
_LONGEST = 500

#: where installed code lies: an error is shown at the last line of the user's or of axbar
_INSTALLED = ("site-packages", "dist-packages")


#: the seed of all generators, for each task
_SEED = 0


class OneThread:
    """Settles a process for a task and sets it back.

    Libraries that bring their own BLAS or random numbers are loaded first: one that a task loads would compute with
    many threads and draw what nobody can draw again.
    """

    def __init__(self) -> None:
        importlib.import_module("scipy.linalg")
        self._torch: Any = importlib.import_module("torch")
        self._blas: Any = library("threadpoolctl").ThreadpoolController()

    @contextmanager
    def __call__(self) -> Generator[None]:
        python = random.getstate()
        numpy = np.random.get_state()  # noqa: NPY002 - a user's code may draw from it
        try:
            random.seed(_SEED)
            np.random.seed(_SEED)  # noqa: NPY002
            with self._blas.limit(limits=1), self._torch_settled():
                yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002

    @contextmanager
    def _torch_settled(self) -> Generator[None]:
        torch = self._torch
        threads, dtype, drawn = torch.get_num_threads(), torch.get_default_dtype(), torch.get_rng_state()
        try:
            torch.set_num_threads(1)
            torch.set_default_dtype(torch.float32)
            torch.default_generator.manual_seed(_SEED)
            with torch.enable_grad():
                yield
        finally:
            torch.set_num_threads(threads)
            torch.set_default_dtype(dtype)
            torch.set_rng_state(drawn)


def run_task(function: Function, task: bytes, load: Load, settled: OneThread) -> bytes | str:
    """Return the packed value of a task, or the sentence of its failure.

    Raises:
        KeyboardInterrupt: the user wants to stop.
    """
    try:
        with settled():
            return packed(function(unpacked(task), load))
    except AxbarError as error:
        return str(error) or type(error).__name__
    except (Exception, SystemExit) as error:  # a user's code may call exit
        return one_line(error)


def one_line(error: BaseException) -> str:
    """Return ``TypeName: message (file:line)``, equal for equal errors in all processes.

    >>> one_line(ValueError("no  such\\nthing"))
    'ValueError: no such thing'
    """
    text = re.sub(r"\b0x[0-9a-fA-F]+", "0x…", " ".join(str(error).split()))  # addresses differ by process
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]} …"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not set(_INSTALLED) & set(Path(frame.filename).parts)]
    where = f" ({Path(last.filename).name}:{last.lineno})" if (last := (own or frames or [None])[-1]) else ""
    return f"{type(error).__name__}{': ' if text else ''}{text}{where}"
