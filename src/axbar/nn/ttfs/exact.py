# pyright: standard
# (numba has no annotations)
"""First spikes in closed form: non-leaky neurons with exponential synaptic current (Mostafa, IEEE TNNLS 2018).

A neuron integrates V_j(t) = Σ_{i: t_i < t} w_ji (1 - e^{-(t - t_i)}) and fires once, where V_j first reaches 1. With
z = e^t and the causal set C, the inputs that came before,

    z_j = Σ_{i in C} w_ji z_i / (Σ_{i in C} w_ji - 1),

    ∂t_j/∂w_ji = (z_i - z_j) / (z_j (Σ_C w_j - 1)),     ∂t_j/∂t_i = w_ji z_i / (z_j (Σ_C w_j - 1)),    i in C.

C is the first prefix of the sorted inputs whose z_j lies after its last input and not after the next one; after the
last input there is no next one, so that the set of all inputs is one too. Times are infinite where there is no spike;
layers have no window but for their end, at which a neuron that has not fired stays silent. Times are in units of the
synaptic time constant.

On the CPU inputs are followed spike by spike (``axbar.nn.ttfs._events``, which needs numba: ``pip install
"axbar[ttfs]"``); elsewhere, and without numba, receptive fields are sorted in parts (``axbar.nn.ttfs._sorted``: the
same times, some ten times slower on a CPU). Kept for the way back are the times and one number per output.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from axbar.errors import ModelError
from axbar.nn.ttfs import _sorted

__all__ = ["ExactConv2d", "ExactLinear", "exact_conv2d", "exact_linear", "firing_penalty"]

_PARTS = 8  # of a batch; their gradients by weights are added up at the end


def exact_conv2d(
    times: Tensor, weight: Tensor, window: float, stride: int = 1, padding: int | tuple[int, int] = 0
) -> Tensor:
    """Return first-spike times of a convolution of spike times.

    Args:
        times: ``[B, C, H, W]``, infinite where there is no spike; no other bounds.
        weight: ``[O, C, R, S]``.
        window: t at which silent neurons are given up.
        stride: of both axes.
        padding: pixels that never spike, of rows and columns.

    Returns:
        ``[B, O, OH, OW]``, infinite where silent.

    Raises:
        ModelError: shapes do not fit, the window is not positive, or times are NaN.
    """
    pads = (padding, padding) if isinstance(padding, int) else padding
    _check(times, weight, window, 4)
    return _ExactConv2d.apply(times, weight, float(window), int(stride), pads)  # type: ignore[no-any-return]


def exact_linear(times: Tensor, weight: Tensor, window: float) -> Tensor:
    """Return first-spike times ``[B, O]`` of times ``[B, F]`` through weights ``[O, F]``; see ``exact_conv2d``.

    >>> exact_linear(torch.tensor([[0.0, 1.0]]), torch.tensor([[2.0, 0.1]]), 6.0)  # z = 2 · 1 / (2 - 1)
    tensor([[0.6931]])
    """
    _check(times, weight, window, 2)
    return exact_conv2d(times[:, :, None, None], weight[:, :, None, None], window)[:, :, 0, 0]


def firing_penalty(weight: Tensor) -> Tensor:
    """Return mean_j max(0, 1 - Σ_i w_ji): neurons whose weights sum to less than the threshold can never fire.

    A published loss term (arXiv 2312.00919), with a factor of 1.
    """
    return (1 - weight.flatten(1).sum(1)).clamp(min=0).mean()


class _Exact(nn.Module):
    """Weights of a layer and the end of its window."""

    #: what a trace says of it
    untraced: ClassVar[str] = (
        "neurons in closed form compute no products that a chip could; take neurons of constant slope (neuron = slope)"
    )
    weight: nn.Parameter

    def __init__(self, shape: tuple[int, ...], window: float) -> None:
        super().__init__()
        if not (math.isfinite(window) and window > 0):
            raise ModelError(f"a window of {window} is no time; give a number above 0.")
        self.window = window
        # positive weights whose sum is about five thresholds let all neurons fire at first
        self.weight = nn.Parameter(torch.rand(shape) * (10 / math.prod(shape[1:])))


class ExactLinear(_Exact):
    """Fully connected neurons in closed form: times ``[B, F]`` to times ``[B, O]``.

    Args:
        in_features, out_features: F and O.
        window: t at which silent neurons are given up, above 0.

    Raises:
        ModelError: the window is not positive.
    """

    def __init__(self, in_features: int, out_features: int, window: float = 6.0) -> None:
        super().__init__((out_features, in_features), window)

    def forward(self, times: Tensor) -> Tensor:
        """Return first-spike times."""
        return exact_linear(times, self.weight, self.window)


class ExactConv2d(_Exact):
    """Convolution of neurons in closed form: times ``[B, C, H, W]`` to times ``[B, O, OH, OW]``.

    Args:
        in_channels, out_channels: C and O.
        kernel_size: R = S.
        stride, padding: of both axes; padding never spikes.
        window: t at which silent neurons are given up, above 0.

    Raises:
        ModelError: the window is not positive.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        padding: int = 0,
        window: float = 6.0,
    ) -> None:
        super().__init__((out_channels, in_channels, kernel_size, kernel_size), window)
        self.stride, self.padding = stride, padding

    def forward(self, times: Tensor) -> Tensor:
        """Return first-spike times."""
        return exact_conv2d(times, self.weight, self.window, self.stride, self.padding)


