"""One die, three arms: batch norms as trained, adapted, fine-tuned. Accuracy on the same test images.

As in the paper, convolutions are analog; batch norms, pools and linear layers are digital. Without converters a
layer on arrays is one real matrix. Under read noise, adaptation, fine-tuning and evaluation read one after the
other, and no draw comes twice.

Converters have ranges fitted to what the die delivers: before the first arm, and again between two adaptations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from axbar.calibration import calibrate_adc
from axbar.crossbar import AnalogModel, Effects, diagnose, to_analog
from axbar.data import Dataset
from axbar.nn import accuracy
from axbar.published.bn_cases import Case, Scale
from axbar.spec.imc import ImcSpec
from axbar.techniques import parse_technique

__all__ = ["Part", "measure"]

#: images that fix input scales and converter ranges
_CALIBRATION = 128
#: images on which dot products are compared
_DIAGNOSED = 32


@dataclass(frozen=True, eq=False)
class Part:
    """A trained network and its data.

    Args:
        name: of the network.
        network: in evaluation mode.
        dataset: images.
        adc_images: test and adaptation images of rows with converters; None for those of all rows.
    """

    name: str
    network: nn.Module
    dataset: Dataset
    adc_images: int | None = None

    def test_images(self, case: Case, scale: Scale) -> int | None:
        """Return how many test images a case is measured on; None for all."""
        return scale.test if self.adc_images is None or not case.fewer_images else self.adc_images


def measure(part: Part, case: Case, scale: Scale, seed: int, tuned: bool) -> dict[str, Any]:
    """Measure one die.

    Returns:
        ``none``, ``adapt``, ``tune``: accuracies 0..1, None where not measured; ``pc2_median``, ``pc2_max``: over the
        layers on arrays; ``gain``: median over their outputs; ``residual``: largest after the best affine map.
    """
    few = part.adc_images if case.fewer_images else None
    data = part.dataset if few is None else part.dataset.subset(train=few)
    images = part.test_images(case, scale)
    test = data.test if images is None else data.test.balanced(images)
    calibration = torch.from_numpy(data.calibration.images(slice(0, _CALIBRATION)))
    spec = case.spec()
    die = _die(part.network, spec, case.effects(), seed, calibration)
    found: dict[str, Any] = dict.fromkeys(
        ("none", "adapt", "tune", "pc2_median", "pc2_max", "gain", "residual")
    )
    found["none"] = accuracy(die, test)
    if case.ideal:
        return found
    adapted = _adapted(die.rewind(), spec, data, scale, calibration if case.converters else None)
    found["adapt"] = accuracy(adapted, test)
    found |= _diagnosis(adapted, calibration[:_DIAGNOSED])
    if tuned:
        text = f"bn-finetune:images={scale.tune},adapt_images={scale.adapt},epochs={scale.epochs}"
        found["tune"] = accuracy(_applied(text, die.rewind(), spec, data), test)
    return found


def _die(
    network: nn.Module, spec: ImcSpec, effects: Effects, seed: int, calibration: torch.Tensor
) -> AnalogModel:
    """Return the network on arrays with these flaws in its convolutions."""
    die = to_analog(network, spec, seed, calibration, norms="keep", effects=effects)
    assert isinstance(die, AnalogModel)
    linear = [path for path, layer in die.chip_layers.items() if isinstance(layer, nn.Linear)]
    return die.set_effects(Effects.none(), linear)


def _adapted(
    die: AnalogModel, spec: ImcSpec, data: Dataset, scale: Scale, recalibrate: torch.Tensor | None
) -> AnalogModel:
    """Return the die with adapted norms; converters are refitted to the sums that these bring, norms to them."""
    text = f"bn-adapt:images={scale.adapt}"
    adapted = _applied(text, die, spec, data)
    if recalibrate is None:
        return adapted
    calibrate_adc(adapted, recalibrate)
    return _applied(text, adapted, spec, data)


def _applied(text: str, die: AnalogModel, spec: ImcSpec, data: Dataset) -> AnalogModel:
    technique, config = parse_technique(text)
    target = technique.apply(die, spec, data.tuning(), config).target
    assert isinstance(target, AnalogModel)
    return target


def _diagnosis(die: AnalogModel, images: torch.Tensor) -> Mapping[str, float]:
    """Compare the layers on arrays with ideal ones, on inputs of the adapted die."""
    layers = {path: layer for path, layer in die.chip_layers.items() if isinstance(layer, nn.Conv2d)}
    rows = [row for row in diagnose(die, images, len(images)) if row.layer in layers]
    spread = [row.pc2 for row in rows]
    return {
        "pc2_median": float(np.median(spread)),
        "pc2_max": max(spread),
        "gain": float(np.median(np.concatenate([row.gain for row in rows]))),
        "residual": max(row.residual for row in rows),
    }
