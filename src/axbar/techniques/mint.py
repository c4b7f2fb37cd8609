"""Weights and membranes as integers of b bits on one grid (MINT: Yin, Li, Moitra and Panda, ASP-DAC 2024).

    w_int = round(clip(tanh v, -alpha, alpha) / alpha (2^(b-1) - 1)),    u = alpha / (2^(b-1) - 1),
    H = (U >> k) + sum w_int s + b_int,   s = [H >= ceil(theta/u)],   U clipped to b bits     (``axbar.nn.quantised``)

with one learned alpha per layer for its weights and its membranes, so that inference needs no multiplier, no float and
1/16 of the memory at two bits. Layers whose sums meet at the same neurons, such as the branches of a residual block,
share alpha. Batch norms are folded first; biases go on the grid at the width of the sum. All layers have b bits, the
first and the read-out too. A chip must have the same bits of weights and membranes: other ones are an error.

**Start of alpha** (here; published is 2 mean|w| / sqrt(2^(b-1) - 1)): of 12 values in equal ratios from mean|w| to the
larger of max|w| and theta, the one with which the spikes of its neurons differ least from those of the float network,
layer by layer, on a few training images (for a read-out: the square of its error). A membrane holds no more than alpha:
a small one wastes memory of the past, a large one wastes steps of the weights. Then weights, biases and alphas are
trained for a few epochs, straight through all rounding; exact zeros stay zero, so the technique goes behind ``prune``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from axbar.calibration import CalibrationSource
from axbar.cost.whatif import Offer
from axbar.crossbar import folded_copy
from axbar.errors import ModelError, UsageError
from axbar.nn import LIF
from axbar.nn._grid import (
    Grid,
    LearnedConv2d,
    LearnedLIF,
    LearnedLinear,
    freeze_layer,
    freeze_neuron,
    learned,
)
from axbar.nn._grid import quantised as quantised_layer
from axbar.nn._replace import replace_module
from axbar.nn.norm import is_norm
from axbar.nn.quantised import QuantisedLIF, QuantisedNormalise
from axbar.spec import HardwareSpec
from axbar.techniques._base import TechniqueResult
from axbar.techniques._finetune import FewImages, TuneConfig, fit, training_cost
from axbar.techniques._grid_cost import rounding, stored
from axbar.techniques._grid_inputs import centre_pixels, inputs_of
from axbar.techniques._grids import Group, groups_of
from axbar.techniques._masks import keep, weight_layers, zeros_of
from axbar.techniques._note import note
from axbar.techniques._tuning import device_of
from axbar.workload import Workload, trace

__all__ = ["TECHNIQUE", "Mint", "MintConfig"]

#: of the bits of a chip's weights and membranes
_PATHS = ("crossbar.weight_bits", "weight_bits", "neuron.membrane_bits")
#: ranges that are tried, and images that they are tried on
_TRIED, _LOOKED_AT = 12, 32


class MintConfig(TuneConfig):
    """Settings of ``mint``."""

    bits: int = Field(default=4, ge=2, le=8, description="of weights and membranes, sign included")
    epochs: int = Field(default=2, ge=0, le=1000, description="of training on the grid; 0 for none")
    images: int = Field(default=10_000, ge=1, le=10_000_000, description="labelled training images, at most")


@dataclass(frozen=True)
class _Seen:
    """What the float network did on a few images.

    Args:
        images: ``[B, ...]``.
        steps: layer -> (d, m) of its inputs.
        outputs: neurons or read-out -> spikes or sums.
    """

    images: Tensor
    steps: Mapping[str, tuple[float, int]]
    outputs: Mapping[str, Tensor]


class Mint:
    """Put weights and membranes on one learned grid of few bits."""

    name = "mint"
    stage: Literal["network", "chip"] = "network"
    reads_chip: Literal["no", "accuracy", "all"] = "no"
    Config: type[TuneConfig] = MintConfig
    ends = "its weights are whole numbers of steps, which training would leave"
    ends_but_for = ("early-exit",)

    def apply(self, target: nn.Module, hardware: Any, data: Any, config: MintConfig) -> TechniqueResult:
        """Return a copy of the network on the grid, in evaluation mode.

        Raises:
            ModelError: a part of the network has no integer form, or the training diverges.
        """
        start = time.perf_counter()
        few = FewImages(data, config.images, config.seed)
        norms = {path for path, module in target.named_modules() if is_norm(module)}
        images = torch.from_numpy(few.train.images(slice(0, _LOOKED_AT))).to(device_of(target))
        model, workload, groups = _grouped(target, images[:2])
        centred = centre_pixels(model, workload, few)
        biases = [path for group in groups for path in group.layers if _layer(model, path).bias is not None]
        inputs = inputs_of(model, workload, few, images)
        seen = _Seen(images, inputs.steps, _watch(model, groups, images))
        zeros = zeros_of(weight_layers(model, few.image))
        grids = _learned(model, groups, seen, config.bits)
        for group, grid in zip(groups, grids, strict=True):
            _start(model, group, grid, seen)
        layers = weight_layers(model, few.image)
        with keep(layers, zeros):
            if config.epochs:
                fit(model, few, config, config.epochs)
        cost = training_cost(model, few, config, config.epochs, start)
        _freeze(model, groups)
        facts = _facts(model, groups, norms, biases, config.bits) | {"centred": centred}
        note(model, self.name, facts)
        cost |= stored(model, images, config.bits) | rounding(model, groups, images)
        return TechniqueResult(model, cost | {"input_rounded": inputs.rounded})

    def check_network(self, network: nn.Module, image: Tensor, config: MintConfig) -> None:
        """Refuse a network that has no integer form, before any work.

        Raises:
            ModelError: with the part that has none.
        """
        _grouped(network, image.to(device_of(network)))

    def restructure(self, model: nn.Module, facts: Mapping[str, Any]) -> nn.Module:
        """Take norms out of ``model`` and put its layers and neurons on grids, in place; weights come after it."""
        bits = int(facts["bits"])
        for path in facts["norms"]:
            replace_module(model, path, nn.Identity())
        for path, (step, codes) in facts.get("centred", {}).items():  # none in older notes
            replace_module(model, path, QuantisedNormalise([int(code) for code in codes], float(step)))
        for path, input_step in facts["layers"].items():
            layer = _layer(model, path)
            if path in facts["biases"] and layer.bias is None:
                layer.bias = nn.Parameter(layer.weight.new_zeros(len(layer.weight)))
            quantised_layer(layer, bits, float(input_step))
        for path, (shift, adds_spikes) in facts["neurons"].items():
            neuron = cast(LIF, model.get_submodule(path))
            replace_module(model, path, QuantisedLIF(neuron, bits, int(shift), bool(adds_spikes)))
        note(model, self.name, facts)
        return model

    def check_chip(self, spec: HardwareSpec, config: MintConfig) -> None:
        """Refuse a chip that is to be evaluated with weights or membranes of other bits.

        Raises:
            UsageError: with the settings that fit.
        """
        values, wanted = spec.values(), self.chip_settings(spec, config)
        other = next((path for path in wanted if values[path] != config.bits), None)
        if other is not None:
            settings = " ".join(f"--set {path}={config.bits}" for path in wanted)
            raise UsageError(
                f"technique 'mint' makes {config.bits}-bit weights and membranes, but {other} is {values[other]}; give "
                f"{settings}, or mint:bits={values[other]}."
            )

    def chip_settings(self, spec: HardwareSpec, config: MintConfig) -> dict[str, int]:
        """Return the bits that a chip must have for weights and membranes."""
        return {path: config.bits for path in _PATHS if path in spec.values()}

    def what_if(self, spec: HardwareSpec, workload: Workload) -> Offer | None:
        """Return the bits of weights and membranes at the default settings; None where that is no change.

        None also where a technique fixed the bits already, or the chip or the workload has no neurons.
        """
        values, bits = spec.values(), MintConfig().bits
        if not workload.neurons or any(layer.bits is not None for layer in workload.matmuls):
            return None
        changes = {path: bits for path in _PATHS if path in values and values[path] != bits}
        if not any(values[path] > bits for path in changes):
            return None
        why = f"weights and membranes have {bits} bits, for which the network is trained"
        return Offer(self.name, self.stage, "integer weights and membranes", changes=changes, why=why)


def _grouped(target: nn.Module, images: Tensor) -> tuple[nn.Module, Workload, Sequence[Group]]:
    """Return a copy with folded norms, its trace, and the layers and neurons that share a grid."""
    model = folded_copy(target, CalibrationSource.of(images[:1].cpu())).eval()
    _check_norms(model)
    workload = trace(model, images)
    groups = groups_of(workload, model)
    _check_shared(model, groups)
    return model, workload, groups


def _layer(model: nn.Module, path: str) -> nn.Conv2d | nn.Linear:
    return cast(nn.Conv2d | nn.Linear, model.get_submodule(path))


def _check_norms(model: nn.Module) -> None:
    for path, module in model.named_modules():
        if is_norm(module):
            raise ModelError(
                f"norm '{path}' ({type(module).__name__}) can't be folded into the layer before it, and a grid has no "
                "place for it; fold it first, or train without it."
            )


def _check_shared(model: nn.Module, groups: Sequence[Group]) -> None:
    paths = [path for group in groups for path in group.layers]
    owners = dict[int, str]()
    for path in paths:
        other = owners.setdefault(id(_layer(model, path).weight), path)
        if other != path:
            raise ModelError(f"layers '{other}' and '{path}' share one weight; mint gives each its own.")


@torch.no_grad()
def _watch(model: nn.Module, groups: Sequence[Group], images: Tensor) -> dict[str, Tensor]:
    """Run the float network and return what leaves its neurons and read-outs."""
    with _outputs(model, [path for group in groups for path in _ends(group)]) as outputs:
        model(images)
    return {path: torch.stack(parts) for path, parts in outputs.items()}


def _ends(group: Group) -> tuple[str, ...]:
    return group.neurons or group.layers


@contextmanager
def _outputs(model: nn.Module, paths: Sequence[str]) -> Iterator[dict[str, list[Tensor]]]:
    """Collect what modules return, call by call; neurons also by their ``step``."""
    found: dict[str, list[Tensor]] = {path: [] for path in paths}
    stepped, handles = list[nn.Module](), list[Any]()

    def note_of(path: str) -> Any:
        return lambda _module, _given, made: found[path].append(made.detach())

    def watched(path: str, step: Any) -> Any:
        def run(*given: Any) -> Any:
            made = step(*given)
            found[path].append(made[0].detach())
            return made

        return run

    for path in paths:
        module = model.get_submodule(path)
        handles.append(module.register_forward_hook(note_of(path)))
        if isinstance(module, LIF):
            vars(module)["step"] = watched(path, module.step)
            stepped.append(module)
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
        for module in stepped:
            vars(module).pop("step", None)


def _learned(model: nn.Module, groups: Sequence[Group], seen: _Seen, bits: int) -> list[Grid]:
    """Put all layers and neurons on grids in training, in place."""
    grids = list[Grid]()
    for group in groups:
        steps = {path: seen.steps[path] for path in group.layers}
        if len(set(steps.values())) > 1 and group.neurons:
            raise ModelError(
                f"neurons '{group.neurons[0]}' are charged by layers whose inputs have different steps ({steps}); they "
                "can't share a grid."
            )
        layers = [_layer(model, path) for path in group.layers]
        weights = [layer.weight for layer in layers]
        grid = Grid(weights, bits, 1.0, *steps[group.layers[0]]).to(weights[0].device)
        for layer in layers:
            learned(layer, grid)
        for path in group.neurons:
            neuron = cast(LIF, model.get_submodule(path))
            replace_module(
                model, path, LearnedLIF(neuron, grid, path in group.adds_spikes).to(weights[0].device)
            )
        grids.append(grid)
    return grids


@torch.no_grad()
def _start(model: nn.Module, group: Group, grid: Grid, seen: _Seen) -> None:
    """Set a range so that what the group gives out differs least from what the float network did."""
    weights = (
        torch.cat([torch.tanh(_layer(model, path).weight).flatten() for path in group.layers]) / grid.gain
    )
    weights = weights[weights != 0].abs()
    if not len(weights):
        return
    thresholds = [float(cast(Any, model.get_submodule(path)).threshold) for path in group.neurons]
    low, high = float(weights.mean()), max(float(weights.max()), *thresholds, 0.0)
    errors = dict[float, float]()
    for alpha in np.geomspace(low, max(high, low * 1.001), _TRIED):
        grid.set_alpha(float(alpha))
        with _outputs(model, _ends(group)) as outputs:
            model(seen.images)
        errors[float(alpha)] = sum(
            float((torch.stack(outputs[path]) - seen.outputs[path]).square().sum()) for path in _ends(group)
        )
    grid.set_alpha(min(errors, key=errors.__getitem__))


def _freeze(model: nn.Module, groups: Sequence[Group]) -> None:
    for group in groups:
        for path in group.neurons:
            freeze_neuron(cast(LearnedLIF, model.get_submodule(path)))
        for path in group.layers:
            freeze_layer(cast(LearnedConv2d | LearnedLinear, model.get_submodule(path)))


def _facts(
    model: nn.Module, groups: Sequence[Group], norms: set[str], biases: Sequence[str], bits: int
) -> dict[str, Any]:
    """Return what ``restructure`` needs, as JSON."""
    layers = {path: cast(Any, _layer(model, path)).input_step for group in groups for path in group.layers}
    neurons = {path: cast(Any, model.get_submodule(path)) for group in groups for path in group.neurons}
    return {
        "bits": bits,
        "norms": sorted(norms),
        "biases": list(biases),
        "layers": layers,
        "neurons": {path: [neuron.shift, neuron.adds_spikes] for path, neuron in neurons.items()},
    }


TECHNIQUE = Mint()
