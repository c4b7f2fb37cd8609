"""The energy-latency-area model (ELA) of SpikeSim, as its released code computes it, for comparison only.

Moitra et al., "SpikeSim: An End-to-End Compute-in-Memory Hardware Evaluation Tool for Benchmarking Spiking Neural
Networks", IEEE TCAD 2023; code at commit c2627bc (MIT). ``axbar.estimate`` is another model; the few constants that
it takes from here say so in ``explain``.

A chip is tiles, a memory of feature maps and one of membranes; a tile is P PEs, an H-tree and two buffers; a PE is
k^2 arrays of x by x cells, one per kernel position, beside c = x/8 converters with multiplexers. With T time steps,
clock f, and C_in, C_out, H_in, H_out of each of L convolutions (H: rows of a square map):

    Q_l = ceil(C_in/x) ceil(C_out/x)                 PEs of a layer
    n   = ceil(sum_l Q_l / P)                        tiles; layers share them
    N_l = Q_l H_out^2                                PE cycles per time step
    E   = T sum_l N_l [e_htree + e_fetch + e_neuron + e_tile
                       + c k^2 e_xbar + c^2 (e_adc + e_mux) + 16 c e_sub + c e_temp]
    A   = n [a_htree + a_tile + a_temp + c a_sub + P (k^2 a_xbar + c (a_adc + a_mux))]
          + a_bit 22 [sum_l C_in H_in^2 + sum_{l<=5} C_out H_out^2]
    t   = T 26/f [sum_{l<L} floor(0.75 C_out H_out^2) + C_out H_out^2 of layer L]

Energies in J per PE cycle or event, areas in m2, times in s; x/8 is not rounded. Checked against six runs of the
published tool, x = 32, 64 and 128: every component and total within 1e-15 relative (``tests/golden/spikesim_ela.csv``).

Quirks, all of them kept here, none of them in ``axbar.estimate``:

Q1  H_out of the shipped VGG9 mixes in sizes behind a pool: conv2, conv4 and conv7 get a quarter of their positions.
Q2  x/8 is the number of converters and the depth of their multiplexers at once: their energy grows with x^2.
Q3  area and read energy of an array are those of 64x64 cells, whatever x is.
Q4  latency knows neither x nor P nor tiles: one output neuron after another, 26 clocks each.
Q5  only the first five layers have membranes, as far as area goes.
Q6  no sparsity: a silent input costs what a busy one costs.
Q7  area does not depend on T, energy and latency are proportional to it, the first layer's still image included.
Q8  with ``sram`` the energy of an array read has the digits of the array's area.
Q9  the logic of the neurons has an energy, but no area.
Q10 tiles are assigned to layers for the latency, and the result is not used: here it isn't computed at all.
Q11 nodes are mixed: SRAM of 65 nm, cells of 40 nm.

A decreasing list of Q and more than twelve layers are refused: the tool stops on them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np

from axbar.cost import Constant
from axbar.errors import UsageError
from axbar.published.spikesim_design import SpikeSimDesign

__all__ = ["SpikeSimEla", "evaluate", "spikesim_ela"]

_CODE: Final = "SpikeSim c2627bc, ela_spikesim.py (MIT; Moitra et al., IEEE TCAD 2023)"


def _energy(part: str, value: float, per: str, note: str = "") -> Constant:
    return Constant(f"spikesim.{part}.energy", value * 1e-12, f"J/{per}", _CODE, "code", note=note)


def _area(part: str, value: float, per: str, note: str = "") -> Constant:
    return Constant(f"spikesim.{part}.area", value * 1e-12, f"m2/{per}", _CODE, "code", note=note)


XBAR_J: Final = {
    "rram": _energy("xbar.rram", 1.76423, "read of an array"),
    "sram": _energy("xbar.sram", 671.089, "read of an array", "Q8: the digits of the area"),
}
XBAR_M2: Final = {
    "rram": _area("xbar.rram", 26.2144, "array", "64*64 cells of 4 F2, F = 40 nm, for any x (Q3)"),
    "sram": _area("xbar.sram", 671.089, "array", "64*64 cells of 102.4 F2, F = 40 nm, for any x (Q3)"),
}
ADC_J, ADC_M2 = _energy("adc", 2.03084, "conversion"), _area("adc", 693.633, "converter")
MUX_J, MUX_M2 = _energy("mux", 0.094245, "conversion"), _area("mux", 45.9, "multiplexer")
SUB_J, SUB_M2 = _energy("sub", 1.15e-6, "subtraction"), _area("sub", 13411.41498, "group of 8 columns")
TEMP_J, TEMP_M2 = _energy("temp_buf", 0.2, "group of 8 columns"), _area("temp_buf", 484.643999, "tile")
TILE_J, TILE_M2 = _energy("tile_buf", 397.0, "PE cycle"), _area("tile_buf", 0.7391 * 64 * 128, "tile")
HTREE_J, HTREE_M2 = _energy("htree", 19.64 * 8, "PE cycle"), _area("htree", 216830.0 * 2, "tile")
FETCH_J = _energy("mem_fetch", 4.64, "PE cycle")
NEURON_J = _energy("neuron", 1.274 * 4, "PE cycle")
STATE_M2 = _area("state", 0.7391 * 22, "element", "22 bits, for membranes and for maps of spikes alike")

SUBTRACTIONS: Final = 16  # per group of 8 columns and PE cycle
CYCLE_CLOCKS: Final = 26
OVERLAP: Final = (3, 4)  # 0.75 as a fraction, so that its floor is exact
LAYERS_WITH_MEMBRANES: Final = 5


@dataclass(frozen=True)
class SpikeSimEla:
    """What the published model says of one design, in SI units.

    Attributes:
        design: what was asked for.
        energy_breakdown: component -> J of one inference.
        area_breakdown: component -> m2.
        layer_latency_s: time of each layer.
        layer_pes: PEs of each layer.
        tiles: of the chip.
        pe_cycles: of each layer, per time step.
    """

    design: SpikeSimDesign
    energy_breakdown: Mapping[str, float]
    area_breakdown: Mapping[str, float]
    layer_latency_s: tuple[float, ...]
    layer_pes: tuple[int, ...]
    tiles: int
    pe_cycles: tuple[int, ...]

    @property
    def pes(self) -> int:
        """PEs of the chip that hold weights."""
        return sum(self.layer_pes)

    @property
    def energy_J(self) -> float:
        """Energy of one inference."""
        return sum(self.energy_breakdown.values())

    @property
    def layer_energy_J(self) -> tuple[float, ...]:
        """Energy of each layer; all PE cycles cost the same."""
        return tuple(self.energy_J * cycles / sum(self.pe_cycles) for cycles in self.pe_cycles)

    @property
    def latency_s(self) -> float:
        """Time of one inference."""
        return sum(self.layer_latency_s)

    @property
    def area_m2(self) -> float:
        """Area of the chip."""
        return sum(self.area_breakdown.values())

    @property
    def edp_Js(self) -> float:
        """Energy-delay product."""
        return self.energy_J * self.latency_s

    @property
    def neuronal_share(self) -> float:
        """Share of the area that holds membranes."""
        return self.area_breakdown["neuron_mem"] / self.area_m2

    @property
    def printed_areas_m2(self) -> dict[str, float]:
        """The tool's own split, as it prints it; PEs are in two parts of it and the H-tree in none."""
        area = self.area_breakdown
        pe = area["xbar"] + area["adc"] + area["mux"]
        return {
            "neuron_mem": area["neuron_mem"],
            "compute": pe + area["sub"],
            "digital": pe + area["temp_buf"] + area["tile_buf"] + area["input_fmap_mem"],
        }


