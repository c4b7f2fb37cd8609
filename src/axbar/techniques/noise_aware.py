"""Fine-tune a network on weights as dies would hold them, so that it stands the chip.

The current weights W0 are written to a die, and the arrays tell what they hold: W_die, with quantisation,
programming error, faults, age and wires. A layer then computes with

    W_chip = a W + c,    c = W_0 + s (W_die - W_0) - a W_0  (constant),    s the setting ``noise``,

which at W = W0 and s = 1 are the weights of that die exactly. The gain a, one per output, is the least-squares
slope of what the die holds on W0: what wires and drift leave of a weight. The gradient is dL/dW = a dL/dW_chip;
that a weight changes what wires take from its neighbours is left out. Against the exact derivative of the circuit
(20 kohm cells, ratio 10, random weights and inputs) the cosine is 0.9999 on 64x64 arrays with 1 ohm segments and
0.971 with 5 / 10 ohm and 1 kohm at both ends; 0.999 and 0.928 on 128x128. The setting ``exact`` differentiates the
circuit itself, at some milliseconds per array and step: for small networks. Exact zeros among the weights stay zero,
so the technique goes behind ``prune`` or ``lottery-ticket``. After every step weights are clipped at

    clip · sigma_l,   sigma_l^2 = sum (w - mean w)^2 / k_l,   k_l the weights of layer l that are not removed:

the variance of a layer without zeros. Counted among the removed ones too, it would fall with the sparsity, and the
weights that are left would lose a part of themselves at every step.

A pool of ``dies`` is kept, one of them used in each step, in turn; every ``refresh`` steps the oldest gives way
to a new one. With one die for many steps, weights and the statistics of norms would fit the errors of that die.

Injection of device errors in the forward pass: Joshi et al., Nature Communications 11, 2473 (2020). Clipping at
2.5 sigma: Rasch et al., Nature Communications 14, 5282 (2023). There weights get fresh Gaussian noise at each
batch; here they get the errors of whole dies, with the correlations that wires and faults bring.

Batch norms train as usual: their statistics become those of the flawed layers. A chip with folded norms holds
``f_c W`` for channel c; deviations are then taken there and divided by ``f_c``.
"""

from __future__ import annotations

import copy
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from axbar.calibration import CalibrationSource
from axbar.crossbar import AnalogLayer, folded_copy, to_analog, weight_through_arrays
from axbar.devices import stream
from axbar.errors import ModelError, UsageError
from axbar.spec import HardwareSpec, ImcSpec, load_hardware
from axbar.techniques._base import TechniqueConfig, TechniqueResult
from axbar.techniques._masks import keep, sigma_kept, weight_layers, zeros_of
from axbar.techniques._tuning import count_macs, device_of, loss_of, pick

__all__ = ["TECHNIQUE", "NoiseAware", "NoiseAwareConfig"]

_LEAST_FOLD = 1e-6  # of the largest factor; channels that a norm switches off carry no signal to protect


class NoiseAwareConfig(TechniqueConfig):
    """Settings of ``noise-aware``."""

    epochs: int = Field(default=3, ge=1, le=1000, description="passes over the images")
    lr: float = Field(default=1e-3, gt=0, le=10, description="first learning rate of Adam; cosine to zero")
    batch: int = Field(default=64, ge=2, le=100_000, description="images of a step")
    images: int = Field(default=60_000, ge=1, le=10_000_000, description="labelled training images, at most")
    dies: int = Field(default=4, ge=1, le=1000, description="dies in use at once, one per step in turn")
    refresh: int = Field(
        default=4, ge=1, le=1_000_000, description="steps after which the oldest die is replaced"
    )
    noise: float = Field(
        default=1.0, ge=0, le=10, description="scale of a die's errors: 1 as they are, 0 none"
    )
    clip: float = Field(
        default=2.5, ge=0.5, le=10, description="sigmas of a layer at which weights are clipped"
    )
    exact: bool = Field(
        default=False, description="differentiate the circuit of every array instead of one gain per output"
    )
    norms: Literal["fold", "keep"] = Field(
        default="fold", description="whether the chip will have batch norms in its weights or beside them"
    )
    seed: int = Field(default=0, ge=0, description="of dies and order; dies differ from those evaluated")