def _check(times: Tensor, weight: Tensor, window: float, axes: int) -> None:
    if times.ndim != axes or weight.ndim != axes or times.shape[1] != weight.shape[1]:
        raise ModelError(
            f"spike times of shape {tuple(times.shape)} do not fit weights of shape {tuple(weight.shape)}; "
            f"give {axes} axes each, with as many inputs."
        )
    if not (math.isfinite(window) and window > 0):
        raise ModelError(f"a window of {window} is no time; give a number above 0.")
    if bool(torch.isnan(times).any()):
        raise ModelError("spike times hold NaN; a neuron that never spikes has an infinite time.")


class _ExactConv2d(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, times: Tensor, weight: Tensor, window: float, stride: int, padding: tuple[int, int]
    ) -> Tensor:
        z = _exp(times.detach())
        run = _on_cpu if _by_events(z) else _sorted.forward
        z_out, d = run(z, weight.detach(), math.exp(window), stride, padding)
        ctx.stride, ctx.padding = stride, padding
        ctx.save_for_backward(z, weight, z_out, d)
        return z_out.log()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        z, weight, z_out, d = ctx.saved_tensors
        if _by_events(z):
            t_grad, w_grad = _back_on_cpu(z, weight, z_out, d, grads[0], ctx.stride, ctx.padding)
        else:
            fired = z_out.isfinite()
            r = torch.where(fired, grads[0] / (d * z_out), 0)
            last = torch.where(fired, z_out, 0)
            t_grad, w_grad = _sorted.backward(z, weight, last, r, ctx.stride, ctx.padding)
        return t_grad, w_grad, None, None, None


def _by_events(z: Tensor) -> bool:
    return z.device.type == "cpu" and find_spec("numba") is not None


def _exp(times: Tensor) -> Tensor:
    """Return e^t; on CPUs by numpy, which takes infinite times as fast as others."""
    return torch.from_numpy(np.exp(times.numpy())) if times.device.type == "cpu" else times.exp()


def _out_shape(z: Tensor, weight: Tensor, stride: int, padding: tuple[int, int]) -> tuple[int, int]:
    rows, columns = (
        (size + 2 * pad - kernel) // stride + 1
        for size, pad, kernel in zip(z.shape[2:], padding, weight.shape[2:], strict=True)
    )
    if rows < 1 or columns < 1:
        raise ModelError(
            f"a kernel of {weight.shape[2]}x{weight.shape[3]} does not fit maps of {z.shape[2]}x{z.shape[3]} "
            f"with padding {padding[0]}, {padding[1]}; give a smaller kernel or more padding."
        )
    return rows, columns


def _last(tensor: Tensor) -> Any:
    """Return ``[B, H, W, C]`` of ``[B, C, H, W]`` for numba."""
    return np.ascontiguousarray(tensor.detach().permute(0, 2, 3, 1).numpy())


def _first(array: Any) -> Tensor:
    """Return ``[B, C, H, W]`` of ``[B, H, W, C]``."""
    return torch.from_numpy(array).permute(0, 3, 1, 2)


def _laid_out(weight: Tensor, stride: int, padding: tuple[int, int]) -> tuple[Any, list[int], Any, Any]:
    """Return flat weights ``[R, C, taps, O]``, the order of taps, where remainders begin, and the geometry."""
    from axbar.nn.ttfs import _events

    order, begins = _events.tap_order(weight.shape[3], stride)
    flat = weight.detach()[..., order].permute(2, 1, 3, 0).contiguous().reshape(-1).numpy()
    geometry = (weight.shape[2], weight.shape[3], stride, *padding)
    return flat, order, np.array(begins, dtype=np.int64), geometry


def _in_parts(run: Callable[[int, slice], None], samples: int) -> None:
    """Run the samples in parts that do not depend on how many threads there are, on torch's number of them."""
    ends = [samples * n // _PARTS for n in range(_PARTS + 1)]
    parts = [slice(a, b) for a, b in pairwise(ends)]
    threads = min(torch.get_num_threads(), samples)
    if threads <= 1:
        for number, part in enumerate(parts):
            run(number, part)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(run, range(_PARTS), parts))


def _on_cpu(
    z: Tensor, weight: Tensor, z_max: float, stride: int, padding: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    from axbar.nn.ttfs import _events

    shape = (z.shape[0], *_out_shape(z, weight, stride, padding), weight.shape[0])
    flat, _, begins, geometry = _laid_out(weight.to(z.dtype), stride, padding)
    inputs = _last(z)
    z_out, d = np.empty(shape, inputs.dtype), np.empty(shape, inputs.dtype)
    keys, end = inputs.view(np.int32 if inputs.itemsize == 4 else np.int64), inputs.dtype.type(z_max)

    def run(number: int, part: slice) -> None:
        _events.forward(inputs[part], keys[part], flat, begins, geometry, end, z_out[part], d[part])

    _in_parts(run, len(inputs))
    return _first(z_out), _first(d)


def _back_on_cpu(
    z: Tensor, weight: Tensor, z_out: Tensor, d: Tensor, grad: Tensor, stride: int, padding: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    from axbar.nn.ttfs import _events

    flat, order, begins, geometry = _laid_out(weight.to(z.dtype), stride, padding)
    inputs = _last(z)
    t_grad = np.empty_like(inputs)
    w_grads = np.empty((_PARTS, flat.size), inputs.dtype)
    fired, slopes, given = _last(z_out), _last(d), _last(grad)

    def run(number: int, part: slice) -> None:
        _events.backward(
            inputs[part], flat, begins, geometry, fired[part], slopes[part], given[part], t_grad[part],
            w_grads[number],
        )  # fmt: skip

    _in_parts(run, len(inputs))
    outs, channels, rows, columns = weight.shape
    summed = torch.from_numpy(w_grads.sum(0)).reshape(rows, channels, columns, outs).permute(3, 1, 0, 2)
    back = torch.empty(columns, dtype=torch.int64)
    back[order] = torch.arange(columns)
    return _first(t_grad), summed[..., back].contiguous()
