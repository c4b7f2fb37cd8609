"""Whether techniques fit one behind the other.

A technique says by ``not_after = {"other": "reason"}`` behind which others it makes no sense, and by ``repeats = True``
that it may be given twice; one that says ``ends = "reason"`` is the last that changes the network, but for those that
it names in ``ends_but_for``. Techniques of the chip run behind all of the network, wherever they stand in the list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from axbar import registry
from axbar.errors import UsageError
from axbar.spec import HardwareSpec
from axbar.techniques._base import Technique, TechniqueConfig
from axbar.techniques._parse import get_technique, parse_technique

__all__ = ["check_chip", "check_network", "check_plan", "parse_plan"]

Plan = Sequence[tuple[Technique, TechniqueConfig]]


def parse_plan(texts: Sequence[str], done: Sequence[str] = ()) -> list[tuple[Technique, TechniqueConfig]]:
    """Return techniques and settings of ``"name:key=value,..."``, in order, once it is clear that they fit.

    Args:
        texts: as of ``--technique``.
        done: names of the techniques that the network has gone through already.

    Raises:
        UsageError: a name, key or value is wrong, or the order makes no sense; the sentence gives one that does.
    """
    plan = [parse_technique(text) for text in texts]
    check_plan(plan, done)
    return plan


def check_plan(plan: Plan, done: Sequence[str] = ()) -> None:
    """Raise a ``UsageError`` if a technique can't come behind one before it."""
    known = {name: get_technique(name) for name in done if name in registry.names("techniques")}
    before = list(done)
    for technique, _ in (pair for stage in ("network", "chip") for pair in plan if pair[0].stage == stage):
        _check(technique, before, done, known)
        before.append(technique.name)
        known[technique.name] = technique


def check_chip(plan: Plan, spec: HardwareSpec) -> None:
    """Let techniques that need a chip of their kind refuse another before any work, by ``check_chip(spec, config)``.

    Raises:
        UsageError: with what to set.
    """
    for technique, config in plan:
        check: Any = getattr(technique, "check_chip", None)
        if check is not None:
            check(spec, config)


def check_network(plan: Plan, network: nn.Module, image: Tensor) -> None:
    """Let techniques refuse a network that they can't serve before any work, by ``check_network(network, image,
    config)``.

    What training or an earlier technique may change (which weights are zero) is no reason here.

    Args:
        image: one, ``[1, ...]``.

    Raises:
        ModelError: with the technique and what it lacks.
    """
    for technique, config in plan:
        check: Any = getattr(technique, "check_network", None)
        if check is not None:
            check(network, image, config)


def _ended(technique: Technique, other: Technique | None) -> str:
    """Return why a technique can't come after another that ends the changes of the network."""
    if technique.stage != "network" or technique.name in getattr(other, "ends_but_for", ()):
        return ""
    return str(getattr(other, "ends", ""))


def _check(
    technique: Any, before: Sequence[str], done: Sequence[str], known: Mapping[str, Technique]
) -> None:
    name = technique.name
    if name in before and not getattr(technique, "repeats", False):
        where = "the network has gone through it already" if name in done else "it is given twice"
        raise UsageError(f"technique '{name}' can't run twice ({where}); give it once.")
    refused: Mapping[str, str] = getattr(technique, "not_after", {})
    for other in before:
        reason = refused.get(other) or _ended(technique, known.get(other))
        if reason:
            fix = (
                f"start from a network before '{other}'"
                if other in done
                else f"give --technique {name} before --technique {other}"
                if technique.stage == known[other].stage
                else "leave one of them out, as techniques of the chip always come last"
            )
            raise UsageError(f"technique '{name}' can't come after '{other}': {reason}; {fix}.")