@dataclass(frozen=True)
class _Held:
    """What a die makes of one layer's weights: ``gain [outputs, 1, ...]`` times them plus ``shift``."""

    gain: Tensor
    shift: Tensor

    def __call__(self, own: Tensor) -> Tensor:
        return own * self.gain + self.shift


@dataclass(frozen=True)
class _Circuit:
    """The same, through the arrays themselves: ``factor [outputs, 1, ...]`` is what folded norms multiply by."""

    layer: AnalogLayer
    factor: Tensor
    noise: float

    def __call__(self, own: Tensor) -> Tensor:
        seen = weight_through_arrays(self.layer, own * self.factor) / self.factor
        return own + self.noise * (seen - own)


class NoiseAware:
    """Train on the weights of many dies before the chip is written."""

    name = "noise-aware"
    stage: Literal["network", "chip"] = "network"
    reads_chip: Literal["no", "accuracy", "all"] = "accuracy"
    Config: type[TechniqueConfig] = NoiseAwareConfig
    tuning = "retrain"

    def check_chip(self, spec: HardwareSpec, config: NoiseAwareConfig) -> None:
        """Refuse a chip without dies.

        Raises:
            UsageError: with what to give.
        """
        _check_chip(spec)

    def apply(self, target: nn.Module, hardware: Any, data: Any, config: NoiseAwareConfig) -> TechniqueResult:
        """Return a fine-tuned copy of the network, in evaluation mode.

        Raises:
            UsageError: the chip has no dies to program.
            ModelError: a layer can't be put on arrays or hides its weight, or the loss is no number.
        """
        _check_chip(hardware)
        start = time.perf_counter()
        model = copy.deepcopy(target)
        split = data.train
        chosen = torch.from_numpy(pick(split, config.images, config.seed))
        example = torch.from_numpy(split.images(chosen[:1].numpy()))
        size = min(config.batch, len(chosen))
        place = device_of(model)
        layers = weight_layers(model, example)
        draws = torch.random.fork_rng(devices=[place] if place.type == "cuda" else [])
        with draws, keep(layers, zeros_of(layers)):
            # Layers that draw for themselves, dropout for one, take torch's global generators.
            torch.manual_seed(config.seed)
            dies = _train(model, hardware, split, chosen, example, size, config)
        macs = count_macs(model, example).forward
        seen = config.epochs * (len(chosen) // size) * size
        weights = [layer.weight for layer in model.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
        cost = {
            "seconds": time.perf_counter() - start,
            "images": len(chosen),
            "writes": 0,
            "settings": 0,
            "bytes_trained": sum(w.numel() * w.element_size() for w in weights),
            "macs_forward": seen * macs,
            "macs_backward": 2 * seen * macs,
            "dies": dies,
        }
        return TechniqueResult(model, cost)


def _check_chip(hardware: Any) -> None:
    """Refuse a chip whose dies ``to_analog`` can't program with norms kept."""
    spec = load_hardware(hardware) if isinstance(hardware, str) else hardware
    if not isinstance(spec, ImcSpec):
        raise UsageError(
            f"technique 'noise-aware' needs a chip whose dies are programmed, and '{spec.name}' (kind {spec.kind}) has "
            "none: give one of kind imc, such as imc-rram-65nm (the first one where several are compared), or leave "
            "the technique out."
        )


def _train(
    model: nn.Module,
    hardware: Any,
    split: Any,
    chosen: Tensor,
    example: Tensor,
    size: int,
    config: NoiseAwareConfig,
) -> int:
    """Train in place; return how many dies were drawn."""
    place = device_of(model)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=config.lr)
    steps = len(chosen) // size  # a smaller rest of an epoch is left out
    total, dies = config.epochs * steps, 0
    pool: deque[dict[str, Callable[[Tensor], Tensor]]] = deque(maxlen=config.dies)
    for epoch in range(config.epochs):
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)
        order = chosen[torch.randperm(len(chosen), generator=generator)]
        for step, part in enumerate(order[: steps * size].split(size), start=epoch * steps):
            if step < config.dies or step % config.refresh == 0:
                pool.append(_new_die(model, hardware, example.to(place), config, dies))
                dies += 1
            held = pool[-1 - step % len(pool)]
            x = torch.from_numpy(split.images(part.numpy())).to(place)
            y = torch.from_numpy(split.labels(part.numpy())).to(place)
            optimizer.param_groups[0]["lr"] = 0.5 * config.lr * (1.0 + math.cos(math.pi * step / total))
            model.train()
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(_forward(model, held, x), y)
            if not math.isfinite(float(loss.detach())):
                raise ModelError(f"noise-aware diverged in step {step + 1}; lower lr (now {config.lr:g}).")
            loss.backward()
            nn.utils.clip_grad_norm_(trained, 5.0)
            optimizer.step()
            _clip(model, list(held), config.clip)
    model.eval()
    return dies


