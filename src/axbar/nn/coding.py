"""Input coding: an image ``x[B, ...]`` with values in 0..1 becomes a sequence ``[T, B, ...]``.

| coding | rule | expected spikes of one value over T steps |
|---|---|---|
| direct | the same real value at each step; the first layer and its neurons make the spikes | none (analog) |
| rate | s[t] = [r[t] < x] with r uniform in 0..1 (Bernoulli with probability x) | T·x |
| latency | one spike at t = ⌈(1 − x)(T − 1)⌉, strong values early; none where x = 0 | [x > 0] |
| frames | x is a sequence ``[B, T, ...]`` already, of event frames for one; its time goes in front | sum of x |

``direct`` returns a view that repeats one image in memory; what is constant over time need be computed once.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from axbar.errors import DataError, ModelError, unknown_name

__all__ = ["CODINGS", "direct", "frames", "latency", "rate", "uniform_noise"]

CODINGS = ("direct", "rate", "latency", "frames")


def direct(x: Tensor, steps: int) -> Tensor:
    """Repeat ``x[B, ...]`` (any real values) over time as a view ``[T, B, ...]``."""
    return x.expand(_checked_steps(steps), *x.shape)


def uniform_noise(
    shape: Sequence[int], generator: torch.Generator, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Return the numbers in [0, 1) that ``rate`` compares with, drawn where the generator lives."""
    return torch.rand(tuple(shape), generator=generator, dtype=dtype, device=generator.device)


def rate(
    x: Tensor, steps: int, generator: torch.Generator | None = None, noise: Tensor | None = None
) -> Tensor:
    """Fire at each step with a probability equal to the value.

    Args:
        x: ``[B, ...]``, 0..1; 0 never fires and 1 always does.
        steps: T.
        generator: source of fresh draws for each step and element.
        noise: ``[T, B, ...]`` or broadcastable to it, 0..1, instead of a generator; a network shares one
            field among all samples, so that the spikes of a sample do not depend on the batch around it.

    Returns:
        0 and 1, ``[T, B, ...]``, in the type of ``x``.

    Raises:
        ModelError: neither or both of generator and noise are given.
        DataError: values lie outside 0..1.
    """
    _check_range("rate", x)
    if (generator is None) == (noise is None):
        raise ModelError("rate coding needs one source of chance: give either generator= or noise=.")
    if generator is not None:
        noise = uniform_noise((_checked_steps(steps), *x.shape), generator, x.dtype)
    assert noise is not None
    return (noise.to(x.device) < x).to(x.dtype).expand(_checked_steps(steps), *x.shape)


def latency(x: Tensor, steps: int) -> Tensor:
    """Fire once, the earlier the larger the value: at ⌈(1 − x)(T − 1)⌉; zero never fires.

    Args:
        x: ``[B, ...]``, 0..1.
        steps: T.

    Returns:
        0 and 1, ``[T, B, ...]``, at most one 1 over time, in the type of ``x``.

    Raises:
        DataError: values lie outside 0..1.

    >>> latency(torch.tensor([1.0, 0.5, 0.0]), 3).int().tolist()
    [[1, 0, 0], [0, 1, 0], [0, 0, 0]]
    """
    _check_range("latency", x)
    when = torch.ceil((1.0 - x) * (_checked_steps(steps) - 1))
    clock = torch.arange(steps, device=x.device, dtype=x.dtype).view(-1, *([1] * x.ndim))
    return ((clock == when) & (x > 0)).to(x.dtype)


def frames(x: Tensor, steps: int) -> Tensor:
    """Bring the time of sequences ``x[B, T, ...]`` in front, ``[T, B, ...]``, as a view.

    Raises:
        DataError: the sequences have another number of steps.
    """
    if x.ndim < 2 or x.shape[1] != steps:
        raise DataError(
            f"sequences of shape {tuple(x.shape[1:])} do not fit a network of {steps} steps; cut the recordings into "
            f"frames={steps}, or set steps."
        )
    return x.transpose(0, 1)


def coding_of(name: str, input_shape: Sequence[int]) -> str:
    """Return the coding of samples of this shape: ``frames`` where they have four axes, else as named.

    Raises:
        ModelError: the coding makes a sequence of an image, and the samples are sequences already.
    """
    if len(input_shape) != 4 or name == "frames":
        return name
    if name != "direct":
        raise ModelError(
            f"{name} coding takes images, but input_shape = {tuple(input_shape)} is a sequence of frames; leave "
            "out input_coding."
        )
    return "frames"


def check_coding(name: str) -> None:
    """Raise a ModelError for a coding that does not exist."""
    if name not in CODINGS:
        raise ModelError(unknown_name("coding", name, CODINGS))


def _checked_steps(steps: int) -> int:
    if steps < 1:
        raise ModelError(f"steps = {steps} is too small; give at least 1.")
    return steps


def _check_range(coding: str, x: Tensor) -> None:
    if x.numel() == 0:
        return
    low, high = float(x.min()), float(x.max())
    if not (low >= 0.0 and high <= 1.0):
        raise DataError(
            f"{coding} coding takes values in 0..1, got {low:g} to {high:g}; scale the images to 0..1."
        )
