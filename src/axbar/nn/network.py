"""What all networks share: coding in, the fold of time into the batch, logits out.

A network maps images ``x[B, C, H, W]``, or sequences of frames ``x[B, T, C, H, W]``, to logits ``[T, B, K]``;
conventional networks have T = 1. Layers
without memory run once on ``[T·B, ...]`` (time-major); neurons get the whole ``[T, B, ...]``, once per
forward pass. With direct coding everything before the first neurons is constant over time and runs once per
image, on ``[B, ...]``. Nothing is kept between calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn

from axbar.errors import DataError, ModelError, OptionError
from axbar.nn import coding

__all__ = ["Normalise", "SpikingNetwork"]


class Normalise(nn.Module):
    """Subtract ``mean`` and divide by ``std``, per channel of images ``[B, C, H, W]``.

    The constants move with the module but are not part of its weights.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        if len(mean) != len(std) or any(not s > 0 for s in std):
            raise ModelError(
                f"normalisation needs as many means as stds above 0, got {tuple(mean)} and {tuple(std)}."
            )
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised images."""
        return (x - self.mean) / self.std


class SpikingNetwork(nn.Module):
    """Base of the networks that ship; a conventional network is the case T = 1 without neurons.

    Subclasses write ``body(x, batch)`` on folded tensors, pass it through ``fire`` where neurons sit, and
    return ``[T·B, K]``.

    Args:
        steps: T, 1..64.
        input_shape: ``(C, H, W)`` of one image; ``(T, C, H, W)`` of one sequence, which means ``frames``.
        classes: K.
        input_coding: ``direct``, ``rate``, ``latency`` or ``frames``.
        seed: of the noise of rate coding; one field for all samples, equal in every call.
        mean, std: per-channel normalisation in front of direct coding; None leaves the images as they are.

    Attributes:
        input_shape: of one sample, with T in front for ``frames``.
        frame_shape: ``(C, H, W)`` of what the layers see at one step.
        config: the arguments of ``build_model`` that make this network again.
    """

    coding_noise: Tensor | None

    def __init__(
        self,
        steps: int,
        input_shape: Sequence[int],
        classes: int,
        input_coding: str = "direct",
        seed: int = 0,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        coding.check_coding(input_coding)
        self.steps, self.classes = steps, classes
        self.input_coding = coding.coding_of(input_coding, input_shape)
        self.frame_shape, self.input_shape = _shapes(input_shape, steps, self.input_coding)
        self.config: dict[str, Any] = {}
        self.normalise = _normalise(mean, std, self.frame_shape[0], self.input_coding)
        noise = None
        if self.input_coding == "rate":
            generator = torch.Generator().manual_seed(seed)
            noise = coding.uniform_noise((steps, 1, *self.input_shape), generator)
        self.register_buffer("coding_noise", noise, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``[T, B, K]`` of images ``[B, C, H, W]`` or sequences ``[B, T, C, H, W]`` in 0..1.

        Raises:
            DataError: the images have another shape than ``input_shape``.
        """
        if tuple(x.shape[1:]) != self.input_shape:
            what, axes = ("images", "") if self.input_coding != "frames" else ("sequences", "steps, ")
            raise DataError(
                f"{what} of shape {tuple(x.shape[1:])} do not fit: this network takes {self.input_shape} "
                f"({axes}channels, rows, columns); build it with input_shape= of the data."
            )
        logits = self.body(self._encode(x), x.shape[0])
        return logits.unflatten(0, (self.steps, x.shape[0]))

    def body(self, x: Tensor, batch: int) -> Tensor:
        """Map the coded input ``[B, ...]`` or ``[T·B, ...]`` to ``[T·B, K]``."""
        raise NotImplementedError

    def fire(self, neuron: nn.Module, x: Tensor, batch: int) -> Tensor:
        """Pass ``[T·B, ...]`` (``[B, ...]`` if constant over time) through neurons; return ``[T·B, ...]``.

        A layer that is no neuron, such as a ReLU, is applied as it is; one that acts by step (``per_step``) gets all
        steps.
        """
        if getattr(neuron, "per_step", False) and x.shape[0] == batch:
            return neuron(coding.direct(x, self.steps).flatten(0, 1))
        if not getattr(neuron, "is_neuron", False):
            return neuron(x)
        if x.shape[0] == batch:
            sequence = coding.direct(x, self.steps)
        else:
            sequence = x.unflatten(0, (self.steps, batch))
        return neuron(sequence).flatten(0, 1)

    def keep_steps(self, steps: int) -> None:
        """Run on the first ``steps`` steps from now on, in place; norms and neurons per step cut themselves."""
        self.steps = steps
        if self.input_coding == "frames":
            self.input_shape = (steps, *self.frame_shape)
        if self.coding_noise is not None:
            self.coding_noise = self.coding_noise[:steps]
        if self.config:
            shape = {"input_shape": self.input_shape} if "input_shape" in self.config else {}
            self.config = {**self.config, "steps": steps, **shape}

    def ready(self, config: Mapping[str, Any]) -> Self:
        """Note how the network was built and choose how its kernels lie in memory; return the network.

        Channels last, which the layers pass on, makes convolutions and pools of few channels about a third
        faster on CPUs. Networks with strided 1×1 kernels keep the default: oneDNN's backward pass of those writes
        outside its memory when the channels lie last and are no multiple of 8 (torch 2.13, found with malloc
        checking on; kernels of 3×3 and 1×1 without stride are clean).
        """
        self.config = dict(config)
        kernels = [layer for layer in self.modules() if isinstance(layer, nn.Conv2d)]
        if not any(layer.kernel_size == (1, 1) and layer.stride != (1, 1) for layer in kernels):
            for layer in kernels:
                # Not .contiguous(), which leaves kernels of one channel as they are: theirs fits both layouts.
                laid_out = torch.empty_like(layer.weight, memory_format=torch.channels_last)
                layer.weight.data = laid_out.copy_(layer.weight.data)
        return self

    def _encode(self, x: Tensor) -> Tensor:
        if self.normalise is not None:
            x = self.normalise(x)
        if self.input_coding == "rate":
            return coding.rate(x, self.steps, noise=self.coding_noise).flatten(0, 1)
        if self.input_coding == "latency":
            return coding.latency(x, self.steps).flatten(0, 1)
        if self.input_coding == "frames":
            return coding.frames(x, self.steps).flatten(0, 1)
        return x


