"""Who runs the tasks of a study: this process, processes on this machine, or the workers of a Dask scheduler."""

from axbar.search.work.executors import Executor, Function, Load, Outcome, executor, pack

__all__ = ["Executor", "Function", "Load", "Outcome", "executor", "pack"]
