"""What ``fold-pools`` would make of a workload, from the spikes recorded before each pool."""

from __future__ import annotations

from dataclasses import replace

import torch

from axbar.techniques._pools import AvgPool, conv_shape, folded_kernel, folded_matrix, why_inexact
from axbar.workload import Geometry, LayerTrace, Operand, Workload

__all__ = ["pools_folded"]


def pools_folded(workload: Workload) -> Workload | None:
    """Return the workload whose average pools of recorded spikes are part of the layers behind them.

    A pool with padding stays: the workload does not tell whether zeros of the padding count.
    """
    layers = {layer.name: layer for layer in workload.layers}
    for pool in [layer for layer in workload.layers if layer.op == "pool" and len(layer.inputs) == 1]:
        source = layers.get(pool.inputs[0])
        spikes = source.output if source is not None and source.op == "neuron" else None
        readers = [layer for layer in layers.values() if pool.name in layer.inputs]
        how = _pool(pool)
        if spikes is None or how is None or not readers or not all(_takes(at, how) for at in readers):
            continue
        for reader in readers:
            layers[reader.name] = _with_pool(reader, how, pool.inputs, spikes)
        del layers[pool.name]
    return None if len(layers) == len(workload.layers) else replace(workload, layers=tuple(layers.values()))


def _pool(layer: LayerTrace) -> AvgPool | None:
    """Return the window of an average pool whose windows are all alike and hold no padding."""
    at = layer.geometry
    if layer.kind not in ("avg", "adaptive_avg") or len(at.in_shape) != 3 or any(at.padding):
        return None
    whole = tuple((n - k) // s + 1 for n, k, s in zip(at.in_shape[1:], at.kernel, at.stride, strict=True))
    uneven = layer.kind == "adaptive_avg" and any(
        n % m for n, m in zip(at.in_shape[1:], at.out_shape[1:], strict=True)
    )
    if uneven or whole != at.out_shape[1:]:
        return None
    return AvgPool(at.kernel, at.stride, at.padding, at.kernel[0] * at.kernel[1], at.in_shape, at.out_shape)


def _takes(layer: LayerTrace, pool: AvgPool) -> bool:
    plain = layer.is_matmul and len(layer.inputs) == 1 and layer.weight is not None and layer.mask is None
    return plain and layer.bits is None and why_inexact(pool, layer) is None


def _with_pool(layer: LayerTrace, pool: AvgPool, inputs: tuple[str, ...], spikes: Operand) -> LayerTrace:
    weight = torch.tensor(layer.weight)
    if layer.op == "linear":
        features = pool.in_shape[0] * pool.in_shape[1] * pool.in_shape[2]
        words = None if spikes.words is None else spikes.words.reshape(len(spikes.words), features)
        spikes = replace(spikes, shape=(features,), words=words)
        geometry, new = Geometry((features,), layer.geometry.out_shape), folded_matrix(weight, pool)
    else:
        geometry = conv_shape(pool, layer.geometry)
        new = folded_kernel(weight, pool, layer.geometry.dilation)
    return replace(layer, inputs=inputs, geometry=geometry, operands=(spikes,), weight=new.numpy())