def spikesim_ela(
    in_channels: Sequence[int],
    out_channels: Sequence[int],
    in_sizes: Sequence[int],
    out_sizes: Sequence[int],
    *,
    kernel: int = 3,
    crossbar: int = 64,
    pes_per_tile: int = 8,
    timesteps: int = 5,
    clock_Hz: float = 250e6,
    device: str = "rram",
) -> SpikeSimEla:
    """Return energy, latency and area of a stack of convolutions as SpikeSim's released code computes them.

    Args:
        in_channels, out_channels: of each convolution.
        in_sizes, out_sizes: rows of its square input and output maps; the tool's VGG9 has sizes behind pools in
            ``out_sizes`` (Q1).
        kernel: rows of all kernels.
        crossbar: rows and columns of an array.
        pes_per_tile: PEs of a tile.
        timesteps: T.
        clock_Hz: clock of the chip.
        device: ``rram`` or ``sram``.

    Raises:
        UsageError: lists of different lengths, more than twelve layers, numbers out of range, an unknown device, or
            a layer with fewer PEs than the one before it.

    >>> ela = spikesim_ela([3, 64], [64, 64], [32, 32], [32, 16])
    >>> ela.pes, ela.tiles, ela.pe_cycles, round(1e6 * ela.energy_J, 3)
    (2, 1, (1024, 256), 5.302)
    """
    lists = [tuple(map(_plain, values)) for values in (in_channels, out_channels, in_sizes, out_sizes)]
    return evaluate(
        SpikeSimDesign(
            *lists, kernel=_plain(kernel), crossbar=_plain(crossbar), pes_per_tile=_plain(pes_per_tile),
            timesteps=_plain(timesteps), clock_Hz=_plain(clock_Hz), device=device,
        )
    )  # fmt: skip


