"""A network on a grid (``axbar.nn.quantised``) that computes on integers alone.

Layers hold ``w_int`` and ``b_int``, neurons shift, add, compare and clip; no tensor on the way holds a float. It is
what a chip would run, and what the floats of the network must equal.
"""

from __future__ import annotations

import copy
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from axbar.errors import DataError, ModelError
from axbar.nn._replace import replace_module
from axbar.nn.quantised import (
    QuantisedConv2d,
    QuantisedLIF,
    QuantisedLinear,
    QuantisedNormalise,
    membrane_step,
    rounded_shift,
)
from axbar.nn.shared import _in_turn, _side_by_side

__all__ = ["integer_copy"]

#: modules that hand integers on as they are, or choose among them
_PASSING = (nn.Identity, nn.Flatten, nn.MaxPool2d, nn.Dropout, nn.Dropout2d)


class _IntegerLayer(nn.Module):
    """Weights and bias as integers."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, layer: QuantisedConv2d | QuantisedLinear, path: str, dtype: torch.dtype) -> None:
        super().__init__()
        self.path = path
        scale = float(layer.weight_scale)
        self.register_buffer("weight", _whole(layer.weight, scale, dtype))
        bias = None if layer.bias is None else _whole(layer.bias, scale * layer.input_step, dtype)
        self.register_buffer("bias", bias)

    def check(self, x: Tensor) -> None:
        """Refuse floats."""
        _check_codes(x, f"layer '{self.path}'")


def _check_codes(x: Tensor, what: str) -> None:
    if x.is_floating_point():
        raise DataError(
            f"{what} of an integer network got {x.dtype}; give codes: round(x / input_step).to(torch.int64), with the "
            "input_step of the first layer."
        )


class _IntegerNormalise(nn.Module):
    """Subtract codes from those of the images ``[B, C, H, W]``."""

    codes: Tensor

    def __init__(self, normalise: QuantisedNormalise, path: str, dtype: torch.dtype) -> None:
        super().__init__()
        self.path = path
        self.register_buffer("codes", torch.tensor(normalise.codes, dtype=dtype).view(-1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        _check_codes(x, f"normalisation '{self.path}'")
        return x.to(self.codes.dtype) - self.codes


class _IntegerConv2d(_IntegerLayer):
    def __init__(self, layer: QuantisedConv2d, path: str, dtype: torch.dtype) -> None:
        super().__init__(layer, path, dtype)
        self.place: dict[str, Any] = {
            name: getattr(layer, name) for name in ("stride", "padding", "dilation", "groups")
        }

    def forward(self, x: Tensor) -> Tensor:
        self.check(x)
        return F.conv2d(x.to(self.weight.dtype), self.weight, self.bias, **self.place)


class _IntegerLinear(_IntegerLayer):
    def forward(self, x: Tensor) -> Tensor:
        self.check(x)
        return F.linear(x.to(self.weight.dtype), self.weight, self.bias)


class _IntegerLIF(nn.Module):
    """The recurrence of ``QuantisedLIF`` on integers ``[T, B, ...]``."""

    is_neuron = True

    def __init__(self, neuron: QuantisedLIF) -> None:
        super().__init__()
        self.grid, self.share = neuron.grid, neuron.share

    def forward(self, x: Tensor) -> Tensor:
        turns = _in_turn(x, self.share, False) if self.share > 1 else x
        stored = torch.zeros_like(turns[0])
        spikes = list[Tensor]()
        for total in turns.unbind(0):
            fires, stored = membrane_step(rounded_shift(total, self.grid.shift), stored, self.grid)
            spikes.append(fires.to(x.dtype))
        made = torch.stack(spikes)
        return _side_by_side(made, self.share, False) if self.share > 1 else made


def integer_copy(model: nn.Module, dtype: torch.dtype = torch.int64) -> nn.Module:
    """Return a copy of a network on a grid that maps integer codes ``[B, ...]`` to integer logits ``[T, B, K]``.

    Logits are sums of the read-out in its steps. The input are codes of the first layer's ``input_step``. On the CPU;
    torch has no integer products elsewhere.

    Args:
        model: result of the technique ``mint``.
        dtype: of all integers.

    Raises:
        ModelError: a part of the network has no integer form.
    """
    made = copy.deepcopy(model).eval()
    found = 0
    for path, module in list(made.named_modules()):
        form = _form(module, path, dtype)
        if form is not None:
            found += 1
            if not path:
                return form
            replace_module(made, path, form)
    if not found:
        raise ModelError(f"{type(model).__name__} is on no grid; apply the technique mint first.")
    return made


def _form(module: nn.Module, path: str, dtype: torch.dtype) -> nn.Module | None:
    """Return what takes a module's place; None for those that stay."""
    if isinstance(module, QuantisedConv2d):
        if module.padding_mode != "zeros":
            raise ModelError(f"layer '{path}' pads with '{module.padding_mode}'; integers take zeros.")
        return _IntegerConv2d(module, path, dtype)
    if isinstance(module, QuantisedNormalise):
        return _IntegerNormalise(module, path, dtype)
    if isinstance(module, QuantisedLinear):
        return _IntegerLinear(module, path, dtype)
    if isinstance(module, QuantisedLIF):
        if module.adds_spikes or module.mask_single_spikes:
            what = "adds spikes to its current" if module.adds_spikes else "masks single spikes"
            raise ModelError(
                f"neuron '{path}' {what}, which the integer form leaves out; use the network itself, whose potentials "
                "are whole numbers too."
            )
        return _IntegerLIF(module)
    leaf = not any(True for _ in module.children())
    if leaf and path and not isinstance(module, (*_PASSING, nn.Sequential, nn.ModuleList)):
        raise ModelError(f"module '{path}' ({type(module).__name__}) has no integer form.")
    return None


def _whole(values: Tensor, scale: float, dtype: torch.dtype) -> Tensor:
    return torch.round(cast(Tensor, values).detach().cpu().double() / scale).to(dtype)
