"""Settings that all built-in networks take beside width, steps, input shape and classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import nn

from axbar.errors import ModelError, OptionError, UsageError, unknown_name
from axbar.nn._recurrence import Reset
from axbar.nn.bntt import BNTT1d, BNTT2d
from axbar.nn.neurons import IF, LIF, SynapticLIF
from axbar.nn.norm import TdBatchNorm1d, TdBatchNorm2d

__all__ = ["NetworkOptions", "check_sizes", "config_of", "one_step", "options_of", "seeded"]

NEURONS = ("lif", "if", "synaptic")
NORMS = ("tdbn", "bntt", "none")
#: options that mean something to a network without neurons
_CONVENTIONAL = ("norm", "mean", "std", "seed")


@dataclass(frozen=True)
class NetworkOptions:
    """Neurons, norm and input of a network.

    Args:
        neuron: ``lif``, ``if`` or ``synaptic``.
        beta, threshold, reset, input_scale, strict, surrogate, detach_reset: as in ``LIF``.
        alpha: decay of the current of ``synaptic`` neurons.
        norm: ``tdbn`` behind each convolution and hidden linear layer (plain batch norm in conventional
            networks), ``bntt`` (a norm per time step), or ``none`` (layers then have biases).
        input_coding: ``direct``, ``rate``, ``latency`` or ``frames``.
        mean, std: per-channel normalisation of the images, inside the network.
        seed: of initial weights and of the noise of rate coding.
        mask_single_spikes: neurons that fire exactly once within T stay silent, as in ``LIF``.

    Raises:
        ModelError: a name is unknown; numbers are checked by the layers that take them.
    """

    neuron: str = "lif"
    beta: float = 0.5
    threshold: float = 1.0
    reset: Reset = "subtract"
    input_scale: float = 1.0
    strict: bool | None = None
    surrogate: str = "atan"
    detach_reset: bool = True
    alpha: float = 0.5
    norm: str = "tdbn"
    input_coding: str = "direct"
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    seed: int = 0
    mask_single_spikes: bool = False

    def __post_init__(self) -> None:
        if self.neuron not in NEURONS:
            raise ModelError(unknown_name("neuron", self.neuron, NEURONS))
        if self.norm not in NORMS:
            raise ModelError(unknown_name("norm", self.norm, NORMS))
        for name in ("mean", "std"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, tuple(float(v) for v in value))

    def make_neuron(self) -> LIF:
        """Return a neuron layer."""
        shared: dict[str, Any] = {
            "threshold": self.threshold,
            "reset": self.reset,
            "input_scale": self.input_scale,
            "strict": self.strict,
            "surrogate": self.surrogate,
            "detach_reset": self.detach_reset,
            "mask_single_spikes": self.mask_single_spikes,
        }
        if self.neuron == "if":
            return IF(**shared)
        if self.neuron == "synaptic":
            return SynapticLIF(alpha=self.alpha, beta=self.beta, **shared)
        return LIF(beta=self.beta, **shared)

    def make_norm(
        self, channels: int, spiking: bool, *, maps: bool = True, alpha: float = 1.0, steps: int = 1
    ) -> nn.Module | None:
        """Return the norm behind a layer of ``channels`` outputs, or None; ``bntt`` needs the steps."""
        if self.norm == "none":
            return None
        if self.norm == "bntt":
            if not spiking:
                raise ModelError(
                    "norm = bntt is a norm per time step, and a conventional network has one; take tdbn."
                )
            return (BNTT2d if maps else BNTT1d)(channels, steps)
        if not spiking:
            return nn.BatchNorm2d(channels) if maps else nn.BatchNorm1d(channels)
        return (TdBatchNorm2d if maps else TdBatchNorm1d)(channels, alpha=alpha, threshold=self.threshold)

    def network_arguments(self) -> dict[str, Any]:
        """Return what ``SpikingNetwork`` takes of these."""
        return {"input_coding": self.input_coding, "seed": self.seed, "mean": self.mean, "std": self.std}


def options_of(given: Mapping[str, Any], spiking: bool = True) -> NetworkOptions:
    """Return options from keyword arguments; a conventional network takes those that concern it.

    Raises:
        UsageError: a keyword is unknown (with the closest one).
        ModelError: a value is.
    """
    known = [f.name for f in fields(NetworkOptions)] if spiking else list(_CONVENTIONAL)
    for key in given:
        if key not in known:
            raise UsageError(
                unknown_name("network option", key, ["width", "steps", "input_shape", "classes", *known])
            )
    return NetworkOptions(**given)


def config_of(
    name: str,
    width: int,
    steps: int,
    input_shape: Sequence[int],
    classes: int,
    options: NetworkOptions,
    spiking: bool = True,
) -> dict[str, Any]:
    """Return the arguments of ``build_model`` that make a network again, as values that JSON can hold."""
    plain = asdict(options)
    known = list(plain) if spiking else _CONVENTIONAL
    listed = {key: list(plain[key]) if isinstance(plain[key], tuple) else plain[key] for key in known}
    if not plain["mask_single_spikes"]:  # so that runs from before there was a mask still resume
        listed.pop("mask_single_spikes", None)
    if len(input_shape) == 4:  # the number of frames is that of the steps, and changes with it
        listed["input_coding"] = "frames"
    return {
        "name": name,
        "width": width,
        "steps": steps,
        "input_shape": list(input_shape)[-3:],
        "classes": classes,
        **listed,
    }


def check_sizes(
    name: str, width: int, steps: int, input_shape: Sequence[int], classes: int, smallest: int
) -> None:
    """Check the numbers that every network takes.

    Args:
        name: of the network, for the sentence.
        smallest: least rows and columns the network's pools leave a pixel of.

    Raises:
        OptionError: one is out of range.
        ModelError: the images are too small.
    """
    for what, value, low, high in (
        ("width", width, 1, 4096),
        ("steps", steps, 1, 64),
        ("classes", classes, 1, 10**6),
    ):
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise OptionError(
                f"{name}: {what} = {value} is out of range; give a whole number from {low} to {high}."
            )
    if len(input_shape) in (3, 4) and min(input_shape[-2:]) < smallest:
        raise ModelError(
            f"{name} halves its maps too often for images of {input_shape[-2]}x{input_shape[-1]} pixels: it "
            f"needs at least {smallest}x{smallest}; choose a shallower network or larger images."
        )


class seeded:
    """Run a block with torch's CPU generator seeded, and put its state back afterwards."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __enter__(self) -> None:
        self.state = torch.random.get_rng_state()
        torch.default_generator.manual_seed(self.seed)

    def __exit__(self, *exception: object) -> None:
        torch.random.set_rng_state(self.state)


def one_step(name: str, steps: int) -> int:
    """Return 1; a conventional network has no other number of steps.

    Raises:
        OptionError: ``steps`` is another number.
    """
    if steps != 1:
        raise OptionError(
            f"{name} has no neurons with memory and runs once: steps = {steps} must be 1; take a spiking "
            "network for more."
        )
    return 1
