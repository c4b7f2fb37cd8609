"""One network on several dies with chosen flaws: accuracy after every step, error of every layer at every step.

**Layer error.** With z the dot products of a layer of the integer network (no bias) and z' those of a die,

    error(t) = sqrt( sum (z'(t) - z(t))^2 / sum z(t)^2 ),     sums over images, outputs, positions,

once with the die's layer on the inputs that the integer network has there (*same*: what the layer adds by
itself) and once in the die's own network (*own*: what has gathered up to there, by layer and by step). A layer
in front of the first neurons runs once for all steps and has one figure.

**Read-out error.** The same for the mean of the logits over the first t steps, logits of an image less their mean.

**Loss.** Both networks see the same images. With d[i] = right(integer, i) - mean over dies right(die, i), the loss
is mean(d) and the standard error that the choice of images brings std(d) / sqrt(n).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from axbar.crossbar import AnalogModel, DigitalModel, Effects, digital, to_analog
from axbar.data import Dataset, Split
from axbar.nn import predict_logits
from axbar.published.snn_vs_ann_conditions import MITIGATIONS, Condition
from axbar.spec.imc import ImcSpec
from axbar.techniques import parse_technique

__all__ = ["measure"]

_CALIBRATION_IMAGES = 128
_ERROR_IMAGES = 64


def measure(
    network: nn.Module,
    spec: ImcSpec,
    dataset: Dataset,
    condition: Condition,
    *,
    mitigation: str = "",
    dies: int,
    images: int | None,
    seed: int,
) -> dict[str, Any]:
    """Measure a network under one condition.

    Args:
        network: as trained.
        spec: of the chip, with the condition's changes.
        dataset: techniques see its tuning part, accuracy its test part.
        condition: flaws to switch on.
        mitigation: name of ``MITIGATIONS``; empty for none.
        dies: how many to program; one where all dies are alike.
        images: balanced test images; None for all.
        seed: of the first die.

    Returns:
        Values that JSON can hold. ``integer``: accuracy (0..1) of the unmended integer network after t = 1..T
        steps, ``chip``: the same by die, ``image_error``: standard error of the loss, ``layers``: by layer
        ``same`` and ``own`` errors ``[dies][steps]``, ``readout``: read-out error ``[dies][T]``.
    """
    calibration = torch.from_numpy(dataset.calibration.images(slice(0, _CALIBRATION_IMAGES)))
    test = dataset.test if images is None else dataset.test.balanced(images)
    plain = cast(DigitalModel, digital(network, spec, calibration, norms="keep"))
    reference = _right_by_step(predict_logits(plain, test.images()), test)

    def mended(target: nn.Module, stage: str) -> nn.Module:
        if not mitigation:
            return target
        technique, config = parse_technique(MITIGATIONS[mitigation])
        if technique.stage != stage:
            return target
        return technique.apply(target, spec, dataset.tuning(), config).target

    applied = mended(network, "network")
    ideal = cast(DigitalModel, digital(applied, spec, calibration, norms="keep"))
    effects = Effects.only(*condition.effects)
    arrays = cast(AnalogModel, to_analog(applied, spec, data=calibration, norms="keep", effects=effects))
    few = torch.from_numpy(test.images(slice(0, _ERROR_IMAGES)))
    hits: list[NDArray[np.bool_]] = []
    errors: list[_Errors] = []
    for die in range(seed, seed + (dies if _differ(effects) else 1)):
        # Not rewound afterwards: reads have other noise than those that a technique was tuned on.
        programmed = cast(AnalogModel, mended(arrays.program(die), "chip"))
        hits.append(_right_by_step(predict_logits(programmed, test.images()), test))
        errors.append(_errors(programmed, ideal, few))
    return _row(reference, hits, errors)


def _differ(effects: Effects) -> bool:
    """Whether dies differ: wires and converters are the same on all."""
    return effects.without("wires", "adc", "nonlinearity") != Effects.none()


@dataclass(frozen=True)
class _Errors:
    """Of one die: ``same`` and ``own`` by layer and step, ``readout`` by step."""

    same: dict[str, list[float]]
    own: dict[str, list[float]]
    readout: list[float]


def _right_by_step(logits: Tensor, test: Split) -> NDArray[np.bool_]:
    """Return which images are right by the mean over the first t steps, ``[T, n]``."""
    answers = logits.cumsum(0).argmax(-1).cpu().numpy()
    return answers == test.labels()


def _errors(die: AnalogModel, ideal: DigitalModel, images: Tensor) -> _Errors:
    """Return the errors of one die on a batch of images ``[B, ...]``."""
    with torch.no_grad():
        inputs, wanted, logits = _watched(ideal, images)
        _, own, die_logits = _watched(die, images)
        same = {path: layer(inputs[path]) for path, layer in die.chip_layers.items()}
    batch = len(images)

    def by_step(outputs: Mapping[str, Tensor]) -> dict[str, list[float]]:
        return {
            path: relative_error(_dots(outputs[path], layer, batch), _dots(wanted[path], layer, batch))
            for path, layer in ideal.chip_layers.items()
        }

    return _Errors(
        by_step(same), by_step(own), relative_error(_mean_so_far(die_logits), _mean_so_far(logits))
    )


def _watched(model: nn.Module, images: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor]:
    """Run a converted network; return inputs and outputs of its layers by path, and the logits ``[T, B, K]``."""
    inputs: dict[str, Tensor] = {}
    outputs: dict[str, Tensor] = {}

    def note(layer: Any, operands: tuple[Any, ...], output: Tensor) -> None:
        inputs[layer.path], outputs[layer.path] = operands[0], output

    layers = cast(DigitalModel, model).chip_layers.values()
    hooks = [layer.register_forward_hook(note) for layer in layers]
    try:
        logits = predict_logits(model, images, len(images))
    finally:
        for hook in hooks:
            hook.remove()
    return inputs, outputs, logits


def _dots(output: Tensor, layer: nn.Module, batch: int) -> Tensor:
    """Return the dot products of a layer, without bias, as ``[steps, values]``."""
    bias = getattr(layer, "bias", None)
    if isinstance(bias, Tensor):
        output = output - bias.detach().view(-1, *[1] * (output.dim() - 2))
    return output.double().reshape(len(output) // batch, -1)


def _mean_so_far(logits: Tensor) -> Tensor:
    """Return the mean of the logits over the first t steps, each image centred, as ``[T, values]``."""
    centred = (logits - logits.mean(-1, keepdim=True)).double()
    return torch.stack([centred[: t + 1].mean(0) for t in range(len(centred))]).flatten(1)


def relative_error(actual: Tensor, wanted: Tensor) -> list[float]:
    """Return the RMS error of each row ``[steps, values]`` over the RMS of the wanted row.

    A step in which nothing is wanted is taken relative to the RMS over all steps.

    >>> relative_error(torch.tensor([[3.0, 0.0]]), torch.tensor([[2.0, 0.0]]))
    [0.5]
    """
    power = (wanted**2).mean(1)
    power = torch.where(power > 0, power, power.mean())
    off = ((actual - wanted) ** 2).mean(1)
    return torch.where(off > 0, (off / power).sqrt(), 0.0).tolist()


def _row(
    reference: NDArray[np.bool_], hits: list[NDArray[np.bool_]], errors: list[_Errors]
) -> dict[str, Any]:
    lost = reference[-1].astype(float) - np.mean([die[-1] for die in hits], axis=0)
    return {
        "integer": reference.mean(1).tolist(),
        "chip": [die.mean(1).tolist() for die in hits],
        "image_error": float(lost.std(ddof=1) / np.sqrt(len(lost))),
        "layers": {
            path: {"same": [e.same[path] for e in errors], "own": [e.own[path] for e in errors]}
            for path in errors[0].same
        },
        "readout": [e.readout for e in errors],
    }
