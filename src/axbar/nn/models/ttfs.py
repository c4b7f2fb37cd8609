"""Convolutional networks of first-spike neurons, with and without skips (arXiv 2312.00919; sizes by its networks).

    stem      5×5 convolution on the image, whose pixels are spikes (early = bright), first spike of each 2×2
    2 blocks  two 3×3 layers, the first of stride 2; channels D, D and then 2D, 2D (D = ``width``)
    output    one neuron per class; the first to fire is the answer

What goes around a block, by ``skip``; a skip takes the first spike of each 3×3 window at stride 2:

    ``none``         nothing
    ``add``          t = t_path + t_skip; channels that the block adds have silent skips
    ``concat``       half of the channels (D of 2D) goes through the block and half around it, then both are shuffled
    ``concat-delay`` the same, with a learned delay per channel on the skip

All with neurons of constant slope (``slope``) or in closed form (``exact``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from axbar.errors import DataError, ModelError, OptionError, unknown_name
from axbar.nn.models._options import check_sizes, one_step, seeded
from axbar.nn.network import SpikingNetwork
from axbar.nn.ttfs.exact import ExactConv2d, ExactLinear, firing_penalty
from axbar.nn.ttfs.layers import ExactOutput, ExactSpiking, SlopeOutput, SlopeSpiking, delayed
from axbar.nn.ttfs.silent import warn_never_firing
from axbar.nn.ttfs.slope import Delay, FirstSpike
from axbar.nn.ttfs.spikes import Spikes, added, earliest, joined, shuffled

__all__ = ["TtfsNetwork", "ttfs_add", "ttfs_concat", "ttfs_concat_delay", "ttfs_plain"]

NEURONS = ("slope", "exact")
_OUTPUT_WINDOWS = 8.0  # logits of trained networks reach far; ``fit_windows`` finds how far


@dataclass(frozen=True)
class _Options:
    """What makes a network beside its images; see the factories."""

    width: int
    neuron: str
    window: float
    bits: int | None
    add: str
    initial_delay: float
    pull: float
    sparsity: float


class Block(nn.Module):
    """Two layers and what goes around them."""

    def __init__(self, channels: int, outs: int, skip: str, options: _Options, end: float) -> None:
        super().__init__()
        self.skip, self.add = skip, options.add
        self.split = channels // 2 if skip.startswith("concat") else channels
        inner = outs // 2 if skip.startswith("concat") else outs
        self.conv1 = _layer(options, self.split, inner, 3, 2, end)
        self.conv2 = _layer(options, inner, inner, 3, 1, end)
        self.delay = None
        if skip.startswith("concat"):
            learned = skip == "concat-delay"
            unit = options.window if options.neuron == "slope" else 1.0
            around = channels - self.split
            self.delay = Delay(around, options.initial_delay if learned else 0.0, unit, learned)

    def forward(self, x: Spikes) -> tuple[Spikes, dict[str, Spikes]]:
        """Return the block's spikes, and those of its layers by name."""
        inside = x._replace(values=x.values[:, : self.split])
        first = self.conv1(inside)
        path = self.conv2(first)
        seen = {"conv1": first, "conv2": path}
        if self.skip == "none":
            return path, seen
        if self.delay is None:
            around = _widened(earliest(x, 3, 2, 1), path)
            return added(path, around, self.add), {**seen, "skip": around}
        around = delayed(self.delay, earliest(x._replace(values=x.values[:, self.split :]), 3, 2, 1), path)
        return shuffled(joined(path, around)), {**seen, "skip": around}


