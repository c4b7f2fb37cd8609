# pyright: standard
# (torch's own annotations are too thin for strict checking)
"""Arguments of torch calls and constants of modules, in the terms of a workload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from axbar.errors import ModelError, TraceError
from axbar.workload._events import Affine
from axbar.workload._types import NeuronTrace

__all__ = [
    "WeightCall",
    "conv_call",
    "fixed_grid",
    "layer_call",
    "linear_call",
    "neuron_constants",
    "norm_affine",
    "picks_pixels",
    "pool_options",
]


@dataclass(frozen=True)
class WeightCall:
    """A product with stored weights: ``weight`` as passed, ``matrix`` as ``[K, ...]``."""

    input: Tensor
    weight: Tensor
    matrix: Tensor
    bias: Tensor | None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


def _named(names: str, args: Any, kwargs: Any) -> dict[str, Any]:
    return {**dict(zip(names.split(), args, strict=False)), **kwargs}


def _pair(value: Any) -> tuple[int, int]:
    values = (value,) if isinstance(value, int) else tuple(int(v) for v in value)
    return (values[0], values[-1])


def conv_call(args: Any, kwargs: Any) -> WeightCall:
    """Read the arguments of ``conv2d``; 'same' padding becomes numbers, an odd pixel ``extra``."""
    given = _named("input weight bias stride padding dilation groups", args, kwargs)
    weight: Tensor = given["weight"]
    stride, dilation = _pair(given.get("stride", 1)), _pair(given.get("dilation", 1))
    padding, extra = given.get("padding", 0), (0, 0)
    if padding == "valid":
        padding = (0, 0)
    elif padding == "same":
        total = [dilation[i] * (weight.shape[2 + i] - 1) for i in (0, 1)]
        padding, extra = (total[0] // 2, total[1] // 2), (total[0] % 2, total[1] % 2)
    options = {
        "kernel": (int(weight.shape[2]), int(weight.shape[3])),
        "stride": stride,
        "padding": _pair(padding),
        "dilation": dilation,
        "groups": int(given.get("groups", 1)),
        "extra": extra,
    }
    return WeightCall(given["input"], weight, weight, given.get("bias"), options)


def linear_call(name: str, args: Any, kwargs: Any, where: str) -> WeightCall:
    """Read the arguments of ``linear``, or of a matrix product whose second operand is stored."""
    if name == "linear":
        given = _named("input weight bias", args, kwargs)
        return WeightCall(given["input"], given["weight"], given["weight"], given.get("bias"))
    if name == "addmm":
        given = _named(
            "bias input weight", args, {**kwargs, **_renamed(kwargs, {"mat1": "input", "mat2": "weight"})}
        )
        if given.get("beta", 1) != 1 or given.get("alpha", 1) != 1:
            raise TraceError(
                f"the operation 'addmm' {where} with alpha or beta can't be traced; scale the weights."
            )
    else:
        given = _named(
            "input weight", args, {**kwargs, **_renamed(kwargs, {"other": "weight", "mat2": "weight"})}
        )
    weight: Tensor = given["weight"]
    if weight.ndim != 2:
        raise TraceError(
            f"the operation '{name}' {where} with a second operand of {weight.ndim} dimensions can't be "
            "traced; stored weights have two, [in, out]."
        )
    return WeightCall(given["input"], weight, weight.t(), given.get("bias"))


def layer_call(module: Any, given: Tensor) -> WeightCall:
    """Describe the call of a layer that computes as a chip does, from its attributes."""
    used = torch.as_tensor(module.effective_weight()).reshape(module.weight.shape)
    if isinstance(module, nn.Linear):
        return linear_call("linear", (given, used, module.bias), {}, "")
    place = (module.stride, module.padding, module.dilation, module.groups)
    return conv_call((given, used, module.bias, *place), {})


def _renamed(kwargs: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names[key]: value for key, value in kwargs.items() if key in names}


def picks_pixels(name: str, args: Any, kwargs: Any) -> bool:
    """Whether a pooling call has windows of one pixel, which moves data and computes nothing."""
    if name not in ("avg_pool2d", "max_pool2d"):
        return False
    named = _named("input kernel stride padding ceil_mode count_include_pad divisor_override", args, kwargs)
    if name == "avg_pool2d" and named.get("divisor_override") is not None:
        return False
    options = pool_options(name, args, kwargs)
    return options["kernel"] == (1, 1) and options["padding"] == (0, 0)


def pool_options(name: str, args: Any, kwargs: Any) -> dict[str, Any]:
    """Read kernel, stride, padding and dilation of a pooling call; empty for adaptive ones (shapes tell)."""
    if name.startswith("adaptive"):
        return {}
    if name.startswith("max"):
        given = _named("input kernel_size stride padding dilation", args, kwargs)
    elif name.startswith("avg"):
        given = _named("input kernel_size stride padding", args, kwargs)
    else:
        given = _named("input norm_type kernel_size stride", args, kwargs)
    kernel = _pair(given["kernel_size"])
    stride = given.get("stride")
    return {
        "kernel": kernel,
        "stride": kernel if stride is None or stride == [] else _pair(stride),
        "padding": _pair(given.get("padding", 0)),
        "dilation": _pair(given.get("dilation", 1)),
    }


def fixed_grid(module: nn.Module) -> tuple[int | None, float | None]:
    """Return bits and step of a layer's weights where a technique fixed them: ``weight_bits``, ``weight_scale``."""
    bits, scale = getattr(module, "weight_bits", None), getattr(module, "weight_scale", None)
    return None if bits is None else int(bits), None if scale is None else float(scale)


