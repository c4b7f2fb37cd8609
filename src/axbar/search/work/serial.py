"""Tasks one after the other in this process; what the workers must equal bit for bit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from axbar.errors import AxbarError
from axbar.search.work.one_task import Function, OneThread, run_task
from axbar.search.work.outcomes import Outcome, check_batch, not_shared
from axbar.search.work.packing import Opened, packed, unpacked, user_modules

__all__ = ["Serial"]


class Serial:
    """Runs tasks in process. They are packed and opened as for workers, so none can change what another sees."""

    def __init__(self) -> None:
        self._opened = Opened()

    def run(
        self, function: Function, tasks: Sequence[Any], shared: Mapping[str, bytes], batch: int
    ) -> Iterator[Outcome]:
        """See ``Executor.run``."""
        check_batch(batch)
        return self._outcomes(function, tasks, shared)

    def _outcomes(
        self, function: Function, tasks: Sequence[Any], shared: Mapping[str, bytes]
    ) -> Iterator[Outcome]:
        if not tasks:
            return
        settled, modules = OneThread(), user_modules()

        def load(name: str) -> Any:
            if name not in shared:
                raise not_shared(name)
            return self._opened.get(name, shared)

        for index, task in enumerate(tasks):
            try:
                done = run_task(function, packed(task, modules), load, settled)
            except AxbarError as error:  # of packing
                done = str(error)
            yield Outcome(index, failure=done) if isinstance(done, str) else Outcome(index, unpacked(done))

    def close(self) -> None:
        """Nothing is held."""
