"""A network that is ready on one chip: its integer twin, programmed dies, and what each effect costs.

Of the hardware kind only its registered conversions are used; a kind without one computes digitally or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from axbar import registry
from axbar._report import Waterfall
from axbar._waterfall import measure_waterfall, right
from axbar.errors import ModelError
from axbar.spec import HardwareSpec
from axbar.spec.imc import ImcSpec

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from axbar.data import Dataset, Split
    from axbar.workload import Workload

__all__ = ["CALIBRATION_IMAGES", "WATERFALL_DIES", "OnChip", "Progress", "apply_stage", "on_chip", "settled"]

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


def apply_stage(
    stage: str, target: Any, plan: Sequence[tuple[Any, Any]], spec: HardwareSpec, dataset: Dataset
) -> tuple[Any, list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    for technique, config in plan:
        if technique.stage != stage or (stage == "chip" and hasattr(technique, "choose_settings")):
            continue
        result = technique.apply(target, spec, dataset.tuning(), config)
        target = result.target
        rows.append(
            {"name": technique.name, "stage": stage, "config": config.model_dump(), "cost": dict(result.cost)}
        )
    return target, rows


def settled(
    plan: Sequence[tuple[Any, Any]], network: torch.nn.Module, spec: HardwareSpec, dataset: Dataset
) -> tuple[HardwareSpec, list[dict[str, Any]]]:
    """Return the chip with the settings that techniques choose for it by measuring, and what each chose."""
    rows: list[dict[str, Any]] = []
    for technique, config in plan:
        choose: Any = getattr(technique, "choose_settings", None)
        if choose is None:
            continue
        settings, cost = choose(network, spec, dataset.tuning(), config)
        spec = spec.replace(settings)
        rows.append(
            {"name": technique.name, "stage": "chip", "config": config.model_dump(), "cost": dict(cost)}
        )
    return spec, rows


@dataclass(frozen=True)
class OnChip:
    """What was measured on the chip; the techniques are those of the first die.

    ``right``: which images the dies answer right, ``[D, n]``, or the integer network, ``[1, n]``, where there is no
    die; None where nothing was computed.
    """

    digital: float | None = None
    dies: tuple[float, ...] = ()
    techniques: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    waterfall: Waterfall | None = None
    right: NDArray[np.bool_] | None = field(default=None, compare=False)


def on_chip(
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
) -> OnChip:
    """Measure the integer network, programmed dies, and what each effect costs."""
    import numpy as np
    import torch

    kind = registry.get("hardware", spec.kind)
    calibration = torch.from_numpy(dataset.calibration.images(slice(0, CALIBRATION_IMAGES)))
    keep = any(getattr(technique, "keeps_norms", False) for technique, _ in plan)
    norms = {"norms": "keep"} if keep else {}  # hardware kinds of others need not know norms
    integer, digital, hits = None, None, None
    said = (_NORMS_KEPT,) if keep else ()
    if kind.digital:
        tell("digital", 0, 1)
        integer = registry.load_target(kind.digital)(network, spec, calibration, **norms)
        _check_same_layers(integer, workload)
        hits = right(integer, test)[None]
        digital = float(hits.mean())
    if not kind.analog or chips == 0:
        notes = () if kind.analog else (f"{spec.kind} computes digitally: no dies to program",)
        unused = _unused(plan, spec, bool(kind.analog))
        return OnChip(digital, notes=(*said, *notes, *unused), right=hits)
    analog = registry.load_target(kind.analog)(network, spec, seed, calibration, **norms)
    few = test.balanced(waterfall) if waterfall and isinstance(spec, ImcSpec) else None
    dies: list[NDArray[np.bool_]] = []
    rows: list[dict[str, Any]] = []
    adapted: list[NDArray[np.bool_]] = []
    for die in range(chips):
        tell("dies", die, chips)
        programmed = analog.program(seed + die)
        if hasattr(programmed, "rewind"):
            programmed.rewind(epoch=1)  # techniques see other read noise than the test images will
        programmed, die_rows = apply_stage("chip", programmed, plan, spec, dataset)
        rows = rows or die_rows
        dies.append(right(programmed, test))
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
    figures = tuple(float(hits.mean()) for hits in dies)
    told = (*notes, *said, *_of_the_device(spec))
    return OnChip(digital, figures, tuple(rows), told, found, np.stack(dies))


def _unused(plan: Sequence[tuple[Any, Any]], spec: HardwareSpec, programmable: bool) -> tuple[str, ...]:
    """Say which techniques had no die to act on."""
    names = [
        technique.name
        for technique, _ in plan
        if technique.stage == "chip" and not hasattr(technique, "choose_settings")
    ]
    if not names:
        return ()
    acts = "acts" if len(names) == 1 else "act"
    why = "none was programmed (0 chips asked for)" if programmable else f"{spec.name} has none"
    return (f"{' and '.join(names)} {acts} on programmed dies; {why}, so nothing changed",)


def _of_the_device(spec: HardwareSpec) -> tuple[str, ...]:
    """Say where a die rests on more than the published laws of its device."""
    from axbar import devices

    return devices.notes(spec.device) if isinstance(spec, ImcSpec) else ()


def _check_same_layers(converted: torch.nn.Module, workload: Workload) -> None:
    """Refuse a network of which cost and accuracy would put different layers on the chip."""
    on_chip: Any = getattr(converted, "chip_layers", None)
    if on_chip is None:
        return
    on_chip = {*on_chip, *getattr(converted, "chip_products", ())}
    # A layer used in several places is traced as name, name#2, ...
    left = [layer for layer in workload.matmuls if layer.name.partition("#")[0] not in on_chip]
    if left and left[0].at_run_time:
        raise ModelError(
            f"'{left[0].name}' multiplies two operands that are both computed at run time, but is no module of the "
            "network, so it can be priced but not computed as the chip does; write it as axbar.nn.attention.MatMul "
            "(axbar.nn.attention.Attention has both products of attention)."
        )
    if left:
        raise ModelError(
            f"layer '{left[0].name}' multiplies by a parameter that is no Conv2d or Linear, so it can be priced but "
            "not programmed; write it as torch.nn.Linear or torch.nn.Conv2d."
        )