def _forward(model: nn.Module, held: dict[str, Callable[[Tensor], Tensor]], x: Tensor) -> Tensor:
    """Run the network with each weight as the die holds it; gradients reach the float weights."""
    parameters = dict(model.named_parameters(remove_duplicate=False))
    chip = {name: on_die(parameters[name]) for name, on_die in held.items()}
    return torch.func.functional_call(model, chip, (x,))


def _clip(model: nn.Module, names: list[str], limit: float) -> None:
    """Clamp the named weights at ``limit`` standard deviations of those that are not removed, in place."""
    parameters = dict(model.named_parameters(remove_duplicate=False))
    with torch.no_grad():
        for name in names:
            weight = parameters[name]
            sigma = sigma_kept(weight)
            weight.clamp_(-limit * sigma, limit * sigma)


def _new_die(
    model: nn.Module, hardware: Any, example: Tensor, config: NoiseAwareConfig, number: int
) -> dict[str, Callable[[Tensor], Tensor]]:
    """Write the network to a die of its own and read back what its layers hold, by parameter name."""
    seed = int(stream(config.seed, "noise-aware", number).integers(1 << 48))
    plain = copy.deepcopy(model).eval()
    written = folded_copy(plain, CalibrationSource(example)) if config.norms == "fold" else plain
    die = to_analog(written, hardware, seed=seed, norms="keep")
    parameters = dict(model.named_parameters(remove_duplicate=False))
    held: dict[str, Callable[[Tensor], Tensor]] = {}
    for path, layer in die.named_modules():
        if not isinstance(layer, AnalogLayer):
            continue
        name = f"{path}.weight" if path else "weight"
        if name not in parameters:
            raise ModelError(
                f"the weight of layer '{path}' is made from other parameters; remove its parametrisation first."
            )
        own, folded = parameters[name].detach(), layer.weight.detach()
        if config.exact:
            shape = (-1, *[1] * (own.dim() - 1))
            factor, alive = _factor(own.double().flatten(1), folded.double().flatten(1))
            held[name] = _Circuit(layer, torch.where(alive, factor, 1.0).to(own).view(shape), config.noise)
        else:
            on_die = torch.from_numpy(layer.effective_weight()).to(own.device)
            held[name] = _held(own, folded, on_die, config.noise)
    return held


def _factor(own: Tensor, folded: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a folded norm multiplies each output by, and which outputs it leaves alive: ``[outputs, 1]``."""
    power = (own * own).sum(1, keepdim=True)
    factor = torch.where(power > 0, (own * folded).sum(1, keepdim=True) / power.clamp(min=1e-300), 1.0)
    return factor, factor.abs() > _LEAST_FOLD * factor.abs().max()


def _held(own: Tensor, folded: Tensor, on_die: Tensor, noise: float) -> _Held:
    """Return gain and shift of one layer.

    Args:
        own: weights ``[outputs, ...]`` of the network.
        folded: the same as written: times one factor per output.
        on_die: what the arrays hold of them, ``[outputs, fan_in]`` float64.
        noise: scale of the die's errors.
    """
    w = own.double().flatten(1)
    written = folded.double().flatten(1)
    power = (w * w).sum(1, keepdim=True)
    factor, alive = _factor(w, written)
    seen = torch.where(alive, on_die / torch.where(alive, factor, 1.0), w)
    seen = w + noise * (seen - w)
    gain = torch.where(power > 0, (w * seen).sum(1, keepdim=True) / power.clamp(min=1e-300), 1.0)
    shift = (seen - gain * w).to(own.dtype).view_as(own)
    return _Held(gain.to(own.dtype).view(-1, *[1] * (own.dim() - 1)), shift)


TECHNIQUE = NoiseAware()