def _image_shape(shape: Sequence[int]) -> tuple[int, int, int]:
    if len(shape) != 3 or any(int(n) != n or n < 1 for n in shape):
        raise ModelError(f"input_shape = {tuple(shape)} is no image shape; give (channels, rows, columns).")
    channels, rows, columns = (int(n) for n in shape)
    return channels, rows, columns


def _shapes(
    given: Sequence[int], steps: int, input_coding: str
) -> tuple[tuple[int, int, int], tuple[int, ...]]:
    """Return the shape of one frame and of one sample."""
    if input_coding != "frames":
        return (shape := _image_shape(given)), shape
    if len(given) == 4 and given[0] != steps:
        raise OptionError(
            f"input_shape = {tuple(given)} holds {given[0]} frames, but the network runs on {steps} steps; set "
            f"steps={given[0]}, or cut the recordings into frames={steps}."
        )
    frame = _image_shape(given[-3:])
    return frame, (steps, *frame)


def _normalise(
    mean: Sequence[float] | None, std: Sequence[float] | None, channels: int, input_coding: str
) -> Normalise | None:
    if mean is None and std is None:
        return None
    if mean is None or std is None or len(mean) != channels or len(std) != channels:
        raise ModelError(
            f"mean = {mean} and std = {std} do not fit {channels} channel(s); give one of each per channel."
        )
    if input_coding != "direct":
        raise ModelError(
            f"{input_coding} coding takes images in 0..1; leave out mean and std, or use direct coding."
        )
    return Normalise(mean, std)
