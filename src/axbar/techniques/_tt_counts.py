"""Parameters and multiply-accumulates of networks with convolutions as tensor trains, from shapes alone.

Of a layer of I → O channels with rank r on maps of H × W, and N = ⌈H/s⌉ ⌈W/s⌉ pixels behind its stride s
(``axbar.nn.tensor_train`` has the modes):

    parameters    r (I + O) + 6 r²   in every mode; 9 I O as it was

| MACs per step | stride 1, and ``maxpool`` (a pool follows) | ``subsample`` (the stride is taken inside) |
|---|---|---|
| ``stt`` | H W (r I + 6 r² + r O) | H W r I + ⌈H/s⌉ W 3 r² + N (3 r² + r O) |
| ``ptt``, ``htt`` first steps | H W (r I + 6 r² + r O) | H W r I + N (6 r² + r O) |
| ``htt`` other steps | H W (r I + r O) | N (r I + r O) |

The last row is the late kernel applied to every s-th pixel, which is all that its outputs read. ``htt`` runs ⌊T/2⌋ full
steps. Adding the two middle outputs is no multiplication.

Counted for a network, as Lee, Yin, Kim, Moitra, Li and Panda count ("TT-SNN", DATE 2024): weights of convolutions and
linear layers, biases among them, norms apart; every layer on all T steps, the first too although it may read the same
image each time; but the last, the classifier, once, since it is linear and reads the mean over time. Dense MACs: all
positions of all kernels, zeros or not.

Checked: all 57 counts of MS-ResNet18 recomputed from the published code (CIFAR10, CIFAR100, N-Caltech101; ranks 1/8 to
1/2 of min(I, O)), equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

import torch
from torch import Tensor, nn

from axbar.errors import UsageError, is_whole, unknown_name
from axbar.nn import build_model
from axbar.nn.norm import is_norm
from axbar.nn.tensor_train import Mode, StrideRule, full_steps
from axbar.techniques._tt_layers import tt_layers
from axbar.techniques._tt_ranks import by_layer, parse_ranks, rank_for

__all__ = ["ConvShape", "CoreCounts", "TTCounts", "core_counts", "tt_counts"]


@dataclass(frozen=True)
class ConvShape:
    """A convolution of 3×3, padding 1, on maps of a size.

    Args:
        in_channels, out_channels: I, O.
        rows, columns: H, W of the input.
        stride: s.
    """

    in_channels: int
    out_channels: int
    rows: int
    columns: int
    stride: int = 1


@dataclass(frozen=True)
class CoreCounts:
    """Parameters of the four cores, and multiply-accumulates over all steps."""

    params: int
    macs: int


def core_counts(
    shape: ConvShape, rank: int, mode: Mode, stride_rule: StrideRule, steps: int, full: int | None = None
) -> CoreCounts:
    """Return the counts of one layer as a tensor train, without a bias.

    Args:
        full: steps on which a half layer runs its middle cores; None: ⌊T/2⌋.

    >>> core_counts(ConvShape(4, 8, 2, 2), 2, "htt", "maxpool", steps=4)
    CoreCounts(params=48, macs=576)
    """
    into, out, middle = rank * shape.in_channels, rank * shape.out_channels, 3 * rank * rank
    pixels = shape.rows * shape.columns
    inner = shape.stride if stride_rule == "subsample" else 1
    rows, columns = -(-shape.rows // inner), -(-shape.columns // inner)
    left = rows * columns
    along = rows * shape.columns if mode == "stt" else left
    each = pixels * into + along * middle + left * (middle + out)
    early = full_steps(steps, full) if mode == "htt" else steps
    macs = early * each + (steps - early) * left * (into + out)
    return CoreCounts(into + out + 2 * middle, macs)


@dataclass(frozen=True)
class TTCounts:
    """Counts of a network and of the dense one that it is made of.

    Args:
        params: weights and biases of convolutions and linear layers.
        macs: multiply-accumulates of one input over all steps.
        bn_params: of norms, which no mode changes.
        dense_params, dense_macs: as the network was.
        ranks: path of each decomposed layer -> its rank.
    """

    params: int
    macs: int
    bn_params: int
    dense_params: int
    dense_macs: int
    ranks: Mapping[str, int]

    @property
    def param_ratio(self) -> float:
        """How many times fewer parameters than dense."""
        return self.dense_params / self.params

    @property
    def mac_ratio(self) -> float:
        """How many times fewer multiply-accumulates than dense."""
        return self.dense_macs / self.macs


def tt_counts(
    *,
    model: str = "ms-resnet18",
    mode: str = "dense",
    rank_fraction: float | None = None,
    ranks: Any = None,
    timesteps: int = 4,
    in_channels: int = 3,
    size: int = 32,
    classes: int = 10,
    width: int | None = None,
    stride: str = "maxpool",
) -> TTCounts:
    """Return parameters and MACs of a spiking network by name, dense or with its convolutions as tensor trains.

    Args:
        model: registered name.
        mode: ``dense`` (or ``none``), which has no ranks, ``stt``, ``ptt``, ``htt``; in any case.
        rank_fraction: of min(I, O) of each layer, above 0 to 1; rounded down, at least 1.
        ranks: in its place a whole number for all layers, or a table of numbers or shares by layer.
        timesteps: T.
        in_channels, size: C and H = W of the input.
        classes, width: as ``build_model`` takes them; width None is the network's own.
        stride: ``maxpool`` as published, or ``subsample``.

    Raises:
        UsageError: an argument is unknown or out of range, or they do not go together.
        ModelError: the network can't be built so, or has no layer to decompose.

    >>> counts = tt_counts(model="ms-resnet18", mode="ptt", rank_fraction=0.25, width=8)
    >>> round(counts.param_ratio, 1), counts.ranks["blocks.7.conv2"]
    (9.0, 16)
    """
    how = _how(mode, rank_fraction, ranks)
    if stride not in get_args(StrideRule):
        raise UsageError(unknown_name("rule for strides", stride, get_args(StrideRule)))
    rule: Any = stride
    if not is_whole(timesteps, 1):
        raise UsageError(f"timesteps = {timesteps!r} is out of range; give a whole number from 1.")
    config = {} if width is None else {"width": width}
    network = build_model(model, steps=1, input_shape=(in_channels, size, size), classes=classes, **config)
    if timesteps != 1 and not any(getattr(m, "is_neuron", False) for m in network.modules()):
        raise UsageError(f"'{model}' has no spiking neurons and runs once; set timesteps=1.")
    return _counted(network.eval(), (in_channels, size, size), int(timesteps), how, rule)


def _how(mode: str, rank_fraction: Any, ranks: Any) -> tuple[Mode, Any] | None:
    """Return mode and ranks as they are used; None for the dense network.

    Raises:
        UsageError: unknown, or they do not go together.
    """
    known = ("dense", "none", *get_args(Mode))
    name: Any = str(mode).lower()
    if name not in known:
        raise UsageError(unknown_name("mode of tensor trains", mode, known))
    given = [value for value in (rank_fraction, ranks) if value is not None]
    if name in ("dense", "none"):  # ranks may be given all the same, so that one loop runs over all modes
        return None
    if len(given) != 1:
        raise UsageError(
            f"mode = {mode} takes either rank_fraction or ranks, got {len(given) or 'none'} of them."
        )
    how = parse_ranks(ranks if rank_fraction is None else _share(rank_fraction))
    for value in how.values() if isinstance(how, dict) else [how]:
        if isinstance(value, str):
            raise UsageError(
                f"counts take no weights, and ranks = {value} reads them; give numbers or shares."
            )
    return name, how


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise UsageError(f"rank_fraction = {value!r} is out of range; give a share above 0 to 1, as 0.25.")
    return float(value)


@dataclass(frozen=True)
class _Call:
    """One run of a layer on one image and step."""

    path: str
    macs: int
    rows: int
    columns: int


def _counted(
    network: nn.Module,
    input_shape: tuple[int, ...],
    steps: int,
    how: tuple[Mode, Any] | None,
    rule: StrideRule,
) -> TTCounts:
    layers = {path: m for path, m in network.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}
    chosen = tt_layers(network) if how else {}
    ranks = _ranks(chosen, how[1]) if how else {}
    calls = _calls(network, layers, input_shape)
    dense = macs = 0
    for at, call in enumerate(calls):
        runs = steps if at < len(calls) - 1 else 1
        dense += call.macs * runs
        if how and call.path in ranks:
            shape = _shape(chosen[call.path], call.rows, call.columns)
            macs += core_counts(shape, ranks[call.path], how[0], rule, runs).macs
        else:
            macs += call.macs * runs
    params = sum(p.numel() for layer in layers.values() for p in layer.parameters(recurse=False))
    saved = sum(
        conv.weight.numel() - core_counts(_shape(conv), ranks[path], "ptt", rule, 1).params
        for path, conv in chosen.items()
    )
    norms = sum(p.numel() for m in network.modules() if is_norm(m) for p in m.parameters(recurse=False))
    return TTCounts(params - saved, macs, norms, params, dense, ranks)


def _shape(conv: nn.Conv2d, rows: int = 1, columns: int = 1) -> ConvShape:
    return ConvShape(conv.in_channels, conv.out_channels, rows, columns, conv.stride[0])


def _ranks(chosen: Mapping[str, nn.Conv2d], how: Any) -> dict[str, int]:
    each: Any = by_layer(chosen, how)
    return {path: rank_for(c.in_channels, c.out_channels, each[path], path) for path, c in chosen.items()}


@torch.no_grad()
def _calls(
    network: nn.Module, layers: Mapping[str, nn.Conv2d | nn.Linear], input_shape: tuple[int, ...]
) -> list[_Call]:
    """Return every run of a layer on one empty image at one step, in order."""
    calls = list[_Call]()

    def note(path: str) -> Callable[[Any, tuple[Tensor, ...], Tensor], None]:
        def hook(layer: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            rows, columns = inputs[0].shape[-2:] if isinstance(layer, nn.Conv2d) else (1, 1)
            macs = output.numel() * (layer.weight.numel() // len(layer.weight))
            calls.append(_Call(path, macs, rows, columns))

        return hook

    handles = [layer.register_forward_hook(note(path)) for path, layer in layers.items()]
    try:
        network(torch.zeros(1, *input_shape))
    finally:
        for handle in handles:
            handle.remove()
    return calls
