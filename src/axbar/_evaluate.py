"""One network on one chip: accuracy on real images and cost from the same spec.

The order is always the same: techniques on the network, trace, cost, integer network, then one programmed die
after the other, each with the techniques that run on a chip. Test images are used for measuring only;
techniques and calibration see the tuning view of the data set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from axbar._on_chip import OnChip, Progress, apply_stage, on_chip
from axbar._report import Accuracy, Report, estimate_report
from axbar.errors import DataError, UsageError
from axbar.spec import HardwareSpec, load_hardware
from axbar.spec.imc import ImcSpec

if TYPE_CHECKING:
    import torch

    from axbar.data import Dataset, Split
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
        progress: called as ``progress(stage, done, total)``.

    Returns:
        The report; ``report.estimate.feasible`` tells whether the network fits.

    Raises:
        AxbarError: an input is wrong; the sentence says which and how to mend it.
    """
    return evaluate_full(
        model, data, hardware, weights=weights, config=config, overrides=overrides, techniques=techniques,
        chips=chips, seed=seed, images=images, trace_samples=trace_samples, data_dir=data_dir,
        waterfall=waterfall, progress=progress,
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
    progress: Progress | None,
) -> Evaluation:
    """As ``evaluate``, and return the workload, network and data as well."""
    _check_counts(chips=(chips, 0), waterfall=(waterfall, 0))
    base, spec = _hardware(hardware, overrides)
    _check_device(spec, chips)
    ready = prepare(
        model, data, spec, weights=weights, config=config, techniques=techniques, images=images,
        trace_samples=trace_samples, data_dir=data_dir, progress=progress,
    )  # fmt: skip
    report = evaluate_on(
        ready, base, spec, chips=chips, seed=seed, waterfall=waterfall or 0, progress=progress
    )
    return Evaluation(report, ready.workload, ready.network, ready.dataset)


@dataclass(frozen=True)
class Ready:
    """A network, its data and its trace, ready for any chip.

    Args:
        name: as the user named the model.
        dataset: the data; ``test`` the images that accuracies are measured on.
        network: after the techniques of the network.
        workload: its trace.
        plan: all techniques with their settings; ``applied`` what those of the network did.
        float_accuracy: of the network, 0..1.
        notes: sentences that a reader must know.
    """

    name: str
    dataset: Dataset
    test: Split
    network: torch.nn.Module
    workload: Workload
    plan: Sequence[tuple[Any, Any]]
    applied: Sequence[dict[str, Any]]
    float_accuracy: float
    notes: Sequence[str]


def prepare(
    model: str | torch.nn.Module,
    data: str | Dataset,
    spec: HardwareSpec,
    *,
    weights: str | None,
    config: Mapping[str, Any] | None,
    techniques: Sequence[str],
    images: int | None,
    trace_samples: int,
    data_dir: str | None,
    progress: Progress | None,
) -> Ready:
    """Load network and data, apply the techniques of the network for ``spec``, trace what came out."""
    from axbar.nn import accuracy
    from axbar.workload import trace

    _check_counts(images=(images, 1), trace_samples=(trace_samples, 1))
    tell = progress or (lambda stage, done, total: None)
    dataset = _dataset(data, data_dir)
    trained = _network(model, weights, config, dataset)
    plan = _techniques(techniques, trained, spec, dataset)
    test = dataset.test.balanced(images) if images is not None else dataset.test
    tell("network", 0, 1)
    network, applied = apply_stage("network", trained, plan, spec, dataset)
    tell("trace", 0, 1)
    traced = dataset.test.balanced(trace_samples).images()
    workload = trace(network, _tensor(traced), name=_name(model))
    _check_outputs(network, traced, dataset)
    notes = list(dataset.notes)
    if applied:
        names = ", ".join(row["name"] for row in applied)
        notes.append(
            f"'float' is the network after {names}; as trained it reaches {accuracy(trained, test):.1%}"
        )
    return Ready(
        _name(model), dataset, test, network, workload, plan, applied, accuracy(network, test), notes
    )  # fmt: skip


