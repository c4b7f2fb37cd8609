"""What each quirk of SpikeSim's model is worth: the same formula with that one quirk mended.

A correction is the smallest change that removes the quirk, all else left as published; several are ours to choose,
and say so. Numbers are of the formula, not of silicon.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from axbar.published.spikesim import (
    CYCLE_CLOCKS,
    OVERLAP,
    STATE_M2,
    XBAR_J,
    SpikeSimEla,
    evaluate,
)
from axbar.published.spikesim_design import CASES, SpikeSimDesign
from axbar.published.spikesim_real import SPIKE_RATE, real

__all__ = ["QUIRKS", "Change", "Quirk", "changes"]

_ARRAY: Final = 64  # rows of the array that the cell constants hold for
_NODES_M: Final = (65e-9, 40e-9)  # of the memories, of the cells


@dataclass(frozen=True)
class Quirk:
    """One quirk and its correction.

    Args:
        name: Q1, Q2, ...
        what: what the tool does.
        mended: what the correction does instead.
        cases: designs on which the change is shown.
        mend: design -> the model with this quirk mended.
    """

    name: str
    what: str
    mended: str
    cases: Mapping[str, SpikeSimDesign]
    mend: Callable[[SpikeSimDesign], SpikeSimEla]


@dataclass(frozen=True)
class Change:
    """A quirk on one design: as published, and mended."""

    quirk: Quirk
    case: str
    published: SpikeSimEla
    mended: SpikeSimEla


def changes() -> list[Change]:
    """Return every quirk on each of its designs."""
    return [
        Change(quirk, case, evaluate(design), quirk.mend(design))
        for quirk in QUIRKS
        for case, design in quirk.cases.items()
    ]


def _times(parts: Mapping[str, float], names: tuple[str, ...], factor: float) -> dict[str, float]:
    return {name: value * factor if name in names else value for name, value in parts.items()}


def _sizes(design: SpikeSimDesign) -> SpikeSimEla:
    return evaluate(replace(design, out_sizes=design.in_sizes))


def _depth(design: SpikeSimDesign) -> SpikeSimEla:
    """A converter per 8 columns takes 8 conversions, not x/8."""
    found = evaluate(design)
    factor = 8 / (design.crossbar / 8)
    return replace(found, energy_breakdown=_times(found.energy_breakdown, ("adc", "mux"), factor))


def _cells(design: SpikeSimDesign) -> SpikeSimEla:
    """Area and read energy of an array with the number of its cells."""
    found = evaluate(design)
    factor = (design.crossbar / _ARRAY) ** 2
    return replace(
        found,
        energy_breakdown=_times(found.energy_breakdown, ("xbar",), factor),
        area_breakdown=_times(found.area_breakdown, ("xbar",), factor),
    )


def _parallel(design: SpikeSimDesign) -> SpikeSimEla:
    """A turn of 26 clocks per output position: all PEs of a layer, and all columns of a PE, work at once."""
    positions = [size * size for size in design.out_sizes]
    up, down = OVERLAP
    turns = [*(up * n // down for n in positions[:-1]), positions[-1]]
    turn_s = design.timesteps * CYCLE_CLOCKS / design.clock_Hz
    return replace(evaluate(design), layer_latency_s=tuple(turn_s * n for n in turns))


def _membranes(design: SpikeSimDesign) -> SpikeSimEla:
    found = evaluate(design)
    neurons = sum(c * n * n for c, n in zip(design.out_channels, design.out_sizes, strict=True))
    return replace(found, area_breakdown={**found.area_breakdown, "neuron_mem": neurons * STATE_M2.value})


def _sparse(design: SpikeSimDesign) -> SpikeSimEla:
    """Array reads in proportion to active rows; the first layer's image stays dense."""
    found = evaluate(design)
    cycles = found.pe_cycles
    active = (cycles[0] + SPIKE_RATE * sum(cycles[1:])) / sum(cycles)
    return replace(found, energy_breakdown=_times(found.energy_breakdown, ("xbar",), active))


def _still(design: SpikeSimDesign) -> SpikeSimEla:
    """The first layer runs once per image, not once per step."""
    found = evaluate(design)
    cycles = found.pe_cycles
    share = (cycles[0] / design.timesteps + sum(cycles[1:])) / sum(cycles)
    first, *others = found.layer_latency_s
    return replace(
        found,
        energy_breakdown=_times(found.energy_breakdown, tuple(found.energy_breakdown), share),
        layer_latency_s=(first / design.timesteps, *others),
    )


def _sram(design: SpikeSimDesign) -> SpikeSimEla:
    found = evaluate(design)
    factor = XBAR_J["rram"].value / XBAR_J[design.device].value
    return replace(found, energy_breakdown=_times(found.energy_breakdown, ("xbar",), factor))


def _logic(design: SpikeSimDesign) -> SpikeSimEla:
    """The neuron units that a tile of ``axbar.estimate`` has, added to every tile."""
    found, ours = evaluate(design), real(design)
    units_m2 = float(ours.by_component("area_m2")[0][ours.components.index("lif")])
    per_tile = units_m2 / float(ours.mapping["tiles"].sum())
    return replace(found, area_breakdown={**found.area_breakdown, "lif": found.tiles * per_tile})


def _node(design: SpikeSimDesign) -> SpikeSimEla:
    found = evaluate(design)
    memories, cells = _NODES_M
    return replace(found, area_breakdown=_times(found.area_breakdown, ("xbar",), (memories / cells) ** 2))


_DEFAULT: Final = {"vgg9_default": CASES["vgg9_default"]}
_ARRAYS: Final = {name: CASES[name] for name in ("vgg9_x32", "vgg9_default", "vgg9_x128")}
_SRAM: Final = {"vgg9_sram": replace(CASES["vgg9_default"], device="sram")}

QUIRKS: Final = (
    Quirk(
        "Q1", "output sizes of conv2, conv4 and conv7 are those behind a pool",
        "sizes of the convolutions", _DEFAULT, _sizes,
    ),
    Quirk(
        "Q2", "x/8 counts converters and their conversions at once, so their energy grows with x²",
        "8 conversions per converter", _ARRAYS, _depth,
    ),
    Quirk(
        "Q3", "area and read energy of an array ignore x", "both in proportion to x² (our choice)", _ARRAYS, _cells,
    ),
    Quirk(
        "Q4", "one output neuron after another, whatever x and P",
        "26 clocks per output position, the PEs of a layer side by side, as the energy has it (our choice)",
        _ARRAYS, _parallel,
    ),
    Quirk("Q5", "membranes of the first five layers only", "of all layers", _DEFAULT, _membranes),
    Quirk(
        "Q6", "no sparsity", f"array reads at a spike rate of {SPIKE_RATE:g} (assumed), the image dense",
        _DEFAULT, _sparse,
    ),
    Quirk(
        "Q7", "all in proportion to T, the still image included", "the first layer runs once per image",
        _DEFAULT, _still,
    ),
    Quirk(
        "Q8", "an SRAM read costs the digits of its area", "the RRAM's energy in its place (no better one is given)",
        _SRAM, _sram,
    ),
    Quirk(
        "Q9", "the logic of neurons has no area", "the neuron units per tile of the real model", _DEFAULT, _logic,
    ),
    Quirk(
        "Q10", "tiles are assigned to layers and the result is unused", "left out, as it changes nothing",
        _DEFAULT, evaluate,
    ),
    Quirk("Q11", "cells of 40 nm beside memories of 65 nm", "cells of 65 nm", _DEFAULT, _node),
)  # fmt: skip
