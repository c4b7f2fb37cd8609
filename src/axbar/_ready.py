"""A network with its data and its trace, ready for any chip, and what one chip makes of it.

The order is always the same: techniques on the network, trace, cost, integer network, then one programmed die
after the other, each with the techniques that run on a chip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from axbar._on_chip import OnChip, Progress, apply_stage, on_chip, settled
from axbar._report import Accuracy, Report, estimate_report
from axbar.errors import DataError, ModelError, UsageError
from axbar.spec import HardwareSpec
from axbar.spec.imc import ImcSpec

if TYPE_CHECKING:
    import torch

    from axbar.data import Dataset, Split
    from axbar.workload import Workload

__all__ = [
    "Measured", "Ready", "check_counts", "check_device", "check_network", "evaluate_on", "measure_on", "prepare",
    "with_steps", "with_technique",
]  # fmt: skip


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
        untrained: the sentence that the weights are random; empty once they were loaded or trained.
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
    untrained: str = ""


@dataclass(frozen=True)
class Measured:
    """What one chip made of a network: the report, and image by image what it rests on."""

    report: Report
    chip: OnChip


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
    from axbar.nn import accuracy, untrained_note
    from axbar.techniques import noted

    check_counts(images=(images, 1), trace_samples=(trace_samples, 1))
    tell = progress or (lambda stage, done, total: None)
    dataset = _dataset(data, data_dir)
    given = _network(model, weights, config, dataset)
    untrained = untrained_note(given, _name(model))  # techniques may change the network in place
    plan = _checked(techniques, noted(given), given, spec, dataset)
    test = dataset.test.balanced(images) if images is not None else dataset.test
    tell("network", 0, 1)
    network, applied = apply_stage("network", given, plan, spec, dataset)
    tell("trace", 0, 1)
    workload = _traced(network, dataset, trace_samples, _name(model))
    notes = list(dataset.notes)
    if applied:
        names = ", ".join(row["name"] for row in applied)
        notes.append(
            f"'float' is the network after {names}; as trained it reaches {accuracy(given, test):.1%}"
        )
    return Ready(
        _name(model), dataset, test, network, workload, plan, applied, accuracy(network, test), notes,
        "" if _train(applied) else untrained,
    )  # fmt: skip


def with_technique(ready: Ready, name: str, spec: HardwareSpec) -> Ready:
    """Return a network with one more technique at its default settings, behind those that it went through.

    Raises:
        AxbarError: the technique can't follow the others, or refuses the network or the chip.
    """
    from axbar.nn import accuracy
    from axbar.techniques import noted

    # a technique that leaves no note in the network is known by the plan alone
    done = dict.fromkeys((*noted(ready.network), *(technique.name for technique, _ in ready.plan)))
    more = _checked([name], list(done), ready.network, spec, ready.dataset)
    network, applied = apply_stage("network", ready.network, more, spec, ready.dataset)
    after = replace(ready, plan=(*ready.plan, *more), applied=(*ready.applied, *applied))
    if not applied:
        return after
    workload = _traced(network, ready.dataset, ready.workload.samples, ready.name)
    return replace(
        after, network=network, workload=workload, float_accuracy=accuracy(network, ready.test),
        untrained="" if _train(applied) else ready.untrained,
    )  # fmt: skip


def _train(applied: Sequence[Mapping[str, Any]]) -> bool:
    """Whether any of these techniques trained the network."""
    return any(row["cost"].get("macs_backward", 0) > 0 for row in applied)


def with_steps(ready: Ready, steps: int) -> Ready:
    """Return the same network on its first ``steps`` time steps, traced anew on the same images.

    Raises:
        AxbarError: the network does not state its steps, or does not run on fewer.
    """
    from axbar.nn import accuracy, fewer_steps

    dataset, test = ready.dataset, ready.test
    frames = len(dataset.input_shape) == 4
    network = fewer_steps(ready.network, ready.workload.steps, steps, told_by_input=frames)
    if frames:  # the first of each sequence
        first = {role: _first(getattr(dataset, role), steps) for role in ("train", "calibration", "test")}
        dataset, test = replace(dataset, **first), _first(test, steps)
    try:
        workload = _traced(network, dataset, ready.workload.samples, ready.name)
        share = accuracy(network, test)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:  # networks of users count in many ways
        raise ModelError(
            f"{type(network).__name__} does not run on {steps} steps: {error}; build and train it with {steps} steps."
        ) from error
    if workload.steps != steps:
        raise ModelError(
            f"{type(network).__name__} still runs {workload.steps} steps where {steps} were set; build and train it "
            f"with {steps} steps."
        )
    return replace(
        ready, dataset=dataset, test=test, network=network, workload=workload, float_accuracy=share
    )  # fmt: skip


def _first(split: Split, steps: int) -> Split:
    return replace(split, x=split.x[:, :steps])


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
    return measure_on(
        ready, base, spec, chips=chips, seed=seed, waterfall=waterfall, progress=progress, advise=advise
    ).report


def measure_on(
    ready: Ready,
    base: HardwareSpec,
    spec: HardwareSpec,
    *,
    chips: int,
    seed: int,
    waterfall: int,
    progress: Progress | None,
    advise: bool = True,
) -> Measured:
    """As ``evaluate_on``, and return which images were answered right as well."""
    from axbar.techniques import offers

    check_counts(chips=(chips, 0))
    check_device(spec, chips)
    workload = ready.workload
    spec, chosen = settled(ready.plan, ready.network, spec, ready.dataset)
    tried = offers(workload, spec, ready.network) if advise else None
    report = estimate_report(workload, base, spec, model=ready.name, data=ready.dataset.name, offers=tried)
    fits = bool(report.estimate.feasible[0])
    chip = OnChip(notes=("accuracy on the chip was not measured because the network does not fit",))
    if fits:
        chip = on_chip(
            ready.network, spec, ready.dataset, ready.test, ready.plan, workload,
            chips=chips, seed=seed, waterfall=waterfall, tell=progress or (lambda stage, done, total: None),
        )  # fmt: skip
    charged = _not_in_accuracy(spec, workload) if workload.neurons else []
    report = replace(
        report,
        accuracy=Accuracy(len(ready.test.y), ready.float_accuracy, chip.digital, chip.dies),
        techniques=(*ready.applied, *chosen, *chip.techniques),
        notes=(*filter(None, [ready.untrained]), *ready.notes, *charged, *chip.notes),
        waterfall=chip.waterfall,
    )
    return Measured(report, chip)


def check_device(spec: HardwareSpec, chips: int) -> None:
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


def check_counts(**counts: tuple[int | None, int]) -> None:
    """Refuse numbers below their least, ``name=(value, least)``."""
    for name, (value, low) in counts.items():
        if value is not None and value < low:
            raise UsageError(f"{name} = {value} is too small: give at least {low}.")


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


def _checked(
    texts: Sequence[str], done: Sequence[str], network: torch.nn.Module, spec: HardwareSpec, dataset: Dataset
) -> Sequence[tuple[Any, Any]]:
    """Return techniques with their settings, once they fit those that are done, the chip and the network."""
    from axbar.techniques import check_chip, check_network, parse_plan

    plan = parse_plan(texts, done)
    check_chip(plan, spec)
    check_network(plan, network, _tensor(dataset.train.images(slice(0, 1))))
    return plan


def _traced(network: torch.nn.Module, dataset: Dataset, samples: int, name: str) -> Workload:
    from axbar.workload import trace

    images = dataset.test.balanced(samples).images()
    workload = trace(network, _tensor(images), name=name)
    _check_outputs(network, images, dataset)
    return workload


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
