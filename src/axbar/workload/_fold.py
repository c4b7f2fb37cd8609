# pyright: standard
# (torch's own annotations are too thin for strict checking)
"""Fold batch norms into the layers before them.

With the running statistics of training, a batch norm multiplies each channel and adds to it,

    y = scale * (W * x + b) + shift,   scale = gamma * fold_scale / sqrt(var + eps),   shift = beta - scale *
    mu,

which the layer in front does alone with ``W' = scale W`` and ``b' = scale b + shift`` (per output channel;
Jacob et al., CVPR 2018, section 3.2; with ``fold_scale = alpha * theta`` the tdBN of Zheng et al., AAAI 2021,
equation 7). Computed in float64 and cast back.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn

from axbar.workload._events import Affine
from axbar.workload._graph import alive, foldable
from axbar.workload._modules import plain_modules
from axbar.workload._record import record
from axbar.workload._trace import check_weights, ready_batch

__all__ = ["fold_norms"]


def fold_norms(model: nn.Module, example: Tensor) -> nn.Module:
    """Return a copy of ``model`` in which batch norms are folded away, for inference.

    A norm is folded where the traced graph shows that it reads the output of one ``Conv2d`` or ``Linear`` and
    that nothing else does; ``nn.Identity`` takes its place. Other norms stay, all other modules and
    ``state_dict`` keys too.

    Args:
        model: any module that ``trace`` can trace.
        example: a batch ``[B, ...]``; its values do not matter beyond the path they take.

    Raises:
        TraceError: an operation can't be traced.

    >>> folded = fold_norms(nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)), torch.rand(1, 3, 8, 8))
    >>> folded[1]
    Identity()
    """
    check_weights(model)
    # on a copy: networks that keep state between calls would keep that of the example
    run = record(copy.deepcopy(model), ready_batch(model, example), values=False)
    pairs = foldable(run.events, alive(run.events, run.outputs), run.outputs)
    affine = {event.path: event.affine for event in run.events if event.affine is not None}
    folded = copy.deepcopy(model)
    modules = dict(plain_modules(folded))
    for layer, norm in pairs.items():
        _scale(modules[layer], affine[norm])
        _replace(folded, modules[norm])
    return folded


@torch.no_grad()
def _scale(layer: nn.Module, affine: Affine) -> None:
    weight: Tensor = layer.weight  # pyright: ignore[reportAssignmentType]  # Conv2d or Linear
    bias = layer.bias if isinstance(layer.bias, Tensor) else None
    scale = torch.from_numpy(np.ascontiguousarray(affine.scale)).to(weight.device)
    shift = torch.from_numpy(np.ascontiguousarray(affine.shift)).to(weight.device)
    scaled = weight.to(torch.float64) * scale.reshape(-1, *[1] * (weight.ndim - 1))
    moved = shift if bias is None else scale * bias.to(torch.float64) + shift
    # new parameters: the old ones may be shared with another module
    layer.weight = nn.Parameter(scaled.to(weight.dtype), requires_grad=weight.requires_grad)
    layer.bias = nn.Parameter(moved.to(weight.dtype), requires_grad=weight.requires_grad)


def _replace(model: nn.Module, old: nn.Module) -> None:
    """Put an ``nn.Identity`` wherever ``old`` stands."""
    for parent in model.modules():
        for name, child in parent._modules.items():
            if child is old:
                identity = nn.Identity()
                identity.training = old.training
                parent._modules[name] = identity