def _plain(value: Any) -> Any:
    """Return Python's own number for one of numpy's."""
    return value.item() if isinstance(value, np.generic) else value


def evaluate(design: SpikeSimDesign) -> SpikeSimEla:
    """Return what the model says of a design."""
    pes = design.layer_pes
    if any(later < earlier for earlier, later in pairwise(pes)):
        raise UsageError(
            f"the layers take {list(pes)} PEs, and SpikeSim stops unless that list never decreases; reorder the "
            "layers, or use axbar.estimate, which takes any network."
        )
    cycles = tuple(n * size * size for n, size in zip(pes, design.out_sizes, strict=True))
    tiles = -(-sum(pes) // design.pes_per_tile)
    runs = design.timesteps * sum(cycles)
    return SpikeSimEla(
        design=design,
        energy_breakdown={name: runs * value for name, value in _pe_cycle_J(design).items()},
        area_breakdown=_areas_m2(design, tiles),
        layer_latency_s=_latencies_s(design),
        layer_pes=pes,
        tiles=tiles,
        pe_cycles=cycles,
    )


def _pe_cycle_J(design: SpikeSimDesign) -> dict[str, float]:
    """Energy of one PE cycle by component."""
    groups = design.crossbar / 8
    return {
        "htree": HTREE_J.value,
        "mem_fetch": FETCH_J.value,
        "neuron": NEURON_J.value,
        "xbar": groups * design.kernel**2 * XBAR_J[design.device].value,
        "adc": groups * groups * ADC_J.value,
        "mux": groups * groups * MUX_J.value,
        "sub": SUBTRACTIONS * groups * SUB_J.value,
        "temp_buf": groups * TEMP_J.value,
        "tile_buf": TILE_J.value,
    }


def _areas_m2(design: SpikeSimDesign, tiles: int) -> dict[str, float]:
    groups = design.crossbar / 8
    pes = tiles * design.pes_per_tile
    inputs = zip(design.in_channels, design.in_sizes, strict=True)
    outputs = list(zip(design.out_channels, design.out_sizes, strict=True))[:LAYERS_WITH_MEMBRANES]
    return {
        "xbar": pes * design.kernel**2 * XBAR_M2[design.device].value,
        "adc": pes * groups * ADC_M2.value,
        "mux": pes * groups * MUX_M2.value,
        "sub": tiles * groups * SUB_M2.value,
        "temp_buf": tiles * TEMP_M2.value,
        "tile_buf": tiles * TILE_M2.value,
        "htree": tiles * HTREE_M2.value,
        "input_fmap_mem": sum(channels * size * size for channels, size in inputs) * STATE_M2.value,
        "neuron_mem": sum(channels * size * size for channels, size in outputs) * STATE_M2.value,
    }


def _latencies_s(design: SpikeSimDesign) -> tuple[float, ...]:
    """Time of each layer: a turn per output neuron, a quarter of them hidden but in the last layer."""
    neurons = [c * size * size for c, size in zip(design.out_channels, design.out_sizes, strict=True)]
    up, down = OVERLAP
    turns = [*(up * n // down for n in neurons[:-1]), neurons[-1]]
    return tuple(math.prod((design.timesteps, turn, CYCLE_CLOCKS)) / design.clock_Hz for turn in turns)
