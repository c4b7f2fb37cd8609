"""What a reader of a comparison must know: where chips are unequal from the start, where nothing is computed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from axbar.cost._noted import named, silent_note
from axbar.units import format_quantity

if TYPE_CHECKING:
    from axbar._report import Report
    from axbar.workload import Workload

__all__ = ["notes_on"]

_GATING = "chip.power_gating"
#: value of the path above -> what has no power
_OFF = {
    "tile": "idle tiles", "pe": "idle tiles and PEs without weights", "array": "idle tiles and arrays without weights",
}  # fmt: skip
_TRUST = {"assumed": ", assumed", "user": ", set by you"}


def notes_on(names: Sequence[str], reports: Sequence[Report], workload: Workload) -> tuple[str, ...]:
    """Return what makes these chips unequal, behind what makes the network a poor measure of any chip.

    Args:
        names: of the chips, told apart; ``reports`` one each.
        workload: what all of them run.
    """
    dead = (*silent_note(workload), *_zero_weights(workload))
    return (*dead, *_nodes(names, reports), *_leakage(names, reports, workload))


def _zero_weights(workload: Workload) -> Iterator[str]:
    layers = [layer for layer in workload.matmuls if layer.operands and not layer.at_run_time]
    if empty := [layer for layer in layers if layer.weight is not None and not layer.weight.any()]:
        where = "this network" if len(empty) == len(layers) else named(empty)
        yield f"all weights of {where} are zero: the result is known, and chips that skip zeros compute nothing"


def _nodes(names: Sequence[str], reports: Sequence[Report]) -> Iterator[str]:
    nodes = [report.hardware.values().get("technology.node_m") for report in reports]
    known = {name: float(node) for name, node in zip(names, nodes, strict=True) if node is not None}
    if len(set(known.values())) > 1:
        shown = ", ".join(f"{name} {1e9 * node:.0f} nm" for name, node in known.items())
        yield f"the chips stand at different nodes ({shown}); --set technology.node_m=28nm puts all at one"


def _leakage(names: Sequence[str], reports: Sequence[Report], workload: Workload) -> Iterator[str]:
    """Say which chips are spared leakage that others are charged, and how much it is."""
    switched = [str(report.hardware.values().get(_GATING, "none")) for report in reports]
    if len(set(switched)) < 2:
        return
    always = [name for name, what in zip(names, switched, strict=True) if what == "none"]
    others = f", {_listed(always)} {'leaks' if len(always) == 1 else 'leak'} all the time" if always else ""
    for name, report, what in zip(names, reports, switched, strict=True):
        if what != "none":
            yield (
                f"{name} switches {_OFF.get(what, what)} off ({_GATING} = {what}{_trust(report)}){others}; "
                + (_without(report, workload))
            )


def _trust(report: Report) -> str:
    return _TRUST.get(report.hardware.confidence_of(_GATING), "")


def _without(report: Report, workload: Workload) -> str:
    """What leakage and the whole chip would take if nothing were switched off."""
    from axbar.cost import estimate

    found = report.estimate
    plain = estimate(workload, report.hardware.replace({_GATING: "none"}))
    leaked, whole = (
        [format_quantity(float(value), "J") for value in pair]
        for pair in (
            [one.by_group("energy_J").get("leakage", [0.0])[0] for one in (plain, found)],
            [one.total("energy_J")[0] for one in (plain, found)],
        )
    )
    return (
        f"without it, its leakage would be {leaked[0]} in place of {leaked[1]} and its energy {whole[0]} in place of "
        f"{whole[1]}"
    )


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
