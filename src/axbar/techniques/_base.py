"""What a technique is: a function from network to network, or from programmed chip to programmed chip.

A new technique is one file with an object that fits ``Technique`` and one name in the registry (entry points
``axbar.techniques``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict
from torch import nn

__all__ = ["Technique", "TechniqueConfig", "TechniqueResult", "TuningView"]


class TechniqueConfig(BaseModel):
    """Base of a technique's settings: frozen, no unknown keys, numbers with bounds that a search can read."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TuningView(Protocol):
    """The data that a technique may see: no test images."""

    @property
    def train(self) -> Any:
        """Training images and labels."""
        ...

    @property
    def calibration(self) -> Any:
        """Calibration images and labels, disjoint from the training images."""
        ...


@dataclass(frozen=True)
class TechniqueResult:
    """What a technique made, and what that took.

    Args:
        target: the new network or chip.
        cost: ``seconds`` of wall time, ``images`` used, ``writes`` of cells, ``settings`` changed on the
            chip, and what else the technique wants to report; plain numbers and text.
    """

    target: nn.Module
    cost: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class Technique(Protocol):
    """One way to make a network work better on a chip.

    Attributes:
        name: as in ``--technique``.
        stage: ``network`` runs once before the chip, ``chip`` on every programmed die.
        Config: its settings.

    A technique that works on batch norms as digital modules of the chip says ``keeps_norms = True``; the
    network is then converted with ``norms="keep"``. It is no part of the protocol: what says nothing keeps
    none. Nor is what advice and plans read:

    - ``tuning`` (``adaptation``, ``fine-tune`` or ``retrain``): which cost of ``axbar.cost.tuning_cost`` it has;
    - ``what_if(spec, workload)``: what it changes about an inference (``axbar.techniques.offers``);
    - ``not_after``, ``repeats``, ``ends``: what an order of techniques must obey (``axbar.techniques.parse_plan``);
    - ``check_chip(spec, config)``, ``check_network(network, image, config)``: what it can't serve, before any work;
    - ``chip_settings(spec, config)``: path -> value that a chip must have for it; a search sets them by itself;
    - ``choose_settings(network, spec, data, config)``: ``(path -> value, cost)``, settings of the chip that it chooses
      by measuring; an evaluation takes them for accuracy and cost, and leaves out ``apply`` on its dies;
    - ``reads_chip``: what of a chip its result may depend on: ``no``, ``accuracy`` (what may move an accuracy by the
      rules of ``axbar.cost``), ``all`` (taken where nothing is said); a search measures designs together by it;
    - ``restructure(model, facts)``: how a run folder brings a changed structure back (``axbar.techniques.note``).
    """

    name: str
    stage: Literal["network", "chip"]
    Config: type[TechniqueConfig]

    def apply(self, target: nn.Module, hardware: Any, data: Any, config: Any) -> TechniqueResult:
        """Return a new network or chip; ``target`` is not changed.

        Args:
            target: network, or chip from ``axbar.to_analog``.
            hardware: spec of the chip.
            data: ``Dataset.tuning()``: training and calibration images only.
            config: of the type ``Config``.
        """
        ...
