"""What a worker does: measure the accuracy of a class of designs once, and price each of them.

A task is plain data and names network and data by content hash; what it returns depends on nothing else.
"""

from __future__ import annotations

import copy
import json
import random
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

import numpy as np

from axbar.cost import estimate
from axbar.errors import AxbarError
from axbar.search.question.design import Change, accuracy_part
from axbar.search.space import Constraint
from axbar.search.sweep import costs_of
from axbar.search.sweep.costs import SHARED
from axbar.search.sweep.variants import reads_chip
from axbar.spec import HardwareSpec

if TYPE_CHECKING:
    import torch

    from axbar._evaluate import Ready
    from axbar.data import Dataset
    from axbar.workload import Workload

__all__ = ["Look", "breakdown_of", "look", "traced"]

#: network -> what was asked of it -> the network after its techniques; entries go when the network goes
_ready: WeakKeyDictionary[torch.nn.Module, OrderedDict[tuple[Any, ...], Ready]] = WeakKeyDictionary()
_READY_KEPT = 4


@dataclass(frozen=True)
class Look:
    """One class of designs at one rung.

    Args:
        network, data: content hashes.
        techniques: as on the command line, in order.
        bases, changes: the chip of each design before its changes, and these.
        limits: constraints on costs; accuracy is not measured where no design keeps them all.
        images: balanced test images; None for all.
        chips: programmed dies; die i is drawn with ``seed + i``.
        samples: test images whose spikes are recorded.
        known: accuracy of the class, if it was measured before; else it is measured on the first design that fits.
    """

    network: str
    data: str
    techniques: tuple[str, ...]
    bases: tuple[HardwareSpec, ...]
    changes: tuple[Change, ...]
    limits: tuple[Constraint, ...]
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
    ready = _prepared(asked, load(asked.network), load(asked.data))
    designs: list[dict[str, Any]] = []
    wanted: HardwareSpec | None = None
    for base, change in zip(asked.bases, asked.changes, strict=True):
        design = _priced(ready.workload, base, change)
        designs.append(design)
        if wanted is None and not design["reason"] and _keeps(design["values"], asked.limits):
            wanted = base.replace(change)
    accuracy = asked.known
    if accuracy is None and wanted is not None:
        accuracy = _accuracy(asked, ready, wanted)
    return {"accuracy": accuracy, "designs": designs}


def _priced(workload: Workload, base: HardwareSpec, change: Change) -> dict[str, Any]:
    costs = costs_of(workload, base, [change])
    reason = costs.reasons[0]
    return {
        "values": {key: float(column[0]) for key, column in costs.values.items()},
        "shares": {q: {g: float(c[0]) for g, c in groups.items()} for q, groups in costs.shares.items()},
        "breakdown": {} if reason else breakdown_of(workload, base.replace(change)),
        "reason": reason,
    }


def _keeps(values: Mapping[str, float], limits: Sequence[Constraint]) -> bool:
    return all(bool(limit.holds(np.array([values[limit.quantity]]))[0]) for limit in limits)


def traced(asked: Look, load: Callable[[str], Any]) -> Workload:
    """Return the trace of a network after its techniques, for the first of the designs."""
    return _prepared(asked, load(asked.network), load(asked.data)).workload


def _prepared(asked: Look, network: torch.nn.Module, dataset: Dataset) -> Ready:
    """Return the network after its techniques; the last few are kept, as neighbours often share one."""
    from axbar._evaluate import prepare

    spec = asked.bases[0].replace(asked.changes[0])
    key = (asked.data, asked.techniques, asked.images, asked.samples, _read(spec, asked.techniques))
    kept = _ready.setdefault(network, OrderedDict())
    if key not in kept:
        while len(kept) >= _READY_KEPT:
            kept.popitem(last=False)
        kept[key] = prepare(
            copy.deepcopy(network), dataset, spec, weights=None, config=None, techniques=asked.techniques,
            images=asked.images, trace_samples=asked.samples, data_dir=None, progress=None,
        )  # fmt: skip
    kept.move_to_end(key)
    return kept[key]


def _read(spec: HardwareSpec, techniques: Sequence[str]) -> tuple[Any, ...]:
    """What of a chip the techniques of the network may have read; kind and bits are checked by all of them."""
    from axbar.techniques import parse_technique

    staged = [parse_technique(text)[0] for text in techniques]
    reading = [technique.name for technique in staged if technique.stage == "network"]
    if any(reads_chip(name) != "no" for name in reading):
        return (json.dumps(accuracy_part(spec, reading), sort_keys=True),)
    return (spec.kind, *(v for path, v in sorted(spec.values().items()) if path.endswith("_bits")))


def _fresh(ready: Ready) -> torch.nn.Module:
    """Return a copy of the network and set random numbers back, so that it does not matter who used it before."""
    import torch

    cast(Any, torch).manual_seed(0)
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - a user's forward may draw from it
    return copy.deepcopy(ready.network)


def _accuracy(asked: Look, ready: Ready, spec: HardwareSpec) -> dict[str, Any]:
    from axbar._on_chip import on_chip, settled

    spec, chosen = settled(ready.plan, _fresh(ready), spec, ready.dataset)
    chip = on_chip(
        _fresh(ready), spec, ready.dataset, ready.test, ready.plan, ready.workload,
        chips=asked.chips, seed=asked.seed, waterfall=0, tell=lambda stage, done, total: None,
    )  # fmt: skip
    rows = [_plain(row) for row in (*ready.applied, *chosen, *chip.techniques)]
    return {
        "images": len(ready.test.y), "float": ready.float_accuracy, "digital": chip.digital,
        "dies": list(chip.dies), "techniques": rows, "notes": [*ready.notes, *chip.notes],
    }  # fmt: skip


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a technique did without how long it took, which is another figure every time."""
    cost = cast("Mapping[str, Any]", row["cost"])
    return {**row, "cost": {key: value for key, value in cost.items() if not key.endswith("seconds")}}


def breakdown_of(workload: Workload, spec: HardwareSpec) -> dict[str, Any]:
    """Return quantity -> component, layer -> SI value."""
    try:
        tree = estimate(workload, spec).breakdown()
    except AxbarError:  # the reason stands beside it already
        return {}
    return {q: {"component": tree[q]["component"], "layer": tree[q]["layer"]} for q in SHARED}
