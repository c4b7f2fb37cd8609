# pyright: standard
# (torch's own annotations are too thin for strict checking)
"""Which layers read nothing but times of first spikes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor, nn

from axbar.workload._events import INPUT, Event
from axbar.workload._record import record
from axbar.workload._times import fires_once
from axbar.workload._types import STORED_OPS

__all__ = ["readers_of_times", "reads_times"]

#: operations through which times pass as such
_PASSING = ("pool", "add", "reduce")


def reads_times(events: Sequence[Event], producers: Iterable[int]) -> bool:
    """True if all that ``producers`` made are times of first spikes, pooled or added perhaps."""
    waiting, seen = list(producers), set[int]()
    while waiting:
        p = waiting.pop()
        event = None if p == INPUT else events[p]
        if event is not None and event.neuron is not None and fires_once(event.neuron):
            continue
        if event is None or event.op not in _PASSING:
            return False
        if p not in seen:
            seen.add(p)
            waiting += event.producers
    return True


def readers_of_times(model: nn.Module, batch: Tensor) -> frozenset[str]:
    """Return the paths of the layers of ``model`` with weights that read times in all of their calls on ``batch``.

    Raises:
        TraceError: the network can't be traced.
    """
    events = record(model, batch, values=False).events
    layers = [event for event in events if event.op in STORED_OPS]
    others = {event.path for event in layers if not reads_times(events, event.producers)}
    return frozenset(event.path for event in layers) - others