class TtfsNetwork(SpikingNetwork):
    """A network of first-spike neurons; see the module for its layers."""

    def __init__(self, skip: str, options: _Options, input_shape: Sequence[int], classes: int) -> None:
        super().__init__(1, input_shape, classes)
        self.options = options
        slope = options.neuron == "slope"
        concat = skip.startswith("concat")
        widths = [2 * options.width] * 3 if concat else [options.width, options.width, 2 * options.width]
        ends = _ends(options, skip)
        self.encode = FirstSpike(1.0 if slope else options.window, options.bits)
        self.stem = _layer(options, self.frame_shape[0], widths[0], 5, 1, ends[0])
        self.blocks = nn.ModuleList(
            Block(a, b, skip, options, end) for (a, b), end in zip(pairwise(widths), ends[1:], strict=True)
        )
        rows, columns = (_halved(n, 3) for n in self.frame_shape[1:])
        make = SlopeOutput if slope else ExactOutput
        self.output = make(
            widths[-1] * rows * columns, classes, _OUTPUT_WINDOWS * options.window if slope else ends[-1]
        )
        self._penalty: Tensor | None = None

    def train(self, mode: bool = True) -> Self:
        """Set the mode; where it ends training, warn of neurons that can never fire."""
        if self.training and not mode:
            warn_never_firing(self)
        return super().train(mode)

    def body(self, x: Tensor, batch: int) -> Tensor:
        """Return logits ``[B, K]``."""
        logits, seen = self.run(x)
        self._penalty = self._penalty_of(seen) if self.training else None
        return logits

    def run(self, x: Tensor) -> tuple[Tensor, dict[str, Spikes]]:
        """Return logits ``[B, K]`` of images in 0..1, and the first spikes of each layer by name.

        Raises:
            DataError: a pixel lies outside of the window, 0..1.
        """
        low, high = float(x.min()), float(x.max())
        if not (low >= 0 and high <= 1):  # what is not a number fails too
            raise DataError(
                f"pixels span {low:.3g} to {high:.3g}, outside the time window 0..1 of the input; scale them to it."
            )
        spikes: Spikes = self.stem(self._encoded(x))
        seen = {"stem": spikes}
        spikes = earliest(spikes, 2, 2)
        for n, block in enumerate(self.blocks):
            spikes, inside = block(spikes)
            seen |= {f"blocks.{n}.{name}": value for name, value in inside.items()}
        logits, seen["output"] = self.output(spikes)
        return logits, seen

    def _encoded(self, x: Tensor) -> Spikes:
        if self.options.neuron == "slope":
            return Spikes(self.encode(x), 1.0, True)
        left = self.encode(x * self.options.window)
        return Spikes(
            torch.where(left > 0, self.options.window - left, torch.inf), self.options.window, False
        )

    def take_penalty(self) -> Tensor | None:
        """Return what training adds to the loss, of the last batch in training mode, and forget it.

        ``sparsity`` times the mean time left when neurons fire, in windows, summed over layers; of neurons in closed
        form, weights whose sum is below the threshold; ``pull`` times the squared time between path and skip.
        """
        penalty, self._penalty = self._penalty, None
        return penalty

    def _penalty_of(self, seen: Mapping[str, Spikes]) -> Tensor | None:
        exact = [m.weight for m in self.modules() if isinstance(m, ExactConv2d | ExactLinear)]
        terms = [firing_penalty(weight) for weight in exact]
        if self.options.sparsity:
            layers = [s for name, s in seen.items() if name.split(".")[-1] not in ("skip", "output")]
            terms += [self.options.sparsity * (s.end - _mean_time(s)) / self.options.window for s in layers]
        if self.options.pull:
            paths = [
                (seen[name.replace("skip", "conv2")], s) for name, s in seen.items() if name.endswith("skip")
            ]
            terms += [self.options.pull * (_mean_time(path) - _mean_time(s)) ** 2 for path, s in paths]
        return torch.stack(terms).sum() if terms else None


def _layer(options: _Options, channels: int, outs: int, kernel: int, stride: int, end: float) -> nn.Module:
    if options.neuron == "slope":
        return SlopeSpiking(channels, outs, kernel, stride, options.window, options.bits)
    return ExactSpiking(channels, outs, kernel, stride, end)


def _ends(options: _Options, skip: str) -> list[float]:
    """Return the ends of the windows of stem and blocks in closed form; sums of times take twice as long each."""
    return [options.window * (2**n if skip == "add" else 1) for n in range(3)]


def _widened(skip: Spikes, path: Spikes) -> Spikes:
    missing = path.values.shape[1] - skip.values.shape[1]
    silent = 0.0 if skip.early else math.inf
    return (
        skip._replace(values=F.pad(skip.values, (0, 0, 0, 0, 0, missing), value=silent)) if missing else skip
    )


def _mean_time(spikes: Spikes) -> Tensor:
    """Return the mean time; of silent neurons that of the end."""
    if spikes.early:
        return spikes.end - spikes.values.sum() / spikes.values.numel()
    return spikes.values.clamp(max=spikes.end).mean()


def _halved(size: int, times: int) -> int:
    size //= 2
    for _ in range(times - 1):
        size = (size + 1) // 2
    return size


def _check(name: str, options: _Options) -> None:
    if options.neuron not in NEURONS:
        raise ModelError(unknown_name("neuron", options.neuron, NEURONS))
    if options.add not in ("time", "value"):
        raise ModelError(unknown_name("way to add spikes", options.add, ("time", "value")))
    if not (math.isfinite(options.window) and options.window > 0):
        raise OptionError(f"{name}: window = {options.window} is no time; give a number above 0.")
    for what, value in (("pull", options.pull), ("sparsity", options.sparsity)):
        if not (math.isfinite(value) and value >= 0):
            raise OptionError(f"{name}: {what} = {value} is out of range; give 0 or more.")


