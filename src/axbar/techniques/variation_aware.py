"""Train attention on keys and values as cells would hold them (variation-aware training).

In each forward pass of training the right operand of every run-time product is replaced by what its cells would hold:
clipped as the chip clips, with a fresh draw of the device's write error for every value (``_written_noise``). Weights
feel no error here; ``noise-aware`` trains on those. The network has to have its products as modules
(``axbar.nn.MatMul``). The other arm of ClipFormer (Bhattacharjee, Moitra and Panda, IEEE TCAD 2024, from third-party
notes), where it took some five times the cost of plain training.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from axbar.nn.attention import MatMul
from axbar.spec import HardwareSpec
from axbar.spec.imc import ImcSpec
from axbar.techniques._base import TechniqueConfig, TechniqueResult
from axbar.techniques._finetune import FewImages, TuneConfig, fit, training_cost
from axbar.techniques._masks import keep, weight_layers, zeros_of
from axbar.techniques._run_time import check_products, check_written
from axbar.techniques._written_noise import WrittenValues

__all__ = ["TECHNIQUE", "VariationAware", "VariationAwareConfig"]


class VariationAwareConfig(TuneConfig):
    """Settings of ``variation-aware``."""

    epochs: int = Field(default=3, ge=1, le=1000, description="of training on disturbed keys and values")
    noise: float = Field(
        default=1.0, ge=0, le=10, description="scale of the write errors: 1 as they are, 0 none"
    )


class VariationAware:
    """Fine-tune a network on keys and values with write errors."""

    name = "variation-aware"
    stage: Literal["network", "chip"] = "network"
    reads_chip: Literal["no", "accuracy", "all"] = "accuracy"
    Config: type[TechniqueConfig] = VariationAwareConfig
    tuning = "retrain"

    def check_chip(self, spec: HardwareSpec, config: VariationAwareConfig) -> None:
        """Refuse a chip that writes no keys and values into cells of its device.

        Raises:
            UsageError: with what to set.
        """
        check_written(self.name, "trains on keys and values as cells hold them", spec)

    def check_network(self, network: nn.Module, image: Tensor, config: VariationAwareConfig) -> None:
        """Refuse a network without products of run-time operands.

        Raises:
            ModelError: it has none as modules.
        """
        check_products(self.name, network)

    def apply(
        self, target: nn.Module, hardware: Any, data: Any, config: VariationAwareConfig
    ) -> TechniqueResult:
        """Return a fine-tuned copy of the network, in evaluation mode.

        Raises:
            UsageError, ModelError: the chip or the network is none for it, or the training diverges.
        """
        self.check_chip(hardware, config)
        check_products(self.name, target)
        start = time.perf_counter()
        model, few = copy.deepcopy(target), FewImages(data, config.images, config.seed)
        layers = weight_layers(model, few.image)
        with _disturbed(model, hardware, config.noise), keep(layers, zeros_of(layers)):
            fit(model.train(), few, config, config.epochs)
        return TechniqueResult(model.eval(), training_cost(model, few, config, config.epochs, start))


@contextmanager
def _disturbed(model: nn.Module, spec: ImcSpec, noise: float) -> Iterator[None]:
    """Let products in training mode multiply by what cells would hold of their right operands."""
    written = WrittenValues(spec, noise)

    def hook(module: nn.Module, given: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor] | None:
        return (given[0], written(given[1])) if module.training else None

    products = [module for module in model.modules() if isinstance(module, MatMul)]
    handles: list[torch.utils.hooks.RemovableHandle] = [m.register_forward_pre_hook(hook) for m in products]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


TECHNIQUE = VariationAware()
