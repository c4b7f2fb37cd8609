"""Convolutions, their tensor trains and what these merge into, as modules.

Three forms of one layer with cores G1 (``reduce``), G2, G3 and G4 (``expand``), see ``axbar.nn.tensor_train``:

| form | modules | on a chip |
|---|---|---|
| ``cores`` | ``TTConv2d``: four convolutions | as trained; three of the four read numbers |
| ``factored`` | 3×3 (or half) of I → r channels, then G4 | fewer cells where r(9 I + O) < 9 I O; G4 reads numbers |
| ``merged`` | one 3×3, or one per half of the steps | spikes meet one weight; the corners of a cross stay empty |

The first is exact by definition, the others as the cores are linear: the merged kernels are computed in float64. A max
pool of the published rule for strides stands behind the layer in all forms. Numbers between two products cost what the
spikes saved: digits driven bit by bit, and a conversion more. The trace shows them, so every model of hardware counts
them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from axbar.nn.tensor_train import HalfConv2d, Mode, StrideRule, TTConv2d
from axbar.techniques._tt_cores import (
    Cores,
    half,
    merge_late,
    merge_parallel,
    merge_sequential,
    parallel,
    sequential,
)

__all__ = ["Form", "TTShape", "convert", "cores_of", "decomposed", "empty", "shape_of"]

Form = Literal["cores", "factored", "merged"]

_CORES_OF = {"stt": sequential, "ptt": parallel, "htt": half}


@dataclass(frozen=True)
class TTShape:
    """What a layer is but for its weights; the arguments of ``TTConv2d``."""

    in_channels: int
    out_channels: int
    rank: int
    mode: Mode
    stride: int = 1
    stride_rule: StrideRule = "subsample"
    steps: int = 1
    full: int | None = None
    bias: bool = False

    def facts(self) -> dict[str, Any]:
        """Return the arguments as plain JSON."""
        return asdict(self)

    @property
    def inner_stride(self) -> int:
        """Stride of the merged kernel: that of a pool behind it is the pool's."""
        return self.stride if self.stride_rule == "subsample" else 1


def decomposed(conv: nn.Conv2d, shape: TTShape, fresh: bool) -> TTConv2d:
    """Return a convolution as a train: with cores fitted to its weight, or fresh ones from torch's generator."""
    made = TTConv2d(**shape.facts()).to(conv.weight).requires_grad_(conv.weight.requires_grad)
    if not fresh:
        weight = conv.weight.detach().cpu().double().numpy()
        _write(made, _CORES_OF[shape.mode](weight, shape.rank))
    with torch.no_grad():
        if conv.bias is not None and made.expand.bias is not None:
            made.expand.bias.copy_(conv.bias).requires_grad_(conv.bias.requires_grad)
    made.train(conv.training)
    _lay_out(made, conv.weight)
    return made


def _halved(mode: Mode) -> float:
    """Return what the weights of the middle cores hold of the cores: the ½ of a parallel sum."""
    return 1.0 if mode == "stt" else 0.5


@torch.no_grad()
def _write(layer: TTConv2d, cores: Cores) -> None:
    middle = _halved(layer.mode)
    layer.reduce.weight.copy_(_tensor(cores.reduce)[:, :, None, None])
    layer.vertical.weight.copy_(middle * _tensor(cores.vertical)[:, :, :, None])
    layer.horizontal.weight.copy_(middle * _tensor(cores.horizontal)[:, :, None, :])
    layer.expand.weight.copy_(_tensor(cores.expand)[:, :, None, None])


def cores_of(layer: TTConv2d) -> Cores:
    """Return the cores of a layer in float64."""
    middle = _halved(layer.mode)
    return Cores(
        reduce=_array(layer.reduce.weight)[:, :, 0, 0],
        vertical=_array(layer.vertical.weight)[:, :, :, 0] / middle,
        horizontal=_array(layer.horizontal.weight)[:, :, 0, :] / middle,
        expand=_array(layer.expand.weight)[:, :, 0, 0],
    )


def shape_of(layer: TTConv2d) -> TTShape:
    """Return the arguments of a layer as it is now."""
    return TTShape(
        layer.in_channels, layer.out_channels, layer.rank, layer.mode, layer.stride, layer.stride_rule, layer.steps,
        layer.full, layer.expand.bias is not None,
    )  # fmt: skip


def empty(shape: TTShape, form: Form) -> nn.Module:
    """Return the modules of a form; weights must be set after it."""
    if form == "cores":
        return TTConv2d(**shape.facts())
    parts = list[nn.Module]()
    if form == "merged":
        parts.append(_dense(shape))
    else:
        narrow = replace(shape, out_channels=shape.rank, bias=False)
        parts += [_dense(narrow), nn.Conv2d(shape.rank, shape.out_channels, 1, bias=shape.bias)]
    if shape.stride != shape.inner_stride:
        parts.append(nn.MaxPool2d(shape.stride, ceil_mode=True))
    return parts[0] if len(parts) == 1 else nn.Sequential(*parts)


def _dense(shape: TTShape) -> nn.Module:
    into, out, stride = shape.in_channels, shape.out_channels, shape.inner_stride
    if shape.mode == "htt":
        return HalfConv2d(into, out, stride, shape.steps, shape.full, shape.bias)
    return nn.Conv2d(into, out, 3, stride=stride, padding=1, bias=shape.bias)


def convert(layer: TTConv2d, form: Form) -> nn.Module:
    """Return a trained train in another form, its kernels merged in float64; ``cores`` returns the layer itself."""
    if form == "cores":
        return layer
    shape, cores, bias = shape_of(layer), cores_of(layer), layer.expand.bias
    made = empty(shape, form).to(layer.expand.weight).requires_grad_(layer.expand.weight.requires_grad)
    if form == "merged":
        _fill(made[0] if isinstance(made, nn.Sequential) else made, cores, shape.mode, bias)
    else:
        assert isinstance(made, nn.Sequential)
        _fill(made[0], replace(cores, expand=np.eye(shape.rank)), shape.mode, None)
        _set(made[1], cores.expand[:, :, None, None], bias)
    made.train(layer.training)
    _lay_out(made, layer.vertical.weight)
    return made


def _fill(dense: nn.Module, cores: Cores, mode: Mode, bias: Tensor | None) -> None:
    if isinstance(dense, HalfConv2d):
        _set(dense.early, merge_parallel(cores), bias)
        _set(dense.late, merge_late(cores), bias)
    else:
        _set(dense, (merge_sequential if mode == "stt" else merge_parallel)(cores), bias)


@torch.no_grad()
def _set(conv: Any, weight: NDArray[np.float64], bias: Tensor | None) -> None:
    conv.weight.copy_(_tensor(weight))
    if bias is not None:
        conv.bias.copy_(bias).requires_grad_(bias.requires_grad)


def _lay_out(made: nn.Module, like: Tensor) -> None:
    """Give kernels the memory layout that the network chose for those they replace."""
    if like.dim() == 4 and like.is_contiguous(memory_format=torch.channels_last):
        for layer in made.modules():
            if isinstance(layer, nn.Conv2d):
                # Not .contiguous(), which leaves kernels of one position as they are: theirs fits both layouts.
                laid_out = torch.empty_like(layer.weight, memory_format=torch.channels_last)
                layer.weight.data = laid_out.copy_(layer.weight.data)


def _tensor(array: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def _array(weight: Tensor) -> NDArray[np.float64]:
    return weight.detach().cpu().double().numpy()