def evaluate_on(
    ready: Ready,
    base: HardwareSpec,
    spec: HardwareSpec,
    *,
    chips: int,
    seed: int,
    waterfall: int,
    progress: Progress | None,
    advise: bool = True,
) -> Report:
    """Return cost and accuracy of a network that is ready on one chip; ``base`` is what ``spec`` changes.

    ``advise``: try what would help as well.
    """
    from axbar.techniques import offers

    _check_counts(chips=(chips, 0))
    _check_device(spec, chips)
    workload = ready.workload
    tried = offers(workload, spec) if advise else None
    report = estimate_report(workload, base, spec, model=ready.name, data=ready.dataset.name, offers=tried)
    fits = bool(report.estimate.feasible[0])
    chip = OnChip(notes=("accuracy on the chip was not measured because the network does not fit",))
    if fits:
        chip = on_chip(
            ready.network, spec, ready.dataset, ready.test, ready.plan, workload,
            chips=chips, seed=seed, waterfall=waterfall, tell=progress or (lambda stage, done, total: None),
        )  # fmt: skip
    charged = _not_in_accuracy(spec, workload) if workload.neurons else []
    return replace(
        report,
        accuracy=Accuracy(len(ready.test.y), ready.float_accuracy, chip.digital, chip.dies),
        techniques=(*ready.applied, *chip.techniques),
        notes=(*ready.notes, *charged, *chip.notes),
        waterfall=chip.waterfall,
    )


def _check_device(spec: HardwareSpec, chips: int) -> None:
    """Refuse a die that can't be made before minutes of training."""
    if isinstance(spec, ImcSpec) and chips:
        from axbar import devices

        devices.check(spec.device, spec.read.v_read_V)


def _not_in_accuracy(spec: HardwareSpec, workload: Workload) -> list[str]:
    """Say which quantities are charged for but leave the accuracy alone."""
    values = spec.values()
    found = list[str]()
    rounded = all(at.neuron is not None and at.neuron.bits is not None for at in workload.neurons)
    if "neuron.membrane_bits" in values and not rounded:
        bits = values["neuron.membrane_bits"]
        found.append(
            f"membranes are computed at full precision; neuron.membrane_bits = {bits} counts in the cost only"
        )
    if values.get("task") == "training":
        found.append(
            "the cost is that of a training step, the accuracy that of the given weights on the way forward: "
            "rounding of gradients is not modelled"
        )
    return found


def _check_counts(**counts: tuple[int | None, int]) -> None:
    for name, (value, low) in counts.items():
        if value is not None and value < low:
            raise UsageError(f"{name} = {value} is too small: give at least {low}.")


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


def _dataset(data: str | Dataset, data_dir: str | None) -> Dataset:
    from axbar.data import load_data

    return load_data(data, data_dir=data_dir) if isinstance(data, str) else data


def _network(
    model: str | torch.nn.Module, weights: str | None, config: Mapping[str, Any] | None, dataset: Dataset
) -> torch.nn.Module:
    from axbar.nn import load_network

    network = load_network(model, weights=weights, **(config or {})) if isinstance(model, str) else model
    check_network(network, dataset)
    return network.eval()


def check_network(network: torch.nn.Module, dataset: Dataset) -> None:
    """Refuse images of another size or class count than the network states; what states nothing passes.

    Raises:
        DataError: with both sizes.
    """
    from axbar.data import check_fits

    shape: Any = getattr(network, "input_shape", None)
    if shape is not None:
        check_fits(dataset, tuple(shape), getattr(network, "classes", None))


def _name(model: str | torch.nn.Module) -> str:
    return model if isinstance(model, str) else type(model).__name__


def _techniques(
    texts: Sequence[str], trained: torch.nn.Module, spec: HardwareSpec, dataset: Dataset
) -> Sequence[tuple[Any, Any]]:
    from axbar.techniques import check_chip, check_network, noted, parse_plan

    plan = parse_plan(texts, noted(trained))
    check_chip(plan, spec)
    check_network(plan, trained, _tensor(dataset.train.images(slice(0, 1))))
    return plan


def _check_outputs(network: torch.nn.Module, images: Any, dataset: Dataset) -> None:
    """Refuse a network with fewer outputs than the data have classes; it could never name the rest."""
    from axbar.nn import predict_logits

    outputs = int(predict_logits(network, _tensor(images[:2])).shape[-1])
    if outputs < len(dataset.classes):
        raise DataError(
            f"'{dataset.name}' has {len(dataset.classes)} classes, but the network has {outputs} outputs; build it "
            f"with {len(dataset.classes)} outputs or give other data."
        )


def _tensor(images: Any) -> torch.Tensor:
    import torch

    return torch.from_numpy(images)
