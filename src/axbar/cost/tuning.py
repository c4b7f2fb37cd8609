"""What it costs to mend a network on the chip: adapt its batch norms, fine-tune them, or retrain its weights.

I images, E epochs, u = E ceil(I / batch) updates; per image F multiply-accumulates (MACs) forward, n values that
pass a norm, c channels of norms, W weights. With s optimiser states (1: SGD with momentum, 2: Adam):

| | adaptation | fine-tune | retrain |
|---|---|---|---|
| forward MACs | I F, on the chip | E I F, on the chip | E I F |
| backward MACs | none | input gradients to the first norm | input gradients to the first weights + E I F |
| kept values | 2 c accumulators | norm inputs, membranes, signs | the same + inputs of all products |
| trained | none (mean, variance) | 2 c (gamma, beta) | W + 2 c |

Methods after Bhattacharjee et al., GLSVLSI 2023 (arXiv 2305.18416), who state about 95 % and 52 % less memory and 8 %
less energy than retraining; to which case each figure belongs is unverified, and nothing here is fitted to them.

Retraining has two options. ``reprogram="update"``: the arrays hold the current weights, so the chip runs the forward
pass and every cell is written at every update. ``reprogram="end"``: a digital model is trained, forward pass
included, and every cell is written once.

What is not the chip is a digital engine with 32-bit floating point: MACs and additions after Horowitz (ISSCC 2014)
at the chip's node, dense (zeros are not skipped), ``macs_per_clock`` of them at the chip's clock. Kept values travel
to DRAM and back once per image, parameters, gradients and states once per update. The engine's area and leakage,
and the memory that inference itself needs, are not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

from axbar.cost._estimate import estimate
from axbar.cost._tuning_counts import demand_of
from axbar.cost._tuning_rows import Job, Part, Reprogram, TuningCost, adaptation, fine_tune, retrain
from axbar.errors import UsageError, unknown_name
from axbar.spec import HardwareSpec, load_hardware
from axbar.spec.imc import ImcSpec
from axbar.workload import Workload

__all__ = ["Part", "TuningCost", "tuning_cost"]


def tuning_cost(
    workload: Workload,
    hardware: HardwareSpec | str,
    *,
    images: int,
    epochs: int = 5,
    batch: int = 64,
    norms: Sequence[str] | None = None,
    optimiser_states: int = 1,
    reprogram: Reprogram = "end",
    macs_per_clock: int = 256,
) -> tuple[TuningCost, TuningCost, TuningCost]:
    """Return what adaptation, fine-tuning and retraining cost, in this order.

    Args:
        workload: recorded, or built from shapes and rates.
        hardware: a crossbar chip: a spec, a preset's name or a YAML file.
        images: that each method uses; adaptation sees them once, the others once per epoch.
        epochs: of fine-tuning and of retraining.
        batch: images between two updates.
        norms: layers with a norm behind them; None: all products but the last.
        optimiser_states: numbers kept per trained parameter.
        reprogram: when retraining writes the cells: once at the end, or at every update.
        macs_per_clock: of the digital engine (assumed).

    Raises:
        UsageError: a number out of range, an unknown layer or option, or a chip without arrays.

    >>> from axbar.workload import shapes
    >>> adapt, tune, retrain = tuning_cost(shapes.cnn(), "imc-rram-65nm", images=1000)
    >>> adapt.energy_J < tune.energy_J < retrain.energy_J
    True
    """
    spec = load_hardware(hardware) if isinstance(hardware, str) else hardware
    if not isinstance(spec, ImcSpec):
        raise UsageError(f"'{spec.name}' is of kind '{spec.kind}'; norms are mended on chips of kind 'imc'.")
    _check({"images": (images, 0), "epochs": (epochs, 1), "batch": (batch, 1),
            "optimiser_states": (optimiser_states, 0), "macs_per_clock": (macs_per_clock, 1)})  # fmt: skip
    if reprogram not in ("end", "update"):
        raise UsageError(unknown_name("value of reprogram", reprogram, ("end", "update")))
    job = Job(
        spec=spec,
        chip=estimate(workload, spec),
        demand=demand_of(workload, spec.input.bits, norms),
        images=images,
        epochs=epochs,
        batch=batch,
        states=optimiser_states,
        macs_per_clock=macs_per_clock,
    )
    if images == 0:
        return _nothing("adaptation"), _nothing("fine-tune"), _nothing("retrain")
    return adaptation(job), fine_tune(job), retrain(job, reprogram)


def _nothing(method: str) -> TuningCost:
    return TuningCost(method, 0, 0, 0, 0, 0, 0.0, 0.0, ("no images, so nothing is run",))


def _check(given: Mapping[str, tuple[Any, int]]) -> None:
    for name, (value, least) in given.items():
        if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
            raise UsageError(f"{name} is {value!r}; give a whole number of at least {least}.")
