"""One network on one chip: accuracy on real images and cost from the same spec.

The order is always the same: techniques on the network, trace, cost, integer network, then one programmed die
after the other, each with the techniques that run on a chip. Test images are used for measuring only;
techniques and calibration see the tuning view of the data set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from axbar import registry
from axbar._report import Accuracy, Report, Waterfall
from axbar._waterfall import measure_waterfall, right
from axbar.errors import DataError, ModelError, UsageError
from axbar.spec import HardwareSpec, load_hardware
from axbar.spec.imc import ImcSpec

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from axbar.data import Dataset, Split
    from axbar.workload import Workload

__all__ = ["Evaluation", "Progress", "check_network", "evaluate", "evaluate_full"]

#: ``progress(stage, done, total)``, called between pieces of work
Progress = Callable[[str, int, int], None]

_NORMS_KEPT = (
    "batch norms stay digital units of the chip instead of being folded into the weights, in 'digital' too; their "
    "multiply-adds are not priced"
)

#: calibration images: enough for stable 99.9 % ranges, few enough to take seconds
CALIBRATION_IMAGES = 128

#: dies behind each figure of the waterfall: two show what is common, and cost little
WATERFALL_DIES = 2


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
    from axbar.cost import estimate
    from axbar.nn import accuracy
    from axbar.techniques import offers
    from axbar.workload import trace

    _check_counts(
        chips=(chips, 0), images=(images, 1), trace_samples=(trace_samples, 1), waterfall=(waterfall, 0)
    )
    tell = progress or (lambda stage, done, total: None)
    base, spec = _hardware(hardware, overrides)
    if isinstance(spec, ImcSpec) and chips:
        from axbar import devices

        # before minutes of training for a die that can't be made
        devices.check(spec.device, spec.read.v_read_V)
    dataset = _dataset(data, data_dir)
    network = _network(model, weights, config, dataset)
    plan = _techniques(techniques)
    test = dataset.test.balanced(images) if images is not None else dataset.test
    tell("network", 0, 1)
    trained = network
    network, applied = _apply_stage("network", trained, plan, spec, dataset)
    tell("trace", 0, 1)
    traced = dataset.test.balanced(trace_samples).images()
    workload = trace(network, _tensor(traced), name=_name(model))
    _check_outputs(network, traced, dataset)
    float_accuracy = accuracy(network, test)
    cost = estimate(workload, spec)
    notes = [*dataset.notes, *(_not_in_accuracy(spec) if workload.neurons else [])]
    if applied:
        names = ", ".join(row["name"] for row in applied)
        notes.append(
            f"'float' is the network after {names}; as trained it reaches {accuracy(trained, test):.1%}"
        )
    chip = _OnChip()
    if bool(cost.feasible[0]):
        chip = _on_chip(
            network,
            spec,
            dataset,
            test,
            plan,
            workload,
            chips=chips,
            seed=seed,
            waterfall=waterfall or 0,
            tell=tell,
        )
        applied, notes = [*applied, *chip.techniques], [*notes, *chip.notes]
    else:
        notes.append("accuracy on the chip was not measured because the network does not fit")
    report = Report(
        model=_name(model),
        data=dataset.name,
        hardware=spec,
        base=base,
        estimate=cost,
        workload=tuple(workload.summary()),
        trace={"name": workload.name, "steps": workload.steps, "samples": workload.samples,
               "spikes_of": workload.spikes_of, "hash": workload.hash()},
        accuracy=Accuracy(len(test.y), float_accuracy, chip.digital, chip.dies),
        techniques=tuple(applied),
        notes=tuple(notes),
        waterfall=chip.waterfall,
        bottlenecks=cost.bottlenecks(offers=offers(workload, spec)),
    )  # fmt: skip
    return Evaluation(report, workload, network, dataset)


def _not_in_accuracy(spec: HardwareSpec) -> list[str]:
    """Say which quantities are charged for but leave the accuracy alone."""
    bits = spec.values().get("neuron.membrane_bits")
    if bits is None:
        return []
    return [
        f"membranes are computed at full precision; neuron.membrane_bits = {bits} counts in the cost only"
    ]


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


def _techniques(texts: Sequence[str]) -> list[tuple[Any, Any]]:
    from axbar.techniques import parse_technique

    return [parse_technique(text) for text in texts]


def _apply_stage(
    stage: str, target: Any, plan: Sequence[tuple[Any, Any]], spec: HardwareSpec, dataset: Dataset
) -> tuple[Any, list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    for technique, config in plan:
        if technique.stage != stage:
            continue
        result = technique.apply(target, spec, dataset.tuning(), config)
        target = result.target
        rows.append(
            {"name": technique.name, "stage": stage, "config": config.model_dump(), "cost": dict(result.cost)}
        )
    return target, rows


@dataclass(frozen=True)
class _OnChip:
    """What was measured on the chip; the techniques are those of the first die."""

    digital: float | None = None
    dies: tuple[float, ...] = ()
    techniques: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    waterfall: Waterfall | None = None


def _on_chip(
    network: torch.nn.Module,
    spec: HardwareSpec,
    dataset: Dataset,
    test: Split,
    plan: Sequence[tuple[Any, Any]],
    workload: Workload,
    *,
    chips: int,
    seed: int,
    waterfall: int,
    tell: Progress,
) -> _OnChip:
    """Measure the integer network, programmed dies, and what each effect costs."""
    from axbar.nn import accuracy

    kind = registry.get("hardware", spec.kind)
    calibration = _tensor(dataset.calibration.images(slice(0, CALIBRATION_IMAGES)))
    keep = any(getattr(technique, "keeps_norms", False) for technique, _ in plan)
    norms = {"norms": "keep"} if keep else {}  # hardware kinds of others need not know norms
    integer, digital = None, None
    said = (_NORMS_KEPT,) if keep else ()
    if kind.digital:
        tell("digital", 0, 1)
        integer = registry.load_target(kind.digital)(network, spec, calibration, **norms)
        _check_same_layers(integer, workload)
        digital = accuracy(integer, test)
    if not kind.analog or chips == 0:
        notes = () if kind.analog else (f"{spec.kind} computes digitally: no dies to program",)
        return _OnChip(digital, notes=(*said, *notes))
    analog = registry.load_target(kind.analog)(network, spec, seed, calibration, **norms)
    few = test.balanced(waterfall) if waterfall and isinstance(spec, ImcSpec) else None
    figures: list[float] = []
    rows: list[dict[str, Any]] = []
    adapted: list[NDArray[np.bool_]] = []
    for die in range(chips):
        tell("dies", die, chips)
        programmed = analog.program(seed + die)
        if hasattr(programmed, "rewind"):
            programmed.rewind(epoch=1)  # techniques see other read noise than the test images will
        programmed, die_rows = _apply_stage("chip", programmed, plan, spec, dataset)
        rows = rows or die_rows
        figures.append(float(right(programmed, test).mean()))
        if die_rows and few is not None and die < WATERFALL_DIES:
            adapted.append(right(programmed, few))
    tell("dies", chips, chips)
    unconverted = getattr(analog, "unconverted", ())
    notes = ("stays digital: " + ", ".join(unconverted),) if unconverted else ()
    found = None
    if few is not None:
        assert isinstance(spec, ImcSpec) and integer is not None
        found = measure_waterfall(
            network, integer, spec, few, calibration, seed=seed, dies=min(chips, WATERFALL_DIES),
            adapted=adapted, norms="keep" if keep else "fold", progress=tell,
        )  # fmt: skip
    return _OnChip(digital, tuple(figures), tuple(rows), (*notes, *said, *_of_the_device(spec)), found)


def _of_the_device(spec: HardwareSpec) -> tuple[str, ...]:
    """Say where a die rests on more than the published laws of its device."""
    from axbar import devices

    return devices.notes(spec.device) if isinstance(spec, ImcSpec) else ()


def _check_outputs(network: torch.nn.Module, images: Any, dataset: Dataset) -> None:
    """Refuse a network with fewer outputs than the data have classes; it could never name the rest."""
    from axbar.nn import predict_logits

    outputs = int(predict_logits(network, _tensor(images[:2])).shape[-1])
    if outputs < len(dataset.classes):
        raise DataError(
            f"'{dataset.name}' has {len(dataset.classes)} classes, but the network has {outputs} outputs; build it "
            f"with {len(dataset.classes)} outputs or give other data."
        )


def _check_same_layers(converted: torch.nn.Module, workload: Workload) -> None:
    """Refuse a network of which cost and accuracy would put different layers on the chip."""
    on_chip: Any = getattr(converted, "chip_layers", None)
    if on_chip is None:
        return
    # A layer used in several places is traced as name, name#2, ...
    left = [layer.name for layer in workload.matmuls if layer.name.partition("#")[0] not in on_chip]
    if left:
        raise ModelError(
            f"layer '{left[0]}' multiplies by a parameter that is no Conv2d or Linear, so it can be priced but not "
            "programmed; write it as torch.nn.Linear or torch.nn.Conv2d."
        )


def _tensor(images: Any) -> torch.Tensor:
    import torch

    return torch.from_numpy(images)
