"""Neurons that can never fire, whatever arrives: found from weights alone."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn

from axbar.nn.ttfs.exact import ExactConv2d, ExactLinear
from axbar.nn.ttfs.layers import SlopeSpiking

__all__ = ["never_firing", "warn_never_firing"]


def never_firing(network: nn.Module, largest: float | None = None) -> dict[str, tuple[int, int]]:
    """Return layer -> neurons that can never fire, and all of its neurons (channels), where there are any.

    In closed form the potential stays below the sum of the positive weights, so that one of 1 or less is never enough.
    With constant slope no input is earlier than ``largest`` before the end of its window (unless given, any time is
    possible, and a neuron without positive weights needs a positive bias).
    """
    found: dict[str, tuple[int, int]] = {}
    for path, module in network.named_modules():
        if isinstance(module, ExactConv2d | ExactLinear):
            silent = module.weight.detach().clamp(min=0).flatten(1).sum(1) <= 1
        elif isinstance(module, SlopeSpiking):
            silent = _beyond_reach(module, largest)
        else:
            continue
        if bool(silent.any()):
            found[path] = (int(silent.sum()), silent.numel())
    return found


def _beyond_reach(layer: SlopeSpiking, largest: float | None) -> Tensor:
    norm, weight = layer.norm, layer.conv.weight.detach()
    assert norm.running_var is not None and norm.running_mean is not None
    scale = norm.weight.detach() / torch.sqrt(norm.running_var + norm.eps)
    bias = norm.bias.detach() - scale * norm.running_mean
    positive = (scale.view(-1, 1) * weight.flatten(1)).clamp(min=0).sum(1)
    if largest is None:
        return (positive == 0) & (bias <= 0)
    return positive * largest + bias <= 0


def warn_never_firing(network: nn.Module) -> None:
    """Warn of neurons that can never fire, with the names of their layers."""
    for path, (silent, neurons) in never_firing(network).items():
        warnings.warn(
            f"{silent} of {neurons} neurons of layer '{path}' can never fire: their weights are too small; train with "
            "firing_penalty, or start from larger weights.",
            stacklevel=3,
        )
