# pyright: standard
# (torch's own annotations are too thin for strict checking)
"""First spikes of a layer by sorting each receptive field, in parts that bound memory; for any device.

Inputs of a field are sorted by z; cumulated in that order, A_k = Σ_{i <= k} w_i and B_k = Σ_{i <= k} w_i z_i. The
first k with A_k > 1 and z_(k) <= B_k / (A_k - 1) <= z_(k+1), where z_(n+1) is infinite, gives the spike. The same
convention of arguments as in ``axbar.nn.ttfs._events``, axes as torch has them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["backward", "forward"]

_AT_ONCE = 2**24  # products of an input and a weight held at a time


def _fields(x: Tensor, shape: torch.Size, stride: int, padding: tuple[int, int], silent: float) -> Tensor:
    """Return receptive fields ``[B, P, C R S]`` of ``[B, C, H, W]``; padding holds ``silent``."""
    padded = F.pad(x, (padding[1], padding[1], padding[0], padding[0]), value=silent)
    windows = padded.unfold(2, shape[2], stride).unfold(3, shape[3], stride)
    return windows.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)


def _parts(fields: Tensor, outs: int) -> list[slice]:
    count = fields.shape[0] * fields.shape[1]
    step = max(1, _AT_ONCE // (fields.shape[2] * outs))
    return [slice(i, i + step) for i in range(0, count, step)]


def forward(
    z: Tensor, weight: Tensor, z_max: float, stride: int, padding: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Return e^t of the outputs, infinite where silent, and Σ w - 1 over their causal sets, ``[B, O, OH, OW]``."""
    fields = _fields(z, weight.shape, stride, padding, torch.inf)
    matrix = weight.flatten(1).to(z.dtype)
    flat = fields.flatten(0, 1)
    found = [_first_spikes(flat[part], matrix, z_max) for part in _parts(fields, len(matrix))]
    z_out, d = (torch.cat(each) for each in zip(*found, strict=True))
    columns = (z.shape[3] + 2 * padding[1] - weight.shape[3]) // stride + 1
    size = (len(z), -1, columns, len(matrix))
    return z_out.reshape(size).permute(0, 3, 1, 2), d.reshape(size).permute(0, 3, 1, 2)


def _first_spikes(fields: Tensor, matrix: Tensor, z_max: float) -> tuple[Tensor, Tensor]:
    """Return z_out and d ``[P, O]`` of fields ``[P, n]``."""
    z, order = fields.sort(dim=1)
    known = z.isfinite()
    weights = matrix.t()[order] * known[:, :, None]  # [P, n, O]
    finite = torch.where(known, z, 0)[:, :, None]
    d = weights.cumsum(1) - 1
    candidate = (weights * finite).cumsum(1) / d
    later = F.pad(z[:, 1:], (0, 1), value=torch.inf)[:, :, None]
    fires = (d > 0) & (candidate >= finite) & (candidate <= later) & known[:, :, None]
    at = fires.to(torch.uint8).argmax(1, keepdim=True)
    z_out = candidate.gather(1, at)[:, 0]
    silent = ~fires.any(1) | (z_out >= z_max)
    return z_out.masked_fill(silent, torch.inf), d.gather(1, at)[:, 0]


def backward(
    z: Tensor, weight: Tensor, z_out: Tensor, r: Tensor, stride: int, padding: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Return gradients by the times and by the weights; ``r`` and ``z_out`` as in ``_events.backward``."""
    fields = _fields(z, weight.shape, stride, padding, torch.inf)
    matrix = weight.flatten(1).to(z.dtype)
    flat = fields.flatten(0, 1)
    mine, fired = (x.permute(0, 2, 3, 1).reshape(-1, len(matrix)) for x in (r, z_out))
    w_grad, grads = torch.zeros_like(matrix), torch.empty_like(flat)
    for part in _parts(fields, len(matrix)):
        inputs = flat[part]
        caused = inputs[:, None, :] < fired[part][:, :, None]  # [P, O, n]
        share = mine[part][:, :, None] * caused
        finite = torch.where(inputs.isfinite(), inputs, 0)
        w_grad += torch.einsum("pon,pn->on", share, finite) - (share * fired[part][:, :, None]).sum(0)
        grads[part] = torch.einsum("pon,on->pn", share, matrix) * finite
    t_grad = _folded(grads.reshape(fields.shape), z, weight.shape, stride, padding)
    return t_grad, w_grad.reshape(weight.shape)


def _folded(grads: Tensor, z: Tensor, shape: torch.Size, stride: int, padding: tuple[int, int]) -> Tensor:
    """Add up what receptive fields ``[B, P, C R S]`` hold of each pixel."""
    return F.fold(grads.transpose(1, 2), tuple(z.shape[2:]), tuple(shape[2:]), padding=padding, stride=stride)
