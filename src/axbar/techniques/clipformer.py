"""Clip the conductances of keys and values before they are written (ClipFormer).

What attention writes at run time suffers from write noise that grows with the conductance and is none at the lowest
one. Two bounds, α and β, act on every conductance between the calibrated value and its cells,

    G ← max(G - α g_off, g_off)        G ← min(G, β g_on)

Nothing is trained. Clipping is an error of its own: below a level of noise it costs more than it saves, so α and β are
chosen on held-out (calibration) images, on a die of the very chip: the choice with the least cross-entropy, if what it
gains over no clipping, image by image, exceeds its standard error; no clipping otherwise. A few dozen images rank
cross-entropies far better than shares of right answers. Where β
leaves the cells of the highest bits empty, they are neither built nor written. Bhattacharjee, Moitra and Panda,
"ClipFormer", IEEE TCAD 2024 (arXiv 2402.02586), from third-party notes; published operating point α = 2, β = 0.25.

The two are fields of the chip (``run_time.clip_low``, ``run_time.clip_high``), so accuracy and cost see them alike.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from typing import Any, Literal, Self, cast

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from axbar.calibration import calibrate_adc
from axbar.cost.whatif import Offer
from axbar.crossbar import to_analog
from axbar.crossbar._analog_product import AnalogMatMul
from axbar.nn import predict_logits
from axbar.spec import HardwareSpec
from axbar.spec.imc import ImcSpec
from axbar.techniques._base import TechniqueConfig, TechniqueResult
from axbar.techniques._run_time import check_products, check_written
from axbar.techniques._written_noise import written_snr_dB
from axbar.workload import Workload

__all__ = ["CHOICES", "TECHNIQUE", "ClipFormer", "ClipFormerConfig"]

#: (α, β) that are tried; the first clips nothing
CHOICES = ((0.0, 1.0), (1.0, 0.75), (1.0, 0.5), (2.0, 0.5), (2.0, 0.25))
_LOW, _HIGH = "run_time.clip_low", "run_time.clip_high"


class ClipFormerConfig(TechniqueConfig):
    """Settings of ``clipformer``."""

    low: float | None = Field(
        default=None,
        ge=0,
        le=1000,
        description="α, 0 or from 1; chosen on held-out images unless both are given",
    )
    high: float | None = Field(default=None, gt=0, le=1, description="β; chosen unless both are given")
    images: int = Field(default=64, ge=1, le=4096, description="held-out images on which the two are chosen")
    seed: int = Field(default=1000, ge=0, description="of the die on which they are chosen")

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError(
                f"low = {self.low} and high = {self.high}: give both, or none to have them chosen"
            )
        if self.low is not None and 0 < self.low < 1:
            raise ValueError(
                f"low = {self.low:g} takes less than one g_off off; give 0 for none, or 1 or more"
            )
        return self


class ClipFormer:
    """Choose α and β for a chip."""

    name = "clipformer"
    stage: Literal["network", "chip"] = "chip"
    reads_chip: Literal["no", "accuracy", "all"] = "all"
    Config: type[TechniqueConfig] = ClipFormerConfig

    def check_chip(self, spec: HardwareSpec, config: ClipFormerConfig) -> None:
        """Refuse a chip that writes no keys and values into cells of its device.

        Raises:
            UsageError: with what to set.
        """
        check_written(self.name, "clips what is written into cells", spec)

    def check_network(self, network: nn.Module, image: Tensor, config: ClipFormerConfig) -> None:
        """Refuse a network without products of run-time operands.

        Raises:
            ModelError: it has none as modules.
        """
        check_products(self.name, network)

    def chip_settings(self, spec: HardwareSpec, config: ClipFormerConfig) -> dict[str, float]:
        """Return α and β where they are given."""
        return {} if config.low is None or config.high is None else {_LOW: config.low, _HIGH: config.high}

    def choose_settings(
        self, network: nn.Module, spec: HardwareSpec, data: Any, config: ClipFormerConfig
    ) -> tuple[dict[str, float], dict[str, Any]]:
        """Return α and β for a chip, as given or as chosen on a die of it, and what that took.

        Raises:
            UsageError, ModelError: the chip or the network is none for it.
        """
        start = time.perf_counter()
        self.check_chip(spec, config)
        images = torch.from_numpy(data.calibration.images(slice(0, config.images)))
        self.check_network(network, images[:1], config)
        if config.low is not None:
            given = self.chip_settings(spec, config)
            return given, _cost(start, 0, {}) | given
        die = to_analog(network, spec, config.seed, images)
        found = _search(die, spec, images, _labels(data, config.images))
        best = _best(found)
        chosen = {_LOW: best[0], _HIGH: best[1]}
        return chosen, _cost(start, len(images), found) | chosen

    def apply(self, target: nn.Module, hardware: Any, data: Any, config: ClipFormerConfig) -> TechniqueResult:
        """Return a copy of a die that clips what it writes; its converters are fitted anew.

        Raises:
            UsageError, ModelError: the chip or the network is none for it.
        """
        start = time.perf_counter()
        images = torch.from_numpy(data.calibration.images(slice(0, config.images)))
        self.check_chip(hardware, config)
        self.check_network(target, images[:1], config)
        die: Any = copy.deepcopy(target)
        found: dict[tuple[float, float], Tensor] = {}
        if config.low is not None and config.high is not None:
            best = (config.low, config.high)
        else:
            found = _search(die, hardware, images, _labels(data, config.images))
            best = _best(found)
        _clip(die, hardware, *best, images)
        return TechniqueResult(die, _cost(start, len(images), found) | {_LOW: best[0], _HIGH: best[1]})

    def what_if(self, spec: HardwareSpec, workload: Workload) -> Offer | None:
        """Return the published operating point; None where nothing is written into cells, or clipped already."""
        values = spec.values()
        written = any(layer.at_run_time for layer in workload.matmuls)
        if not written or values.get("run_time.unit") != "nvm" or values[_HIGH] != 1.0 or values[_LOW] != 0.0:
            return None
        low, high = CHOICES[-1]
        changes = {_LOW: low, _HIGH: high}
        before, after = (written_snr_dB(cast("ImcSpec", chip)) for chip in (spec, spec.replace(changes)))
        pays = "pays" if after > before else "does not pay by itself"
        return Offer(
            self.name,
            self.stage,
            "clip keys and values before they are written",
            changes=changes,
            why=f"α = {low:g} and β = {high:g}, with which the cells of the highest bits stay empty; at this write "
            f"noise clipping {pays}: {before:.1f} dB are left of normal values without it, {after:.1f} dB with it",
        )


def _labels(data: Any, images: int) -> Tensor:
    return torch.from_numpy(data.calibration.labels(slice(0, images)))


def _search(
    die: Any, spec: HardwareSpec, images: Tensor, labels: Tensor
) -> dict[tuple[float, float], Tensor]:
    """Return the cross-entropy of each image for each choice on a die, ``[images]`` by (α, β)."""
    found: dict[tuple[float, float], Tensor] = {}
    for low, high in CHOICES:
        if high * spec.values()["device.g_on_S"] <= spec.values()["device.g_off_S"]:
            continue  # nothing but zeros would be left
        _clip(die, spec, low, high, images)
        die.rewind(epoch=2)  # other noise than test images will see
        logits = predict_logits(die, images.numpy()).mean(0).cpu()
        found[low, high] = F.cross_entropy(logits.float(), labels.long(), reduction="none")
    return found


def _best(found: Mapping[tuple[float, float], Tensor]) -> tuple[float, float]:
    """Return the choice with the least cross-entropy of those that beat no clipping by more than a standard error.

    Args:
        found: cross-entropies ``[images]``, no clipping first.
    """
    none, *others = found

    def gain(choice: tuple[float, float]) -> Tensor:
        return found[none] - found[choice]

    sure = [choice for choice in others if gain(choice).mean() > _standard_error(gain(choice))]
    return max(sure, key=lambda choice: float(gain(choice).mean()), default=none)


def _standard_error(values: Tensor) -> Tensor:
    """Return that of a mean; 0 for one value, of which no spread is known."""
    return values.std() / len(values) ** 0.5 if len(values) > 1 else values.new_zeros(())


def _clip(die: Any, spec: HardwareSpec, low: float, high: float, images: Tensor) -> None:
    """Set α and β of all products of a die, in place, and fit its converters to nominal cells as a fresh die's."""
    products = [module for module in die.modules() if isinstance(module, AnalogMatMul)]
    seed = products[0].die.seed
    chip: Any = spec.replace({_LOW: low, _HIGH: high})
    die.axbar_hardware = chip
    for module in products:
        module.write_otherwise(chip)
    die.program(None)
    calibrate_adc(die, images)
    die.program(seed)


def _cost(start: float, images: int, found: Mapping[tuple[float, float], Tensor]) -> dict[str, Any]:
    tried = {f"α {low:g}, β {high:g}": float(each.mean()) for (low, high), each in found.items()}
    return {
        "seconds": time.perf_counter() - start, "images": images, "writes": 0, "settings": 2,
        "held_out_cross_entropy": tried,
    }  # fmt: skip


TECHNIQUE = ClipFormer()
