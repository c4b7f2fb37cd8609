"""What the registered techniques offer a chip and a workload: what they change, or what they repair and take.

A technique that changes what an inference costs says so by ``what_if(spec, workload)``, which returns changes of the
spec (``{"adc.bits": 4}``), a new ``Workload``, both as an ``Offer`` of its own, or None where it has nothing to
offer; with a third parameter ``network`` it is given the module that was traced, where there is one. One without it
only repairs accuracy; if it says which of the three kinds of tuning it is (``tuning``:
``adaptation``, ``fine-tune`` or ``retrain``), its cost on this chip is that of ``axbar.cost.tuning_cost`` with the
images and epochs of its default settings.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from axbar import registry
from axbar.cost import TuningCost, tuning_cost
from axbar.cost.whatif import Offer
from axbar.errors import AxbarError, UsageError
from axbar.spec import HardwareSpec
from axbar.spec.imc import ImcSpec
from axbar.workload import Workload

if TYPE_CHECKING:
    from torch import nn

__all__ = ["offers"]

_METHODS = ("adaptation", "fine-tune", "retrain")


def offers(workload: Workload, spec: HardwareSpec, network: nn.Module | None = None) -> tuple[Offer, ...]:
    """Return one offer per registered technique that has any; a broken third-party package says why it has none.

    Args:
        network: that the workload is the trace of; without, techniques know its weights with norms folded in only.
    """
    found = [_offer(entry, workload, spec, network) for entry in registry.entries("techniques")]
    return tuple(offer for offer in found if offer is not None)


def _offer(
    entry: registry.Entry, workload: Workload, spec: HardwareSpec, network: nn.Module | None
) -> Offer | None:
    try:
        technique = registry.get("techniques", entry.name)
        if hasattr(technique, "what_if"):
            return _changing(entry, technique, workload, spec, network)
        cost, note = _tuning(technique, workload, spec)
    except AxbarError as error:
        return Offer(entry.name, summary=entry.summary, accuracy="unknown", why="not asked", note=str(error))
    return Offer(entry.name, technique.stage, entry.summary, cost=cost, note=note)


def _changing(
    entry: registry.Entry, technique: Any, workload: Workload, spec: HardwareSpec, network: nn.Module | None
) -> Offer | None:
    asks = "network" in inspect.signature(technique.what_if).parameters
    said: Any = technique.what_if(spec, workload, *([network] if asks else []))
    if said is None or isinstance(said, Offer):
        return said
    known = {"stage": technique.stage, "summary": entry.summary, "why": "the technique says that it does"}
    if isinstance(said, Workload):
        return Offer(entry.name, workload=said, **known)
    if isinstance(said, Mapping):
        return Offer(entry.name, changes=dict(said), **known)
    raise UsageError(
        f"what_if of technique '{entry.name}' returned a {type(said).__name__}; allowed: changes of the spec, a "
        "Workload, an axbar.cost.whatif.Offer, or None."
    )


def _tuning(technique: Any, workload: Workload, spec: HardwareSpec) -> tuple[TuningCost | None, str]:
    method = getattr(technique, "tuning", "")
    if method not in _METHODS:
        return None, "what it takes is not modelled"
    if not isinstance(spec, ImcSpec):
        return None, f"what it takes is modelled on crossbar chips, not on '{spec.kind}'"
    config = technique.Config()
    settings = {key: getattr(config, key) for key in ("images", "epochs", "batch") if hasattr(config, key)}
    cost = tuning_cost(workload, spec, **settings)[_METHODS.index(method)]
    passes = f", {settings['epochs']} epochs" if "epochs" in settings and method != "adaptation" else ""
    return cost, f"{method} with {settings['images']:,} images{passes}"
