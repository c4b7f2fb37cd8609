"""Techniques of the network one behind the other, each result kept in a run folder of its own.

A folder is written when its technique is done, so a chain that was stopped goes on with the one that was running.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import nn

from axbar.errors import UsageError
from axbar.files import write_atomic
from axbar.nn import accuracy, load_network, save_checkpoint
from axbar.techniques._plan import Plan
from axbar.techniques._tuning import weights_hash

__all__ = ["Link", "run_chain"]

_FACTS = "technique.json"


@dataclass(frozen=True)
class Link:
    """What one technique of a chain did.

    Args:
        name, config: of the technique.
        cost: what it took and reports, as in ``TechniqueResult``.
        calibration_accuracy: of the network after it, 0..1, on the calibration images.
        start: hashes of the network before it and of the data.
    """

    name: str
    config: Mapping[str, Any]
    cost: Mapping[str, Any]
    calibration_accuracy: float
    start: str = ""


def run_chain(
    network: nn.Module,
    plan: Plan,
    hardware: Any,
    data: Any,
    folder: Path,
    *,
    resume: bool = False,
    on_start: Callable[[str, int, int], None] | None = None,
) -> Iterator[tuple[nn.Module, Link]]:
    """Apply techniques in order, yield the network after each and keep it in ``folder/1-name``, ``folder/2-name``, ...

    Args:
        network: to start from; not changed.
        plan: of ``parse_plan``.
        hardware: spec of the chip that techniques may look at.
        data: ``Dataset.tuning()``.
        resume: take over what is done in the folder already; network, data and settings must be the same.
        on_start: called with (name, number, of how many) before each technique that runs now.

    Yields:
        ``(network, what the technique did)``.

    Raises:
        UsageError: a technique runs on programmed dies, or the folder holds a result of another network, other data or
            other settings.
    """
    for technique, _ in plan:
        if technique.stage != "network":
            raise UsageError(
                f"technique '{technique.name}' runs on every programmed die and leaves the trained network as it "
                "is; give it to 'axbar evaluate'."
            )
    for number, (technique, config) in enumerate(plan, 1):
        place = folder / f"{number}-{technique.name}"
        start = f"{weights_hash(network)} {data.hash()}"
        link = _done(place, technique.name, config.model_dump(mode="json"), start, resume)
        if link is None:
            if on_start is not None:
                on_start(technique.name, number, len(plan))
            result = technique.apply(network, hardware, data, config)
            network = result.target
            link = Link(
                technique.name,
                config.model_dump(mode="json"),
                dict(result.cost),
                accuracy(network, data.calibration),
                start,
            )
            save_checkpoint(place, network)
            write_atomic(place / _FACTS, json.dumps(asdict(link), indent=1))
        else:
            network = load_network(place)
        yield network, link


def _done(place: Path, name: str, config: Mapping[str, Any], start: str, resume: bool) -> Link | None:
    """Return what an earlier run left at ``place``; the file of facts is written last, so it vouches for the rest."""
    file = place / _FACTS
    if not file.is_file():
        return None
    if not resume:
        raise UsageError(
            f"'{place}' already holds a result; resume it (--resume, or resume=True), or give another folder."
        )
    link = Link(**json.loads(file.read_text(encoding="utf-8")))
    changed = [key for key in config if link.config.get(key) != config[key]]
    if changed:
        key = changed[0]
        raise UsageError(
            f"'{place}' holds a result of {name} with {key} = {link.config.get(key)}, now it is {config[key]}; resume "
            "with the same settings, or give another folder."
        )
    if link.start != start:
        raise UsageError(
            f"'{place}' holds a result of {name} that began with another network or other data; remove it to do it "
            "again, or give another folder."
        )
    return link
