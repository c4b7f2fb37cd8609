"""What a hardware kind is: one object that joins its spec, its counting and its cost.

A new accelerator is one file with one ``HardwareKind`` and one entry point in ``axbar.hardware``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axbar.spec._base import HardwareSpec

__all__ = ["HardwareKind"]


@dataclass(frozen=True)
class HardwareKind:
    """One family of chips.

    Args:
        name: the discriminator ``kind:`` in YAML.
        summary: one line for ``axbar ls hardware``.
        Spec: the pydantic model of the chip.
        count: ``count(workload, spec) -> Events``: what happens how often, for one structural choice.
        components: the parts that cost something; their figures sum to the totals.
        structural: paths on which ``count`` depends; sweeps group points by them.
        structural_if: ``structural_if(workload, values) -> paths`` on which it depends there besides, with all values
            of a sweep by path; None where there are none.
        schedule: ``schedule(context, components) -> Timing | None``, called once latencies are known and before
            energies are; None where layers take turns.
        rules: conditions under which a design point is infeasible, or worth a note (``axbar.cost.Rule``).
        analog: ``module:object`` of ``convert(model, spec, seed, data) -> nn.Module``; None if digital.
        digital: ``module:object`` of ``convert(model, spec, data) -> nn.Module``: integer network, or None.
        presets: name -> YAML file shipped with the kind.
        asked: paths that say what is asked or how it is modelled (task, fidelity) and describe no chip: nobody is
            advised to change them.
        checked: returns one sentence on how far the models were from measured silicon; None if never compared.
    """

    name: str
    summary: str
    Spec: type[HardwareSpec]
    count: Callable[..., Any]
    components: tuple[Any, ...]
    structural: frozenset[str]
    rules: tuple[Any, ...] = ()
    schedule: Callable[..., Any] | None = None
    analog: str | None = None
    digital: str | None = None
    presets: Mapping[str, Path] = field(default_factory=dict[str, Path])
    asked: frozenset[str] = frozenset()
    structural_if: Callable[[Any, Mapping[str, Any]], frozenset[str]] | None = None
    checked: Callable[[], str] | None = None
