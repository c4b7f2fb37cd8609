"""A spiking network and its ANN twin on the same chip: the comparison that SNN papers owe.

The twin has the same layers and weights. Where the spiking network sends n spikes in T steps, the twin sends one
number of b bits, once,

    code = round(n / T * (2^b - 1)),

with ReLUs in place of neurons, so no membranes and no time steps. n takes T + 1 values, hence the same information
needs

    b = ceil(log2(T + 1))        bits,

the precision at which both are equally good in principle; 8 bits is the generous habit. Of signed spikes n is the
net count. Where only a spike rate r is known, n is taken as binomial, B(T, r): steps are independent.

The chip presents all real-valued inputs with ``input.bits``: the twin's is b, and its image has b bits too, while
that of the spiking network keeps the bits of its chip. The layers that read the image are the same in both
networks; ``ratio_behind_first`` leaves them out, and is the fairer figure where b is small.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar.cost._estimate import estimate
from axbar.cost._result import Estimate
from axbar.cost._types import Floats, add_up
from axbar.errors import UsageError
from axbar.spec import HardwareSpec, load_hardware
from axbar.units import format_quantity
from axbar.workload import LayerTrace, Operand, Workload, popcount

__all__ = ["Fair", "ann_bits", "as_ann", "beside_twin", "compare"]


def ann_bits(steps: int) -> int:
    """Return the bits that hold the spike count of ``steps`` steps.

    >>> [ann_bits(steps) for steps in (1, 3, 4, 8)]
    [1, 2, 3, 4]
    """
    return math.ceil(math.log2(steps + 1))


@dataclass(frozen=True)
class Fair:
    """Both networks on one chip.

    Args:
        bits: of the twin's activations.
        snn, ann: their estimates.
    """

    bits: int
    snn: Estimate
    ann: Estimate

    def ratio(self, quantity: str) -> Floats:
        """Return ANN over SNN, ``[P]``: above 1 the spiking network takes less; NaN where it takes nothing."""
        return _over(self.ann.total(quantity), self.snn.total(quantity))

    def ratio_behind_first(self, quantity: str) -> Floats:
        """Return ANN over SNN, ``[P]``, without the layers that read the network's input (unless all do)."""
        first = {layer.name for layer in self.snn.plan.workload.matmuls if "input" in layer.inputs}
        behind = [i for i, name in enumerate(self.snn.layers) if name not in first]
        if not behind:
            return self.ratio(quantity)
        ann, snn = (add_up(of.by_layer(quantity)[:, behind].T) for of in (self.ann, self.snn))
        return _over(ann, snn)

    def text(self) -> str:
        """Return the first point as a sentence."""
        energy = format_quantity(float(self.ann.total("energy_J")[0]), "J")
        time = format_quantity(float(self.ann.total("latency_s")[0]), "s")
        whole, behind = float(self.ratio("energy_J")[0]), float(self.ratio_behind_first("energy_J")[0])
        return (
            f"Its ANN twin of {self.bits}-bit activations on the same chip: {energy}, {time}; {whole:.2f} of the "
            f"energy, {behind:.2f} behind the layers that read the input."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values of the first point."""
        quantities = ("energy_J", "latency_s", "area_m2", "leakage_W")
        return {
            "bits": self.bits,
            "snn": {name: float(self.snn.total(name)[0]) for name in quantities},
            "ann": {name: float(self.ann.total(name)[0]) for name in quantities},
            "ratio": {name: _plain(self.ratio(name)) for name in quantities},
            "ratio_behind_first": {name: _plain(self.ratio_behind_first(name)) for name in quantities},
        }


def _over(ann: Floats, snn: Floats) -> Floats:
    """Divide; nothing over nothing, or something over nothing, is no ratio."""
    return np.divide(ann, snn, out=np.full(np.shape(snn), np.nan), where=snn != 0)


def _plain(ratio: Floats) -> float | None:
    """Return the first point as JSON can hold it."""
    value = float(ratio[0])
    return value if math.isfinite(value) else None


def compare(workload: Workload, hardware: HardwareSpec | str, bits: int | None = None) -> Fair:
    """Estimate a spiking network and its twin; ``bits`` None: as many as the spike count holds.

    Raises:
        UsageError: ``bits`` is not in 1..8.

    >>> from axbar.workload import shapes
    >>> compare(shapes.cnn(steps=4), "imc-rram-65nm").bits
    3
    """
    spec = load_hardware(hardware) if isinstance(hardware, str) else hardware
    chosen = ann_bits(workload.steps) if bits is None else bits
    return Fair(chosen, estimate(workload, spec), _estimate_twin(workload, spec, chosen))


def beside_twin(snn: Estimate) -> Fair | None:
    """Put the estimate of one design point beside that of its twin; None where there is no fair one.

    There is none of a network without neurons, and on a chip that takes spikes only.
    """
    workload, spec = snn.plan.workload, snn.plan.spec
    if not workload.neurons or "input.bits" not in spec.values():
        return None
    bits = ann_bits(workload.steps)
    return Fair(bits, snn, _estimate_twin(workload, spec, bits))


def _estimate_twin(workload: Workload, spec: HardwareSpec, bits: int) -> Estimate:
    return estimate(as_ann(workload, bits), spec.replace({"input.bits": bits}))


def as_ann(workload: Workload, bits: int | None = None) -> Workload:
    """Return the ANN twin of a spiking workload.

    Args:
        workload: recorded, or built from shapes and rates.
        bits: of an activation; None: those that hold the spike count.

    Raises:
        UsageError: ``bits`` is not in 1..8.
    """
    wide = ann_bits(workload.steps) if bits is None else bits
    if not 1 <= wide <= 8:
        raise UsageError(f"an ANN twin has activations of 1 to 8 bits, got {wide}; give bits=8 or fewer.")
    layers = tuple(_layer(layer, wide) for layer in workload.layers)
    return replace(
        workload, name=f"{workload.name}-ann{wide}", layers=layers, steps=1, exit_step=None, grad=None
    )


def _layer(layer: LayerTrace, bits: int) -> LayerTrace:
    if layer.op == "neuron":
        return replace(layer, op="activation", kind="relu", steps=(0,), neuron=None, output=None)
    operands = tuple(_operand(operand, bits) for operand in layer.operands)
    return replace(layer, steps=(0,), operands=operands, output=None)


def _operand(operand: Operand, bits: int) -> Operand:
    if operand.coding not in ("spikes", "signed"):
        return _once(operand)
    steps = operand.steps
    if operand.words is None:
        rate = None if operand.rate is None else _bit_rate(operand.rate, steps, bits)
        return Operand(operand.shape, "real", bits, rate=rate)
    net = popcount(operand.words).astype(np.int16)
    if operand.negative is not None:
        net -= 2 * popcount(operand.words & operand.negative.astype(operand.words.dtype)).astype(np.int16)
    negative = None if operand.negative is None else net < 0
    words = _codes(steps, bits)[np.abs(net)]
    scale = operand.scale * steps / (2**bits - 1)
    return Operand(operand.shape, "real", bits, words=words, negative=negative, scale=scale)


def _once(operand: Operand) -> Operand:
    """Present a real operand on one step: the mean of its steps where they differ."""
    if not operand.per_step or operand.words is None:
        return replace(operand, steps=1)
    words = np.rint(operand.words.mean(axis=1)).astype(operand.words.dtype)
    negative = operand.negative
    if negative is not None and negative.ndim == operand.words.ndim:
        negative = negative.mean(axis=1) > 0.5
    return replace(operand, words=words, negative=negative, steps=1, per_step=False)


def _codes(steps: int, bits: int) -> NDArray[np.uint8]:
    """Return the code of every spike count 0..steps."""
    return np.rint(np.arange(steps + 1) * ((2**bits - 1) / steps)).astype(np.uint8)


def _bit_rate(rate: float, steps: int, bits: int) -> float:
    """Return the mean share of set bits of the code of a binomial spike count."""
    chances = [math.comb(steps, n) * rate**n * (1.0 - rate) ** (steps - n) for n in range(steps + 1)]
    return float(np.dot(chances, popcount(_codes(steps, bits)).astype(np.float64)) / bits)
