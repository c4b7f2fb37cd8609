"""The three rows of a tuning cost; equations in ``axbar.cost.tuning``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from axbar.cost._programming import written_cells
from axbar.cost._result import Estimate
from axbar.cost._tuning_counts import VALUE_BITS, Demand
from axbar.cost._tuning_prices import ADD_J, DRAM_J, MAC_J, WritePrice, write_price
from axbar.cost.constants import Constant
from axbar.spec.imc import ImcSpec
from axbar.units import format_quantity

__all__ = ["Job", "Part", "Reprogram", "TuningCost", "adaptation", "fine_tune", "retrain"]

Reprogram = Literal["end", "update"]

_VALUE_B = VALUE_BITS // 8
_UPDATE = "updates · {} · (1 + states) · E_mac"
_TRAFFIC = "(2 kept bits · epochs · images + updates · (weights read + {} · (4 + 2 states) · 32 bit)) · E_bit"


@dataclass(frozen=True)
class Part:
    """One addend of memory or energy, with its equation."""

    name: str
    value: float
    formula: str


@dataclass(frozen=True)
class TuningCost:
    """What one method takes on all images and epochs.

    Args:
        method: ``adaptation``, ``fine-tune`` or ``retrain``.
        memory_B: kept at once beyond what inference needs.
        macs_forward, macs_backward: of products; norms and neurons are priced but not counted here.
        weight_updates: updates of single weights.
        writes: cells written.
        energy_J, latency_s: modelled.
        notes: assumptions, and what is not priced.
        memory_parts, energy_parts: what ``memory_B`` and ``energy_J`` are the sums of.
        constants: numbers from the literature behind the energy.
    """

    method: str
    memory_B: int
    macs_forward: int
    macs_backward: int
    weight_updates: int
    writes: int
    energy_J: float
    latency_s: float
    notes: tuple[str, ...] = ()
    memory_parts: tuple[Part, ...] = ()
    energy_parts: tuple[Part, ...] = ()
    constants: tuple[Constant, ...] = ()

    def explain(self) -> str:
        """Return figures, equations, constants and notes as lines of plain text."""
        memory, energy = format_quantity(self.memory_B, "B"), format_quantity(self.energy_J, "J")
        lines = [f"{self.method}: {memory}, {energy}, {format_quantity(self.latency_s, 's')}"]
        for title, unit, parts in (("memory", "B", self.memory_parts), ("energy", "J", self.energy_parts)):
            lines += [
                "",
                title,
                *(f"  {p.name} = {format_quantity(p.value, unit)}: {p.formula}" for p in parts),
            ]
        lines += ["", "constants"]
        lines += [
            f"  {c.name} = {c.value:.4g} {c.unit}  [{c.confidence}: {c.source}]" for c in self.constants
        ]
        return "\n".join([*lines, "", *self.notes])


@dataclass(frozen=True)
class Job:
    """What was asked, and the prices at this chip."""

    spec: ImcSpec
    chip: Estimate
    demand: Demand
    images: int
    epochs: int
    batch: int
    states: int
    macs_per_clock: int

    @property
    def passes(self) -> int:
        return self.epochs * self.images

    @property
    def updates(self) -> int:
        return self.epochs * -(-self.images // self.batch)

    @property
    def held(self) -> int:
        """Images whose activations are kept at once."""
        return min(self.batch, self.images)

    @property
    def layer_cells(self) -> tuple[int, ...]:
        """Cells that hold the weights of each layer once; rows without weights and run-time operands have none."""
        m, crossbar = self.chip.mapping, self.spec.crossbar
        width = np.maximum(float(crossbar.cols), m["cols_used"])
        written = written_cells(m["arrays"] / m["copies"], np.array(crossbar.rows), width, m["utilisation"])
        layers = self.chip.plan.workload.matmuls
        return tuple(0 if at.at_run_time else int(n) for at, n in zip(layers, written, strict=True))

    @property
    def cells(self) -> int:
        return sum(self.layer_cells)

    @property
    def chip_J(self) -> float:
        return float(self.chip.total("energy_J")[0])

    @property
    def chip_s(self) -> float:
        return float(self.chip.total("latency_s")[0])

    def price(self, constant: Constant) -> float:
        technology = self.spec.technology
        return float(constant.at(technology.node_m, technology.vdd_V))

    def arithmetic_J(self, macs: float, adds: float = 0.0) -> float:
        return macs * self.price(MAC_J) + adds * self.price(ADD_J)

    def arithmetic_s(self, operations: float) -> float:
        return operations / (self.macs_per_clock * self.spec.clock_Hz)

    def notes(self) -> tuple[str, ...]:
        engine = f"digital engine of {self.macs_per_clock} 32-bit operations per clock (assumed)"
        notes = [f"{engine}; its area and leakage are not priced", *self.chip.notes]
        if not self.chip.feasible[0]:
            notes.append(f"the network does not fit the chip: {self.chip.reasons[0]}")
        return tuple(notes)


def adaptation(job: Job) -> TuningCost:
    """Mean and variance of every channel: a sum and a sum of squares, and scale and shift, per value."""
    d, values = job.demand, job.images * job.demand.norm_values
    energy = (
        Part("chip", job.images * job.chip_J, "images · energy of an inference"),
        Part("norms", job.arithmetic_J(2.0 * values, values), "images · norm values · (2 E_mac + E_add)"),
    )
    return _cost(
        "adaptation",
        job,
        memory=(Part("statistics", 2 * _VALUE_B * d.channels, "2 accumulators · channels · 4 B"),),
        energy=energy,
        macs=(job.images * d.macs, 0),
        seconds=job.images * job.chip_s + job.arithmetic_s(3.0 * values),
    )


def fine_tune(job: Job) -> TuningCost:
    """Gamma and beta: the chip runs forward, a digital engine carries gradients back to the first norm.

    Per value of a norm: scale and shift forward; backward dL/dgamma += g x_hat, dL/dbeta += g, and g gamma/sigma
    (statistics are fixed). Per step of a neuron: the surrogate's slope and the leak of the gradient.
    """
    d, trained = job.demand, 2 * job.demand.channels
    values, neurons = job.passes * d.norm_values, job.passes * d.neurons_to_norms
    backward, updated = job.passes * d.macs_to_norms, job.updates * trained * (1 + job.states)
    weight_bits = job.spec.crossbar.weight_bits
    moved = job.passes * 2 * d.saved_bits_to_norms + job.updates * (
        weight_bits * d.weights_to_norms + VALUE_BITS * trained * (4 + 2 * job.states)
    )
    energy = (
        Part("chip", job.passes * job.chip_J, "epochs · images · energy of an inference"),
        Part("backward", job.arithmetic_J(backward), "input-gradient MACs to the first norm · E_mac"),
        Part(
            "norms",
            job.arithmetic_J(3.0 * values, values),
            "epochs · images · norm values · (3 E_mac + E_add)",
        ),
        Part("neurons", job.arithmetic_J(2.0 * neurons), "epochs · images · neuron updates · 2 E_mac"),
        Part("update", job.arithmetic_J(updated), _UPDATE.format("2 channels")),
        Part("memory", moved * job.price(DRAM_J), _TRAFFIC.format("2 channels")),
    )
    copy_B = math.ceil(weight_bits * d.weights_to_norms / 8)
    memory = (
        Part(
            "activations", _bytes(job.held * d.saved_bits_to_norms), "batch · (norm inputs, membranes, signs)"
        ),
        Part("parameters", 2 * trained * _VALUE_B, "(gamma, beta, mean, variance) · channels · 4 B"),
        Part("weights", copy_B, "copy of the weights that pass gradients back · weight_bits"),
        Part("gradients", trained * _VALUE_B, "2 channels · 4 B"),
        Part("optimiser", job.states * trained * _VALUE_B, "states · 2 channels · 4 B"),
    )
    return _cost(
        "fine-tune",
        job,
        memory=memory,
        energy=energy,
        macs=(job.passes * d.macs, backward),
        seconds=job.passes * job.chip_s + job.arithmetic_s(backward + 4.0 * values + 2.0 * neurons + updated),
        notes=("the adaptation that usually comes first is not included",),
    )


def retrain(job: Job, reprogram: Reprogram) -> TuningCost:
    """All weights and norms; the forward pass runs where the current weights are."""
    d, on_chip = job.demand, reprogram == "update"
    trained = d.weights + 2 * d.channels
    passes, programmed = job.passes, job.updates if on_chip else 1
    forward, backward = passes * d.macs, passes * (d.macs_to_weights + d.macs)
    writes, price = programmed * job.cells, write_price(job.spec.device.name)
    work = _retrain_work(job, on_chip)
    run = (
        Part("chip", passes * job.chip_J, "epochs · images · energy of an inference")
        if on_chip
        else Part("forward", job.arithmetic_J(forward), "forward MACs · E_mac: the arrays hold older weights")
    )
    energy = [
        run,
        Part("backward", job.arithmetic_J(backward), "(input + weight gradient MACs) · E_mac"),
        *work.energy,
        Part(
            "memory",
            _retrain_traffic(job, on_chip) * job.price(DRAM_J),
            _TRAFFIC.format("(weights + 2 channels)"),
        ),
    ]
    seconds = job.arithmetic_s(backward + work.operations)
    seconds += passes * job.chip_s if on_chip else job.arithmetic_s(forward)
    if price is not None:
        energy.append(Part("writes", writes * job.price(price.energy), "cells written · E_write"))
        seconds += programmed * _program_s(job, price)
    memory = (
        Part("activations", _bytes(job.held * d.saved_bits_to_weights), "as fine-tune + inputs of products"),
        Part("parameters", (trained + 2 * d.channels) * _VALUE_B, "(weights + 4 channels) · 4 B"),
        Part("gradients", trained * _VALUE_B, "(weights + 2 channels) · 4 B"),
        Part("optimiser", job.states * trained * _VALUE_B, "states · (weights + 2 channels) · 4 B"),
    )
    return _cost(
        "retrain",
        job,
        memory=memory,
        energy=energy,
        macs=(forward, backward),
        seconds=seconds,
        weight_updates=job.updates * d.weights,
        writes=writes,
        notes=_write_notes(job, reprogram, price),
        price=price,
    )


@dataclass(frozen=True)
class _Work:
    """Arithmetic beside the products: operations, and their energy."""

    operations: float
    energy: tuple[Part, ...]


def _retrain_work(job: Job, on_chip: bool) -> _Work:
    """Norms with batch statistics, neurons, and the optimiser.

    Forward, a value is squared and summed, scaled and shifted; backward, it takes part in dL/dgamma and dL/dbeta
    and its gradient loses their share of it, g' = (g - mean g - x_hat mean(g x_hat)) gamma / sigma. A neuron that
    the chip does not run takes two operations forward.
    """
    d = job.demand
    values, neurons = job.passes * d.norm_values, job.passes * d.neurons_to_weights
    each = 2.0 if on_chip else 4.0
    updated = job.updates * (d.weights + 2 * d.channels) * (1 + job.states)
    norms = job.arithmetic_J(5.0 * values, 2.0 * values)
    return _Work(
        operations=7.0 * values + each * neurons + updated,
        energy=(
            Part("norms", norms, "epochs · images · norm values · (5 E_mac + 2 E_add)"),
            Part(
                "neurons",
                job.arithmetic_J(each * neurons),
                f"epochs · images · neuron updates · {each:g} E_mac",
            ),
            Part("update", job.arithmetic_J(updated), _UPDATE.format("(weights + 2 channels)")),
        ),
    )


def _retrain_traffic(job: Job, on_chip: bool) -> int:
    """Bits moved: weights are read for the backward pass, and for a forward pass off the chip."""
    d = job.demand
    trained = VALUE_BITS * (d.weights + 2 * d.channels) * (4 + 2 * job.states)
    read = VALUE_BITS * d.weights * (1 if on_chip else 2)
    return job.passes * 2 * d.saved_bits_to_weights + job.updates * (trained + read)


def _program_s(job: Job, price: WritePrice) -> float:
    """Time to write all cells once: all arrays at once, the cells of an array one after the other."""
    each = 1.0 / job.spec.clock_Hz if price.time is None else job.price(price.time)
    arrays = [float(n) for n in job.chip.mapping["arrays"]]
    share = zip(job.layer_cells, arrays, strict=True)
    return each * max((cells / built for cells, built in share if cells), default=0.0)


def _write_notes(job: Job, reprogram: Reprogram, price: WritePrice | None) -> tuple[str, ...]:
    other, writes = ("update", job.updates * job.cells) if reprogram == "end" else ("end", job.cells)
    worth = "" if price is None else f", {format_quantity(writes * job.price(price.energy), 'J')}"
    notes = [f"reprogram='{reprogram}'; reprogram='{other}' takes {writes} writes{worth}"]
    if price is None:
        notes.append(f"not priced: writing cells of '{job.spec.device.name}', of which no figure is known")
    else:
        notes.append("the cells of an array are written one after the other, all arrays at once (assumed)")
    return tuple(notes)


def _bytes(bits: int) -> int:
    return math.ceil(bits / 8)


def _cost(
    method: str,
    job: Job,
    *,
    memory: Sequence[Part],
    energy: Sequence[Part],
    macs: tuple[int, int],
    seconds: float,
    weight_updates: int = 0,
    writes: int = 0,
    notes: tuple[str, ...] = (),
    price: WritePrice | None = None,
) -> TuningCost:
    written = () if price is None else (price.energy, *((price.time,) if price.time else ()))
    return TuningCost(
        method=method,
        memory_B=int(sum(part.value for part in memory)),
        macs_forward=macs[0],
        macs_backward=macs[1],
        weight_updates=weight_updates,
        writes=writes,
        energy_J=math.fsum(part.value for part in energy),
        latency_s=seconds,
        notes=(*notes, *job.notes()),
        memory_parts=tuple(memory),
        energy_parts=tuple(energy),
        constants=(MAC_J, ADD_J, *(() if method == "adaptation" else (DRAM_J,)), *written),
    )
