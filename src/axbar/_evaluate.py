"""One network on one chip: accuracy on real images and cost from the same spec.

Test images are used for measuring only; techniques and calibration see the tuning view of the data set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from axbar._apply import apply_advice
from axbar._on_chip import Progress
from axbar._ready import Ready, check_counts, check_device, check_network, evaluate_on, measure_on, prepare
from axbar._report import Report
from axbar.spec import HardwareSpec, load_hardware

if TYPE_CHECKING:
    import torch

    from axbar.data import Dataset
    from axbar.workload import Workload

__all__ = [
    "Evaluation", "Progress", "Ready", "check_network", "evaluate", "evaluate_full", "evaluate_on", "prepare",
]  # fmt: skip


@dataclass(frozen=True)
class Evaluation:
    """A report together with the values it was made from."""

    report: Report
    workload: Workload
    network: torch.nn.Module
    dataset: Dataset


def evaluate(
    model: str | torch.nn.Module,
    data: str | Dataset,
    hardware: str | HardwareSpec = "imc-rram-65nm",
    *,
    weights: str | None = None,
    config: Mapping[str, Any] | None = None,
    overrides: Mapping[str, Any] | Sequence[str] = (),
    techniques: Sequence[str] = (),
    chips: int = 5,
    seed: int = 0,
    images: int | None = None,
    trace_samples: int = 16,
    data_dir: str | None = None,
    waterfall: int | None = 128,
    apply: int = 0,
    progress: Progress | None = None,
) -> Report:
    """Evaluate a network on a chip.

    Args:
        model: a torch module, a registered name, a run folder or checkpoint, or ``file.py:factory``.
        data: a ``Dataset``, a registered name, a path, or ``file.py:loader``.
        hardware: a spec, a preset name or a YAML file.
        weights: file of weights for ``model``.
        config: arguments for the model's factory (``width``, ``steps``, ...).
        overrides: changes of the spec, ``{"adc.bits": 4}`` or ``["adc.bits=4"]``.
        techniques: ``"name:key=value,..."``, applied in order.
        chips: programmed dies; 0 gives cost and digital accuracy only.
        seed: die i is programmed with ``seed + i``.
        images: balanced test images to use; None means all.
        trace_samples: test images whose spikes are recorded for the cost.
        data_dir: folder of data sets for names that are not shipped.
        waterfall: balanced test images on which the loss is attributed to the effects of the chip and to its
            layers, on the first two dies; 0 or None leaves that out.
        apply: how many of the first recommendations are carried out, each alone, and measured against their
            promise (``report.applied``); one that trains takes as long as its training.
        progress: called as ``progress(stage, done, total)``.

    Returns:
        The report; ``report.estimate.feasible`` tells whether the network fits.

    Raises:
        AxbarError: an input is wrong; the sentence says which and how to mend it.
    """
    return evaluate_full(
        model, data, hardware, weights=weights, config=config, overrides=overrides, techniques=techniques,
        chips=chips, seed=seed, images=images, trace_samples=trace_samples, data_dir=data_dir,
        waterfall=waterfall, apply=apply, progress=progress,
    ).report  # fmt: skip


def evaluate_full(
    model: str | torch.nn.Module,
    data: str | Dataset,
    hardware: str | HardwareSpec,
    *,
    weights: str | None,
    config: Mapping[str, Any] | None,
    overrides: Mapping[str, Any] | Sequence[str],
    techniques: Sequence[str],
    chips: int,
    seed: int,
    images: int | None,
    trace_samples: int,
    data_dir: str | None,
    waterfall: int | None,
    apply: int = 0,
    progress: Progress | None,
) -> Evaluation:
    """As ``evaluate``, and return the workload, network and data as well."""
    check_counts(chips=(chips, 0), waterfall=(waterfall, 0), apply=(apply, 0))
    base, spec = _hardware(hardware, overrides)
    check_device(spec, chips)
    ready = prepare(
        model, data, spec, weights=weights, config=config, techniques=techniques, images=images,
        trace_samples=trace_samples, data_dir=data_dir, progress=progress,
    )  # fmt: skip
    first = measure_on(ready, base, spec, chips=chips, seed=seed, waterfall=waterfall or 0, progress=progress)
    report = first.report
    if apply:
        done = apply_advice(ready, first, count=apply, chips=chips, seed=seed, progress=progress)
        report = replace(report, applied=done)
    return Evaluation(report, ready.workload, ready.network, ready.dataset)


def _hardware(
    hardware: str | HardwareSpec, overrides: Mapping[str, Any] | Sequence[str]
) -> tuple[HardwareSpec, HardwareSpec]:
    base = hardware if isinstance(hardware, HardwareSpec) else load_hardware(hardware)
    if not overrides:
        return base, base
    if isinstance(hardware, HardwareSpec):
        from axbar.spec import apply_overrides

        return base, apply_overrides(base, overrides)
    return base, load_hardware(hardware, overrides)