def neuron_constants(module: nn.Module, path: str) -> NeuronTrace:
    """Read the constants of a neuron module by their attributes.

    Modules with ``per_neuron = True``, as those of ``axbar.nn``, may hold one value per neuron: the mean is read.

    Raises:
        ModelError: one is missing, or differs from neuron to neuron.
    """
    for name in ("beta", "threshold", "reset"):
        if not hasattr(module, name):
            raise ModelError(
                f"the neuron module '{path}' ({type(module).__name__}) has no attribute '{name}'; neurons "
                "need beta, threshold and reset."
            )
    return NeuronTrace(
        kind=type(module).__name__,
        beta=_number(module, "beta", path),
        threshold=_number(module, "threshold", path),
        reset=str(module.reset),
        input_scale=_number(module, "input_scale", path, 1.0),
        strict=bool(getattr(module, "strict", False)),
        alpha=_number(module, "alpha", path, 0.0),
        bits=getattr(module, "membrane_bits", None),
        share=int(getattr(module, "share", 1)),
    )


def _number(module: nn.Module, name: str, path: str, default: float | None = None) -> float:
    given = getattr(module, name, default)
    if isinstance(given, (int, float)) and np.isfinite(given):
        return float(given)
    values = np.unique(_f64(torch.as_tensor(given)))
    if values.size > 1 and np.isfinite(values).all() and getattr(module, "per_neuron", False):
        return float(_f64(torch.as_tensor(given)).mean())
    if values.size != 1 or not np.isfinite(values[0]):
        raise ModelError(
            f"{name} of the neuron module '{path}' has {values.size} different values from {values.min():g} "
            "to "
            f"{values.max():g}; a neuron layer has one finite {name}."
        )
    return float(values[0])


def norm_affine(module: nn.Module, given: Tensor, made: Tensor, axis: int) -> Affine | None:
    """Return what a batch norm does to each channel on ``axis``, ``y = scale * x + shift``, in float64.

        scale = gamma * fold_scale / sqrt(var + eps),  shift = beta - scale * mu

    ``fold_scale`` is an attribute of variants that scale further (tdBN: alpha * theta), 1 otherwise. None if
    the norm keeps no running statistics or a subclass computes something else, seen on the first sample.
    """
    mean, var = module.running_mean, module.running_var
    if not isinstance(mean, Tensor) or not isinstance(var, Tensor):
        return None
    scale = float(getattr(module, "fold_scale", 1.0)) / np.sqrt(_f64(var) + float(module.eps))  # pyright: ignore[reportArgumentType]
    shift = np.zeros_like(scale)
    if isinstance(module.weight, Tensor):
        scale = scale * _f64(module.weight)
    if isinstance(module.bias, Tensor):
        shift = _f64(module.bias)
    shift = shift - scale * _f64(mean)
    if given.shape[axis] != scale.size or made.shape != given.shape:
        return None
    axes = [1] * given.ndim
    axes[axis] = -1
    x, y = _f64(given[:1]), _f64(made[:1])
    expected = x * scale.reshape(axes) + shift.reshape(axes)
    tolerance = 1e-2 if made.dtype in (torch.float16, torch.bfloat16) else 1e-3
    close = np.abs(expected - y).max(initial=0.0) <= tolerance * (1.0 + np.abs(expected).max(initial=0.0))
    return Affine(scale, shift) if bool(close) else None


def _f64(tensor: Tensor) -> np.ndarray[Any, Any]:
    return tensor.detach().cpu().to(torch.float64).numpy()