def _build(
    name: str,
    skip: str,
    options: _Options,
    steps: int,
    input_shape: Sequence[int],
    classes: int,
    seed: int,
) -> TtfsNetwork:
    one_step(name, steps)
    check_sizes(name, options.width, steps, input_shape, classes, smallest=4)
    _check(name, options)
    with seeded(seed):
        network = TtfsNetwork(skip, options, input_shape, classes)
    images: dict[str, Any] = {"steps": steps, "input_shape": list(input_shape), "classes": classes}
    return network.ready({"name": name, **images, **asdict(options), "seed": seed})


def ttfs_plain(
    *,
    width: int = 32,
    steps: int = 1,
    input_shape: Sequence[int] = (1, 28, 28),
    classes: int = 10,
    neuron: str = "slope",
    window: float | None = None,
    bits: int | None = None,
    add: str = "time",
    initial_delay: float = 0.5,
    pull: float = 0.0,
    sparsity: float = 0.5,
    seed: int = 0,
) -> TtfsNetwork:
    """Return a network of first-spike neurons without skips.

    Args:
        width: channels of the first block.
        steps: 1; time runs inside the windows.
        input_shape: ``(C, R, S)`` of an image in 0..1.
        classes: K.
        neuron: ``slope`` (constant slope, trains like a ReLU network) or ``exact`` (closed form).
        window: length of each layer's window (``slope``; 4 unless given), or time by which the stem has fired
            (``exact``; 6).
        bits: of a spike's time; None leaves times continuous.
        add: of ``ttfs-add``, ``time`` or ``value``, as in ``axbar.nn.ttfs.added``.
        initial_delay: of ``ttfs-concat-delay``, in windows (``slope``) or synaptic time constants (``exact``).
        pull: weight in the loss of the squared time between path and skip.
        sparsity: weight in the loss of the time left when neurons fire: late spikes become none.
        seed: of initial weights.

    Raises:
        OptionError: a number is out of range.
        ModelError: a name is unknown.

    >>> import torch
    >>> ttfs_plain(width=4)(torch.rand(2, 1, 28, 28)).shape
    torch.Size([1, 2, 10])
    """
    options = _options(width, neuron, window, bits, add, initial_delay, pull, sparsity)
    return _build("ttfs-plain", "none", options, steps, input_shape, classes, seed)


def ttfs_add(
    *,
    width: int = 32,
    steps: int = 1,
    input_shape: Sequence[int] = (1, 28, 28),
    classes: int = 10,
    neuron: str = "slope",
    window: float | None = None,
    bits: int | None = None,
    add: str = "time",
    initial_delay: float = 0.5,
    pull: float = 0.0,
    sparsity: float = 0.5,
    seed: int = 0,
) -> TtfsNetwork:
    """Return a network of first-spike neurons with skips whose times are added; arguments as of ``ttfs_plain``."""
    options = _options(width, neuron, window, bits, add, initial_delay, pull, sparsity)
    return _build("ttfs-add", "add", options, steps, input_shape, classes, seed)


def ttfs_concat(
    *,
    width: int = 32,
    steps: int = 1,
    input_shape: Sequence[int] = (1, 28, 28),
    classes: int = 10,
    neuron: str = "slope",
    window: float | None = None,
    bits: int | None = None,
    add: str = "time",
    initial_delay: float = 0.5,
    pull: float = 0.0,
    sparsity: float = 0.5,
    seed: int = 0,
) -> TtfsNetwork:
    """Return a network of first-spike neurons with skips that are joined; arguments as of ``ttfs_plain``."""
    options = _options(width, neuron, window, bits, add, initial_delay, pull, sparsity)
    return _build("ttfs-concat", "concat", options, steps, input_shape, classes, seed)


def ttfs_concat_delay(
    *,
    width: int = 32,
    steps: int = 1,
    input_shape: Sequence[int] = (1, 28, 28),
    classes: int = 10,
    neuron: str = "slope",
    window: float | None = None,
    bits: int | None = None,
    add: str = "time",
    initial_delay: float = 0.5,
    pull: float = 0.0,
    sparsity: float = 0.5,
    seed: int = 0,
) -> TtfsNetwork:
    """Return a network with joined skips that learn a delay per channel; arguments as of ``ttfs_plain``."""
    options = _options(width, neuron, window, bits, add, initial_delay, pull, sparsity)
    return _build("ttfs-concat-delay", "concat-delay", options, steps, input_shape, classes, seed)


def _options(
    width: int,
    neuron: str,
    window: float | None,
    bits: int | None,
    add: str,
    delay: float,
    pull: float,
    sparsity: float,
) -> _Options:
    length = (6.0 if neuron == "exact" else 4.0) if window is None else window
    return _Options(width, neuron, length, bits, add, delay, pull, sparsity)
