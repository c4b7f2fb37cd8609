"""What a worker does: measure the accuracy of a class of designs once, and price each of them.

A task is plain data and names network and data by content hash; what it returns depends on nothing else.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from axbar.cost import estimate
from axbar.errors import AxbarError
from axbar.search.climb.design import Change
from axbar.search.sweep import costs_of
from axbar.spec import HardwareSpec

if TYPE_CHECKING:
    import torch

    from axbar._evaluate import Ready
    from axbar.data import Dataset
    from axbar.workload import Workload

__all__ = ["Look", "look", "traced"]

#: network -> what was asked of it -> the network after its techniques; entries go when the network goes
_ready: WeakKeyDictionary[torch.nn.Module, OrderedDict[tuple[Any, ...], Ready]] = WeakKeyDictionary()
_READY_KEPT = 4

_DRAWN = ("energy_J", "latency_s", "area_m2")


@dataclass(frozen=True)
class Look:
    """One class of designs at one rung.

    Args:
        name: of the network, as the user gave it.
        network, data: content hashes.
        techniques: as on the command line, in order.
        base: the chip that ``changes`` refer to.
        changes: of each design.
        images: balanced test images; None for all.
        chips: programmed dies; die i is drawn with ``seed + i``.
        samples: test images whose spikes are recorded.
        known: accuracy of the class, if it was measured before; else it is measured on the first design that fits.
    """

    name: str
    network: str
    data: str
    techniques: tuple[str, ...]
    base: HardwareSpec
    changes: tuple[Change, ...]
    images: int | None
    chips: int
    seed: int
    samples: int
    known: Mapping[str, Any] | None = None


def look(asked: Look, load: Callable[[str], Any]) -> dict[str, Any]:
    """Return ``{"accuracy": … | None, "designs": [{"values", "shares", "breakdown", "reason"}, …]}``, plain JSON.

    Args:
        asked: what to look at.
        load: content hash -> network or data.

    Raises:
        AxbarError: the network can't be made or does not run on the chip.
    """
    network, dataset = load(asked.network), load(asked.data)
    ready = _prepared(asked, network, dataset)
    costs = costs_of(ready.workload, asked.base, asked.changes)
    designs: list[dict[str, Any]] = []
    for i, change in enumerate(asked.changes):
        values = {key: float(column[i]) for key, column in costs.values.items()}
        shares = {q: {g: float(c[i]) for g, c in groups.items()} for q, groups in costs.shares.items()}
        reason = costs.reasons[i]
        parts = {} if reason else _breakdown(ready.workload, asked.base.replace(change))
        designs.append({"values": values, "shares": shares, "breakdown": parts, "reason": reason})
    accuracy = asked.known
    fits = next((i for i, design in enumerate(designs) if not design["reason"]), None)
    if accuracy is None and fits is not None:
        accuracy = _accuracy(asked, ready, asked.base.replace(asked.changes[fits]))
    return {"accuracy": accuracy, "designs": designs}


def traced(asked: Look, load: Callable[[str], Any]) -> Workload:
    """Return the trace of a network after its techniques, for the first of the designs."""
    return _prepared(asked, load(asked.network), load(asked.data)).workload


def _prepared(asked: Look, network: torch.nn.Module, dataset: Dataset) -> Ready:
    """Return the network after its techniques; the last few are kept, as neighbours often share one."""
    from axbar._evaluate import prepare
    from axbar.techniques import parse_technique

    spec = asked.base.replace(asked.changes[0])
    stages = [parse_technique(text)[0] for text in asked.techniques]
    reads = any(t.stage == "network" and getattr(t, "reads_chip", True) for t in stages)
    key = (asked.data, asked.techniques, asked.images, asked.samples, spec.hash() if reads else _bits(spec))
    kept = _ready.setdefault(network, OrderedDict())
    if key not in kept:
        while len(kept) >= _READY_KEPT:
            kept.popitem(last=False)
        kept[key] = prepare(
            network, dataset, spec, weights=None, config=None, techniques=asked.techniques, images=asked.images,
            trace_samples=asked.samples, data_dir=None, progress=None,
        )  # fmt: skip
    kept.move_to_end(key)
    return kept[key]


def _bits(spec: HardwareSpec) -> tuple[Any, ...]:
    """What techniques that make the same network for every chip still check: kind and bits."""
    return (spec.kind, *(v for path, v in sorted(spec.values().items()) if path.endswith("_bits")))


def _accuracy(asked: Look, ready: Ready, spec: HardwareSpec) -> dict[str, Any]:
    from axbar._on_chip import on_chip

    chip = on_chip(
        ready.network, spec, ready.dataset, ready.test, ready.plan, ready.workload,
        chips=asked.chips, seed=asked.seed, waterfall=0, tell=lambda stage, done, total: None,
    )  # fmt: skip
    rows = [_plain(row) for row in (*ready.applied, *chip.techniques)]
    return {
        "images": len(ready.test.y), "float": ready.float_accuracy, "digital": chip.digital,
        "dies": list(chip.dies), "techniques": rows, "notes": [*ready.notes, *chip.notes],
    }  # fmt: skip


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a technique did without how long it took, which is another figure every time."""
    cost = cast("Mapping[str, Any]", row["cost"])
    return {**row, "cost": {key: value for key, value in cost.items() if not key.endswith("seconds")}}


def _breakdown(workload: Workload, spec: HardwareSpec) -> dict[str, Any]:
    """Return quantity -> component, layer -> SI value."""
    try:
        tree = estimate(workload, spec).breakdown()
    except AxbarError:  # the reason stands beside it already
        return {}
    return {q: {"component": tree[q]["component"], "layer": tree[q]["layer"]} for q in _DRAWN}
