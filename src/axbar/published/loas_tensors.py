"""Synthetic spikes and weights with the exact non-zero counts of LoAS's layers, from a seed, on any machine.

All arithmetic is modulo 2^64. A counter-based key of (seed, i), a splitmix64 finaliser:

    z = (i + 1) * 0x9E3779B97F4A7C15 + seed * 0xD1342543DE82EF95
    z ^= z >> 30;  z *= 0xBF58476D1CE4E5B9;  z ^= z >> 27;  z *= 0x94D049BB133111EB;  key = z ^ (z >> 31)

``perm(seed, n)`` is the stable argsort of keys 0..n-1. For a layer with seed s, p firing neurons, q of them firing
at least twice and e spikes, the first p places of perm(10s + 1, M K) get the spike counts 1, 2, 3, 4 (n1, n2, n3, n4
of them, in that order):

    n1 = p - q,  left = e - n1 - 2q,  r = left / (2q),  n4 = round(q r^2),  n3 = left - 2 n4,  n2 = q - n3 - n4

Neuron j = m K + k spikes at step t if the rank of key(10s + 2, j T + t) among its T keys is below its count. The
first ``weights`` places of perm(10s + 3, K N) hold ones. Check sum: first 16 hex digits of the sha256 of the packed
bits. Places are uniform, so the structure of pruned networks (which unbalances columns) is absent: compare
dataflows on these tensors with each other, not with published speed-ups.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar.errors import UsageError
from axbar.published.loas_layers import LoasLayer

__all__ = ["checksum", "fine_tuned", "keys", "permutation", "spike_histogram", "synthetic"]

Bits = NDArray[np.uint8]


def keys(seed: int, places: NDArray[np.integer[Any]]) -> NDArray[np.uint64]:
    """Return the keys of a seed at ``places``; no two of them are equal."""
    z = (places.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z += np.uint64(seed * 0xD1342543DE82EF95 % (1 << 64))
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def permutation(seed: int, n: int, first: int) -> NDArray[np.intp]:
    """Return the ``first`` of the places 0..n-1 in the order of their keys."""
    key = keys(seed, np.arange(n))
    if not 0 < first < n:
        return np.argsort(key)[:first]
    smallest = np.argpartition(key, first)[:first]  # cheaper than sorting all of them
    return smallest[np.argsort(key[smallest])]


def synthetic(layer: LoasLayer) -> tuple[Bits, Bits]:
    """Return spikes ``[T, M, K]`` and the mask of non-zero weights ``[K, N]``, both of 0 and 1.

    Raises:
        UsageError: the recipe makes one to four spikes per firing neuron and T is smaller, or counts do not fit.

    >>> from axbar.published.loas_layers import RESNET19
    >>> x, w = synthetic(RESNET19[2])
    >>> checksum(x) == RESNET19[2].x_checksum, int(w.sum())
    (True, 3259)
    """
    return _spikes(layer), _weights(layer)


def fine_tuned(spikes: NDArray[Any]) -> Bits:
    """Return spikes ``[T, ...]`` without those of neurons that fire exactly once (the LoAS-FT input)."""
    keep = spikes.sum(axis=0, dtype=np.int64) > 1
    return (spikes * keep).astype(np.uint8)


def checksum(bits: NDArray[Any]) -> str:
    """Return 16 hex digits that tell one array of 0 and 1 from another."""
    return hashlib.sha256(np.packbits(bits.astype(np.uint8).ravel()).tobytes()).hexdigest()[:16]


def spike_histogram(layer: LoasLayer) -> tuple[int, int, int, int]:
    """Return how many neurons fire once, twice, three and four times.

    Raises:
        UsageError: no such histogram has the layer's counts.
    """
    p, q = layer.firing, layer.firing_twice
    once = p - q
    left = layer.spikes - once - 2 * q
    ratio = left / (2 * q) if q else 0.0
    four = round(q * ratio**2)
    three = left - 2 * four
    counts = (once, q - three - four, three, four)
    if min(counts) < 0 or p > layer.M * layer.K or layer.T < 4:
        raise UsageError(
            f"{layer.name}: {layer.spikes} spikes of {p} neurons ({q} of them firing twice or more) in T = {layer.T} "
            "steps can't be made of one to four spikes each; the recipe needs T >= 4 and consistent counts."
        )
    return counts


def _spikes(layer: LoasLayer) -> Bits:
    neurons = layer.M * layer.K
    count = np.zeros(neurons, dtype=np.uint8)
    count[permutation(10 * layer.seed + 1, neurons, layer.firing)] = np.repeat(
        np.arange(1, 5, dtype=np.uint8), spike_histogram(layer)
    )
    active = np.flatnonzero(count)
    key = keys(10 * layer.seed + 2, active[:, np.newaxis] * layer.T + np.arange(layer.T))
    rank = np.argsort(np.argsort(key, axis=1), axis=1)
    x = np.zeros((layer.T, neurons), dtype=np.uint8)
    x[:, active] = (rank < count[active, np.newaxis]).T
    return x.reshape(layer.T, layer.M, layer.K)


def _weights(layer: LoasLayer) -> Bits:
    w = np.zeros(layer.K * layer.N, dtype=np.uint8)
    w[permutation(10 * layer.seed + 3, w.size, layer.weights)] = 1
    return w.reshape(layer.K, layer.N)
