"""The designs of SpikeSim's model on a chip of ``axbar.estimate``: the same convolutions, arrays, PEs and steps.

What differs by intent: the sizes of maps are those of the convolutions (padding keeps them), the still image enters
once, as 8-bit numbers, layers have tiles of their own, and spikes have a rate. Rates and the share of set bits of
the image are those that ``axbar.workload.shapes`` assumes. Pools and the last linear layers, which SpikeSim leaves
out, are left out here too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from axbar.cost import Estimate, estimate
from axbar.published.spikesim import SpikeSimEla
from axbar.published.spikesim_design import SpikeSimDesign
from axbar.spec import HardwareSpec, load_hardware
from axbar.workload import LayerShape, Workload

__all__ = ["CHIP", "CLASSES", "SPIKE_RATE", "Cost", "chip", "legacy_cost", "real", "real_cost", "workload"]

CHIP: Final = "imc-rram-65nm"
SPIKE_RATE: Final = 0.15
IMAGE_RATE, IMAGE_BITS = 0.5, 8

#: class of a component as in tables and figure -> groups of ``axbar.estimate``, components of SpikeSim's model
CLASSES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "arrays": (("array",), ("xbar",)),
    "converters": (("conversion",), ("adc", "mux")),
    "digital": (("digital", "units"), ("sub",)),
    "buffers": (("memory",), ("mem_fetch", "temp_buf", "tile_buf", "input_fmap_mem")),
    "interconnect": (("interconnect",), ("htree",)),
    "neurons": (("neuron",), ("neuron", "neuron_mem")),
    "leakage": (("leakage",), ()),
    "other": ((), ()),  # what later chips may have
}


@dataclass(frozen=True)
class Cost:
    """Figures of one design under one of the two models, in SI units; classes are those of ``CLASSES``."""

    energy_J: float
    latency_s: float
    area_m2: float
    energy_by_class: dict[str, float]
    area_by_class: dict[str, float]

    @property
    def edp_Js(self) -> float:
        """Energy-delay product."""
        return self.energy_J * self.latency_s

    @property
    def neuronal_share(self) -> float:
        """Share of the area that neurons and their membranes take."""
        return self.area_by_class["neurons"] / self.area_m2


def workload(design: SpikeSimDesign) -> Workload:
    """Return the convolutions of a design, all of stride 1 and padded; pools are left out."""
    layers = [
        LayerShape(
            channels, wide, f"conv{number}", in_size=size, kernel=design.kernel,
            rate=SPIKE_RATE if number > 1 else IMAGE_RATE,
            steps=None if number > 1 else 1,
            bits=1 if number > 1 else IMAGE_BITS,
        )
        for number, (channels, wide, size) in enumerate(
            zip(design.in_channels, design.out_channels, design.in_sizes, strict=True), start=1
        )
    ]  # fmt: skip
    return Workload.from_layers(layers, name="convolutions", steps=design.timesteps)


def chip(design: SpikeSimDesign) -> HardwareSpec:
    """Return the preset with the arrays, PEs per tile and clock of a design."""
    return load_hardware(CHIP).replace(
        {
            "crossbar.rows": design.crossbar,
            "crossbar.cols": design.crossbar,
            "tile.pes_per_tile": design.pes_per_tile,
            "clock_Hz": design.clock_Hz,
        }
    )


def real(design: SpikeSimDesign) -> Estimate:
    """Return the estimate of a design."""
    return estimate(workload(design), chip(design))


def real_cost(design: SpikeSimDesign) -> Cost:
    """Return what ``axbar.estimate`` says of a design."""
    found = real(design)
    parts = {
        quantity: {name: float(value[0]) for name, value in found.by_group(quantity).items()}
        for quantity in ("energy_J", "area_m2")
    }
    return Cost(
        energy_J=float(found.total("energy_J")[0]),
        latency_s=float(found.total("latency_s")[0]),
        area_m2=float(found.total("area_m2")[0]),
        energy_by_class=_by_class(parts["energy_J"], 0),
        area_by_class=_by_class(parts["area_m2"], 0),
    )


def legacy_cost(found: SpikeSimEla) -> Cost:
    """Return what SpikeSim's model says, in the same classes."""
    return Cost(
        energy_J=found.energy_J,
        latency_s=found.latency_s,
        area_m2=found.area_m2,
        energy_by_class=_by_class(dict(found.energy_breakdown), 1),
        area_by_class=_by_class(dict(found.area_breakdown), 1),
    )


def _by_class(parts: dict[str, float], side: int) -> dict[str, float]:
    sums = dict.fromkeys(CLASSES, 0.0)
    for part, value in parts.items():
        sums[next((name for name, members in CLASSES.items() if part in members[side]), "other")] += value
    return sums
